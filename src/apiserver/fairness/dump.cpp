// The levels, queues and requests of flow control as tables: upstream's columns, with commas between and spaces to line them up.
#include "apiserver/fairness/flow_control.h"
#include "base/text.h"
#include "base/time_text.h"

namespace sampan::apiserver::fairness {

namespace {

class Grid {
 public:
  explicit Grid(std::vector<std::string> heads) { rows_.push_back(std::move(heads)); }
  void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }

  // As Go's tabwriter: a column is as wide as its widest cell and one space, and at least eight; the last one is not filled up.
  std::string text() const {
    constexpr size_t kWidthMin = 8;
    std::vector<size_t> widths;
    for (const auto& row : rows_)
      for (size_t i = 0; i + 1 < row.size(); i++) {
        if (widths.size() <= i) widths.push_back(kWidthMin);
        widths[i] = std::max(widths[i], row[i].size() + 2);
      }
    std::string out;
    for (const auto& row : rows_)
      for (size_t i = 0; i < row.size(); i++) {
        out += row[i];
        if (i + 1 == row.size()) {
          out += '\n';
          break;
        }
        out += ',';
        out.append(widths[i] - row[i].size() - 1, ' ');
      }
    return out;
  }

 private:
  std::vector<std::vector<std::string>> rows_;
};

std::string truth(bool is) { return is ? "true" : "false"; }

std::string seat_seconds(SeatTime time) {
  constexpr SeatTime kSecond = 10'000'000;
  auto part = concat(time % kSecond < 0 ? -(time % kSecond) : time % kSecond);
  return concat(time / kSecond, ".", std::string(7 - part.size(), '0'), part, "0ss");
}

// Go's form of the time that the monotonic clock meant by this; what has not begun is Go's zero time.
std::string moment(int64_t monotonic_us, int64_t offset_us) {
  if (monotonic_us == 0) return "0001-01-01T00:00:00Z";
  auto time_us = monotonic_us + offset_us;
  auto text = rfc3339(time_us / 1'000'000);
  auto part = concat(time_us % 1'000'000);
  part.insert(0, 6 - part.size(), '0');
  while (part.ends_with('0')) part.pop_back();
  if (!part.empty()) text.insert(text.size() - 1, concat(".", part));
  return text;
}

std::string latency(int64_t us) {
  if (us == 0) return "0s";
  auto text = concat(us / 1000);
  if (auto part = us % 1000) {
    auto digits = concat(part);
    digits.insert(0, 3 - digits.size(), '0');
    while (digits.ends_with('0')) digits.pop_back();
    append(text, ".", digits);
  }
  return text + "ms";
}

std::string api_version(const RequestInfo& info) {
  if (info.group.empty()) return info.version;
  return concat(info.group, "/", info.version);
}

}  // namespace

std::string FlowControl::dump_priority_levels() {
  Grid table({"PriorityLevelName", "ActiveQueues", "IsIdle", "IsQuiescing", "WaitingRequests", "ExecutingRequests", "DispatchedRequests",
               "RejectedRequests", "TimedoutRequests", "CancelledRequests"});
  settle_all();
  std::lock_guard all(mutex_);
  for (auto& [name, level] : levels_) {
    ShortLock lock(level->mutex);
    const QueueSet& queues = level->queues;
    int active = 0;
    for (const auto& queue : queues.queues()) active += queue->waiting.size() > 0;
    const auto& totals = queues.totals();
    table.add({name, concat(active), truth(queues.waiting() + queues.executing() == 0), truth(level->quiescing), concat(queues.waiting()),
               concat(queues.executing()), concat(totals.dispatched), concat(totals.rejected), concat(totals.timed_out), concat(totals.cancelled)});
  }
  return table.text();
}

std::string FlowControl::dump_queues() {
  Grid table({"PriorityLevelName", "Index", "PendingRequests", "ExecutingRequests", "SeatsInUse", "NextDispatchR", "InitialSeatsSum", "MaxSeatsSum",
               "TotalWorkSum"});
  settle_all();
  std::lock_guard all(mutex_);
  for (auto& [name, level] : levels_) {
    ShortLock lock(level->mutex);
    for (const auto& queue : level->queues.queues()) {
      int initial_seats = 0;
      for (const Ticket* it = queue->waiting.first(); it; it = it->after) initial_seats += it->work.initial_seats;
      table.add({name, concat(queue->index), concat(queue->waiting.size()), concat(queue->executing.size()), concat(queue->seats_in_use),
                 seat_seconds(queue->next_dispatch_r), concat(initial_seats), concat(queue->waiting_seats), seat_seconds(queue->waiting_work)});
    }
  }
  return table.text();
}

std::string FlowControl::dump_requests(bool details) {
  std::vector<std::string> heads = {"PriorityLevelName", "FlowSchemaName", "QueueIndex", "RequestIndexInQueue", "FlowDistingsher",
                                    "ArriveTime", "InitialSeats", "FinalSeats", "AdditionalLatency", "StartTime"};
  if (details)
    for (const char* head : {"UserName", "Verb", "APIPath", "Namespace", "Name", "APIVersion", "Resource", "SubResource"}) heads.emplace_back(head);
  Grid table(std::move(heads));
  auto offset_us = clock_.now_us() - clock_.monotonic_us();
  settle_all();
  std::lock_guard all(mutex_);
  for (auto& [name, level] : levels_) {
    auto add = [&](const TicketList& list, int queue, bool waiting) {
      int index = 0;
      for (const Ticket* it = list.first(); it; it = it->after) {
        std::vector<std::string> row = {name, it->counts->schema, concat(queue), concat(waiting ? index++ : -1), std::string(it->distinguisher),
                                        moment(it->arrived_us, offset_us), concat(it->work.initial_seats), concat(it->work.final_seats),
                                        latency(it->work.additional_latency_us), moment(it->started_us, offset_us)};
        if (details && it->user && it->info) {
          const RequestInfo& info = *it->info;
          for (const std::string& cell : {it->user->name, info.verb, info.path, info.name_space, info.name, api_version(info), info.resource, info.subresource})
            row.push_back(cell);
        }
        table.add(std::move(row));
      }
    };
    ShortLock lock(level->mutex);
    for (const auto& queue : level->queues.queues()) {
      add(queue->waiting, queue->index, true);
      add(queue->executing, queue->index, false);
    }
    add(level->queues.queueless(), -1, false);
  }
  return table.text();
}

}  // namespace sampan::apiserver::fairness
