// For tests of stores: a clock that is set, a directory that goes away, a sink that writes down what it gets.
#pragma once
#include <stdlib.h>

#include <condition_variable>

#include "base/environment.h"
#include "base/text.h"
#include "store/store.h"

namespace sampan::store {

class SetClock : public Clock {
 public:
  int64_t now_us() override { return us_.load(); }
  int64_t monotonic_us() override { return us_.load(); }
  void advance_seconds(int64_t seconds) { us_ += seconds * 1'000'000; }

 private:
  std::atomic<int64_t> us_ = 1'700'000'000'000'000;
};

class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    const char* base = getenv("TMPDIR");
    path_ = concat(base ? base : "/tmp", "/sampan-store-XXXXXX");
    if (!mkdtemp(path_.data())) abort();
  }
  ~TemporaryDirectory() { (void)!system(concat("rm -rf '", path_, "'").c_str()); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// "+2 a=1", "~3 a=2 was 1", "-4 a was 2": a change as text.
std::string text_of(const Change& change);

class Recorder : public WatchSink {
 public:
  void on_changes(std::span<const Change> changes) override {
    std::lock_guard lock(mutex_);
    for (auto& change : changes) {
      if (change.revision <= last_) ordered_ = false;
      last_ = change.revision;
      lines_.push_back(text_of(change));
    }
    wake_.notify_all();
  }
  void on_progress(Revision revision) override {
    std::lock_guard lock(mutex_);
    progress_ = std::max(progress_, revision);
    wake_.notify_all();
  }
  void on_end(Error error) override {
    std::lock_guard lock(mutex_);
    ended_ = std::string(name_of(error.reason()));
    wake_.notify_all();
  }
  // Waits for so many changes (a store that is not in this process delivers late), and gives what there is.
  std::vector<std::string> lines(size_t at_least) {
    return until([&] { return lines_.size() >= at_least; }), copy();
  }
  std::string ended() {
    return until([&] { return !ended_.empty(); }), ended_;
  }
  bool saw_progress(Revision revision) {
    return until([&] { return progress_ >= revision; });
  }
  Revision last() {
    std::lock_guard lock(mutex_);
    return last_;
  }
  bool ordered() {
    std::lock_guard lock(mutex_);
    return ordered_;
  }

 private:
  template <class F>
  bool until(F done) {
    std::unique_lock lock(mutex_);
    return wake_.wait_for(lock, std::chrono::seconds(20), done);
  }
  std::vector<std::string> copy() {
    std::lock_guard lock(mutex_);
    return lines_;
  }

  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<std::string> lines_;
  std::string ended_;
  Revision progress_ = 0, last_ = 0;
  bool ordered_ = true;
};

}  // namespace sampan::store
