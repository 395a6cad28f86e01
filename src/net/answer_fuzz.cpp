// Any bytes as a server's answer. The first byte says what was asked.
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"
#include "net/answer_reader.h"

using namespace sampan;
using namespace sampan::net;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  constexpr size_t kSocketHolds = 64 * 1024;
  if (size < 2 || size > kSocketHolds) return 0;
  int ends[2];
  check(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
  check(send(ends[0], data + 1, size - 1, 0) == static_cast<ssize_t>(size - 1));
  close(ends[0]);
  SocketStream stream(ends[1]);
  AnswerReader reader(stream, {.is_head = (data[0] & 1) != 0, .upgrade = (data[0] & 2) != 0, .header_bytes_max = 4096});
  if (!reader.read_head(kNoDeadline)) return 0;
  auto& answer = reader.answer();
  check(answer.status >= 101 && answer.status <= 999);
  for (auto& [name, value] : answer.headers) check(value.find_first_of(std::string_view("\r\n\0", 3)) == std::string::npos);
  if (answer.status == 101) return 0;
  std::string body;
  while (true) {
    auto more = reader.read_body(body, kNoDeadline);
    if (!more || !*more) break;
  }
  check(body.size() < size);
  return 0;
}
