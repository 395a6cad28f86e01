// What a plug-in says: of a pod (Status) or, thousands of times in a cycle, of a pod on a node (Verdict).
#pragma once
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace sampan::scheduler {

enum class Code : uint8_t {
  Success,
  Error,                         // something is broken: tried again after the back-off
  Unschedulable,                 // not here now; preemption may help
  UnschedulableAndUnresolvable,  // not here, whatever is preempted
  Wait,                          // permit: somebody else has to agree first
  Skip,                          // nothing for this plug-in to do in this cycle
};

constexpr bool is_rejection(Code code) { return code == Code::Unschedulable || code == Code::UnschedulableAndUnresolvable; }
std::string_view name_of(Code code);  // as metrics call it

struct Status {
  Code code = Code::Success;
  std::vector<std::string> reasons;
  std::string_view plugin;  // who said it, where it is no success
  int64_t wait_us = 0;      // of Wait

  static Status success() { return {}; }
  static Status skip() { return {Code::Skip, {}, {}}; }
  static Status of(Code code, std::string reason) { return {code, {std::move(reason)}, {}}; }
  bool ok() const { return code == Code::Success; }
  std::string message() const;  // the reasons, joined
};

// Texts that are said of many nodes, as small numbers; and lists of them. 0 is the empty list.
class Reasons {
 public:
  uint32_t of(std::string_view text) { return add(0, text); }
  uint32_t add(uint32_t list, std::string_view text);
  std::vector<std::string_view> texts(uint32_t list) const;
  // Between cycles: forgets everything once there is too much of it (texts may name objects).
  void trim();

 private:
  static constexpr size_t kMax = 20'000;
  struct Link {
    uint32_t before, text;
  };
  std::deque<std::string> texts_;
  std::unordered_map<std::string_view, uint32_t> ids_;
  std::vector<Link> links_{{0, 0}};
  std::unordered_map<uint64_t, uint32_t> lists_;
};

struct Verdict {
  Code code = Code::Success;
  uint8_t plugin = 0;     // its number in the profile, set by the framework
  uint32_t reasons = 0;   // a list in Reasons
  bool ok() const { return code == Code::Success; }
};

}  // namespace sampan::scheduler
