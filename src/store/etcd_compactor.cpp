#include "store/etcd_compactor.h"

#include "base/log.h"
#include "base/text.h"

namespace sampan::store {

namespace {
constexpr std::string_view kKey = "compact_rev_key";  // upstream's
}

EtcdCompactor::~EtcdCompactor() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  stop_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void EtcdCompactor::start(int64_t interval_ms) {
  if (interval_ms > 0) thread_ = std::thread([this, interval_ms] { run(interval_ms); });
}

void EtcdCompactor::run(int64_t interval_ms) {
  std::unique_lock lock(mutex_);
  while (!stop_.wait_for(lock, std::chrono::milliseconds(interval_ms), [this] { return stopping_; })) {
    lock.unlock();
    if (auto done = step(); !done) LOG_WARNING("compact etcd: ", done.error().message());
    lock.lock();
  }
}

Result<void> EtcdCompactor::step() {
  Write write;
  write.key = kKey;
  write.value = concat(before_);
  write.expected = seen_;
  auto written = TRY(store_.write(std::move(write)));
  if (!written.applied) {  // another server's turn, or our first look
    Revision theirs = 0;
    if (written.previous && parse_int(written.previous->value, theirs)) compacted_ = std::max(compacted(), theirs);
    seen_ = written.previous ? written.previous->modified : 0;
    before_ = written.revision;
    return {};
  }
  seen_ = written.revision;
  auto until = std::exchange(before_, written.revision);
  if (until == 0) return {};  // a new store
  auto done = store_.compact(until);
  if (!done && !done.error().is(Reason::Expired)) return done;
  compacted_ = std::max(compacted(), until);
  return {};
}

}  // namespace sampan::store
