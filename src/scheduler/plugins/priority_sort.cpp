// PrioritySort: higher priorities first, among equals who waits longest.
#include "scheduler/plugins/makers.h"

namespace sampan::scheduler {
namespace {

class PrioritySort final : public Plugin {
 public:
  using Plugin::Plugin;
  std::string_view name() const override { return "PrioritySort"; }
  uint32_t points() const override { return kQueueSort; }
  bool less(const PodInfo& a, int64_t a_since, const PodInfo& b, int64_t b_since) const override {
    return a.priority != b.priority ? a.priority > b.priority : a_since < b_since;
  }
};

}  // namespace

MadePlugin make_priority_sort(Environment& environment, schema::Value) { return std::make_unique<PrioritySort>(environment); }

}  // namespace sampan::scheduler
