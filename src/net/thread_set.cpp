#include "net/thread_set.h"

#include <pthread.h>

#include "base/check.h"

namespace sampan::net {

namespace {
constexpr size_t kStackBytes = 1024 * 1024;
}

struct ThreadSet::Seats::Held {
  std::shared_ptr<State> state;
  std::mutex mutex;
  unsigned free = 0;
};

ThreadSet::~ThreadSet() {
  std::unique_lock lock(state_->mutex);
  state_->changed.wait(lock, [this] { return state_->taken == 0; });
}

unsigned ThreadSet::running() const {
  std::lock_guard lock(state_->mutex);
  return state_->taken;
}

void ThreadSet::leave(State& state, unsigned count) {
  std::lock_guard lock(state.mutex);
  state.taken -= count;
  state.changed.notify_all();
}

// A thread of its own, with a small stack: there may be hundreds, and they do little.
void ThreadSet::spawn(std::shared_ptr<State> state, std::function<void()> task) {
  struct Start {
    std::shared_ptr<State> state;
    std::function<void()> task;
  };
  auto start = std::make_unique<Start>(Start{std::move(state), std::move(task)});
  pthread_attr_t attributes;
  check(pthread_attr_init(&attributes) == 0);
  pthread_attr_setstacksize(&attributes, kStackBytes);
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  auto body = [](void* argument) -> void* {
    std::unique_ptr<Start> own(static_cast<Start*>(argument));
    own->task();
    own->task = nullptr;  // what it holds is let go before the seat
    leave(*own->state, 1);
    return nullptr;
  };
  pthread_t thread;
  int problem = pthread_create(&thread, &attributes, body, start.get());
  pthread_attr_destroy(&attributes);
  if (problem != 0) {
    leave(*start->state, 1);  // the task is dropped, and with it whatever it was to serve
    return;
  }
  start.release();
}

std::shared_ptr<ThreadSet::Seats> ThreadSet::take(unsigned count) {
  {
    std::lock_guard lock(state_->mutex);
    if (state_->taken + count > state_->max) return nullptr;
    state_->taken += count;
  }
  auto seats = std::make_shared<Seats>();
  seats->held_ = std::make_shared<Seats::Held>();
  seats->held_->state = state_;
  seats->held_->free = count;
  return seats;
}

bool ThreadSet::run(std::function<void()> task) {
  auto seats = take(1);
  if (seats) seats->run(std::move(task));
  return seats != nullptr;
}

void ThreadSet::Seats::run(std::function<void()> task) {
  {
    std::lock_guard lock(held_->mutex);
    check(held_->free > 0);
    held_->free--;
  }
  spawn(held_->state, std::move(task));
}

ThreadSet::Seats::~Seats() {
  if (held_ && held_->free > 0) leave(*held_->state, held_->free);
}

}  // namespace sampan::net
