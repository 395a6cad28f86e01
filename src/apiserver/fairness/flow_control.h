// API priority and fairness: which level a request belongs to, and whether it runs now, waits or is rejected. A request that waits costs no thread.
//
// Arriving and leaving take the lock of one level, for some tens of nanoseconds. The table of schemas is read without any: each thread keeps the newest that it
// has seen. A level that is gone from the table lives on until its last request has left; then it is closed, and who comes late with an old table looks anew.
#pragma once
#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "apiserver/fairness/borrowing.h"
#include "apiserver/fairness/configuration.h"
#include "apiserver/fairness/dealer.h"
#include "apiserver/fairness/queue_set.h"
#include "base/environment.h"

namespace sampan::apiserver::fairness {

// Held for so short a time that it is worth trying again before sleeping.
class ShortLock {
 public:
  explicit ShortLock(std::mutex& mutex) : mutex_(mutex) {
    constexpr int kTries = 100;
    for (int i = 0; i < kTries; i++) {
      if (mutex_.try_lock()) return;
      __builtin_ia32_pause();
    }
    mutex_.lock();
  }
  ~ShortLock() { mutex_.unlock(); }
  ShortLock(const ShortLock&) = delete;

 private:
  std::mutex& mutex_;
};

class Level : public std::enable_shared_from_this<Level> {
 public:
  Level(std::string level_name, int64_t now_us) : name(std::move(level_name)), queues(now_us) {}
  const std::string name;

  // Under the lock of all levels.
  LevelConfiguration configuration;
  Share share;
  bool quiescing = false;  // not wanted any more, and still in use
  bool fresh = true;

  std::mutex mutex;  // guards the rest
  QueueSet queues;
  std::map<std::string, std::unique_ptr<FlowCounts>, std::less<>> counts;  // by schema; kept as long as the level, for requests point at them
  bool closed = false;
  int64_t armed_us = 0;  // for when a timer is set; 0: none
};

// A schema with its level, as it is matched.
struct Flow {
  SchemaConfiguration schema;
  std::shared_ptr<Level> level;
  FlowCounts* counts = nullptr;
  std::string level_uid;
  bool exempt = false, queued = false;
  int seats_max = 0;  // of one request; 0: no limit of the level's own
};

class FlowControl {
 public:
  struct Options {
    int seats = 600;
  };
  // Timers run on the executor, which ends first.
  FlowControl(Options options, Clock& clock, Random& random, Executor& executor);
  ~FlowControl();

  // Good until this thread's next call of it.
  const Flow& classify(const User& user, const RequestInfo& info);
  using Arrival = QueueSet::Arrival;
  // LookAgain: the level is no more. The ticket's waiter is called only if it has to wait, perhaps before this returns.
  Arrival arrive(const Flow& flow, Ticket& ticket);
  // Its answer is made. Nothing if it does not run.
  void leave(Ticket& ticket);
  // Counts one who watches what a change may concern.
  void note_watchers(const Flow& flow, int64_t watchers);

  // The objects as they are now. Gives for each schema, in their order, whether its level is there.
  std::vector<bool> configure(std::vector<LevelConfiguration> levels, std::vector<SchemaConfiguration> schemas);
  void adjust();      // every ten seconds: who lends and who borrows
  void reject_all();  // the server ends

  std::string dump_priority_levels();
  std::string dump_queues();
  std::string dump_requests(bool details);
  void write_metrics(std::string& out);

 private:
  struct Table {
    std::vector<Flow> flows;
  };
  using Levels = std::map<std::string, std::shared_ptr<Level>, std::less<>>;

  const Table& table();
  template <class Change>
  void change(Level& level, const Change& change);
  void tick(Level& level, int64_t due_us);
  void settle_all();
  void divide_locked();
  void adjust_locked();
  std::shared_ptr<const Table> make_table(std::vector<SchemaConfiguration> schemas);
  void close_idle_locked();

  const Options options_;
  Clock& clock_;
  Executor& executor_;
  const HashKey key_;
  const uint64_t instance_;
  std::atomic<uint64_t> version_{0};

  std::mutex mutex_;  // of all levels; before a level's own
  Levels levels_;
  std::shared_ptr<const Table> table_;
  double fair_fraction_ = 0;
};

}  // namespace sampan::apiserver::fairness
