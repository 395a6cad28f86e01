#include "kubelet/runtime_health.h"

#include "base/text.h"

namespace sampan::kubelet {

namespace {

constexpr int64_t kMayBeAway_us = 30'000'000;

}  // namespace

void RuntimeHealth::saw(const Result<RuntimeStatus>& status, int64_t now_us) {
  if (!status) {
    away_ = concat("container runtime is down: ", status.error().message());
    return;
  }
  away_.clear(), runtime_.clear(), network_.clear();
  for (const auto& condition : status->conditions) {
    if (condition.status) continue;
    auto why = concat(condition.type, "=false reason:", condition.reason, " message:", condition.message);
    if (condition.type == "RuntimeReady") runtime_ = concat("container runtime not ready: ", why);
    if (condition.type == "NetworkReady") network_ = concat("container runtime network not ready: ", why);
  }
  if (runtime_.empty()) good_us_ = now_us;
}

std::string RuntimeHealth::node_problem(int64_t now_us) const {
  std::vector<std::string_view> problems;
  if (good_us_ == 0)
    problems.emplace_back("container runtime status check may not have completed yet");
  else if (now_us - good_us_ >= kMayBeAway_us)
    problems.emplace_back("container runtime is down");
  for (std::string_view one : {std::string_view(runtime_), std::string_view(network_)})
    if (!one.empty()) problems.push_back(one);
  if (problems.size() <= 1) return problems.empty() ? std::string() : std::string(problems[0]);
  std::string all;
  for (auto one : problems) append(all, all.empty() ? "[" : ", ", one);
  return all + "]";
}

}  // namespace sampan::kubelet
