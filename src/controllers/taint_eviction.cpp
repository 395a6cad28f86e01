// Removes pods from nodes with NoExecute taints that they do not tolerate, or no longer.
#include <map>

#include "base/held.h"
#include "base/text.h"
#include "controllers/controllers.h"
#include "controllers/pod_ends.h"
#include "controllers/taints.h"
#include "controllers/tree.h"

namespace sampan::controllers {

namespace {

class TaintEviction final : public Controller {
 public:
  explicit TaintEviction(Environment& environment)
      : environment_(environment), events_(environment.api, environment.clock, environment.executor, "taint-eviction-controller") {}

  void watch(Watches& watches) override {
    pods_ = &watches.on("", "pods", [](const Change& change, const Watches::Enqueue& enqueue) {
      const Object& pod = change.any();
      if (pod["spec"]["nodeName"].as_string().empty()) return;
      bool same = change.object && change.previous && (*change.object)["spec"]["nodeName"].equals((*change.previous)["spec"]["nodeName"]) &&
                  (*change.object)["spec"]["tolerations"].equals((*change.previous)["spec"]["tolerations"]);
      if (!same) enqueue(key_of(pod));
    });
    by_node_ = &pods_->index([](const Object& pod, std::vector<std::string>& keys) {
      if (auto node = pod["spec"]["nodeName"].as_string(); !node.empty()) keys.emplace_back(node);
    });
    nodes_ = &watches.on("", "nodes", [this](const Change& change, const Watches::Enqueue& enqueue) {
      auto of = [](const ObjectRef& node) { return node ? taints_of(*node, "NoExecute") : std::vector<Taint>(); };
      if (of(change.object) == of(change.previous)) return;
      for (const auto& pod : by_node_->find(name_of(change.any()))) enqueue(key_of(*pod));
    });
  }

  Result<Again> reconcile(const Key& key) override {
    auto text = concat(key.name_space, "/", key.name);
    auto pod = pods_->find(key.name_space, key.name);
    auto node = pod ? nodes_->find({}, (*pod)["spec"]["nodeName"].as_string()) : ObjectRef();
    auto taints = node ? taints_of(*node, "NoExecute") : std::vector<Taint>();
    if (!pod || is_deleting(*pod)) {
      forget(text);
      return Again::never();
    }
    auto seconds = taints.empty() ? std::nullopt : seconds_tolerated(*pod, taints);
    if (!seconds) {
      if (forget(text))
        events_.tell(client::Reference::of(pods_->resource(), *pod), client::kNormal, "TaintManagerEviction",
                     concat("Cancelling deletion of Pod ", text));
      return Again::never();
    }
    int64_t now_us = environment_.clock.now_us();
    int64_t due_us = (*seconds == 0 ? now_us : since(text, uid_of(*pod), now_us)) + microseconds_of(*seconds);
    if (due_us > now_us) return Again::in(due_us - now_us);
    events_.tell(client::Reference::of(pods_->resource(), *pod), client::kNormal, "TaintManagerEviction",
                 concat("Marking for deletion Pod ", text));
    TRY(end_pod(environment_.api, *pod, {"DeletionByTaintManager", "Taint manager: deleting due to NoExecute taint"},
                environment_.now_seconds()));
    forget(text);
    return Again::never();
  }

 private:
  struct Since {
    std::string uid;
    int64_t us = 0;
  };

  // Since when the pod has been seen under taints that it tolerates for a time.
  int64_t since(const std::string& key, std::string_view uid, int64_t now_us) {
    std::lock_guard lock(mutex_);
    Since& since = since_[key];
    if (since.uid != uid) since = {std::string(uid), now_us};
    return since.us;
  }

  bool forget(const std::string& key) {
    std::lock_guard lock(mutex_);
    return since_.erase(key) > 0;
  }

  Environment& environment_;
  client::Events events_;
  Informer *pods_ = nullptr, *nodes_ = nullptr;
  Index* by_node_ = nullptr;
  std::mutex mutex_;
  std::map<std::string, Since> since_;
};

}  // namespace

std::unique_ptr<Controller> make_taint_eviction(Environment& environment) { return std::make_unique<TaintEviction>(environment); }

}  // namespace sampan::controllers
