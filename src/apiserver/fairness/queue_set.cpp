#include "apiserver/fairness/queue_set.h"

#include "apiserver/fairness/dealer.h"
#include "base/check.h"

namespace sampan::apiserver::fairness {

namespace {

constexpr int64_t kServiceGuess_us = 3'000;  // how long a request runs, before that is known

double seconds(int64_t us) { return static_cast<double>(us) / 1e6; }

SeatTime total_work(const Work& work) {
  return seat_time(work.initial_seats, kServiceGuess_us) + seat_time(work.final_seats, work.additional_latency_us);
}

}  // namespace

void TicketList::push(Ticket& ticket) {
  ticket.before = last_;
  ticket.after = nullptr;
  (last_ ? last_->after : first_) = &ticket;
  last_ = &ticket;
  size_++;
}

void TicketList::erase(Ticket& ticket) {
  (ticket.before ? ticket.before->after : first_) = ticket.after;
  (ticket.after ? ticket.after->before : last_) = ticket.before;
  ticket.before = ticket.after = nullptr;
  size_--;
}

void QueueSet::configure(const QueueSetLimits& limits, int64_t now_us, ResumedList& resumed) {
  settle(now_us, resumed);
  limits_ = limits;
  occupancy_.measure_by(limits.measure, std::max(limits.queue_length, 1) * std::max(limits.queues, 1), now_us);
  for (int index = static_cast<int>(queues_.size()); index < limits.queues; index++) queues_.push_back(std::make_unique<Queue>(index));
  drop_surplus_queues();
  dispatch_what_fits(now_us, resumed, nullptr);
}

// R goes on at the rate at which each busy queue gets seats.
void QueueSet::advance(int64_t now_us) {
  auto elapsed = now_us - last_us_;
  if (elapsed <= 0) return;  // by two clocks' readings that crossed
  last_us_ = now_us;
  if (busy_queues_ > 0) current_r_ += seat_time(std::min(seats_in_use_ + waiting_seats_, limits_.seats), elapsed) / busy_queues_;
}

void QueueSet::settle(int64_t now_us, ResumedList& resumed) {
  while (!lingering_.empty() && lingering_.begin()->due_us <= now_us) {
    auto gone = *lingering_.begin();
    lingering_.erase(lingering_.begin());
    advance(gone.due_us);
    release(gone.queue, gone.seats, *gone.counts);
    note_demand(last_us_);
  }
  advance(now_us);
  if (!deadlines_.empty() && deadlines_.begin()->first <= now_us) expire(now_us, resumed);
}

void QueueSet::sync(int64_t now_us, ResumedList& resumed) {
  settle(now_us, resumed);
  drop_surplus_queues();
  dispatch_what_fits(now_us, resumed, nullptr);
}

int64_t QueueSet::next_due_us() const {
  if (waiting_ == 0) return 0;
  auto due = deadlines_.begin()->first;
  return lingering_.empty() ? due : std::min(due, lingering_.begin()->due_us);
}

void QueueSet::expire(int64_t now_us, ResumedList& resumed) {
  while (!deadlines_.empty() && deadlines_.begin()->first <= now_us) {
    Ticket& ticket = *deadlines_.begin()->second;
    leave_queue(ticket);
    bound(*ticket.queue);
    totals_.cancelled++;
    ticket.counts->timed_out++;
    wait_over(ticket, now_us, false, resumed);
  }
  note_demand(now_us);
}

void QueueSet::reject_all(ResumedList& resumed) {
  while (!deadlines_.empty()) {
    Ticket& ticket = *deadlines_.begin()->second;
    leave_queue(ticket);
    wait_over(ticket, last_us_, false, resumed);
  }
}

void QueueSet::reject(Ticket& ticket, int64_t now_us) {
  ticket.state = Ticket::State::Done;
  ticket.retry_after_s = dropped_.record(now_us / 1'000'000);
  totals_.rejected++;
  ticket.counts->waited_in_vain.observe(kDurationBounds, seconds(now_us - ticket.arrived_us));
}

void QueueSet::wait_over(Ticket& ticket, int64_t now_us, bool execute, ResumedList& resumed) {
  if (!execute) reject(ticket, now_us);
  resumed.push_back({ticket.waiter, execute});
}

bool QueueSet::accommodates(int seats) const {
  if (limits_.exempt) return true;
  // What is wider than all there is runs alone.
  if (seats > limits_.seats) return executing_ == 0;
  return seats_in_use_ + seats <= limits_.seats;
}

QueueSet::Arrival QueueSet::arrive(Ticket& ticket, uint64_t hash, int64_t now_us, ResumedList& resumed) {
  settle(now_us, resumed);
  ticket.arrived_us = now_us;
  ticket.arrival_r = current_r_;
  auto& counts = *ticket.counts;
  counts.seats.observe(kSeatBounds, ticket.work.seats());
  if (limits_.queues == 0) {
    if (!accommodates(ticket.work.seats())) {
      reject(ticket, now_us);
      counts.no_seats++;
      return Arrival::NoSeats;
    }
    start(ticket, now_us);
    note_demand(now_us);
    return Arrival::Execute;
  }
  Queue& queue = choose_queue(hash);
  if (seats_in_use_ >= limits_.seats && queue.waiting.size() >= static_cast<size_t>(limits_.queue_length)) {
    reject(ticket, now_us);
    counts.queue_full++;
    return Arrival::QueueFull;
  }
  if (!queue.busy()) queue.next_dispatch_r = current_r_;
  counts.queue_length.observe(kLengthBounds, static_cast<double>(queue.waiting.size() + 1));
  if (waiting_ == 0 && seats_in_use_ < limits_.seats && accommodates(ticket.work.seats())) {
    // Nobody else waits: it is the next one, and need not be put into the queue to be found there.
    ticket.queue = &queue;
    start(ticket, now_us);
    robin_ = queue.index;
  } else {
    enqueue(ticket, queue);
    dispatch_what_fits(now_us, resumed, &ticket);
    bound(queue);
  }
  note_demand(now_us);
  return ticket.state == Ticket::State::Executing ? Arrival::Execute : Arrival::Wait;
}

// Of the flow's hand the queue with the least work waiting. Where the search begins goes round, so that hands that overlap are not biased.
Queue& QueueSet::choose_queue(uint64_t hash) {
  int hand[kHandMax];
  deal(hash, limits_.queues, limits_.hand_size, hand);
  auto offset = enqueued_++ % static_cast<unsigned>(limits_.hand_size);
  Queue* best = nullptr;
  for (int i = 0; i < limits_.hand_size; i++) {
    Queue& queue = *queues_[static_cast<size_t>(hand[(offset + static_cast<unsigned>(i)) % static_cast<unsigned>(limits_.hand_size)])];
    if (!best || queue.waiting_work < best->waiting_work) best = &queue;
    if (best->waiting_work == 0) break;
  }
  return *best;
}

void QueueSet::enqueue(Ticket& ticket, Queue& queue) {
  if (!queue.busy()) busy_queues_++;
  ticket.queue = &queue;
  ticket.state = Ticket::State::Waiting;
  queue.waiting.push(ticket);
  queue.waiting_work += total_work(ticket.work);
  queue.waiting_seats += ticket.work.seats();
  backlogged_.insert(queue.index);
  deadlines_.insert({ticket.wait_until_us, &ticket});
  waiting_++;
  waiting_seats_ += ticket.work.seats();
  ticket.counts->waiting++;
  ticket.counts->waiting_seats += ticket.work.seats();
}

void QueueSet::leave_queue(Ticket& ticket) {
  Queue& queue = *ticket.queue;
  queue.waiting.erase(ticket);
  queue.waiting_work -= total_work(ticket.work);
  queue.waiting_seats -= ticket.work.seats();
  if (queue.waiting.size() == 0) backlogged_.erase(queue.index);
  if (!queue.busy()) busy_queues_--;
  deadlines_.erase({ticket.wait_until_us, &ticket});
  waiting_--;
  waiting_seats_ -= ticket.work.seats();
  ticket.counts->waiting--;
  ticket.counts->waiting_seats -= ticket.work.seats();
}

void QueueSet::dispatch_what_fits(int64_t now_us, ResumedList& resumed, const Ticket* arriving) {
  while (waiting_ > 0 && seats_in_use_ < limits_.seats) {
    Queue& queue = *fairest_queue();
    Ticket& ticket = *queue.waiting.first();
    if (!accommodates(ticket.work.seats())) {
      ticket.counts->not_accommodated++;
      break;  // the seats that are free are kept for it
    }
    robin_ = queue.index;
    progress_.r = current_r_;
    progress_.s = queue.next_dispatch_r;
    leave_queue(ticket);
    start(ticket, now_us);
    bound(queue);
    if (&ticket != arriving) wait_over(ticket, now_us, true, resumed);
  }
  note_demand(now_us);
}

// The one whose first request would be finished first in the imaginary world; the round goes on behind the last one that was taken, so that equals take turns.
Queue* QueueSet::fairest_queue() {
  Queue* best = nullptr;
  SeatTime best_finish = INT64_MAX;
  progress_.s_min = progress_.discounted_min = INT64_MAX;
  progress_.s_max = progress_.discounted_max = INT64_MIN;
  auto look = [&](int index) {
    Queue& queue = *queues_[static_cast<size_t>(index)];
    auto discounted = queue.next_dispatch_r - seat_time(queue.seats_in_use, kServiceGuess_us);
    progress_.s_min = std::min(progress_.s_min, queue.next_dispatch_r);
    progress_.s_max = std::max(progress_.s_max, queue.next_dispatch_r);
    progress_.discounted_min = std::min(progress_.discounted_min, discounted);
    progress_.discounted_max = std::max(progress_.discounted_max, discounted);
    auto finish = queue.next_dispatch_r + total_work(queue.waiting.first()->work);
    if (finish < best_finish) best = &queue, best_finish = finish;
  };
  auto behind = backlogged_.upper_bound(robin_);
  for (auto at = behind; at != backlogged_.end(); ++at) look(*at);
  for (auto at = backlogged_.begin(); at != behind; ++at) look(*at);
  return best;
}

void QueueSet::start(Ticket& ticket, int64_t now_us) {
  auto& work = ticket.work;
  if (!limits_.exempt && work.final_seats > limits_.seats && limits_.seats > 0) {
    work.additional_latency_us = work.final_seats * work.additional_latency_us / limits_.seats;
    work.final_seats = limits_.seats;
  }
  int seats = work.seats();
  if (Queue* queue = ticket.queue) {
    if (!queue->busy()) busy_queues_++;
    queue->executing.push(ticket);
    queue->seats_in_use += seats;
    queue->next_dispatch_r += total_work(work);
  } else {
    queueless_.push(ticket);
  }
  ticket.state = Ticket::State::Executing;
  ticket.started_us = now_us;
  executing_++;
  seats_in_use_ += seats;
  totals_.dispatched++;
  auto& counts = *ticket.counts;
  counts.dispatched++;
  counts.executing++;
  counts.executing_seats += seats;
  if (!limits_.exempt) counts.waited_and_ran.observe(kDurationBounds, seconds(now_us - ticket.arrived_us));
}

void QueueSet::finish(Ticket& ticket, int64_t now_us, ResumedList& resumed) {
  if (ticket.state != Ticket::State::Executing) return;
  settle(now_us, resumed);
  ticket.state = Ticket::State::Done;
  auto ran_us = std::max<int64_t>(0, now_us - ticket.started_us);
  executing_--;
  auto& counts = *ticket.counts;
  counts.executing--;
  (ticket.watches ? counts.watch_began : counts.ran).observe(kDurationBounds, seconds(ran_us));
  if (Queue* queue = ticket.queue) {
    queue->executing.erase(ticket);
    if (!queue->busy()) busy_queues_--;
    // What was charged for the guess is put right by how long it really took.
    queue->next_dispatch_r -= seat_time(ticket.work.initial_seats, kServiceGuess_us - ran_us);
    bound(*queue);
  } else {
    queueless_.erase(ticket);
  }
  if (ticket.work.additional_latency_us > 0)
    lingering_.insert({now_us + ticket.work.additional_latency_us, ticket.queue, ticket.work.seats(), &counts});
  else
    release(ticket.queue, ticket.work.seats(), counts);
  drop_surplus_queues();
  dispatch_what_fits(now_us, resumed, nullptr);
}

void QueueSet::release(Queue* queue, int seats, FlowCounts& counts) {
  seats_in_use_ -= seats;
  counts.executing_seats -= seats;
  if (queue) queue->seats_in_use -= seats;
}

// A queue that cannot use all its share must not save it up: nothing is dispatched before it came, in the imaginary world either.
void QueueSet::bound(Queue& queue) {
  if (const Ticket* first = queue.waiting.first()) queue.next_dispatch_r = std::max(queue.next_dispatch_r, first->arrival_r);
}

void QueueSet::drop_surplus_queues() {
  while (queues_.size() > static_cast<size_t>(limits_.queues) && queues_.back()->empty()) queues_.pop_back();
}

}  // namespace sampan::apiserver::fairness
