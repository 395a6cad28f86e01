// Event: what happened to an object. It is served twice: as the old v1 Event, which is what is stored, and as events.k8s.io/v1, whose fields have
// other names and whose rules are stricter.
#include "base/text.h"
#include "registry/at.h"
#include "registry/columns.h"

namespace sampan::registry {

namespace core_event {

using schema::AnyView;

struct Names {
  const char *core, *events;
};
constexpr Names kRenamed[] = {{"involvedObject", "regarding"},
                              {"message", "note"},
                              {"source", "deprecatedSource"},
                              {"firstTimestamp", "deprecatedFirstTimestamp"},
                              {"lastTimestamp", "deprecatedLastTimestamp"},
                              {"count", "deprecatedCount"},
                              {"reportingComponent", "reportingController"}};

void convert(Value object, std::string_view from, std::string_view to) {
  if (from == to) return;
  bool to_core = to == "v1";
  for (auto [core, events] : kRenamed) {
    auto old_name = to_core ? events : core, new_name = to_core ? core : events;
    Value value = object[old_name];
    object.remove(old_name);
    if (!value.is_absent()) object.set(new_name, value);
  }
}

// A field by its v1 name, whichever of the two the object is.
AnyView field(const Object& object, std::string_view name) {
  if (auto value = object[name]; value.present()) return value;
  for (auto [core, events] : kRenamed)
    if (name == core) return object[events];
  return {};
}
std::string_view text(const Object& object, std::string_view name) { return field(object, name).as_string(); }

void limit(FieldErrors& errors, std::string_view name, std::string_view value, size_t characters_max) {
  if (value.size() > characters_max) errors.invalid(Path(name), "", concat("can have at most ", characters_max, " characters"));
}

void validate_new_style(const Object& object, FieldErrors& errors, std::string_view controller_name) {
  constexpr size_t kShort = 128, kNote = 1024;
  auto controller = text(object, "reportingComponent");
  if (controller.empty()) errors.required(Path(controller_name), "");
  require_qualified_name(errors, Path(controller_name), controller);
  for (auto name : {"reportingInstance", "action", "reason"}) {
    if (text(object, name).empty()) errors.required(Path(name), "");
    limit(errors, name, text(object, name), kShort);
  }
  limit(errors, "message", text(object, "message"), kNote);
}

void validate_any(const Object& object, FieldErrors& errors, std::string_view controller_name) {
  auto event_namespace = object["metadata"]["namespace"].as_string();
  auto about = field(object, "involvedObject")["namespace"].as_string();
  bool new_style = field(object, "eventTime").present();
  // Events about what is in no namespace are in "default"; new ones may be in kube-system too.
  bool matches = !about.empty() ? new_style || about == event_namespace
                                : event_namespace == "default" || (new_style ? event_namespace == "kube-system" : event_namespace.empty());
  if (!matches) errors.invalid(Path("involvedObject").child("namespace"), about, "does not match event.namespace");
  if (new_style) validate_new_style(object, errors, controller_name);
  require_dns1123_subdomain(errors, Path("namespace"), event_namespace);
}

void validate_core(const Object& object, FieldErrors& errors) { validate_any(object, errors, "reportingComponent"); }
void validate_core_update(const Object& object, const Object&, FieldErrors& errors) { validate_core(object, errors); }

void validate_series(const Object& object, FieldErrors& errors) {
  auto series = object["series"];
  if (!series.present()) return;
  if (series["count"].as_int() < 2) errors.invalid(Path("series.count"), "", "should be at least 2");
  if (!series["lastObservedTime"].present()) errors.required(Path("series.lastObservedTime"), "");
}

void validate_events(const Object& object, FieldErrors& errors) {
  validate_any(object, errors, "reportingController");
  validate_series(object, errors);
  if (!field(object, "eventTime").present()) errors.required(Path("eventTime"), "");
  auto type = text(object, "type");
  if (type != "Normal" && type != "Warning") errors.invalid(Path("type"), "", concat("has invalid value: ", type));
  for (auto name : {"firstTimestamp", "lastTimestamp", "count"})
    if (field(object, name).as_int() != 0) errors.invalid(Path(name), "", "needs to be unset");
  auto source = field(object, "source");
  if (!source["component"].as_string().empty() || !source["host"].as_string().empty()) errors.invalid(Path("source"), "", "needs to be unset");
}

Shown shown(const Object& object, std::string_view name) {
  auto value = field(object, name);
  if (name == "involvedObject" || name == "source") return Shown::internal_field(object.view(), name);
  if (value.present()) return value.kind() == schema::Kind::Struct ? Shown::internal(value) : Shown(value);
  bool is_text = name != "firstTimestamp" && name != "lastTimestamp" && name != "count" && name != "eventTime" && name != "related";
  return name == "count" ? Shown(0) : is_text ? Shown("") : Shown::null();
}

void validate_events_update(const Object& object, const Object& old, FieldErrors& errors) {
  validate_any(object, errors, "reportingController");
  if (!object["series"].equals(old["series"])) validate_series(object, errors);
  // "reason" twice: so is upstream's list.
  for (auto name : {"involvedObject", "reason", "message", "source", "firstTimestamp", "lastTimestamp", "count", "reason", "type", "eventTime",
                    "action", "related", "reportingComponent", "reportingInstance"}) {
    auto now = field(object, name);
    if (now.equals(field(old, name))) continue;
    std::string_view path = std::string_view(name) == "reportingComponent" ? "reportingController" : name;
    errors.invalid(Path(path), shown(object, name), "field is immutable");
  }
}

// ---- the table ----

constexpr Column kColumns[] = {
    {"Last Seen", "string", "",
     "The time at which the most recent occurrence of this event was recorded."},
    {"Type", "string", "",
     "Type of this event (Normal, Warning), new types could be added in the future"},
    {"Reason", "string", "",
     "This should be a short, machine understandable string that gives the reason for the transition into the object's current status."},
    {"Object", "string", "", "The object that this event is about."},
    {"Subobject", "string", "",
     "If referring to a piece of an object instead of an entire object, this string should contain a valid JSON/Go field access "
     "statement, such as desiredState.manifest.containers[2]. For example, if the object reference is to a container within a pod, this "
     "would take on a value like: \"spec.containers{name}\" (where \"name\" refers to the name of the container that triggered the event) "
     "or if no container name is specified \"spec.containers[2]\" (container with index 2 in this pod). This syntax is chosen only to "
     "have some well-defined way of referencing a part of an object.", 1},
    {"Source", "string", "",
     "The component reporting this event. Should be a short machine understandable string.", 1},
    {"Message", "string", "", "A human-readable description of the status of this operation."},
    {"First Seen", "string", "",
     "The time at which the event was first recorded. (Time of server receipt is in TypeMeta.)", 1},
    {"Count", "string", "", "The number of times this event has occurred.", 1},
    {kNameColumn.name, kNameColumn.type, kNameColumn.format, kNameColumn.description, 1},
};

std::string source_text(const Object& object) {
  auto source = field(object, "source");
  auto component = source["component"].as_string(), host = source["host"].as_string();
  if (component.empty()) component = text(object, "reportingComponent");
  if (host.empty()) host = text(object, "reportingInstance");
  return host.empty() ? std::string(component) : concat(component, ", ", host);
}

void row(const Object& object, Row& row) {
  constexpr int64_t kMicro = 1'000'000;
  auto about = field(object, "involvedObject");
  auto series = object["series"];
  int64_t first = field(object, "firstTimestamp").as_int();
  if (first == 0) first = field(object, "eventTime").as_int() / kMicro;
  int64_t last = field(object, "lastTimestamp").as_int();
  if (last == 0) last = first;
  int64_t count = field(object, "count").as_int();
  if (series.present()) {
    last = series["lastObservedTime"].as_int() / kMicro;
    count = series["count"].as_int();
  } else if (count == 0) {
    count = 1;
  }
  auto target = to_lower(about["kind"].as_string());
  if (auto name = about["name"].as_string(); !name.empty()) append(target, "/", name);
  row.age(last);
  row.text(text(object, "type"));
  row.text(text(object, "reason"));
  row.text(target);
  row.text(about["fieldPath"].as_string());
  row.text(source_text(object));
  row.text(trim(text(object, "message")));
  row.age(first);
  row.number(count);
  row.text(name_of(object));
}

template <int kField>
std::string about(const Object& object) {
  static constexpr const char* kFields[] = {"kind", "namespace", "name", "uid", "apiVersion", "resourceVersion", "fieldPath"};
  return std::string(field(object, "involvedObject")[kFields[kField]].as_string());
}
std::string reason(const Object& object) { return std::string(text(object, "reason")); }
std::string type(const Object& object) { return std::string(text(object, "type")); }
std::string controller(const Object& object) { return std::string(text(object, "reportingComponent")); }
std::string source(const Object& object) {
  auto component = field(object, "source")["component"].as_string();
  return component.empty() ? controller(object) : std::string(component);
}

constexpr FieldLabel kCoreLabels[] = {
    {"involvedObject.kind", about<0>},       {"involvedObject.namespace", about<1>},       {"involvedObject.name", about<2>},
    {"involvedObject.uid", about<3>},        {"involvedObject.apiVersion", about<4>},      {"involvedObject.resourceVersion", about<5>},
    {"involvedObject.fieldPath", about<6>},  {"reason", reason},                           {"reportingComponent", controller},
    {"source", source},                      {"type", type}};
constexpr FieldLabel kEventsLabels[] = {
    {"regarding.kind", about<0>},      {"regarding.namespace", about<1>},  {"regarding.name", about<2>},
    {"regarding.uid", about<3>},       {"regarding.apiVersion", about<4>}, {"regarding.resourceVersion", about<5>},
    {"regarding.fieldPath", about<6>}, {"reason", reason},                 {"reportingController", controller},
    {"type", type}};

constexpr int64_t kSecondsKept = 3600;

}  // namespace core_event

extern const Rules kEventRules{
    .group = "",
    .kind = "Event",
    .validate = core_event::validate_core,
    .validate_update = core_event::validate_core_update,
    .validate_name = name_is_path_segment,
    .create_checks_metadata = false,
    .update_checks_metadata = false,
    .qualified_finalizers = false,
    .columns = core_event::kColumns,
    .row = core_event::row,
    .field_labels = core_event::kCoreLabels,
    .convert = core_event::convert,
    .has_generation = false,
    .create_on_update = true,
    .ttl_seconds = core_event::kSecondsKept,
    .default_propagation = "unsupported",
};

extern const Rules kEventsEventRules{
    .group = "events.k8s.io",
    .kind = "Event",
    .validate = core_event::validate_events,
    .validate_update = core_event::validate_events_update,
    .columns = core_event::kColumns,
    .row = core_event::row,
    .field_labels = core_event::kEventsLabels,
    .convert = core_event::convert,
    .has_generation = false,
    .create_on_update = true,
    .ttl_seconds = core_event::kSecondsKept,
    .default_propagation = "unsupported",
};

}  // namespace sampan::registry
