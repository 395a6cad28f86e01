// The flow schemas and priority levels of every cluster. The mandatory ones are kept as they are; the others as long as they say so, or nobody has touched them.
#include "apiserver/bootstrap.h"
#include "base/text.h"
#include "base/time_text.h"
#include "registry/flowcontrol/standard_objects.h"

namespace sampan::apiserver {

using schema::Value;
namespace flowcontrol = registry::flowcontrol;

namespace {

constexpr std::string_view kGroup = "flowcontrol.apiserver.k8s.io";
constexpr std::string_view kProducer = "api-priority-and-fairness-config-producer-v1", kConsumer = "api-priority-and-fairness-config-consumer-v1";

constexpr std::string_view kAutoUpdate = "apf.kubernetes.io/autoupdate-spec";

void mark_managed(Value object) { object["metadata"].ensure_object("annotations").set(kAutoUpdate, "true"); }

// As Go's strconv.ParseBool.
std::optional<bool> go_bool(std::string_view text) {
  for (std::string_view word : {"1", "t", "T", "TRUE", "true", "True"})
    if (text == word) return true;
  for (std::string_view word : {"0", "f", "F", "FALSE", "false", "False"})
    if (text == word) return false;
  return std::nullopt;
}

// How the exempt level shares is the administrator's.
void keep_exempt_shares(Value current, Value wanted) {
  Value have = current["spec"]["exempt"], want = wanted["spec"]["exempt"];
  if (current["metadata"]["name"].as_string() != flowcontrol::kExempt || !have.is_object() || !want.is_object()) return;
  for (std::string_view field : {"nominalConcurrencyShares", "lendablePercent"})
    if (!have[field].is_absent()) want.set(field, have[field]);
}

bool bring_in_line(Value current, Value wanted, bool always) {
  auto marked = go_bool(current["metadata"]["annotations"][kAutoUpdate].as_string());
  bool update = always || marked.value_or(current["metadata"]["generation"].as_int() == 1);
  bool changes = marked != update;
  if (changes) current["metadata"].ensure_object("annotations").set(kAutoUpdate, update ? "true" : "false");
  keep_exempt_shares(current, wanted);
  if (!update || current["spec"].equals(wanted["spec"])) return changes;
  current.set("spec", wanted["spec"]);
  return true;
}
bool keep_suggested(Value current, Value wanted) { return bring_in_line(current, wanted, false); }
bool keep_mandatory(Value current, Value wanted) { return bring_in_line(current, wanted, true); }

// What earlier versions had and nobody took over.
Result<void> remove_unwanted(Catalog& catalog, std::string_view resource, const StandardObjects& wanted) {
  auto* store = catalog.store_of(kGroup, resource);
  if (!store) return {};
  std::vector<std::string> unwanted;
  store->cache().snapshot().each({}, {}, [&](std::string_view name, const schema::ObjectRef& object) {
    bool ours = go_bool((*object)["metadata"]["annotations"][kAutoUpdate].as_string()).value_or(false);
    bool known = std::any_of(wanted.begin(), wanted.end(), [&](const StandardObject& it) { return it.resource == resource && it.name == name; });
    if (ours && !known) unwanted.emplace_back(name);
    return true;
  });
  for (const auto& name : unwanted)
    if (auto removed = store->remove({}, name, {}); !removed && !removed.error().is(Reason::NotFound)) return fail(std::move(removed).error());
  return {};
}

}  // namespace

Result<void> ensure_flow_control(Catalog& catalog, Clock& clock) {
  StandardObjects objects;
  add_flow_control(clock, objects);
  for (const auto& it : objects) TRY(ensure_object(catalog, it, clock));
  TRY(remove_unwanted(catalog, "flowschemas", objects));
  return remove_unwanted(catalog, "prioritylevelconfigurations", objects);
}

void add_flow_control(Clock& clock, StandardObjects& out) {
  for (const auto& level : flowcontrol::standard_levels())
    out.push_back({kGroup, "prioritylevelconfigurations", "", std::string(level.name),
                   [&level](Value object, Arena& arena) {
                     mark_managed(object);
                     object.set("spec", flowcontrol::spec_of(level, arena));
                   },
                   kProducer,
                   nullptr,
                   {},
                   nullptr,
                   level.mandatory ? keep_mandatory : keep_suggested});
  for (const auto& schema : flowcontrol::standard_schemas())
    out.push_back({kGroup, "flowschemas", "", std::string(schema.name),
                   [&schema](Value object, Arena& arena) {
                     mark_managed(object);
                     object.set("spec", flowcontrol::spec_of(schema, arena));
                   },
                   kProducer,
                   [&schema, &clock](Value object, Arena& arena) {
                     Value condition = Value::object(arena);
                     condition.set("type", "Dangling");
                     condition.set("status", "False");
                     condition.set("lastTransitionTime", arena.copy(rfc3339(clock.now_us() / 1'000'000)));
                     condition.set("reason", "Found");
                     condition.set("message", arena.copy(concat("This FlowSchema references the PriorityLevelConfiguration object named ",
                                                                quoted(schema.level), " and it exists")));
                     object.ensure_object("status").ensure_list("conditions").push(condition);
                   },
                   kConsumer,
                   nullptr,
                   schema.mandatory ? keep_mandatory : keep_suggested});
}

}  // namespace sampan::apiserver
