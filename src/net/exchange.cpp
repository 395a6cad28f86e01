#include "net/exchange.h"

#include "base/check.h"

namespace sampan::net {

void StreamLink::respond(Response response) {
  response_ = std::make_unique<Response>(std::move(response));
  if (mailbox_->on_own_thread())
    deliver();
  else
    mailbox_->post([self = shared_from_this()] { self->deliver(); });
}

void StreamLink::deliver() {
  auto response = std::move(response_);
  if (responder_) responder_->answer(stream_, std::move(*response));
}

void StreamLink::wake() {
  if (wake_posted_.exchange(true)) return;
  // Posted even from the I/O thread: a source may call its waker from inside pull().
  mailbox_->wake(shared_from_this());
}

void StreamLink::on_wake() {
  wake_posted_ = false;
  if (responder_) responder_->wake(stream_);
}

void StreamLink::detach() {
  responder_ = nullptr;
  set_gone();
}

namespace {

class ServerExchange final : public Exchange {
 public:
  ServerExchange(Request request, std::shared_ptr<StreamLink> link, std::shared_ptr<std::atomic<unsigned>> live)
      : request_(std::move(request)), link_(std::move(link)), live_(std::move(live)) {
    live_->fetch_add(1, std::memory_order_relaxed);
  }
  ~ServerExchange() override {
    live_->fetch_sub(1, std::memory_order_relaxed);
    if (!answered_.load()) link_->respond(Response{.status = 500});
  }
  Request& request() override { return request_; }
  void respond(Response response) override {
    check(!answered_.exchange(true));
    link_->respond(std::move(response));
  }
  bool gone() const override { return link_->gone(); }

 private:
  Request request_;
  const std::shared_ptr<StreamLink> link_;
  const std::shared_ptr<std::atomic<unsigned>> live_;
  std::atomic<bool> answered_ = false;
};

}  // namespace

std::shared_ptr<Exchange> make_exchange(Request request, std::shared_ptr<StreamLink> link, std::shared_ptr<std::atomic<unsigned>> live) {
  return std::make_shared<ServerExchange>(std::move(request), std::move(link), std::move(live));
}

}  // namespace sampan::net
