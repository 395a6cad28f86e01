// Any frames against the HTTP/2 layer. The preface is given, so that inputs start where it becomes interesting.
#include "base/check.h"
#include "net/http2.h"
#include "net/testing.h"

using namespace sampan;
using namespace sampan::net;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  ProtocolRig rig;
  rig.shared->limits.header_bytes_max = 4096;
  rig.shared->limits.body_bytes_max = 1024;
  rig.shared->limits.streams_per_connection_max = 8;
  rig.shared->limits.resets_per_minute_max = 20;
  std::vector<std::shared_ptr<Exchange>> held;
  rig.shared->handler = [&](std::shared_ptr<Exchange> exchange) {
    auto& request = exchange->request();
    check(!request.method.empty() && request.body.size() <= 1024);
    check(held.size() <= 2 * 8 + 1);
    if (request.path == "/h") return held.push_back(std::move(exchange));
    if (request.path == "/s") return exchange->respond({.source = std::make_unique<ScriptSource>(std::make_shared<Script>())});
    exchange->respond({.body = request.path});
  };
  Http2Connection connection(rig.context());
  connection.receive(std::string_view("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0", 33));
  size_t step = data[0] % 64 + 1;
  std::string_view input(reinterpret_cast<const char*>(data) + 1, size - 1);
  for (size_t at = 0; at < input.size() && !connection.finished(); at += step) {
    connection.receive(input.substr(at, step));
    rig.drain(connection, 1024);
    if (data[0] & 0x80) held.clear();
    rig.carrier.now += 1000;
  }
  connection.check_timeouts();
  rig.drain(connection);
  return 0;
}
