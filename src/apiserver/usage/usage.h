// What nodes and pods use (metrics.k8s.io). Nodes are asked when somebody wants to know, and never otherwise: an idle cluster pays nothing.
#pragma once
#include <functional>
#include <mutex>
#include <vector>

#include "apiserver/usage/samples.h"
#include "base/environment.h"
#include "schema/object.h"

namespace sampan::apiserver {

inline constexpr std::string_view kUsageGroup = "metrics.k8s.io";

struct UsageTimes {
  int64_t fresh_us = 15'000'000;         // as long as what a node said is good enough
  int64_t window_max_us = 120'000'000;   // over which the use of the CPU is averaged, at most
  int64_t window_first_us = 1'000'000;   // how long to wait where nothing is known yet that is recent enough
};

// What was used between two samples, by whoever.
struct Used {
  int64_t at_ms = 0, window_ms = 0;
  uint64_t cpu_nanocores = 0, memory_bytes = 0;
};
using ContainersUsed = std::map<std::string, Used, std::less<>>;

class Usage {
 public:
  using Ask = std::function<Result<std::string>(const schema::Object& node)>;  // for its /metrics/resource
  using Pause = std::function<void(int64_t us)>;
  Usage(Ask ask, Clock& clock, UsageTimes times = {}, Pause pause = nullptr);

  // A node in this process is asked without a connection. Null takes it away, and waits for questions that are being answered.
  void set_local(std::string node, std::function<std::string()> ask);

  // Makes sure that what is known of these nodes is recent. May take as long as a node takes to answer.
  void refresh(const std::vector<schema::ObjectRef>& nodes);
  std::optional<Used> of_node(std::string_view name) const;
  // Of all its containers that run; empty if one of them is not known well enough.
  ContainersUsed of_pod(std::string_view node, std::string_view name_space, std::string_view name) const;

 private:
  struct Node {
    NodeSamples last, before;
    int64_t asked_us = 0;            // 0: never
    int64_t last_us = 0, before_us = 0;  // when these samples came; 0: there are none
  };
  std::vector<schema::ObjectRef> stale(const std::vector<schema::ObjectRef>& nodes, bool without_window);
  void ask_all(const std::vector<schema::ObjectRef>& nodes);
  Result<std::string> ask_one(const schema::Object& node);
  void keep(std::string_view node, NodeSamples samples, int64_t now_us);
  void forget_old(int64_t now_us);

  const Ask ask_;
  Clock& clock_;
  const UsageTimes times_;
  const Pause pause_;
  std::mutex local_mutex_;  // guards the next two, held while the node is asked
  std::string local_name_;
  std::function<std::string()> local_;
  std::mutex refreshing_;  // one refresh at a time; who waits finds what it brought
  mutable std::mutex mutex_;
  std::map<std::string, Node, std::less<>> nodes_;
};

}  // namespace sampan::apiserver
