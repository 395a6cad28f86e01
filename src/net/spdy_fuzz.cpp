// Any bytes as the other side of a SPDY connection; the first byte says which.
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"
#include "net/spdy.h"

using namespace sampan;
using namespace sampan::net;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  constexpr size_t kSocketHolds = 32 * 1024;
  if (size < 2 || size > kSocketHolds) return 0;
  int ends[2];
  check(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
  check(send(ends[0], data + 1, size - 1, 0) == static_cast<ssize_t>(size - 1));
  close(ends[0]);
  SpdySession session(std::make_unique<SocketStream>(ends[1]), data[0] & 1 ? SpdySession::Role::Client : SpdySession::Role::Server);
  SpdyFrame frame;
  while (true) {
    auto read = session.read(frame);
    if (!read || !*read) return 0;
    for (auto& [name, value] : frame.headers) check(!name.empty());
  }
}
