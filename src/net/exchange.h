// The link between an exchange, which any thread may hold, and its stream, which lives on an I/O thread.
#pragma once
#include <atomic>

#include "net/http.h"
#include "net/loop.h"

namespace sampan::net {

// A connection as its exchanges see it. I/O thread only.
class Responder {
 public:
  virtual ~Responder() = default;
  virtual void answer(int32_t stream, Response response) = 0;
  virtual void wake(int32_t stream) = 0;  // the stream's source has something
};

class StreamLink final : public Wakeable, public std::enable_shared_from_this<StreamLink> {
 public:
  StreamLink(std::shared_ptr<Mailbox> mailbox, Responder* responder, int32_t stream)
      : mailbox_(std::move(mailbox)), responder_(responder), stream_(stream) {}

  // Any thread.
  void respond(Response response);
  void wake();
  bool gone() const { return gone_.load(std::memory_order_acquire); }

  // I/O thread.
  void on_wake() override;
  void set_gone() { gone_.store(true, std::memory_order_release); }
  void detach();  // the stream is no more

 private:
  void deliver();

  const std::shared_ptr<Mailbox> mailbox_;
  Responder* responder_;  // null once detached; I/O thread
  const int32_t stream_;
  std::atomic<bool> gone_ = false;
  std::atomic<bool> wake_posted_ = false;
  std::unique_ptr<Response> response_;  // handed over by respond()
};

// `live` counts the exchanges that handlers hold (of one connection): a client that resets its streams does not free them.
std::shared_ptr<Exchange> make_exchange(Request request, std::shared_ptr<StreamLink> link, std::shared_ptr<std::atomic<unsigned>> live);

}  // namespace sampan::net
