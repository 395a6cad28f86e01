// ImageLocality: rather a node that has the pod's images already, the more so the larger they are and the more nodes have them.
#include "scheduler/plugins/makers.h"

namespace sampan::scheduler {
namespace {

class ImageLocality final : public Plugin {
 public:
  using Plugin::Plugin;
  std::string_view name() const override { return "ImageLocality"; }
  uint32_t points() const override { return kScore; }

  void score(Cycle& cycle, NodeList nodes, std::span<int64_t> scores) override {
    constexpr int64_t kMegabyte = 1 << 20, kLeast = 23 * kMegabyte, kMostOfContainer = 1000 * kMegabyte;
    auto spec = cycle.pod.pod.spec();
    sums_.assign(cycle.state.slots(), 0);
    bool any = false;
    auto add = [&](std::string_view name) {
      auto* image = cycle.state.image(name);
      if (!image) return;
      any = true;
      double spread = static_cast<double>(image->nodes.size()) / static_cast<double>(cycle.state.nodes().size());
      for (auto [slot, bytes] : image->nodes) sums_[slot] += static_cast<int64_t>(static_cast<double>(bytes) * spread);
    };
    for (auto container : spec.init_containers()) add(container.image());
    for (auto container : spec.containers()) add(container.image());
    for (auto volume : spec.volumes())
      if (volume.has_image()) add(volume.image().reference());
    if (!any) return;
    int64_t most = kMostOfContainer * (spec.init_containers().size() + spec.containers().size());
    for (size_t i = 0; i < nodes.size(); i++)
      scores[i] = kScoreMax * (std::clamp(sums_[nodes[i]->slot], kLeast, most) - kLeast) / (most - kLeast);
  }

 private:
  std::vector<int64_t> sums_;
};

}  // namespace

MadePlugin make_image_locality(Environment& environment, schema::Value) { return std::make_unique<ImageLocality>(environment); }

}  // namespace sampan::scheduler
