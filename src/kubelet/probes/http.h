// One GET to a container, as probes and hooks make it: whatever certificate it shows, no proxy, a connection of its own.
#pragma once
#include <string>
#include <vector>

#include "kubelet/failure.h"

namespace sampan::kubelet {

struct HttpTarget {
  bool tls = false;
  std::string host;
  int port = 80;
  std::string path = "/";
  std::vector<std::pair<std::string, std::string>> headers;
  std::string url() const;
};

struct HttpAnswer {
  int status = 0;
  std::string location;
  std::string body;  // its first 10 KB
};

// The error is in the words of Go's client: Get "http://10.0.0.5:80/": dial tcp 10.0.0.5:80: connect: connection refused
Result<HttpAnswer> http_get(const HttpTarget& target, int64_t timeout_ms);
// dial tcp 10.0.0.5:80: connect: connection refused
Result<void> tcp_connect(const std::string& host, int port, int64_t timeout_ms);
// The health service of gRPC. The error says what is wrong.
Result<void> grpc_check(const std::string& host, int port, const std::string& service, int64_t timeout_ms);

// The status line, the header that matters and the body. False: this is no HTTP answer.
bool parse_http_answer(std::string_view bytes, HttpAnswer& answer);

}  // namespace sampan::kubelet
