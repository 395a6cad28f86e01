#include "net/relay.h"

#include <condition_variable>

#include "base/environment.h"
#include "net/message.h"

namespace sampan::net {

namespace {

constexpr int64_t kLinger_ms = 2000;
constexpr size_t kAheadBytes = 64 * 1024;  // made ahead of what the client has taken

// Fields of one connection that are no business of the next (RFC 9110 7.6.1).
bool is_hop_field(std::string_view name) {
  return is_framing_field(name) || name == "te" || name == "trailer" || name == "proxy-authenticate" || name == "proxy-authorization" ||
         name == "proxy-connection";
}

void drain(ByteStream& stream) {
  char buffer[4096];
  auto deadline_us = deadline_in_ms(kLinger_ms);
  while (true) {
    auto taken = stream.read_some(buffer, sizeof buffer, deadline_us);
    if (!taken || *taken == 0) return;
  }
}

// The two directions of a pipe, each on its thread.
struct Pipe {
  std::shared_ptr<ByteStream> client, backend;
  std::mutex mutex;
  std::condition_variable changed;
  bool upward_ended = false;

  void upward() {
    pump(*client, *backend);
    backend->cancel();  // a client that has ended wants no more
    drain(*client);
    std::lock_guard lock(mutex);
    upward_ended = true;
    changed.notify_all();
  }
  void downward() {
    pump(*backend, *client);
    client->end_writes();
    backend->cancel();
    std::unique_lock lock(mutex);
    changed.wait_for(lock, std::chrono::milliseconds(kLinger_ms), [this] { return upward_ended; });
    client->cancel();
  }
};

// A body between the thread that makes it and the I/O thread that sends it.
class Channel final : public BodySink {
 public:
  bool write(std::string_view bytes) override {
    while (!bytes.empty()) {
      std::function<void()> wake;
      {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return gone_ || ready_.size() < kAheadBytes; });
        if (gone_) return false;
        auto piece = bytes.substr(0, kAheadBytes);
        if (ready_.empty()) wake = waker_;
        ready_ += piece;
        bytes.remove_prefix(piece.size());
      }
      if (wake) wake();
    }
    return true;
  }
  bool gone() const override {
    std::lock_guard lock(mutex_);
    return gone_;
  }
  void end(bool whole) {
    std::function<void()> wake;
    {
      std::lock_guard lock(mutex_);
      end_ = whole ? BodySource::Pull::End : BodySource::Pull::Abort;
      wake = waker_;
    }
    if (wake) wake();
  }

  void set_waker(std::function<void()> waker) {
    std::lock_guard lock(mutex_);
    waker_ = std::move(waker);
  }
  BodySource::Pull pull(std::string& out) {
    std::lock_guard lock(mutex_);
    out += ready_;
    ready_.clear();
    changed_.notify_all();
    return end_;
  }
  void leave() {
    std::lock_guard lock(mutex_);
    gone_ = true;
    waker_ = nullptr;
    changed_.notify_all();
  }

 private:
  mutable std::mutex mutex_;  // guards the rest
  std::condition_variable changed_;
  std::string ready_;
  std::function<void()> waker_;
  BodySource::Pull end_ = BodySource::Pull::Wait;
  bool gone_ = false;
};

class ThreadedSource final : public BodySource {
 public:
  ThreadedSource(std::shared_ptr<Channel> channel, std::function<void()> stop) : channel_(std::move(channel)), stop_(std::move(stop)) {}
  ~ThreadedSource() override {
    channel_->leave();
    if (stop_) stop_();
  }
  void start(std::function<void()> waker) override { channel_->set_waker(std::move(waker)); }
  Pull pull(std::string& out, size_t) override { return channel_->pull(out); }

 private:
  const std::shared_ptr<Channel> channel_;
  const std::function<void()> stop_;
};

}  // namespace

void finish(ByteStream& stream) {
  stream.end_writes();
  drain(stream);
}

void pipe(const std::shared_ptr<ThreadSet::Seats>& seats, std::shared_ptr<ByteStream> client, std::shared_ptr<ByteStream> backend) {
  auto both = std::make_shared<Pipe>();
  both->client = std::move(client);
  both->backend = std::move(backend);
  seats->run([both] { both->upward(); });
  seats->run([both] { both->downward(); });
}

std::unique_ptr<BodySource> threaded_source(const std::shared_ptr<ThreadSet::Seats>& seats, std::function<bool(BodySink&)> produce,
                                            std::function<void()> stop) {
  auto channel = std::make_shared<Channel>();
  seats->run([channel, produce = std::move(produce)] { channel->end(produce(*channel)); });
  return std::make_unique<ThreadedSource>(std::move(channel), std::move(stop));
}

Response relay(const std::shared_ptr<ThreadSet::Seats>& seats, std::unique_ptr<AnswerStream> answer) {
  Response response{.status = answer->head().status};
  for (auto& [name, value] : answer->head().headers)
    if (!is_hop_field(name)) response.headers.emplace_back(name, value);
  if (!has_body(response.status)) return response;
  std::shared_ptr<AnswerStream> shared = std::move(answer);
  auto produce = [shared](BodySink& sink) {
    std::string piece;
    while (true) {
      piece.clear();
      auto more = shared->read_some(piece);
      if (!more) return false;
      if (!sink.write(piece)) return false;
      if (!*more) return true;
    }
  };
  response.source = threaded_source(seats, std::move(produce), [shared] { shared->cancel(); });
  return response;
}

Response relay_upgrade(const std::shared_ptr<ThreadSet::Seats>& seats, Upgraded upgraded) {
  Response response{.status = 101};
  for (auto& [name, value] : upgraded.answer.headers)
    if (!is_hop_field(name) || name == "upgrade") response.headers.emplace_back(name, value);
  std::shared_ptr<ByteStream> backend = std::move(upgraded.stream);
  response.upgraded = [seats, backend](std::unique_ptr<ByteStream> client) { pipe(seats, std::move(client), backend); };
  return response;
}

Headers passed_on(const Headers& headers) {
  Headers passed;
  for (auto& [name, value] : headers) {
    bool who = name == "authorization" || name.starts_with("impersonate-") || name.starts_with("x-remote-");
    if (who || name == "host" || (is_hop_field(name) && name != "upgrade")) continue;
    passed.emplace_back(name, value);
  }
  return passed;
}

}  // namespace sampan::net
