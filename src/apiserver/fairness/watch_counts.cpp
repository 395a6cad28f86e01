#include "apiserver/fairness/watch_counts.h"

#include "base/text.h"
#include "registry/selectors.h"

namespace sampan::apiserver::fairness {

namespace {

std::string key_of(const RequestInfo& info, std::string_view name_space, std::string_view name) {
  return concat(info.group, "/", info.resource, "/", name_space, "/", name);
}

// Kubelets watch the pods of their node: a change of a pod concerns one of them, however many there are.
bool watches_one_node(const Context& context) {
  if (context.info.resource != "pods" || !context.info.group.empty()) return false;
  auto text = context.query.get("fieldSelector");
  if (text.find("spec.nodeName") == std::string_view::npos) return false;
  auto selector = registry::FieldSelector::parse(text);
  if (!selector) return false;
  auto node = selector->exact("spec.nodeName");
  return node && !node->empty();
}

}  // namespace

WatchCounts::Watcher::~Watcher() {
  if (!counts_) return;
  std::lock_guard lock(counts_->mutex_);
  auto found = counts_->counts_.find(key_);
  if (--found->second == 0) counts_->counts_.erase(found);
}

WatchCounts::Watcher WatchCounts::watch(const Context& context) {
  Watcher watcher;
  if (watches_one_node(context)) return watcher;
  watcher.key_ = key_of(context.info, context.info.name_space, context.info.name);
  watcher.counts_ = this;
  std::lock_guard lock(mutex_);
  counts_[watcher.key_]++;
  return watcher;
}

int64_t WatchCounts::interested(const RequestInfo& info) {
  auto all = key_of(info, {}, {});
  std::lock_guard lock(mutex_);
  auto count = [&](const std::string& key) {
    auto found = counts_.find(key);
    return found == counts_.end() ? 0 : found->second;
  };
  if (counts_.empty()) return 0;
  int64_t sum = count(all);
  if (!info.name_space.empty()) sum += count(key_of(info, info.name_space, {}));
  if (!info.name.empty()) sum += count(key_of(info, info.name_space, info.name));
  return sum;
}

}  // namespace sampan::apiserver::fairness
