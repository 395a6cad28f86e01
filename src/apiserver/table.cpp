#include "apiserver/table.h"

#include "base/encoding.h"
#include "base/text.h"
#include "registry/human_duration.h"

namespace sampan::apiserver {

using schema::Value;

namespace {

class CellWriter : public registry::Row {
 public:
  CellWriter(Value cells, int64_t now) : cells_(cells), now_(now) {}
  void text(std::string_view cell) override { cells_.push(cells_.arena().copy(cell)); }
  void number(int64_t cell) override { cells_.push(cell); }
  void boolean(bool cell) override { cells_.push(cell); }
  void null() override { cells_.push(Value::null()); }
  void age(int64_t seconds) override { text(seconds == 0 ? "<unknown>" : registry::human_duration(now_ - seconds)); }
  int64_t now_seconds() const override { return now_; }
  void completed(std::string_view reason, std::string_view message) override {
    Arena& arena = cells_.arena();
    Value condition = Value::object(arena, 4);
    condition.set("type", "Completed");
    condition.set("status", "True");
    condition.set("reason", arena.copy(reason));
    condition.set("message", arena.copy(message));
    conditions = Value::list(arena, 1);
    conditions.push(condition);
  }
  Value conditions;  // absent if there are none

 private:
  Value cells_;
  int64_t now_;
};

constexpr registry::Column kPlainColumns[] = {
    {"Name", "string", "name",
     "Name must be unique within a namespace. Is required when creating resources, although some resources may allow a client to request the "
     "generation of an appropriate name automatically. Name is primarily intended for creation idempotence and configuration definition. "
     "Cannot be updated. More info: https://kubernetes.io/docs/concepts/overview/working-with-objects/names#names"},
    {"Created At", "date", "",
     "CreationTimestamp is a timestamp representing the server time when this object was created. It is not guaranteed to be set in "
     "happens-before order across separate operations. Clients may not set this value. It is represented in RFC3339 form and is in UTC.\n\n"
     "Populated by the system. Read-only. Null for lists. More info: "
     "https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#metadata"},
};

void plain_row(const schema::Object& object, registry::Row& row) {
  row.text(object["metadata"]["name"].as_string());
  std::string created;
  append_time(created, object["metadata"]["creationTimestamp"].as_int());
  row.text(created);
}

Value row_object(const Served& served, const schema::ObjectRef& object, const TableOptions& options, Arena& arena) {
  if (options.include_object == "None") return Value::null();
  if (options.include_object == "Object") {
    Value tree = Value::object(arena, 8);
    tree.set("kind", served.resource->kind);
    tree.set("apiVersion", arena.copy(served.api_version()));
    for (const auto& member : schema::thaw(*object, arena).members()) tree.set(member.name, member.value);
    return tree;
  }
  return partial_metadata(served, *object, options.api_version, arena);
}

// The version has its place among the others, after the uid.
Value with_version(Value metadata, std::string_view version, Arena& arena) {
  constexpr std::string_view before[] = {"name", "generateName", "namespace", "selfLink", "uid"};
  Value out = Value::object(arena, metadata.size() + 1);
  for (auto name : before)
    if (Value value = metadata[name]; !value.is_absent()) out.set(name, value);
  out.set("resourceVersion", version);
  for (const auto& member : metadata.members())
    if (std::find(std::begin(before), std::end(before), member.name) == std::end(before)) out.set(member.name, member.value);
  return out;
}

}  // namespace

Value partial_metadata(const Served& served, const schema::Object& object, std::string_view api_version, Arena& arena) {
  Value partial = Value::object(arena, 3);
  partial.set("kind", "PartialObjectMetadata");
  partial.set("apiVersion", arena.copy(api_version));
  Value metadata = schema::thaw(object["metadata"], arena);
  if (!metadata.is_object()) metadata = Value::object(arena);
  if (Value annotations = metadata["annotations"]; annotations.is_object()) {
    for (auto name : served.rules->internal_annotations) annotations.remove(name);
    if (annotations.empty()) metadata.remove("annotations");
  }
  if (object.revision()) metadata = with_version(metadata, arena.copy(concat(object.revision())), arena);
  partial.set("metadata", metadata);
  return partial;
}

Value make_table(const Served& served, std::span<const schema::ObjectRef> objects, const TableOptions& options, Arena& arena) {
  const auto& rules = *served.rules;
  bool plain = rules.columns.empty() || !rules.row;
  Value table = Value::object(arena, 5);
  table.set("kind", "Table");
  table.set("apiVersion", arena.copy(options.api_version));
  table.set("metadata", Value::object(arena, 3));
  Value columns = Value::null();
  if (options.with_columns) {
    columns = Value::list(arena, 8);
    for (const auto& column : plain ? std::span<const registry::Column>(kPlainColumns) : rules.columns) {
      Value definition = Value::object(arena, 5);
      definition.set("name", column.name);
      definition.set("type", column.type);
      definition.set("format", column.format);
      definition.set("description", column.description);
      definition.set("priority", column.priority);
      columns.push(definition);
    }
  }
  table.set("columnDefinitions", columns);
  Value rows = Value::list(arena, static_cast<uint32_t>(objects.size()));
  for (const auto& object : objects) {
    Value row = Value::object(arena, 3);
    Value cells = Value::list(arena, 8);
    CellWriter writer(cells, options.now_seconds);
    plain ? plain_row(*object, writer) : rules.row(*object, writer);
    row.set("cells", cells);
    if (!writer.conditions.is_absent()) row.set("conditions", writer.conditions);
    row.set("object", row_object(served, object, options, arena));
    rows.push(row);
  }
  table.set("rows", plain && rows.empty() ? Value::null() : rows);  // upstream's plain tables begin with no list at all
  return table;
}

}  // namespace sampan::apiserver
