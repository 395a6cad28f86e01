// The flow schemas and priority levels of every cluster; the server keeps those that say so up to date.
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

void mark_managed(Value object) { object["metadata"].ensure_object("annotations").set("apf.kubernetes.io/autoupdate-spec", "true"); }

}  // namespace

void add_flow_control(Clock& clock, StandardObjects& out) {
  for (const auto& level : flowcontrol::standard_levels())
    out.push_back({kGroup, "prioritylevelconfigurations", "", std::string(level.name),
                   [&level](Value object, Arena& arena) {
                     mark_managed(object);
                     object.set("spec", flowcontrol::spec_of(level, arena));
                   },
                   kProducer});
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
                   kConsumer});
}

}  // namespace sampan::apiserver
