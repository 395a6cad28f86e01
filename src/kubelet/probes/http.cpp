// See http.h.
#include "kubelet/probes/http.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <memory>

#include "base/environment.h"
#include "base/text.h"

namespace sampan::kubelet {

namespace {

constexpr size_t kBodyBytesMax = 10 * 1024, kHeadBytesMax = 64 * 1024;
constexpr std::string_view kTimedOut = "context deadline exceeded (Client.Timeout exceeded while awaiting headers)";

std::string address_of(const std::string& host, int port) {
  return host.find(':') == std::string::npos ? concat(host, ":", port) : concat("[", host, "]:", port);
}

// As Go says it: "connection refused".
std::string go_error(int error) {
  std::string text = strerror(error);
  if (!text.empty()) text[0] = static_cast<char>(tolower(static_cast<unsigned char>(text[0])));
  return text;
}

class Connection {
 public:
  explicit Connection(int64_t timeout_ms) : deadline_us_(real_clock().monotonic_us() + timeout_ms * 1000) {}
  Connection(const Connection&) = delete;
  ~Connection() {
    tls_.reset();
    if (socket_ >= 0) {
      // Closed at once, without the minutes of TIME_WAIT that thousands of probes would pile up.
      linger off{1, 0};
      ::setsockopt(socket_, SOL_SOCKET, SO_LINGER, &off, sizeof off);
      ::close(socket_);
    }
  }

  // An empty text is success.
  std::string connect(const std::string& host, int port) {
    auto where = concat("dial tcp ", address_of(host, port), ": ");
    addrinfo hints = {}, *found = nullptr;
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_NUMERICSERV;
    if (::getaddrinfo(host.c_str(), concat(port).c_str(), &hints, &found) != 0) return concat("dial tcp: lookup ", host, ": no such host");
    std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> guard(found, ::freeaddrinfo);
    socket_ = ::socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (socket_ < 0) return concat(where, "socket: ", go_error(errno));
    if (::connect(socket_, found->ai_addr, found->ai_addrlen) == 0) return {};
    if (errno != EINPROGRESS) return concat(where, "connect: ", go_error(errno));
    if (!wait(POLLOUT)) return concat(where, "i/o timeout");
    int error = 0;
    socklen_t size = sizeof error;
    ::getsockopt(socket_, SOL_SOCKET, SO_ERROR, &error, &size);
    return error == 0 ? std::string() : concat(where, "connect: ", go_error(error));
  }

  std::string start_tls(const std::string& host) {
    static SSL_CTX* context = [] {
      auto made = SSL_CTX_new(TLS_client_method());
      SSL_CTX_set_verify(made, SSL_VERIFY_NONE, nullptr);
      SSL_CTX_set_security_level(made, 0);  // a probe asks whether the server lives, not how it is kept
      return made;
    }();
    tls_.reset(SSL_new(context));
    SSL_set_fd(tls_.get(), socket_);
    in6_addr ignored;
    bool is_address = ::inet_pton(AF_INET, host.c_str(), &ignored) == 1 || ::inet_pton(AF_INET6, host.c_str(), &ignored) == 1;
    if (!is_address) SSL_set_tlsext_host_name(tls_.get(), host.c_str());
    while (true) {
      int done = SSL_connect(tls_.get());
      if (done == 1) return {};
      if (!wait_for_tls(done)) return late() ? std::string(kTimedOut) : "tls: handshake failure";
    }
  }

  std::string send(std::string_view bytes) {
    while (!bytes.empty()) {
      auto put = tls_ ? SSL_write(tls_.get(), bytes.data(), static_cast<int>(bytes.size()))
                      : static_cast<int>(::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL));
      if (put > 0)
        bytes.remove_prefix(static_cast<size_t>(put));
      else if (tls_ ? !wait_for_tls(put) : errno != EAGAIN || !wait(POLLOUT))
        return late() ? std::string(kTimedOut) : concat("write: ", go_error(errno));
    }
    return {};
  }

  // What comes, until the peer closes or `enough` says so.
  std::string receive(std::string& bytes, const std::function<bool()>& enough) {
    char buffer[8192];
    while (!enough()) {
      auto got = tls_ ? SSL_read(tls_.get(), buffer, sizeof buffer) : static_cast<int>(::recv(socket_, buffer, sizeof buffer, 0));
      if (got > 0) {
        bytes.append(buffer, static_cast<size_t>(got));
        continue;
      }
      if (tls_ ? SSL_get_error(tls_.get(), got) == SSL_ERROR_ZERO_RETURN : got == 0) return {};
      if (tls_ ? wait_for_tls(got) : errno == EAGAIN && wait(POLLIN)) continue;
      if (late()) return std::string(kTimedOut);
      return bytes.empty() ? concat("read: ", go_error(errno)) : std::string();
    }
    return {};
  }

 private:
  bool late() const { return real_clock().monotonic_us() >= deadline_us_; }
  bool wait(short what) {
    auto left = deadline_us_ - real_clock().monotonic_us();
    pollfd one = {socket_, what, 0};
    return left > 0 && ::poll(&one, 1, static_cast<int>((left + 999) / 1000)) > 0;
  }
  bool wait_for_tls(int result) {
    auto error = SSL_get_error(tls_.get(), result);
    ERR_clear_error();
    if (error == SSL_ERROR_WANT_READ) return wait(POLLIN);
    if (error == SSL_ERROR_WANT_WRITE) return wait(POLLOUT);
    return false;
  }

  const int64_t deadline_us_;
  int socket_ = -1;
  std::unique_ptr<SSL, decltype(&SSL_free)> tls_{nullptr, SSL_free};
};

std::string request_for(const HttpTarget& target) {
  bool has_agent = false, has_accept = false, has_host = false;
  std::string headers;
  for (auto& [name, value] : target.headers) {
    // A line break would be a second header, or a second request.
    if (name.find_first_of("\r\n:") != std::string::npos || value.find_first_of("\r\n") != std::string::npos) continue;
    if (iequals(name, "host")) has_host = true;
    if (iequals(name, "user-agent")) has_agent = true;
    if (iequals(name, "accept")) has_accept = true;
    if (iequals(name, "connection") || (iequals(name, "accept") && value.empty())) continue;
    append(headers, name, ": ", value, "\r\n");
  }
  std::string path;
  for (char c : target.path) {
    if (static_cast<unsigned char>(c) <= ' ' || c == 127)
      append(path, "%", "0123456789ABCDEF"[static_cast<unsigned char>(c) >> 4], "0123456789ABCDEF"[c & 15]);
    else
      path += c;
  }
  auto out = concat("GET ", path.starts_with("/") ? "" : "/", path, " HTTP/1.1\r\n");
  if (!has_host) append(out, "Host: ", address_of(target.host, target.port), "\r\n");
  if (!has_agent) out += "User-Agent: kube-probe/1.36\r\n";
  if (!has_accept) out += "Accept: */*\r\n";
  return concat(out, headers, "Connection: close\r\n\r\n");
}

}  // namespace

std::string HttpTarget::url() const {
  return concat(tls ? "https://" : "http://", address_of(host, port), path.starts_with("/") ? "" : "/", path);
}

bool parse_http_answer(std::string_view bytes, HttpAnswer& answer) {
  auto end = bytes.find("\r\n\r\n");
  if (!bytes.starts_with("HTTP/1.") || bytes.size() < 12 || end == std::string_view::npos) return false;
  if (!parse_int(bytes.substr(9, 3), answer.status) || answer.status < 100) return false;
  for (auto line : split(bytes.substr(0, end), '\n')) {
    auto colon = line.find(':');
    if (colon != std::string_view::npos && iequals(line.substr(0, colon), "location")) answer.location = trim(line.substr(colon + 1));
  }
  answer.body = bytes.substr(end + 4, kBodyBytesMax);
  return true;
}

Result<HttpAnswer> http_get(const HttpTarget& target, int64_t timeout_ms) {
  auto refuse = [&](std::string_view why) { return fail(failure(concat("Get ", quoted(target.url()), ": ", why))); };
  Connection connection(timeout_ms);
  if (auto error = connection.connect(target.host, target.port); !error.empty())
    return refuse(error.ends_with("i/o timeout") ? "context deadline exceeded (Client.Timeout exceeded while awaiting headers)" : std::string_view(error));
  if (target.tls)
    if (auto error = connection.start_tls(target.host); !error.empty()) return refuse(error);
  if (auto error = connection.send(request_for(target)); !error.empty()) return refuse(error);
  std::string bytes;
  size_t head = std::string::npos;
  auto enough = [&] {
    if (head == std::string::npos) head = bytes.find("\r\n\r\n");
    // An interim answer is followed by the real one.
    while (head != std::string::npos && bytes.size() > 12 && bytes[9] == '1') {
      bytes.erase(0, head + 4);
      head = bytes.find("\r\n\r\n");
    }
    return bytes.size() > kHeadBytesMax || (head != std::string::npos && bytes.size() - head > kBodyBytesMax);
  };
  auto error = connection.receive(bytes, enough);
  HttpAnswer answer;
  if (parse_http_answer(bytes, answer)) return answer;
  if (!error.empty()) return refuse(error);
  return refuse(bytes.empty() ? std::string("EOF") : concat("net/http: HTTP/1.x transport connection broken: malformed HTTP response ", quoted(bytes.substr(0, 40))));
}

Result<void> tcp_connect(const std::string& host, int port, int64_t timeout_ms) {
  Connection connection(timeout_ms);
  if (auto error = connection.connect(host, port); !error.empty()) return fail(failure(std::move(error)));
  return {};
}

}  // namespace sampan::kubelet
