// DefaultBinder: tells the API server where the pod goes.
#include "base/text.h"
#include "scheduler/plugins/makers.h"

namespace sampan::scheduler {
namespace {

class DefaultBinder final : public Plugin {
 public:
  using Plugin::Plugin;
  std::string_view name() const override { return "DefaultBinder"; }
  uint32_t points() const override { return kBind; }

  Status bind(Placement& placement) override {
    using schema::Value;
    Arena arena;
    auto& pod = *placement.pod;
    Value binding = Value::object(arena), metadata = Value::object(arena), target = Value::object(arena);
    metadata.set("name", pod.name);
    metadata.set("namespace", pod.name_space);
    metadata.set("uid", pod.uid);
    target.set("kind", "Node");
    target.set("name", std::string_view(placement.node));
    binding.set("metadata", metadata);
    binding.set("target", target);
    auto bound = environment_.api.post(client::builtin("", "pods"), pod.name_space, pod.name, "binding", binding, arena);
    if (bound || is_bound(placement)) return Status::success();
    return Status::of(Code::Error, bound.error().message());
  }

 private:
  // A request whose answer was lost may have been carried out. Were the place let go then, another pod would get it before the news of this one comes.
  bool is_bound(const Placement& placement) {
    auto object = environment_.api.get(client::builtin("", "pods"), placement.pod->name_space, placement.pod->name);
    if (!object || !*object) return false;
    auto now = (*object)->as<core_v1::Pod>();
    return now.metadata().uid() == placement.pod->uid && now.spec().node_name() == placement.node;
  }
};

}  // namespace

MadePlugin make_default_binder(Environment& environment, schema::Value) { return std::make_unique<DefaultBinder>(environment); }

}  // namespace sampan::scheduler
