#include "store/sqlite_compaction.h"

#include "base/text.h"

namespace sampan::store {

namespace {
constexpr int kSamples = 30;          // the window moves in steps of a thirtieth
constexpr size_t kSweepMin = 64;      // changes swept with a commit, at least ...
constexpr size_t kSweepPerWrite = 3;  // ... and for each change written, so that no backlog lasts
constexpr size_t kSweepMax = 2000;    // some 10 ms
constexpr int kShrinkEvery = 16;      // commits between two looks at what is free
constexpr int64_t kFreePagesKept = 512;
constexpr int64_t kShrinkMin = 128;  // pages given back with a commit, at least
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
  if (shrinking_ || ++commits_ % kShrinkEvery == 0) TRY(shrink(written));
  auto below = reachable(on_disk);
  if (reached_ >= below) return {};
  auto limit = std::min(std::max(kSweepMin, written * kSweepPerWrite), kSweepMax);
  reaching_ = TRY(tables_.sweep(reached_, below, static_cast<int>(limit)));
  if (reaching_ == below) shrinking_ = true;  // the next step looks at what is free now
  return tables_.set_meta("oldest", reaching_);
}

void SqliteCompaction::committed() {
  reached_ = std::max(reached_, std::exchange(reaching_, 0));
}
void SqliteCompaction::rolled_back() {
  reaching_ = 0;
  shrinking_ = false;
}

// Gives pages back to the file system when more than a quarter of the file is empty.
Result<void> SqliteCompaction::shrink(size_t written) {
  auto free = TRY(connection_.number("PRAGMA freelist_count"));
  shrinking_ = free >= kFreePagesKept && free * 4 >= TRY(connection_.number("PRAGMA page_count"));
  if (!shrinking_) return {};
  shrunk_ = true;
  auto pages = std::max(kShrinkMin, 2 * static_cast<int64_t>(written));
  return connection_.execute(concat("PRAGMA incremental_vacuum(", pages, ")").c_str());
}

}  // namespace sampan::store
