// See status_writer.h.
#include "kubelet/status_writer.h"

#include <algorithm>

#include "base/log.h"
#include "base/text.h"
#include "kubelet/status.h"

namespace sampan::kubelet {

using schema::Value;

namespace {

bool same_status(const schema::Object& a, const schema::Object& b) {
  auto x = a["status"], y = b["status"];
  if (!x.present() || !y.present()) return x.present() == y.present();
  return x.equals(y);
}

}  // namespace

StatusWriter::StatusWriter(client::Api& api, Clock& clock, Executor& executor, IsThere is_there)
    : api_(api), is_there_(std::move(is_there)), queue_(clock, executor, [this](const std::string& uid) { write(uid); }, {.workers = 4, .backoff_us = 50'000, .backoff_max_us = 10'000'000}) {}

void StatusWriter::put(const schema::ObjectRef& pod, const schema::ObjectRef& wanted, bool finished) {
  auto uid = std::string(pod->as<core_v1::Pod>().metadata().uid());
  // Deleted by force, a pod ends after its object.
  if (!is_there_(pod->as<core_v1::Pod>())) return forget(uid);
  {
    std::lock_guard lock(mutex_);
    auto& entry = entries_[uid];
    bool same = entry.pod && same_status(*entry.pod, *pod) && entry.finished == finished;
    // What the API server last showed may be older than what it was last told.
    bool stale = wanted->revision() < entry.written_revision;
    bool needed = finished && wanted->as<core_v1::Pod>().metadata().deletion_timestamp();
    if (!needed && same_status(*wanted, *pod) && !is_static(pod->as<core_v1::Pod>()) && (!entry.pod || entry.written == entry.version) && !stale) {
      entry.pod = pod, entry.finished = finished;
      return;
    }
    if (same && !needed && (stale || entry.written != entry.version)) return;  // told, or on its way
    if (same && !needed && is_static(pod->as<core_v1::Pod>())) return;
    entry.pod = pod, entry.finished = finished;
    entry.version++;
  }
  queue_.add(uid);
}

void StatusWriter::forget(const std::string& uid) {
  std::lock_guard lock(mutex_);
  entries_.erase(uid);
}

size_t StatusWriter::size() const {
  std::lock_guard lock(mutex_);
  return entries_.size();
}

void StatusWriter::write(const std::string& uid) {
  Entry entry;
  {
    std::lock_guard lock(mutex_);
    auto at = entries_.find(uid);
    if (at == entries_.end()) return queue_.forget(uid);
    if (at->second.written == at->second.version) return;
    entry = at->second;
  }
  int64_t revision = 0;
  auto told = tell(uid, entry, revision);
  if (!told) {
    // Of a pod that is gone a node may know nothing (403), and nobody will ever ask.
    if (!is_there_(entry.pod->as<core_v1::Pod>())) return forget(uid), queue_.forget(uid);
    LOG_V(1, "the status of pod ", text_of(entry.pod->as<core_v1::Pod>()), " cannot be told: ", told.error().message());
    return queue_.add_failed(uid);
  }
  queue_.forget(uid);
  std::lock_guard lock(mutex_);
  auto at = entries_.find(uid);
  if (at == entries_.end()) return;
  at->second.written = std::max(at->second.written, entry.version);
  at->second.written_revision = std::max(at->second.written_revision, revision);
}

Result<void> StatusWriter::tell(const std::string& uid, const Entry& entry, int64_t& revision) {
  auto& pods = client::builtin("", "pods");
  auto view = entry.pod->as<core_v1::Pod>();
  auto name_space = view.metadata().namespace_(), name = view.metadata().name();
  bool other = false;  // of the same name, but not this pod
  auto written = client::update_latest(api_, pods, name_space, name, {.subresource = "status"}, [&](const schema::Object& current, Value tree) -> Result<bool> {
    auto pod = current.as<core_v1::Pod>();
    other = is_static(view) ? !is_mirror(pod) : pod.metadata().uid() != uid;
    if (other) return false;
    Arena arena;
    merge_status(current, *entry.pod, tree, tree.arena());
    auto made = schema::freeze(tree, core_v1::Pod::schema_type());
    if (!made) return fail(std::move(made).error());
    return !same_status(current, **made);
  });
  if (!written) {
    if (written.error().is(Reason::NotFound)) return {};
    return fail(std::move(written).error());
  }
  revision = (*written)->revision();
  auto now = (*written)->as<core_v1::Pod>();
  if (other || !entry.finished || !now.metadata().deletion_timestamp() || is_mirror(now) || !is_terminal(now.status().phase())) return {};
  auto removed = api_.remove(pods, name_space, name, {.grace_seconds = 0, .uid = uid});
  if (!removed && !removed.error().is(Reason::NotFound) && !removed.error().is(Reason::Conflict)) return removed;
  return {};
}

void merge_status(const schema::Object& current, const schema::Object& told, Value tree, Arena& arena) {
  auto status = schema::thaw(told, arena)["status"].clone(arena);
  auto before = schema::thaw(current, arena)["status"].clone(arena);
  auto conditions = Value::list(arena);
  static constexpr std::string_view own[] = {"PodReadyToStartContainers", "Initialized",         "Ready",           "ContainersReady",
                                             "PodScheduled",              "PodResizeInProgress", "PodResizePending"};
  auto is_own = [&](std::string_view type) { return std::ranges::find(own, type) != std::end(own); };
  auto of_type = [](Value list, std::string_view type) {
    for (auto condition : list.items())
      if (condition["type"].as_string() == type) return condition;
    return Value();
  };
  for (auto condition : before["conditions"].items()) {
    auto type = condition["type"].as_string();
    auto ours = type == "DisruptionTarget" ? of_type(status["conditions"], type) : Value();
    if (!is_own(type)) conditions.push(ours.is_object() ? ours : condition);
  }
  for (auto condition : status["conditions"].items()) {
    auto type = condition["type"].as_string();
    bool disrupts = type == "DisruptionTarget" && is_terminal(status["phase"].as_string()) && !of_type(before["conditions"], type).is_object();
    if (is_own(type) || disrupts) conditions.push(condition);
  }
  if (conditions.size() > 0) status.set("conditions", conditions);
  for (auto name : {"nominatedNodeName", "resourceClaimStatuses", "extendedResourceClaimStatus", "nodeAllocatableResourceClaimStatuses"}) {
    auto kept = before[name];
    if (kept.is_absent())
      status.remove(name);
    else
      status.set(name, kept);
  }
  tree.set("status", status);
}

}  // namespace sampan::kubelet
