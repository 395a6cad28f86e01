#include "net/stream_registry.h"

namespace sampan::net {

class StreamRegistry::Tracked final : public ByteStream {
 public:
  Tracked(std::shared_ptr<StreamRegistry> registry, int fd, SSL* ssl, std::string ahead)
      : registry_(std::move(registry)), stream_(fd, ssl, std::move(ahead)) {
    registry_->size_.fetch_add(1, std::memory_order_relaxed);
  }
  ~Tracked() override {
    registry_->size_.fetch_sub(1, std::memory_order_relaxed);
    std::lock_guard lock(registry_->mutex_);
    registry_->streams_.erase(this);
  }
  Result<size_t> read_some(char* out, size_t size, int64_t deadline_us) override { return stream_.read_some(out, size, deadline_us); }
  Result<void> write(std::string_view bytes, int64_t deadline_us) override { return stream_.write(bytes, deadline_us); }
  void end_writes() override { stream_.end_writes(); }
  void cancel() override { stream_.cancel(); }

 private:
  const std::shared_ptr<StreamRegistry> registry_;
  SocketStream stream_;
};

std::unique_ptr<ByteStream> StreamRegistry::track(int fd, SSL* ssl, std::string ahead) {
  auto stream = std::make_unique<Tracked>(shared_from_this(), fd, ssl, std::move(ahead));
  {
    std::lock_guard lock(mutex_);
    if (!closed_) {
      streams_.insert(stream.get());
      return stream;
    }
  }
  return nullptr;
}

void StreamRegistry::close() {
  std::lock_guard lock(mutex_);
  closed_ = true;
  for (auto stream : streams_) stream->cancel();
}

}  // namespace sampan::net
