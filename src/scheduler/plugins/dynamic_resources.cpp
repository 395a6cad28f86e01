// DynamicResources: pods that claim devices. Nothing allocates claims yet, so such a pod waits; all others pass.
#include "scheduler/plugins/makers.h"

namespace sampan::scheduler {
namespace {

class DynamicResources final : public Plugin {
 public:
  using Plugin::Plugin;
  std::string_view name() const override { return "DynamicResources"; }
  uint32_t points() const override { return kPreFilter | kPostFilter; }

  Status pre_filter(Cycle& cycle, std::optional<std::set<std::string>>&) override {
    if (cycle.pod.pod.spec().resource_claims().empty()) return Status::skip();
    return Status::of(Code::UnschedulableAndUnresolvable, "cannot allocate all claims");
  }
  PostFilterResult post_filter(Cycle&, Diagnosis&) override {
    return {Status::of(Code::Unschedulable, "no new claims to deallocate"), std::nullopt};
  }
};

}  // namespace

MadePlugin make_dynamic_resources(Environment& environment, schema::Value) { return std::make_unique<DynamicResources>(environment); }

}  // namespace sampan::scheduler
