#include "cmd/signals.h"

#include <signal.h>
#include <unistd.h>

#include "base/footprint.h"

namespace sampan::cmd {

namespace {

constexpr int64_t kSettled = 3'000;  // ms: by then start-up is over

sigset_t ending_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  return signals;
}

}  // namespace

void block_signals() {
  auto signals = ending_signals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  signal(SIGPIPE, SIG_IGN);
}

bool pause_unless_signal(int64_t ms) {
  auto signals = ending_signals();
  timespec time{.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1'000'000};
  int signal = sigtimedwait(&signals, nullptr, &time);
  if (signal < 0) return true;
  ::kill(::getpid(), signal);
  return false;
}

void wait_for_signal() {
  if (pause_unless_signal(kSettled)) leave_startup_behind();
  auto signals = ending_signals();
  int signal = 0;
  sigwait(&signals, &signal);
  std::thread([signals] {
    int second = 0;
    sigwait(&signals, &second);
    ::_exit(1);
  }).detach();
}

}  // namespace sampan::cmd
