// Any bytes, cut in any way, against the HTTP/1.1 layer. The first byte says how they are cut.
#include "base/check.h"
#include "net/http1.h"
#include "net/testing.h"

using namespace sampan;
using namespace sampan::net;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  ProtocolRig rig;
  rig.shared->limits.header_bytes_max = 4096;
  rig.shared->limits.body_bytes_max = 1024;
  std::vector<std::shared_ptr<Exchange>> held;
  rig.shared->handler = [&](std::shared_ptr<Exchange> exchange) {
    auto& request = exchange->request();
    check(!request.method.empty() && (request.path == "*" || request.path.starts_with('/')));
    check(request.body.size() <= 1024);
    for (auto& [name, value] : request.headers) check(!name.empty() && value.find_first_of(std::string_view("\r\n\0", 3)) == std::string::npos);
    if (request.path == "/h") return held.push_back(std::move(exchange));
    if (request.path == "/s") return exchange->respond({.source = std::make_unique<ScriptSource>(std::make_shared<Script>())});
    exchange->respond({.body = request.body});
  };
  Http1Connection connection(rig.context());
  size_t step = data[0] % 64 + 1;
  std::string_view input(reinterpret_cast<const char*>(data) + 1, size - 1);
  for (size_t at = 0; at < input.size() && !connection.finished(); at += step) {
    connection.receive(input.substr(at, step));
    rig.drain(connection, 1024);
    if (data[0] & 0x80) held.clear();
  }
  connection.receive_end();
  rig.drain(connection);
  return 0;
}
