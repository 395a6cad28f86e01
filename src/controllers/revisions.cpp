#include "controllers/revisions.h"

#include <algorithm>

#include "api/apps_v1.h"
#include "base/text.h"
#include "controllers/template_hash.h"
#include "schema/conform.h"
#include "schema/json.h"

namespace sampan::controllers {

using schema::AnyView;

namespace {

// As Go writes a map: members in order of their names.
Value sorted(Value value, Arena& arena) {
  if (value.is_list()) {
    Value out = Value::list(arena, value.size());
    for (Value item : value.items()) out.push(sorted(item, arena));
    return out;
  }
  if (!value.is_object()) return value;
  std::vector<schema::Member> members(value.members().begin(), value.members().end());
  std::sort(members.begin(), members.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  for (auto& member : members) member.value = sorted(member.value, arena);
  return Value::object_of(arena, members);
}

}  // namespace

std::string revision_data(const AnyView& pod_template) {
  Arena arena;
  Value patch = Value::object(arena, 1), content = schema::thaw(pod_template, arena);
  content.set("$patch", "replace");
  patch.ensure_object("spec").set("template", content);
  std::string out;
  schema::write_json(out, sorted(patch, arena));
  return out;
}

Result<ObjectRef> revision_template(const Object& revision) {
  Arena arena;
  Value data = TRY(schema::parse_json(revision["data"].as_string(), arena));
  Value content = data["spec"]["template"];
  auto name = metadata_of(revision).name();
  if (!content.is_object()) return fail(internal_error(concat("controller revision ", name, " holds no pod template")));
  content.remove("$patch");
  const schema::Type& type = api::core_v1::PodTemplateSpec::schema_type();
  schema::Conformance unknown;
  TRY(schema::conform(content, type, unknown));
  return schema::freeze(content, type);
}

int64_t revision_number(const Object& revision) {
  auto number = revision["revision"];
  return number.present() ? number.as_int() : 0;
}

void sort_revisions(Objects& revisions) {
  std::stable_sort(revisions.begin(), revisions.end(), [](const ObjectRef& a, const ObjectRef& b) {
    auto key = [](const ObjectRef& revision) {
      auto metadata = metadata_of(*revision);
      return std::tuple(revision_number(*revision), metadata.creation_timestamp(), metadata.name());
    };
    return key(a) < key(b);
  });
}

std::string revision_name(std::string_view owner, std::string_view hash) { return concat(owner.substr(0, 223), "-", hash); }

std::string revision_data_hash(std::string_view data, int32_t collisions) {
  // FNV-1, not FNV-1a as elsewhere.
  uint32_t hash = 2166136261u;
  auto add = [&](std::string_view bytes) {
    for (char c : bytes) hash = hash * 16777619u ^ static_cast<unsigned char>(c);
  };
  add(data);
  add(concat(collisions));
  return safe_name(hash);
}

Value new_revision(const OwnerKind& kind, const Object& owner, std::string_view name, std::string_view data, int64_t number, Arena& arena) {
  Value revision = Value::object(arena, 3), metadata = revision.ensure_object("metadata");
  metadata.set("name", arena.copy(name));
  metadata.set("namespace", metadata_of(owner).namespace_());
  if (AnyView annotations = owner["metadata"]["annotations"]; annotations.present())
    metadata.set("annotations", schema::thaw(annotations, arena));
  if (AnyView labels = owner["spec"]["template"]["metadata"]["labels"]; labels.present())
    metadata.set("labels", schema::thaw(labels, arena));
  metadata.ensure_list("ownerReferences").push(controller_reference(kind, owner, arena));
  auto parsed = schema::parse_json(arena.copy(data), arena);
  revision.set("data", parsed ? *parsed : Value::object(arena));
  revision.set("revision", number);
  return revision;
}

Result<ObjectRef> renumber_revision(client::Api& api, const ObjectRef& revision, int64_t number) {
  if (revision_number(*revision) == number) return revision;
  Arena arena;
  Value tree = schema::thaw(*revision, arena);
  tree.set("revision", number);
  return api.update(client::builtin("apps", "controllerrevisions"), tree);
}

}  // namespace sampan::controllers
