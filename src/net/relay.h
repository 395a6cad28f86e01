// What passes on: bytes between two streams, a body that blocking code makes, another server's answer.
#pragma once
#include "net/client.h"
#include "net/thread_set.h"

namespace sampan::net {

// Both ways until either side ends; then both are closed, once what the backend had said is with the client. Takes two seats.
void pipe(const std::shared_ptr<ThreadSet::Seats>& seats, std::shared_ptr<ByteStream> client, std::shared_ptr<ByteStream> backend);
// Says no more, and waits a little for the other side to have read everything: a socket closed with bytes of the other side unread
// is reset, which may take our last words away from it.
void finish(ByteStream& stream);

// Where blocking code writes a body.
class BodySink {
 public:
  virtual ~BodySink() = default;
  virtual bool write(std::string_view bytes) = 0;  // waits for room; false: nobody reads any more
  virtual bool gone() const = 0;
};
// `produce` runs on a seat of its own and returns whether the body is whole (otherwise the answer is broken off). `stop` is called
// from another thread when nobody reads any more, to wake what `produce` waits for; it may come late or never.
std::unique_ptr<BodySource> threaded_source(const std::shared_ptr<ThreadSet::Seats>& seats, std::function<bool(BodySink&)> produce,
                                            std::function<void()> stop);

// Another server's answer as ours: status, body, and the fields that are not the connection's.
Response relay(const std::shared_ptr<ThreadSet::Seats>& seats, std::unique_ptr<AnswerStream> answer);
// A backend's 101 as ours; behind it both are piped. Takes two seats.
Response relay_upgrade(const std::shared_ptr<ThreadSet::Seats>& seats, Upgraded upgraded);

// The fields of a request that a backend may see: without who asks, and without what belongs to the connection. "upgrade" stays.
Headers passed_on(const Headers& headers);

}  // namespace sampan::net
