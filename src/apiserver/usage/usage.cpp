#include "apiserver/usage/usage.h"

#include <thread>

#include "base/log.h"
#include "base/text.h"

namespace sampan::apiserver {

namespace {

constexpr size_t kAskedAtOnce = 16;
constexpr int64_t kForgottenAfter_us = 600'000'000;

std::string_view name_of(const schema::Object& node) { return node["metadata"]["name"].as_string(); }

// A node that has not been heard of would only be waited for.
bool is_heard_of(const schema::Object& node) {
  auto conditions = node["status"]["conditions"];
  for (uint32_t i = 0; i < conditions.size(); i++)
    if (conditions.item(i)["type"].as_string() == "Ready") return conditions.item(i)["status"].as_string() != "Unknown";
  return false;
}

std::optional<Used> between(const Sample& before, const Sample& last) {
  if (!before.complete() || !last.complete() || last.at_ms <= before.at_ms || *last.cpu_ns < *before.cpu_ns) return {};
  auto window_ms = last.at_ms - before.at_ms;
  auto nanocores = static_cast<double>(*last.cpu_ns - *before.cpu_ns) * 1e3 / static_cast<double>(window_ms);
  return Used{last.at_ms, window_ms, static_cast<uint64_t>(nanocores), *last.memory_bytes};
}

// A container that has started since is measured from its start.
std::optional<Used> used_by(const Sample* before, const Sample& last, int64_t window_min_ms) {
  if (before && before->started_ms == last.started_ms) return between(*before, last);
  if (last.started_ms == 0 || last.at_ms - last.started_ms < window_min_ms) return {};
  return between(Sample{last.started_ms, last.started_ms, 0, 0}, last);
}

}  // namespace

Usage::Usage(Ask ask, Clock& clock, UsageTimes times, Pause pause)
    : ask_(std::move(ask)),
      clock_(clock),
      times_(times),
      pause_(pause ? std::move(pause) : [](int64_t us) { std::this_thread::sleep_for(std::chrono::microseconds(us)); }) {}

void Usage::set_local(std::string node, std::function<std::string()> ask) {
  std::lock_guard lock(local_mutex_);
  local_name_ = std::move(node);
  local_ = std::move(ask);
}

Result<std::string> Usage::ask_one(const schema::Object& node) {
  {
    std::lock_guard lock(local_mutex_);
    if (local_ && name_of(node) == local_name_) return local_();
  }
  return ask_(node);
}

// Those to be asked: for what is new, or for a second sample because the one before is missing or too old.
std::vector<schema::ObjectRef> Usage::stale(const std::vector<schema::ObjectRef>& nodes, bool without_window) {
  std::vector<schema::ObjectRef> found;
  auto now = clock_.monotonic_us();
  std::lock_guard lock(mutex_);
  for (const auto& node : nodes) {
    const Node& known = nodes_[std::string(name_of(*node))];
    bool has_window = known.before_us != 0 && known.last_us - known.before_us <= times_.window_max_us;
    bool wanted = without_window ? known.last_us != 0 && !has_window
                                 : known.asked_us == 0 || now - known.asked_us >= times_.fresh_us;
    if (wanted && is_heard_of(*node)) found.push_back(node);
  }
  return found;
}

void Usage::refresh(const std::vector<schema::ObjectRef>& nodes) {
  std::lock_guard lock(refreshing_);
  ask_all(stale(nodes, false));
  auto again = stale(nodes, true);
  if (!again.empty()) {
    pause_(times_.window_first_us);
    ask_all(again);
  }
  forget_old(clock_.monotonic_us());
}

void Usage::ask_all(const std::vector<schema::ObjectRef>& nodes) {
  std::atomic<size_t> next = 0;
  auto work = [&] {
    for (size_t i; (i = next++) < nodes.size();) {
      auto answer = ask_one(*nodes[i]);
      if (!answer) LOG_WARNING("node ", name_of(*nodes[i]), " does not tell what it uses: ", answer.error().message());
      keep(name_of(*nodes[i]), answer ? read_samples(*answer, clock_.now_us() / 1000) : NodeSamples(), answer ? clock_.monotonic_us() : 0);
    }
  };
  std::vector<std::thread> helpers;
  for (size_t i = 1; i < std::min(nodes.size(), kAskedAtOnce); i++) helpers.emplace_back(work);
  work();
  for (auto& helper : helpers) helper.join();
}

// `now_us` 0: it did not answer. What it said before is no longer the case.
void Usage::keep(std::string_view node, NodeSamples samples, int64_t now_us) {
  std::lock_guard lock(mutex_);
  Node& known = nodes_[std::string(node)];
  known.before = std::move(known.last), known.before_us = known.last_us;
  known.last = std::move(samples), known.last_us = now_us;
  known.asked_us = now_us ? now_us : clock_.monotonic_us();
}

void Usage::forget_old(int64_t now_us) {
  std::lock_guard lock(mutex_);
  std::erase_if(nodes_, [&](const auto& entry) { return now_us - entry.second.asked_us > kForgottenAfter_us; });
}

std::optional<Used> Usage::of_node(std::string_view name) const {
  std::lock_guard lock(mutex_);
  auto found = nodes_.find(name);
  if (found == nodes_.end()) return {};
  return between(found->second.before.node, found->second.last.node);
}

ContainersUsed Usage::of_pod(std::string_view node, std::string_view name_space, std::string_view name) const {
  std::lock_guard lock(mutex_);
  auto known = nodes_.find(node);
  if (known == nodes_.end()) return {};
  auto key = concat(name_space, "/", name);
  auto last = known->second.last.pods.find(key), before = known->second.before.pods.find(key);
  if (last == known->second.last.pods.end()) return {};
  ContainersUsed all;
  for (const auto& [container, sample] : last->second) {
    const Sample* older = nullptr;
    if (before != known->second.before.pods.end())
      if (auto found = before->second.find(container); found != before->second.end()) older = &found->second;
    auto used = used_by(older, sample, times_.window_first_us / 1000);
    if (!used) return {};
    all[container] = *used;
  }
  return all;
}

}  // namespace sampan::apiserver
