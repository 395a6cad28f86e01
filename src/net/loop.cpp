#include "net/loop.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/check.h"
#include "base/environment.h"

namespace sampan::net {

namespace {
thread_local const Loop* current_loop = nullptr;
}

Loop::Loop()
    : epoll_(epoll_create1(EPOLL_CLOEXEC)), wake_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)), now_us_(real_clock().monotonic_us()) {
  check(epoll_ >= 0 && wake_ >= 0);
  epoll_event event{.events = EPOLLIN, .data = {.ptr = nullptr}};
  check(epoll_ctl(epoll_, EPOLL_CTL_ADD, wake_, &event) == 0);
}

Loop::~Loop() {
  close(wake_);
  close(epoll_);
}

bool Loop::on_own_thread() const { return current_loop == this; }

template <class Work>
void Loop::hand_over(std::vector<Work>& queue, Work work) {
  bool wake = false;
  {
    std::lock_guard lock(mutex_);
    if (ended_) return;  // the work dies with this call, outside the lock
    queue.push_back(std::move(work));
    // On its own thread the loop looks at the queues before it sleeps.
    wake = !signalled_ && !on_own_thread();
    if (wake) signalled_ = true;
  }
  if (wake) {
    uint64_t one = 1;
    check(write(wake_, &one, sizeof one) == sizeof one);
  }
}

void Loop::post(std::function<void()> task) { hand_over(tasks_, std::move(task)); }

void Loop::wake(std::shared_ptr<Wakeable> wakeable) { hand_over(woken_, std::move(wakeable)); }

void Loop::stop() {
  post([this] { stopping_ = true; });
}

void Loop::watch(int fd, uint32_t events, LoopClient* client) {
  epoll_event event{.events = events, .data = {.ptr = client}};
  check(epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) == 0);
}

void Loop::rewatch(int fd, uint32_t events, LoopClient* client) {
  epoll_event event{.events = events, .data = {.ptr = client}};
  check(epoll_ctl(epoll_, EPOLL_CTL_MOD, fd, &event) == 0);
}

void Loop::unwatch(int fd) { check(epoll_ctl(epoll_, EPOLL_CTL_DEL, fd, nullptr) == 0); }

void Loop::at_turn_end(LoopClient* client) {
  if (client->at_turn_end_) return;
  client->at_turn_end_ = true;
  turn_end_.push_back(client);
}

void Loop::later(LoopClient* client) {
  if (client->at_turn_end_ || client->later_) return;
  client->later_ = true;
  late_.push_back(client);
}

bool Loop::others_wait(const LoopClient* client) {
  {
    std::lock_guard lock(mutex_);
    if (!tasks_.empty() || !woken_.empty()) return true;
  }
  epoll_event events[2];  // they stay ready for the next turn
  int count = epoll_wait(epoll_, events, 2, 0);
  for (int i = 0; i < count; i++)
    if (events[i].data.ptr != client) return true;
  return false;
}

bool Loop::armed_before(const LoopClient* client, int64_t due_us) const {
  return client->timer_due_us_ != 0 && client->timer_due_us_ <= due_us;
}

void Loop::disarm(LoopClient* client) {
  if (client->timer_due_us_ == 0) return;
  timers_.erase({client->timer_due_us_, client});
  client->timer_due_us_ = 0;
}

void Loop::arm(LoopClient* client, int64_t due_us) {
  disarm(client);
  // Rounded up, so that many idle connections wake the thread together.
  int64_t grain_us = due_us - now_us_ > 8'000'000 ? 1'000'000 : 50'000;
  client->timer_due_us_ = (due_us / grain_us + 1) * grain_us;
  timers_.emplace(client->timer_due_us_, client);
}

void Loop::bury(std::unique_ptr<LoopClient> client) {
  disarm(client.get());
  buried_.push_back(std::move(client));
}

int Loop::wait_ms() {
  if (!turn_end_.empty() || !late_.empty() || !buried_.empty()) return 0;
  {
    std::lock_guard lock(mutex_);
    if (!tasks_.empty() || !woken_.empty()) return 0;
  }
  if (timers_.empty()) return -1;
  int64_t wait_us = timers_.begin()->first - now_us_;
  return wait_us <= 0 ? 0 : static_cast<int>(std::min<int64_t>(wait_us / 1000 + 1, INT32_MAX));
}

void Loop::run_tasks() {
  std::vector<std::function<void()>> tasks;
  {
    std::lock_guard lock(mutex_);
    tasks.swap(tasks_);
    waking_.swap(woken_);
    signalled_ = false;
  }
  for (auto& task : tasks) task();
  for (auto& wakeable : waking_) wakeable->on_wake();
  waking_.clear();
}

void Loop::run_timers() {
  while (!timers_.empty() && timers_.begin()->first <= now_us_) {
    auto client = timers_.begin()->second;
    disarm(client);
    client->on_timer();
  }
}

void Loop::end_turn() {
  // What asks for another end of turn gets it in the next one, after the others had theirs.
  std::vector<LoopClient*> clients;
  clients.swap(turn_end_);
  for (auto client : clients) {
    client->at_turn_end_ = false;
    client->on_turn_end();
  }
  // At least one in each turn, so that they go on however many come.
  for (size_t left = late_.size(); left > 0; left--) {
    auto client = late_.front();
    late_.pop_front();
    client->later_ = false;
    client->on_turn_end();
    if (!turn_end_.empty() || others_wait(nullptr)) break;
  }
  auto dead = std::move(buried_);
  buried_.clear();
  for (auto& client : dead) {
    std::erase(turn_end_, client.get());
    std::erase(late_, client.get());
  }
}

void Loop::run() {
  current_loop = this;
  read_buffer_ = std::make_unique_for_overwrite<char[]>(kReadBytes);
  constexpr int kEventsMax = 128;
  epoll_event events[kEventsMax];
  while (!stopping_) {
    int count = epoll_wait(epoll_, events, kEventsMax, wait_ms());
    check(count >= 0 || errno == EINTR);
    now_us_ = real_clock().monotonic_us();
    for (int i = 0; i < count; i++) {
      if (auto client = static_cast<LoopClient*>(events[i].data.ptr)) {
        client->on_ready(events[i].events);
      } else {
        uint64_t wakes;
        (void)!read(wake_, &wakes, sizeof wakes);  // nothing to read: another wake was faster
      }
    }
    run_tasks();
    run_timers();
    end_turn();
  }
}

void Loop::end() {
  std::vector<std::function<void()>> left;
  std::vector<std::shared_ptr<Wakeable>> woken;
  {
    std::lock_guard lock(mutex_);
    ended_ = true;
    left.swap(tasks_);
    woken.swap(woken_);
  }
  left.clear();
  woken.clear();
  turn_end_.clear();
  late_.clear();
  buried_.clear();
  check(timers_.empty());
  current_loop = nullptr;
}

}  // namespace sampan::net
