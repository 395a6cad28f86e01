// RuntimeClass: a pod of a runtime class gets what the runtime itself uses (overhead) and goes where the runtime is (node selector, tolerations).
#include "apiserver/admission/plugin.h"
#include "apiserver/admission/tolerations.h"
#include "base/text.h"
#include "schema/quantity.h"

namespace sampan::apiserver {

using schema::AnyView;
using schema::Object;
using schema::ObjectRef;
using schema::Quantity;
using schema::Value;

namespace {

constexpr std::string_view kMismatch = "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead";
constexpr std::string_view kUnfounded = "pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead";

class RuntimeClass final : public AdmissionPlugin {
 public:
  explicit RuntimeClass(Catalog& catalog) : classes_(*catalog.store_of("node.k8s.io", "runtimeclasses")) {}
  std::string_view name() const override { return "RuntimeClass"; }

  Result<void> mutate(const Attributes& attributes, Value pod, const Object*) override {
    if (attributes.operation != Operation::Create || !is_about(attributes, "", "pods")) return {};
    Value wish = pod["spec"]["runtimeClassName"], overhead = pod["spec"]["overhead"];
    if (wish.is_missing()) {
      // An empty one is one, too; the finished object would not show it any more.
      if (overhead.is_object() && overhead.empty()) return fail(refusal(attributes, pod, kUnfounded));
      return {};
    }
    auto found = classes_.get("", wish.as_string());
    if (!found) return fail(lookup_failure(attributes, pod, wish.as_string(), std::move(found).error()));
    TRY(set_overhead(attributes, pod, (**found)["overhead"]));
    return set_scheduling(attributes, pod, (**found)["scheduling"]);
  }

  Result<void> validate(const Attributes& attributes, const Object* pod, const Object*) override {
    if (attributes.operation != Operation::Create || !is_about(attributes, "", "pods")) return {};
    AnyView spec = (*pod)["spec"], wish = spec["runtimeClassName"];
    ObjectRef found;
    if (wish.present()) {
      auto named = classes_.get("", wish.as_string());
      if (!named) return fail(lookup_failure(attributes, *pod, wish.as_string(), std::move(named).error()));
      found = *named;
    }
    if (!found || !(*found)["overhead"].present()) {
      if (!spec["overhead"].present()) return {};
      return fail(refusal(attributes, *pod, kUnfounded));
    }
    Arena arena;
    AnyView overhead = spec["overhead"];
    Value given = overhead.present() ? schema::thaw(overhead, arena) : Value();
    if (!same_amounts(given, (*found)["overhead"]["podFixed"])) return fail(refusal(attributes, *pod, kMismatch));
    return {};
  }

 private:
  template <class T>
  static Error lookup_failure(const Attributes& attributes, const T& pod, std::string_view name, Error error) {
    if (!error.is(Reason::NotFound)) return error;
    return refusal(attributes, pod, concat("pod rejected: RuntimeClass ", quoted(name), " not found"));
  }

  static bool same_amounts(Value given, const AnyView& wanted) {
    uint32_t count = wanted.present() ? wanted.size() : 0;
    if (given.size() != count) return false;
    for (uint32_t i = 0; i < count; i++) {
      Value amount = given[wanted.key(i)];
      if (amount.is_missing() || Quantity::stored(amount.as_string()) != Quantity::stored(wanted.value(i).as_string())) return false;
    }
    return true;
  }

  static Result<void> set_overhead(const Attributes& attributes, Value pod, const AnyView& overhead) {
    if (!overhead.present()) return {};
    AnyView amounts = overhead["podFixed"];
    if (Value given = pod["spec"]["overhead"]; !given.empty() && !same_amounts(given, amounts)) return fail(refusal(attributes, pod, kMismatch));
    if (amounts.present())
      pod["spec"].set("overhead", schema::thaw(amounts, pod.arena()).clone(pod.arena()));
    else
      pod["spec"].remove("overhead");
    return {};
  }

  static Result<void> set_scheduling(const Attributes& attributes, Value pod, const AnyView& scheduling) {
    if (!scheduling.present()) return {};
    Arena& arena = pod.arena();
    Value spec = pod["spec"];
    AnyView selector = scheduling["nodeSelector"], tolerations = scheduling["tolerations"];
    for (uint32_t i = 0; selector.present() && i < selector.size(); i++) {
      auto key = selector.key(i), value = selector.value(i).as_string();
      Value chosen = spec.ensure_object("nodeSelector")[key];
      if (!chosen.is_absent() && chosen.as_string() != value)
        return fail(refusal(attributes, pod, concat("conflict: runtimeClass.scheduling.nodeSelector[", key, "] = ", value,
                                                    "; pod.spec.nodeSelector[", key, "] = ", chosen.as_string())));
      spec["nodeSelector"].set_copy(key, arena.copy(value));
    }
    Value more = tolerations.present() ? schema::thaw(tolerations, arena).clone(arena) : Value();
    Value merged = merged_tolerations(spec["tolerations"], more, arena);
    if (!merged.empty()) spec.set("tolerations", merged);
    return {};
  }

  registry::ObjectStore& classes_;
};

}  // namespace

std::unique_ptr<AdmissionPlugin> runtime_class(Catalog& catalog) { return std::make_unique<RuntimeClass>(catalog); }

}  // namespace sampan::apiserver
