// Priority: gives a pod the number behind its priority class, or that of the default class. Only one class may be the default.
#include "apiserver/admission/plugin.h"
#include "base/text.h"

namespace sampan::apiserver {

using schema::AnyView;
using schema::Object;
using schema::ObjectRef;
using schema::Value;

namespace {

class Priority final : public AdmissionPlugin {
 public:
  explicit Priority(Catalog& catalog) : classes_(*catalog.store_of("scheduling.k8s.io", "priorityclasses")) {}
  std::string_view name() const override { return "Priority"; }

  Result<void> mutate(const Attributes& attributes, Value pod, const Object* old) override {
    if (!is_about(attributes, "", "pods")) return {};
    if (attributes.operation == Operation::Create) return resolve(attributes, pod);
    if (attributes.operation == Operation::Update && old) keep(pod, (*old)["spec"]);
    return {};
  }

  Result<void> validate(const Attributes& attributes, const Object* object, const Object* old) override {
    if (attributes.operation == Operation::Delete) return check_delete(attributes);
    bool writes = attributes.operation == Operation::Create || attributes.operation == Operation::Update;
    if (!writes || !is_about(attributes, "scheduling.k8s.io", "priorityclasses") || !is_default(*object)) return {};
    auto found = default_class();
    if (!found) return {};
    auto name = (*found)["metadata"]["name"].as_string();
    if (old && name == (*object)["metadata"]["name"].as_string()) return {};
    return fail(refusal(attributes, *object, concat("PriorityClass ", name, " is already marked as default. Only one default can exist")));
  }

 private:
  struct Resolved {
    std::string class_name, preemption_policy;
    int64_t value = 0;
  };

  static Result<void> check_delete(const Attributes& attributes) {
    const RequestInfo& info = attributes.info;
    if (!is_about(attributes, "scheduling.k8s.io", "priorityclasses") || !std::string_view(info.name).starts_with("system-")) return {};
    return fail(Error(Reason::Forbidden, concat("priorityclasses.scheduling.k8s.io ", quoted(info.name),
                                                " is forbidden: this is a system priority class and cannot be deleted"))
                    .about(info.group, info.resource, info.name));
  }

  // Clients that leave out what this plug-in once set do not mean to change it.
  static void keep(Value pod, const AnyView& old_spec) {
    Value spec = pod.ensure_object("spec");
    if (AnyView before = old_spec["priority"]; before.present() && spec["priority"].is_missing()) spec.set("priority", before.as_int());
    if (AnyView before = old_spec["preemptionPolicy"]; before.present() && spec["preemptionPolicy"].is_missing())
      spec.set("preemptionPolicy", spec.arena().copy(before.as_string()));
  }

  Result<void> resolve(const Attributes& attributes, Value pod) {
    Value spec = pod.ensure_object("spec");
    auto resolved = TRY(resolved_class(attributes, pod, spec["priorityClassName"].as_string()));
    if (Value given = spec["priority"]; !given.is_missing() && given.as_int() != resolved.value)
      return fail(refusal(attributes, pod,
                          concat("the integer value of priority (", given.as_int(), ") must not be provided in pod spec; priority admission "
                                 "controller computed ", resolved.value, " from the given PriorityClass name")));
    if (!resolved.class_name.empty()) spec.set("priorityClassName", spec.arena().copy(resolved.class_name));
    spec.set("priority", resolved.value);
    if (resolved.preemption_policy.empty()) return {};
    if (Value given = spec["preemptionPolicy"]; !given.is_missing() && given.as_string() != resolved.preemption_policy)
      return fail(refusal(attributes, pod,
                          concat("the string value of PreemptionPolicy (", given.as_string(), ") must not be provided in pod spec; priority "
                                 "admission controller computed ", resolved.preemption_policy, " from the given PriorityClass name")));
    spec.set("preemptionPolicy", spec.arena().copy(resolved.preemption_policy));
    return {};
  }

  Result<Resolved> resolved_class(const Attributes& attributes, Value pod, std::string_view name) {
    ObjectRef found;
    if (name.empty()) {
      found = default_class();
      if (!found) return Resolved{"", "PreemptLowerPriority", 0};
    } else {
      auto named = classes_.get("", name);
      if (!named && named.error().is(Reason::NotFound))
        return fail(refusal(attributes, pod, concat("no PriorityClass with name ", name, " was found")));
      found = TRY(std::move(named));
    }
    const Object& priority_class = *found;
    return Resolved{std::string(priority_class["metadata"]["name"].as_string()),
                    std::string(priority_class["preemptionPolicy"].as_string()), value_of(priority_class)};
  }

  static int64_t value_of(const Object& priority_class) {
    AnyView value = priority_class["value"];
    return value.present() ? value.as_int() : 0;
  }

  static bool is_default(const Object& priority_class) {
    AnyView global = priority_class["globalDefault"];
    return global.present() && global.as_bool();
  }

  // Should a race have made two, the lower one counts.
  ObjectRef default_class() {
    ObjectRef lowest;
    classes_.cache().snapshot().each({}, {}, [&](std::string_view, const ObjectRef& found) {
      if (is_default(*found) && (!lowest || value_of(*found) < value_of(*lowest))) lowest = found;
      return true;
    });
    return lowest;
  }

  registry::ObjectStore& classes_;
};

}  // namespace

std::unique_ptr<AdmissionPlugin> priority(Catalog& catalog) { return std::make_unique<Priority>(catalog); }

}  // namespace sampan::apiserver
