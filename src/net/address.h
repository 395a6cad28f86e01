// Addresses and sockets: names are resolved, connections made, and failures said in Go's words.
#pragma once
#include "net/stream.h"

namespace sampan::net {

std::string error_words(int number);   // of errno: "connection refused"
std::string describe_socket(int fd);   // "tcp 10.0.0.1:42->10.0.0.2:80"
std::string join_host_port(std::string_view host, uint16_t port);  // with brackets around IPv6
bool is_ip_address(std::string_view host);

// Resolves the host once and tries what was found in order.
Result<std::unique_ptr<SocketStream>> dial_tcp(const std::string& host, uint16_t port, int64_t deadline_us, Cancellation* cancellation);
Result<std::unique_ptr<SocketStream>> dial_unix(const std::string& path, int64_t deadline_us);

}  // namespace sampan::net
