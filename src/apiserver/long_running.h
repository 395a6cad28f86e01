// Watches and other answers that go on: they are counted, and woken when the server stops so that they can end.
#pragma once
#include <memory>
#include <set>

#include "base/metrics.h"
#include "net/http.h"

namespace sampan::apiserver {

// Lives as long as every source it has wrapped.
class LongRunning : public std::enable_shared_from_this<LongRunning> {
 public:
  // `gauge` counts it until it is gone.
  std::unique_ptr<net::BodySource> track(std::unique_ptr<net::BodySource> source, Series& gauge);
  void wake_all();

 private:
  class Tracked;
  std::mutex mutex_;  // guards the rest
  std::set<Tracked*> running_;
};

}  // namespace sampan::apiserver
