#include "store/sqlite_compaction.h"

#include "base/text.h"

namespace sampan::store {

namespace {
constexpr int kSamples = 30;          // the window moves in steps of a thirtieth
constexpr size_t kSweepMin = 64;      // changes swept with a commit, at least ...
constexpr size_t kSweepPerWrite = 3;  // ... and for each change written, so that no backlog lasts
constexpr size_t kSweepMax = 2000;    // some 10 ms
constexpr int kShrinkEvery = 16;      // commits
constexpr int64_t kFreePagesKept = 512;
}  // namespace

void SqliteCompaction::note(int64_t now_us, Revision current) {
  if (history_us_ == 0) return;
  // A clock that was set back would hold samples for ever.
  while (!samples_.empty() && samples_.back().time_us > now_us) samples_.pop_back();
  if (samples_.empty() || now_us - samples_.back().time_us >= history_us_ / kSamples)
    samples_.push_back({now_us, current});
  Revision target = 0;
  while (!samples_.empty() && samples_.front().time_us <= now_us - history_us_) {
    target = samples_.front().revision;
    samples_.pop_front();
  }
  if (target > 0) state_.set_oldest(target);
}

Result<void> SqliteCompaction::step(size_t written, Revision on_disk) {
  if (++commits_ % kShrinkEvery == 0) TRY(shrink(written));
  if (!has_work()) return {};
  auto limit = std::min(std::max(kSweepMin, written * kSweepPerWrite), kSweepMax);
  reaching_ = TRY(tables_.sweep(reached_, std::min(state_.oldest(), on_disk), static_cast<int>(limit)));
  return tables_.set_meta("oldest", reaching_);
}

void SqliteCompaction::committed() {
  reached_ = std::max(reached_, std::exchange(reaching_, 0));
}
void SqliteCompaction::rolled_back() {
  reaching_ = 0;
}

// Gives pages back to the file system when more than a quarter of the file is empty.
Result<void> SqliteCompaction::shrink(size_t written) {
  auto free = TRY(connection_.number("PRAGMA freelist_count"));
  if (free < kFreePagesKept || free * 4 < TRY(connection_.number("PRAGMA page_count"))) return {};
  auto pages = static_cast<int64_t>(kShrinkEvery) * std::max<int64_t>(16, static_cast<int64_t>(written));
  return connection_.execute(
      concat("PRAGMA incremental_vacuum(", std::min(free - kFreePagesKept / 2, pages), ")").c_str());
}

}  // namespace sampan::store
