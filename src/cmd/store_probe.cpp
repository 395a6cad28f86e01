#include "cmd/store_probe.h"

namespace sampan::cmd {

StoreProbe::~StoreProbe() {
  if (asking_.joinable()) asking_.join();
}

Result<void> StoreProbe::check() {
  std::unique_lock lock(mutex_);
  if (!waiting_) {
    if (asking_.joinable()) asking_.join();  // it has answered, so this does not wait
    waiting_ = true;
    asking_ = std::thread([this] {
      auto revision = store_.current_revision();
      std::lock_guard inner(mutex_);
      if (revision)
        answer_ = {};
      else
        answer_ = fail(std::move(revision).error());
      waiting_ = false;
      asked_++;
      answered_.notify_all();
    });
  }
  // Whoever comes meanwhile waits for the same answer.
  uint64_t before = asked_;
  if (!answered_.wait_for(lock, timeout_, [&] { return asked_ != before; }))
    return fail(Error(Reason::Timeout, "the store does not answer in time"));
  if (!answer_) return fail(answer_.error().clone());
  return {};
}

}  // namespace sampan::cmd
