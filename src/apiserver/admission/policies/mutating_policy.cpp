#include "apiserver/admission/policies/mutating_policy.h"

#include "base/text.h"
#include "cel/json_value.h"
#include "cel/struct_literal.h"
#include "schema/apply/shape.h"
#include "schema/apply/typed.h"
#include "schema/patch/patch.h"

namespace sampan::apiserver {

using cel::admission::Inputs;
using schema::AnyView;
using schema::Object;
using schema::Use;
using schema::Value;

namespace {

using Changed = std::expected<Value, std::string>;

std::unexpected<std::string> because(std::string_view prefix, std::string_view why) { return std::unexpected(concat(prefix, why)); }

// Lists and maps that are replaced as a whole: whoever sets a part of one would take away the rest.
void find_atomics(Value value, const Use& use, const std::string& path, std::vector<std::string>& found) {
  if (value.is_object() && use.type && use.type->kind != schema::Kind::Raw) {
    if (use.atomic_map()) found.push_back(path);
    for (const auto& member : value.members()) find_atomics(member.value, use.member(member.name), concat(path, ".", member.name), found);
  }
  if (value.is_list() && use.type && use.type->kind == schema::Kind::List) {
    if (use.atomic_list()) found.push_back(path);
    for (uint32_t i = 0; i < value.size(); i++) find_atomics(value.at(i), use.item(), concat(path, "[", i, "]"), found);
  }
}

Changed merged(Value object, const cel::Value& configuration, const Target& target, Arena& arena) {
  if (auto mismatch = cel::misnamed_structs(configuration); !mismatch.empty()) return because("type mismatch: ", mismatch);
  auto tree = cel::tree_of(configuration, arena);
  if (!tree) return std::unexpected(tree.error().message);
  const schema::Type& type = *target.kind.type;
  if (auto why = schema::check_config(*tree, type, arena); !why.empty()) return because("error applying patch: failed to convert patch object to typed object: ", why);
  std::vector<std::string> atomics;
  find_atomics(*tree, Use(&type), "", atomics);
  if (!atomics.empty()) return because("error applying patch: invalid ApplyConfiguration: may not mutate atomic arrays, maps or structs: ", join(atomics, ", "));
  auto result = schema::merge_trees(object, *tree, type, arena);
  if (!result) return because("error applying patch: failed to merge patch: ", result.error().message());
  return *result;
}

// One operation as a tree.
Changed operation_of(const cel::Value& value, Arena& arena) {
  if (!value.is(cel::Value::Kind::Struct)) return std::unexpected("type mismatch: JSONPatchType.expression should evaluate to array of JSONPatch");
  Value operation = Value::object(arena, 4);
  for (auto name : {"op", "path", "from"}) {
    auto text = value.as_struct().find(name);
    if (text && (std::string_view(name) != "from" || !text->as_text().empty())) operation.set(name, arena.copy(text->as_text()));
  }
  auto what = value.as_struct().find("value");
  if (!what) return operation;
  if (auto mismatch = what->is(cel::Value::Kind::Struct) ? cel::misnamed_structs(*what) : std::string(); !mismatch.empty()) return because("type mismatch: ", mismatch);
  auto tree = cel::tree_of(*what, arena);
  if (!tree) return because("JSONPath valueExpression evaluated to a type that could not marshal to JSON: ", tree.error().message);
  operation.set("value", *tree);
  return operation;
}

Changed patched(Value object, const cel::Value& list, Arena& arena) {
  if (!list.is(cel::Value::Kind::List)) return std::unexpected("type mismatch: JSONPatchType.expression should evaluate to array");
  Value patch = Value::list(arena);
  for (size_t i = 0; i < list.as_list().size(); i++) {
    auto operation = operation_of(list.as_list().at(i), arena);
    if (!operation) return operation;
    patch.push(*operation);
  }
  auto result = schema::json_patch(object, patch, arena);
  if (result) return *result;
  // A test that fails means that nothing is to be done; it is the first operation that does not work.
  for (uint32_t count = 1; count <= patch.size(); count++) {
    Value begun = Value::list(arena);
    for (uint32_t i = 0; i < count; i++) begun.push(patch.at(i));
    if (schema::json_patch(object, begun, arena)) continue;
    if (patch.at(count - 1)["op"].as_string() == "test") return object;
    break;
  }
  return because("JSON Patch: ", result.error().message());
}

}  // namespace

MutatingPolicy::MutatingPolicy(const Object& object) : Policy(object), looks_again(object["spec"]["reinvocationPolicy"].as_string() == "IfNeeded") {
  static const cel::Type kObject[] = {cel::Type::structure("Object")}, kPatches[] = {cel::Type::list(cel::Type::structure("JSONPatch"))};
  auto with_patches = names;
  with_patches.patches = true;
  AnyView list = object["spec"]["mutations"];
  for (uint32_t i = 0; i < list.size(); i++) {
    bool is_patch = list.item(i)["patchType"].as_string() == "JSONPatch";
    auto text = list.item(i)[is_patch ? "jsonPatch" : "applyConfiguration"]["expression"].as_string();
    mutations_.push_back({compiler.compile(std::string(trim(text)), with_patches, is_patch ? kPatches : kObject), is_patch});
  }
}

Changed MutatingPolicy::mutate(const Mutation& mutation, const Inputs& inputs, const Target& target, Arena& arena) const {
  cel::admission::PolicyRun run(compiler, inputs, cel::admission::kBudget);
  auto value = run.evaluate(mutation.program);
  if (!value) return std::unexpected(std::move(value.error().message));
  return mutation.is_patch ? patched(inputs.object, *value, arena) : merged(inputs.object, *value, target, arena);
}

}  // namespace sampan::apiserver
