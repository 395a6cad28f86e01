#include "net/client.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/check.h"
#include "base/text.h"
#include "net/server.h"
#include "net/testing.h"

namespace sampan::net {
namespace {

// A server of one thread that says what it is told to, connection by connection.
class RawServer {
 public:
  struct Say {
    std::string text;
    bool keep = false;  // wait for another request on this connection, and say the next thing there
  };
  explicit RawServer(std::vector<Say> script, const std::string& unix_path = {}) : script_(std::move(script)) {
    sockaddr_in tcp{.sin_family = AF_INET, .sin_port = 0, .sin_addr = {htonl(INADDR_LOOPBACK)}, .sin_zero = {}};
    sockaddr_un local{.sun_family = AF_UNIX, .sun_path = {}};
    unix_path.copy(local.sun_path, sizeof local.sun_path - 1);
    bool is_unix = !unix_path.empty();
    fd_ = socket(is_unix ? AF_UNIX : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    auto name = is_unix ? reinterpret_cast<sockaddr*>(&local) : reinterpret_cast<sockaddr*>(&tcp);
    socklen_t size = is_unix ? sizeof local : sizeof tcp;
    check(bind(fd_, name, size) == 0 && ::listen(fd_, 16) == 0);
    if (!is_unix) {
      getsockname(fd_, name, &size);
      port = ntohs(tcp.sin_port);
    }
    thread_ = std::thread([this] { serve(); });
  }
  ~RawServer() {
    shutdown(fd_, SHUT_RDWR);
    thread_.join();
    close(fd_);
  }
  uint16_t port = 0;
  std::vector<std::string> requests;  // read after the client is done with them

 private:
  void serve() {
    for (size_t i = 0; i < script_.size();) {
      int fd = accept(fd_, nullptr, nullptr);
      if (fd < 0) return;
      while (i < script_.size()) {
        std::string request;
        char buffer[4096];
        while (request.find("\r\n\r\n") == std::string::npos) {
          auto size = recv(fd, buffer, sizeof buffer, 0);
          if (size <= 0) break;
          request.append(buffer, size);
        }
        if (request.empty()) break;
        requests.push_back(request);
        auto& say = script_[i++];
        (void)!send(fd, say.text.data(), say.text.size(), MSG_NOSIGNAL);
        if (!say.keep) break;
      }
      close(fd);
    }
  }
  std::vector<Say> script_;
  int fd_;
  std::thread thread_;
};

std::unique_ptr<Client> plain_client(ClientOptions options = {}) { return std::move(*Client::create(std::move(options))); }
ClientRequest request_to(uint16_t port) {
  ClientRequest request;
  request.endpoint = {.host = "127.0.0.1", .port = port, .tls = false};
  request.target = "/x?y=z";
  request.timeout_ms = 3000;
  return request;
}

TEST(Client, AnswersAsTheyCome) {
  struct Case {
    const char* name;
    const char* method;
    std::string text;
    int status;       // 0: an error
    std::string body; // or the end of the error's text
  } cases[] = {
      {"length", "GET", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-A: 1\r\n\r\nhello", 200, "hello"},
      {"chunked", "GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nT: u\r\n\r\n", 200, "abcde"},
      {"until the end", "GET", "HTTP/1.1 200 OK\r\n\r\nall of it", 200, "all of it"},
      {"http/1.0", "GET", "HTTP/1.0 404 Not Found\r\n\r\nno", 404, "no"},
      {"no content", "DELETE", "HTTP/1.1 204 No Content\r\n\r\n", 204, ""},
      {"empty", "POST", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 200, ""},
      {"head", "HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", 200, ""},
      {"interim", "GET", "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\nContent-Length: 1\r\n\r\n!", 201, "!"},
      {"redirect is an answer", "GET", "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n", 302, ""},
      {"unasked upgrade", "GET", "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\nraw", 0, "unexpected 101 Switching Protocols response"},
      {"cut short", "GET", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel", 0, "unexpected EOF"},
      {"cut chunk", "GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab", 0, "unexpected EOF"},
      {"cut head", "GET", "HTTP/1.1 200 OK\r\nContent-Le", 0, ": unexpected EOF"},
      {"nothing", "GET", "", 0, ": EOF"},
      {"no HTTP", "GET", "SSH-2.0-OpenSSH_9\r\n", 0, "net/http: HTTP/1.x transport connection broken: malformed HTTP response \"SSH-2.0-OpenSSH_9\""},
      {"two framings", "GET", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 0, "malformed HTTP response \"HTTP/1.1 200 OK\""},
  };
  for (auto& c : cases) {
    SCOPED_TRACE(c.name);
    RawServer server({{c.text}});
    auto request = request_to(server.port);
    request.method = c.method;
    auto answer = plain_client()->send(request);
    if (c.status == 0) {
      ASSERT_FALSE(answer);
      EXPECT_TRUE(answer.error().message().ends_with(c.body)) << answer.error().message();
    } else {
      ASSERT_TRUE(answer) << answer.error().message();
      EXPECT_EQ(answer->status, c.status);
      EXPECT_EQ(answer->body, c.body);
    }
  }
}

TEST(Client, TheRequest) {
  RawServer server({{"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"}});
  auto request = request_to(server.port);
  request.method = "POST";
  request.body = "{}";
  request.host = "example.org";
  request.headers = {{"x-one", "a\r\nEvil: b"}, {"content-length", "99"}, {"connection", "upgrade"}, {"upgrade", "x"}};
  request.keep_alive = false;
  ASSERT_TRUE(plain_client({.user_agent = "sampan"})->send(request));
  EXPECT_EQ(server.requests[0],
            "POST /x?y=z HTTP/1.1\r\nHost: example.org\r\nX-One: a  Evil: b\r\nUser-Agent: sampan\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}");
  for (auto target : {"/a b", "", "/a\r\nHost: x"}) {
    request.target = target;
    EXPECT_TRUE(plain_client()->send(request).error().is(Reason::BadRequest));
  }
}

TEST(Client, Failures) {
  auto client = plain_client();
  auto request = request_to(1);
  EXPECT_EQ(client->send(request).error().message(), "Get \"http://127.0.0.1:1/x?y=z\": dial tcp 127.0.0.1:1: connect: connection refused");
  request.endpoint.unix_socket = "/nowhere/x.sock";
  EXPECT_TRUE(client->send(request).error().message().ends_with("dial unix /nowhere/x.sock: connect: no such file or directory"));

  RawServer silent({{"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe", true}, {""}});
  request = request_to(silent.port);
  request.timeout_ms = 50;
  auto late = client->send(request);
  EXPECT_TRUE(late.error().is(Reason::Timeout));
  EXPECT_EQ(late.error().message(), "context deadline exceeded (Client.Timeout or context cancellation while reading body)");

  RawServer mute({{"", true}, {""}});
  request.endpoint.port = mute.port;
  late = client->send(request);
  EXPECT_TRUE(late.error().message().ends_with(": context deadline exceeded (Client.Timeout exceeded while awaiting headers)")) << late.error().message();

  RawServer large({{"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n" + std::string(100, 'x')}, {"HTTP/1.1 200 OK\r\nX: " + std::string(5000, 'x') + "\r\n\r\n"}});
  request = request_to(large.port);
  request.body_bytes_max = 99;
  EXPECT_TRUE(client->send(request).error().is(Reason::RequestEntityTooLarge));
  EXPECT_TRUE(plain_client({.header_bytes_max = 4096})->send(request).error().is(Reason::RequestEntityTooLarge));
}

TEST(Client, ConnectionsAreKept) {
  const std::string ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
  // The second answer closes the connection, which the client notices before it uses it again.
  RawServer server({{ok, true}, {ok}, {ok, true}, {"", false}, {ok, true}, {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokmore", true}, {ok}});
  auto client = plain_client();
  auto request = request_to(server.port);
  ASSERT_TRUE(client->send(request));
  ASSERT_TRUE(client->send(request));
  usleep(20'000);
  ASSERT_TRUE(client->send(request));  // on a new connection, which stays open...
  ASSERT_TRUE(client->send(request));  // ... and is closed by the server instead of an answer: tried again on a new one
  ASSERT_EQ(server.requests.size(), 5u);
  ASSERT_TRUE(client->send(request));  // an answer with something behind it: the connection is not used again
}

TEST(Client, APostIsNotSentTwice) {
  const std::string ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
  RawServer server({{ok, true}, {"", false}, {ok}});
  auto client = plain_client();
  auto request = request_to(server.port);
  request.method = "POST";
  ASSERT_TRUE(client->send(request));
  EXPECT_FALSE(client->send(request));
  EXPECT_EQ(server.requests.size(), 2u);
}

TEST(Client, StreamsAndCancels) {
  RawServer server({{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n", true}, {""}});
  auto client = plain_client();
  auto stream = client->open(request_to(server.port));
  ASSERT_TRUE(stream);
  EXPECT_EQ((*stream)->head().status, 200);
  std::string body;
  EXPECT_TRUE(*(*stream)->read_some(body));
  EXPECT_EQ(body, "one");
  EXPECT_TRUE((*stream)->read_some(body, deadline_in_ms(10)).error().is(Reason::Timeout));
  std::thread other([&] { (*stream)->cancel(); });
  EXPECT_EQ((*stream)->read_some(body).error().message(), "context canceled");
  other.join();

  RawServer mute({{"", true}, {""}});
  auto request = request_to(mute.port);
  request.cancellation = std::make_shared<Cancellation>();
  std::thread third([&] {
    usleep(5000);
    request.cancellation->cancel();
  });
  EXPECT_TRUE(client->open(request).error().message().ends_with("context canceled"));
  third.join();
  EXPECT_TRUE(client->send(request).error().message().ends_with("context canceled"));  // before it began
}

TEST(Client, UpgradesOnlyBehind101) {
  RawServer server({{"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: raw\r\n\r\nfirst ", true}, {"second"},
                    {"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\nConnection: Upgrade\r\nUpgrade: raw\r\n\r\nno"},
                    {"HTTP/1.1 307 Temporary Redirect\r\nLocation: http://127.0.0.1:1/\r\n\r\n"}});
  auto client = plain_client();
  auto request = request_to(server.port);
  request.method = "POST";
  request.headers = {{"upgrade", "raw"}};
  auto upgraded = client->upgrade(request);
  ASSERT_TRUE(upgraded) << upgraded.error().message();
  ASSERT_TRUE(upgraded->stream);
  EXPECT_NE(server.requests[0].find("Upgrade: raw\r\nContent-Length: 0\r\nConnection: Upgrade\r\n\r\n"), std::string::npos);
  ASSERT_TRUE(upgraded->stream->write("more\r\n\r\n"));
  std::string got;
  char buffer[64];
  while (true) {
    auto size = upgraded->stream->read_some(buffer, sizeof buffer);
    ASSERT_TRUE(size);
    if (*size == 0) break;
    got.append(buffer, *size);
  }
  EXPECT_EQ(got, "first second");
  auto refused = client->upgrade(request);
  ASSERT_TRUE(refused);
  EXPECT_FALSE(refused->stream);
  EXPECT_EQ(refused->answer.status, 403);
  EXPECT_EQ(refused->answer.body, "no");
  EXPECT_EQ(client->upgrade(request)->answer.status, 307);
}

TEST(Client, UnixSocket) {
  TestFolder folder;
  auto path = folder.write("s", "");
  unlink(path.c_str());
  RawServer server({{"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"}}, path);
  ClientRequest request;
  request.endpoint = {.host = "", .tls = false, .unix_socket = path};
  EXPECT_EQ(plain_client()->send(request)->body, "ok");
}

struct TlsRig {
  TlsRig() {
    ServerOptions options;
    options.tls = {.certificate_file = folder.write("crt", own.certificate), .key_file = folder.write("key", own.key), .client_ca_file = folder.write("ca", authority.certificate)};
    options.io_threads = 1;
    server = std::move(*listen(std::move(options), [this](std::shared_ptr<Exchange> exchange) {
      auto& request = exchange->request();
      if (request.path == "/large") return exchange->respond({.body = std::string(4 << 20, 'x')});
      exchange->respond({.body = concat(request.host, ' ', request.peer ? request.peer->common_name : "nobody", ' ', request.body.size())});
    }));
  }
  ClientRequest request(std::string host = "127.0.0.1") {
    ClientRequest request;
    request.endpoint = {.host = std::move(host), .port = server->port()};
    request.timeout_ms = 3000;
    return request;
  }
  TestFolder folder;
  TestCertificate authority = make_certificate({.common_name = "ca", .authority = true}, nullptr);
  TestCertificate own = make_certificate({.common_name = "server", .key_usage = "serverAuth", .alternative_names = "DNS:sampan.test,IP:127.0.0.1"}, &authority);
  TestCertificate user = make_certificate({.common_name = "alice"}, &authority);
  std::unique_ptr<Server> server;
};

TEST(Client, Tls) {
  TlsRig rig;
  auto client = plain_client({.tls = {.ca_pem = rig.authority.certificate, .certificate_pem = rig.user.certificate, .key_pem = rig.user.key}});
  auto request = rig.request();
  auto host = concat("127.0.0.1:", rig.server->port());
  EXPECT_EQ(client->send(request)->body, host + " alice 0");
  request.method = "POST";
  request.body.assign(1 << 20, 'b');
  EXPECT_EQ(client->send(request)->body, host + " alice 1048576");
  request.endpoint.server_name = "sampan.test";
  EXPECT_EQ(client->send(request)->body, host + " alice 1048576");
  request = rig.request();
  request.target = "/large";
  EXPECT_EQ(client->send(request)->body.size(), 4u << 20);
  EXPECT_EQ(rig.server->counts().connections_total, 2u);  // one for each name

  auto nobody = plain_client({.tls = {.ca_pem = rig.authority.certificate}});
  EXPECT_EQ(nobody->send(rig.request())->body, host + " nobody 0");
}

TEST(Client, TlsIsVerified) {
  TlsRig rig;
  auto stranger = make_certificate({.common_name = "other", .authority = true}, nullptr);
  struct Case {
    const char* name;
    ClientTls tls;
    std::string server_name, problem;
  } cases[] = {
      {"another authority", {.ca_pem = stranger.certificate}, "", "tls: failed to verify certificate: x509: certificate signed by unknown authority"},
      {"the system's", {}, "", "tls: failed to verify certificate: x509: certificate signed by unknown authority"},
      {"not asked", {.skip_verify = true}, "other.test", ""},
      {"another name", {.ca_pem = rig.authority.certificate}, "other.test", "x509: certificate is valid for sampan.test, 127.0.0.1, not other.test"},
      {"another address", {.ca_pem = rig.authority.certificate}, "127.0.0.2", "x509: certificate is valid for sampan.test, 127.0.0.1, not 127.0.0.2"},
      {"the common name does not count", {.ca_pem = rig.authority.certificate}, "server", "not server"},
  };
  for (auto& c : cases) {
    SCOPED_TRACE(c.name);
    auto request = rig.request();
    request.endpoint.server_name = c.server_name;
    auto answer = plain_client({.tls = c.tls})->send(request);
    EXPECT_EQ(answer.has_value(), c.problem.empty());
    if (answer) continue;
    EXPECT_TRUE(answer.error().message().ends_with(c.problem)) << answer.error().message();
  }
  EXPECT_FALSE(Client::create({.tls = {.ca_pem = "nonsense"}}));
  EXPECT_FALSE(Client::create({.tls = {.certificate_pem = rig.user.certificate, .key_pem = rig.own.key}}));
}

TEST(Client, TlsToAServerWithoutIt) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in name{.sin_family = AF_INET, .sin_port = 0, .sin_addr = {htonl(INADDR_LOOPBACK)}, .sin_zero = {}};
  socklen_t size = sizeof name;
  check(bind(fd, reinterpret_cast<sockaddr*>(&name), size) == 0 && ::listen(fd, 1) == 0);
  getsockname(fd, reinterpret_cast<sockaddr*>(&name), &size);
  std::thread server([fd] {
    int client = accept(fd, nullptr, nullptr);
    char buffer[4096];
    (void)!recv(client, buffer, sizeof buffer, 0);
    (void)!send(client, "HTTP/1.1 400 Bad Request\r\n\r\n", 28, MSG_NOSIGNAL);
    close(client);
  });
  ClientRequest request;
  request.endpoint = {.host = "127.0.0.1", .port = ntohs(name.sin_port)};
  auto problem = plain_client()->send(request).error().message();
  EXPECT_TRUE(problem.ends_with(": http: server gave HTTP response to HTTPS client")) << problem;
  server.join();
  close(fd);
}

TEST(Client, Urls) {
  struct Case {
    const char* text;
    const char* shown;  // "" = refused
  } cases[] = {
      {"https://h", "s h 443 /"},          {"http://h:81/a/b?c=d#e", "p h 81 /a/b?c=d"}, {"HTTPS://[::1]:6443/x", "s ::1 6443 /x"},
      {"http://h?x", "p h 80 /?x"},        {"http://[::1]", "p ::1 80 /"},               {"h:80", ""},
      {"ftp://h", ""},                     {"https://", ""},                             {"https://h:99999", ""},
      {"https://u@h/", ""},                {"https://[::1", ""},                         {"https://[::1]x", ""},
      {"https://h:/x", "s h 443 /x"},      {"https://a b/", ""},
  };
  for (auto& c : cases) {
    auto url = parse_url(c.text);
    auto shown = url ? concat(url->endpoint.tls ? "s " : "p ", url->endpoint.host, ' ', url->endpoint.port, ' ', url->target) : "";
    EXPECT_EQ(shown, c.shown) << c.text;
  }
}

}  // namespace
}  // namespace sampan::net
