// Says on every node for how long its agent may keep secrets and config maps without asking anew: the longer, the more nodes there are.
#include "base/text.h"
#include "controllers/controllers.h"
#include "controllers/tree.h"

namespace sampan::controllers {

namespace {

constexpr std::string_view kTtl = "node.alpha.kubernetes.io/ttl";

// Sizes overlap, so that a cluster at a border does not go to and fro.
struct Step {
  size_t nodes_min, nodes_max;
  int seconds;
};
constexpr Step kSteps[] = {{0, 100, 0}, {90, 500, 15}, {450, 1000, 30}, {900, 2000, 60}, {1800, SIZE_MAX, 300}};

class Ttl final : public Controller {
 public:
  explicit Ttl(Environment& environment) : environment_(environment) {}

  void watch(Watches& watches) override {
    nodes_ = &watches.on("", "nodes", [this](const Change& change, const Watches::Enqueue& enqueue) {
      if (!change.object || !change.previous) count_ += change.object ? 1 : -1;
      if (change.object) enqueue(name_of(*change.object));
    });
  }

  Result<Again> reconcile(const Key& key) override {
    auto node = nodes_->find({}, key.name);
    if (!node) return Again::never();
    auto wanted = concat(seconds());
    if (annotation_of(*node, kTtl) == wanted) return Again::never();
    // A patch: the account may not read single nodes.
    Arena arena;
    Value patch = Value::object(arena);
    patch.ensure_object("metadata").ensure_object("annotations").set(kTtl, std::string_view(wanted));
    auto done = environment_.api.patch(nodes_->resource(), {}, key.name, client::PatchType::Merge, patch);
    if (!done && !done.error().is(Reason::NotFound)) return fail(std::move(done).error());
    return Again::never();
  }

 private:
  int seconds() {
    std::lock_guard lock(mutex_);
    auto count = static_cast<size_t>(std::max(count_.load(), 0));
    while (count > kSteps[step_].nodes_max) step_++;
    while (count < kSteps[step_].nodes_min) step_--;
    return kSteps[step_].seconds;
  }

  Environment& environment_;
  Informer* nodes_ = nullptr;
  std::mutex mutex_;
  std::atomic<int> count_{0};
  size_t step_ = 0;
};

}  // namespace

std::unique_ptr<Controller> make_ttl(Environment& environment) { return std::make_unique<Ttl>(environment); }

}  // namespace sampan::controllers
