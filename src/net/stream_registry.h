// The upgraded connections of a server: whoever took one over owns it, and the server can still cut it when it stops.
#pragma once
#include <set>

#include "net/stream.h"

namespace sampan::net {

class StreamRegistry : public std::enable_shared_from_this<StreamRegistry> {
 public:
  // Takes the socket (and `ssl`, if any) over; null if the server has stopped.
  std::unique_ptr<ByteStream> track(int fd, SSL* ssl, std::string ahead);
  size_t size() const { return size_.load(std::memory_order_relaxed); }
  void close();  // cancels all, and whatever comes later

 private:
  class Tracked;
  std::atomic<size_t> size_ = 0;
  std::mutex mutex_;  // guards the rest
  std::set<Tracked*> streams_;
  bool closed_ = false;
};

}  // namespace sampan::net
