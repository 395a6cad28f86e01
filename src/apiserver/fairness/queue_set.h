// The queues of one priority level: fair queuing of requests by flow. It is a state machine without threads, clock or lock of its own: every call says what
// time it is (not going back), and whoever calls holds the level's lock.
//
// A request is enqueued and, if there are seats, dispatched at once. Otherwise the next one is taken from the queue whose next request would, if all
// queues were served bit by bit in turn, be finished first. That imaginary progress is R: seat-time given to each busy queue since the start.
#pragma once
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "apiserver/fairness/dropped.h"
#include "apiserver/fairness/flow_counts.h"
#include "apiserver/fairness/integrator.h"
#include "apiserver/fairness/occupancy.h"
#include "apiserver/fairness/work.h"

namespace sampan::apiserver {
struct RequestInfo;
struct User;
}  // namespace sampan::apiserver

namespace sampan::apiserver::fairness {

class Queue;
class Level;

// Told, on whatever thread, that a request that had to wait may run (or has waited too long). It must be quick.
class Waiter {
 public:
  virtual ~Waiter() = default;
  virtual void resume(bool execute) = 0;
};

// A request in flow control. What it points to outlives it.
struct Ticket {
  Work work;
  FlowCounts* counts = nullptr;
  std::string_view distinguisher;
  Waiter* waiter = nullptr;
  const User* user = nullptr;          // who and what, for those who look at the queues
  const RequestInfo* info = nullptr;
  int64_t wait_until_us = 0;
  bool watches = false;
  int retry_after_s = 1;               // set when it is rejected

  // The rest belongs to the queue set.
  enum class State : uint8_t { New, Waiting, Executing, Done };
  State state = State::New;
  Level* level = nullptr;
  Queue* queue = nullptr;
  int64_t arrived_us = 0, started_us = 0;  // by the monotonic clock
  SeatTime arrival_r = 0;
  Ticket *before = nullptr, *after = nullptr;  // in its queue, or among those that run
};

// Tickets one after another, in order of arrival.
class TicketList {
 public:
  void push(Ticket& ticket);
  void erase(Ticket& ticket);
  Ticket* first() const { return first_; }
  size_t size() const { return size_; }

 private:
  Ticket *first_ = nullptr, *last_ = nullptr;
  size_t size_ = 0;
};

class Queue {
 public:
  explicit Queue(int index) : index(index) {}
  const int index;
  TicketList waiting, executing;
  SeatTime next_dispatch_r = 0;   // when, by R, its next request is dispatched in the imaginary world
  SeatTime waiting_work = 0;
  int waiting_seats = 0, seats_in_use = 0;
  bool busy() const { return waiting.size() + executing.size() > 0; }
  bool empty() const { return !busy() && seats_in_use == 0; }
};

// What is to be resumed once the lock is let go.
struct Resumed {
  Waiter* waiter;
  bool execute;
};
using ResumedList = std::vector<Resumed>;

struct QueueSetLimits {
  bool exempt = false;  // everybody runs at once
  int queues = 0;       // 0: what finds no seat is rejected
  int hand_size = 0, queue_length = 0;
  int seats = 0;
  int measure = 1;  // what use is told in parts of: the seats, if there are any
};

class QueueSet {
 public:
  enum class Arrival : uint8_t { Execute, Wait, QueueFull, NoSeats, LookAgain };

  explicit QueueSet(int64_t now_us) : demand_(now_us), occupancy_(now_us), last_us_(now_us) {}

  void configure(const QueueSetLimits& limits, int64_t now_us, ResumedList& resumed);
  Arrival arrive(Ticket& ticket, uint64_t hash, int64_t now_us, ResumedList& resumed);
  void finish(Ticket& ticket, int64_t now_us, ResumedList& resumed);
  // Lets go what has lingered and who has waited too long, and dispatches what may run.
  void sync(int64_t now_us, ResumedList& resumed);
  // When sync() has something to do, if nobody calls meanwhile; 0: never. What nobody waits for is not called for.
  int64_t next_due_us() const;
  void reject_all(ResumedList& resumed);

  bool idle() const { return waiting_ == 0 && executing_ == 0 && lingering_.empty(); }
  Integrator& demand() { return demand_; }
  const Occupancy& occupancy() const { return occupancy_; }
  const QueueSetLimits& limits() const { return limits_; }

  // For those who look.
  struct Totals {
    int64_t dispatched = 0, rejected = 0, timed_out = 0, cancelled = 0;
  };
  // Of the last dispatch by fairness.
  struct Progress {
    SeatTime r = 0, s = 0, s_min = 0, s_max = 0, discounted_min = 0, discounted_max = 0;
  };
  int waiting() const { return waiting_; }
  int executing() const { return executing_; }
  int seats_in_use() const { return seats_in_use_; }
  const Totals& totals() const { return totals_; }
  const Progress& progress() const { return progress_; }
  SeatTime current_r() const { return current_r_; }
  const std::vector<std::unique_ptr<Queue>>& queues() const { return queues_; }
  const TicketList& queueless() const { return queueless_; }

 private:
  struct Lingering {
    int64_t due_us;
    Queue* queue;
    int seats;
    FlowCounts* counts;
    bool operator<(const Lingering& other) const { return due_us < other.due_us; }
  };

  void advance(int64_t now_us);
  void settle(int64_t now_us, ResumedList& resumed);
  void expire(int64_t now_us, ResumedList& resumed);
  Queue& choose_queue(uint64_t hash);
  void enqueue(Ticket& ticket, Queue& queue);
  void leave_queue(Ticket& ticket);
  void dispatch_what_fits(int64_t now_us, ResumedList& resumed, const Ticket* arriving);
  Queue* fairest_queue();
  bool accommodates(int seats) const;
  void start(Ticket& ticket, int64_t now_us);
  void release(Queue* queue, int seats, FlowCounts& counts);
  void bound(Queue& queue);
  void drop_surplus_queues();
  void note_demand(int64_t now_us) {
    demand_.set(seats_in_use_ + waiting_seats_, now_us);
    occupancy_.set({seats_in_use_ + waiting_seats_, seats_in_use_, executing_, waiting_}, now_us);
  }
  void reject(Ticket& ticket, int64_t now_us);
  void wait_over(Ticket& ticket, int64_t now_us, bool execute, ResumedList& resumed);

  QueueSetLimits limits_;
  std::vector<std::unique_ptr<Queue>> queues_;  // more than wanted while the surplus drains
  std::set<int> backlogged_;                    // the indexes of queues in which somebody waits
  std::set<std::pair<int64_t, Ticket*>> deadlines_;
  std::multiset<Lingering> lingering_;
  TicketList queueless_;
  Integrator demand_;
  Occupancy occupancy_;
  Dropped dropped_;
  Totals totals_;
  Progress progress_;
  SeatTime current_r_ = 0;
  int64_t last_us_;
  int robin_ = 0;             // the queue that was dispatched from last
  unsigned enqueued_ = 0;
  int busy_queues_ = 0;
  int waiting_ = 0, executing_ = 0, seats_in_use_ = 0, waiting_seats_ = 0;
};

}  // namespace sampan::apiserver::fairness
