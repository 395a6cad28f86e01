#include "net/server.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/text.h"
#include "net/h2_client.h"
#include "net/testing.h"

namespace sampan::net {
namespace {

// A running server with its certificates; /who tells the peer, /watch runs the script, /hold keeps the exchange.
class ServerTest : public testing::Test {
 protected:
  void SetUp() override {
    authority = make_certificate({.common_name = "ca", .authority = true}, nullptr);
    auto own = make_certificate({.common_name = "server-1", .key_usage = "serverAuth"}, &authority);
    options.tls = {.certificate_file = folder.write("server.crt", own.certificate),
                   .key_file = folder.write("server.key", own.key),
                   .client_ca_file = folder.write("ca.crt", authority.certificate)};
    options.too_large = [](const Request&) { return Response{.status = 413, .body = "too large"}; };
  }
  void start() {
    auto made = listen(options, [this](std::shared_ptr<Exchange> exchange) { handle(std::move(exchange)); });
    ASSERT_TRUE(made) << made.error().message();
    server = std::move(*made);
  }
  void handle(std::shared_ptr<Exchange> exchange) {
    auto& path = exchange->request().path;
    if (path == "/watch") {
      exchange->respond({.source = std::make_unique<ScriptSource>(script)});
    } else if (path == "/hold") {
      std::lock_guard lock(mutex);
      held.push_back(std::move(exchange));
    } else if (path == "/large") {
      exchange->respond({.body = std::string(20 << 20, 'L')});
    } else if (path == "/numbers") {
      exchange->respond({.source = std::make_unique<PiecesSource>(PiecesSource::numbers(500'000))});
    } else if (path == "/close") {
      exchange->respond({.body = "bye", .closes = true});
    } else if (path == "/echo") {
      exchange->respond({.body = exchange->request().body});
    } else {
      auto& peer = exchange->request().peer;
      std::string who = peer ? concat(peer->common_name, '|', join(peer->organizations, ","), '|', peer->fingerprint.size()) : "nobody";
      if (peer && !peer->is_client && !peer->is_proxy) who = "refused";
      exchange->respond({.body = who});
    }
  }
  size_t held_count() {
    std::lock_guard lock(mutex);
    return held.size();
  }
  std::string get(TlsClient& client, std::string_view path, std::string_view until) {
    if (!client.write(concat("GET ", path, " HTTP/1.1\r\nHost: h\r\n\r\n"))) return "not sent";
    return client.read_until(until);
  }
  std::string who(const TestCertificate* certificate) {
    TlsClient client(server->port(), "http/1.1", certificate);
    if (!client.connected()) return "not connected";
    client.write("GET /who HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    auto answer = client.read_all();
    return answer.substr(std::min(answer.size(), answer.find("\r\n\r\n") + 4));
  }

  TestFolder folder;
  TestCertificate authority;
  ServerOptions options;
  std::shared_ptr<Script> script = std::make_shared<Script>();
  std::mutex mutex;
  std::vector<std::shared_ptr<Exchange>> held;
  std::unique_ptr<Server> server;
};

// An HTTP/2 connection over TLS.
struct H2Session {
  H2Session(uint16_t port, uint32_t window = 1 << 20, bool give_back = true, int receive_buffer = 0)
      : tls(port, "h2", nullptr, receive_buffer), http(window, give_back) {}
  // Talks until the condition holds or the server falls silent.
  bool talk(const std::function<bool()>& until) {
    while (!until()) {
      auto up = http.output();
      if (!up.empty() && !tls.write(up)) return until();
      if (until()) break;
      auto down = tls.read_some();
      if (down.empty() || !http.input(down)) return until();
    }
    return true;
  }
  TlsClient tls;
  H2Client http;
};

TEST_F(ServerTest, Http1KeepsAlive) {
  start();
  TlsClient client(server->port(), "http/1.1");
  ASSERT_TRUE(client.connected());
  for (int i = 0; i < 3; i++) EXPECT_NE(get(client, "/who", "nobody").find("HTTP/1.1 200 OK"), std::string::npos);
  auto counts = server->counts();
  EXPECT_EQ(counts.requests_total, 3u);
  EXPECT_EQ(counts.connections_total, 1u);
  EXPECT_EQ(counts.connections_open, 1u);
  EXPECT_GT(counts.bytes_sent, 300u);
  client.drop();
  EXPECT_TRUE(eventually([&] { return server->counts().connections_open == 0; }));
}

TEST_F(ServerTest, Http2) {
  start();
  H2Session client(server->port());
  ASSERT_TRUE(client.tls.connected());
  auto first = client.http.request("GET", "/who");
  auto upload = client.http.request("POST", "/echo", std::string(3 << 20, 'u'));
  auto large = client.http.request("GET", "/large");
  ASSERT_TRUE(client.talk([&] { return client.http.answer(first).ended && client.http.answer(upload).ended && client.http.answer(large).ended; }));
  EXPECT_EQ(client.http.answer(first).body, "nobody");
  EXPECT_EQ(client.http.answer(upload).body.size(), size_t(3 << 20));
  EXPECT_TRUE(client.http.answer(large).body == std::string(20 << 20, 'L'));
}

TEST_F(ServerTest, ClientCertificates) {
  start();
  auto stranger = make_certificate({.common_name = "ca", .authority = true}, nullptr);
  struct Case {
    const char* name;
    CertificateWish wish;
    const TestCertificate* issuer;
    std::string seen;
  } cases[] = {
      {"good", {.common_name = "jane", .organizations = {"system:masters", "devs"}}, &authority, "jane|system:masters,devs|64"},
      {"no extended usage", {.common_name = "jane", .key_usage = nullptr}, &authority, "jane||64"},
      {"expired", {.common_name = "jane", .valid_to_s = -60}, &authority, "refused"},
      {"not yet valid", {.common_name = "jane", .valid_from_s = 600}, &authority, "refused"},
      {"for servers", {.common_name = "jane", .key_usage = "serverAuth"}, &authority, "refused"},
      {"of another authority", {.common_name = "jane", .organizations = {"system:masters"}}, &stranger, "refused"},
      {"of its own", {.common_name = "jane"}, nullptr, "refused"},
  };
  EXPECT_EQ(who(nullptr), "nobody");
  for (auto& c : cases) {
    auto certificate = make_certificate(c.wish, c.issuer);
    EXPECT_EQ(who(&certificate), c.seen) << c.name;
  }
}

TEST_F(ServerTest, ClientsAreVerifiedAnewWhenTheAuthoritiesChange) {
  options.limits.header_timeout_s = 1;
  start();
  auto jane = make_certificate({.common_name = "jane"}, &authority);
  TlsClient certified(server->port(), "http/1.1", &jane), anonymous(server->port(), "http/1.1");
  EXPECT_NE(get(certified, "/who", "jane").find("jane"), std::string::npos);
  EXPECT_NE(get(anonymous, "/who", "nobody").find("nobody"), std::string::npos);
  auto other = make_certificate({.common_name = "other ca", .authority = true}, nullptr);
  folder.write("ca.crt", other.certificate);
  EXPECT_EQ(certified.read_some(), "");  // closed
  EXPECT_NE(get(anonymous, "/who", "nobody").find("nobody"), std::string::npos);
  EXPECT_EQ(who(&jane), "refused");
}

TEST_F(ServerTest, PlainHttpIsTold) {
  start();
  int fd = connect_to(server->port());
  ASSERT_GE(fd, 0);
  ASSERT_GT(write(fd, "GET / HTTP/1.1\r\nHost: h\r\n\r\n", 27), 0);
  std::string answer(500, '\0');
  answer.resize(std::max<ssize_t>(recv(fd, answer.data(), answer.size(), MSG_WAITALL), 0));
  EXPECT_EQ(answer, "HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n");
  close(fd);
}

TEST_F(ServerTest, GarbageAndUnknownProtocolsAreDropped) {
  start();
  EXPECT_FALSE(TlsClient(server->port(), "spdy/3").connected());
  int fd = connect_to(server->port());
  std::string garbage(2000, '\x16');
  ASSERT_GT(send(fd, garbage.data(), garbage.size(), MSG_NOSIGNAL), 0);
  EXPECT_TRUE(eventually([&] { return recv(fd, garbage.data(), garbage.size(), MSG_DONTWAIT) == 0 || server->counts().connections_open == 0; }));
  close(fd);
  EXPECT_TRUE(eventually([&] { return server->counts().connections_open == 0; }));
}

TEST_F(ServerTest, TooLargeIsReadableByAClientThatStillSends) {
  start();
  TlsClient client(server->port(), "http/1.1");
  client.write("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 4000000\r\n\r\n");
  for (int i = 0; i < 40; i++) client.write(std::string(100'000, 'x'));
  auto answer = client.read_all();
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 413 Request Entity Too Large\r\n")) << answer;
  EXPECT_TRUE(answer.ends_with("too large"));
}

TEST_F(ServerTest, StreamIsWokenByAnotherThread) {
  start();
  H2Session client(server->port());
  auto id = client.http.request("GET", "/watch");
  ASSERT_TRUE(client.talk([&] { return client.http.answer(id).status == 200; }));
  std::thread waker([&] {
    for (int i = 0; i < 100; i++) {
      std::function<void()> wake;
      {
        std::lock_guard lock(script->mutex);
        script->ready += "event;";
        if (i == 99) script->then = BodySource::Pull::End;
        wake = script->waker;
      }
      wake();
    }
  });
  EXPECT_TRUE(client.talk([&] { return client.http.answer(id).ended; }));
  waker.join();
  EXPECT_EQ(client.http.answer(id).body.size(), 600u);
  EXPECT_TRUE(eventually([&] { return script->destroyed.load(); }));
}

TEST_F(ServerTest, LeavingDestroysTheSource) {
  start();
  for (bool http2 : {true, false}) {
    script = std::make_shared<Script>();
    auto client = std::make_unique<H2Session>(server->port());
    TlsClient plain(server->port(), "http/1.1");
    if (http2) {
      auto id = client->http.request("GET", "/watch");
      ASSERT_TRUE(client->talk([&] { return client->http.answer(id).status == 200; }));
      client = nullptr;
    } else {
      get(plain, "/watch", "chunked");
      plain.drop();
    }
    EXPECT_TRUE(eventually([&] { return script->destroyed.load(); }));
    script->waker();
  }
}

// The socket takes a part of most bursts only.
TEST_F(ServerTest, ClientsWithSmallBuffersGetEverything) {
  start();
  H2Session client(server->port(), 1 << 30, true, 16 * 1024);
  nghttp2_session_set_local_window_size(client.http.session(), NGHTTP2_FLAG_NONE, 0, 1 << 30);
  auto id = client.http.request("GET", "/numbers");
  EXPECT_TRUE(client.talk([&] { return client.http.answer(id).ended; }));
  EXPECT_TRUE(client.http.answer(id).body == PiecesSource::numbers(500'000));
}

TEST_F(ServerTest, SlowClientsHoldLittleAndAreCut) {
  options.limits.write_stall_timeout_s = 1;
  options.limits.header_timeout_s = 1;
  start();
  int silent = connect_to(server->port());  // not even a handshake
  script->endless = true;
  auto other = std::make_shared<Script>();
  other->endless = true;
  H2Session client(server->port(), 1 << 30, true, 16 * 1024);
  nghttp2_session_set_local_window_size(client.http.session(), NGHTTP2_FLAG_NONE, 0, 1 << 30);
  client.http.request("GET", "/watch");
  client.tls.write(client.http.output());
  ASSERT_TRUE(eventually([&] { return script->pulled > 0; }));
  auto first = std::exchange(script, other);
  TlsClient plain(server->port(), "http/1.1", nullptr, 16 * 1024);
  plain.write("GET /watch HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_TRUE(eventually([&] { return first->destroyed && other->destroyed; }));
  char byte;
  EXPECT_EQ(recv(silent, &byte, 1, 0), 0);
  close(silent);
  EXPECT_LT(first->pulled, size_t(8) << 20);  // the kernel's buffers, mostly
  EXPECT_LT(other->pulled, size_t(8) << 20);
}

TEST_F(ServerTest, AnswersComeFromAnyThread) {
  start();
  H2Session client(server->port());
  std::vector<int32_t> ids;
  for (int i = 0; i < 20; i++) ids.push_back(client.http.request("GET", "/hold"));
  client.tls.write(client.http.output());
  ASSERT_TRUE(eventually([&] { return held_count() == 20; }));
  std::thread answers([&] {
    for (size_t i = 0; i < held.size(); i++) {
      if (i % 2) held[i]->respond({.body = "answer"});
      held[i] = nullptr;  // unanswered: 500
    }
  });
  EXPECT_TRUE(client.talk([&] { return std::all_of(ids.begin(), ids.end(), [&](int32_t id) { return client.http.answer(id).ended; }); }));
  answers.join();
  for (size_t i = 0; i < ids.size(); i++) EXPECT_EQ(client.http.answer(ids[i]).status == 200, client.http.answer(ids[i]).body == "answer");
}

TEST_F(ServerTest, NamesHaveTheirCertificates) {
  auto given = make_certificate({.common_name = "given", .key_usage = "serverAuth"}, &authority);
  auto told = make_certificate({.common_name = "told", .key_usage = "serverAuth", .alternative_names = "DNS:told.example,DNS:*.told.example"}, &authority);
  options.tls.named_certificates = {{folder.write("a.crt", given.certificate), folder.write("a.key", given.key), {"given.example", "*.given.example"}},
                                    {folder.write("b.crt", told.certificate), folder.write("b.key", told.key), {}}};
  start();
  struct Case {
    const char* asked;
    std::string shown;
  } cases[] = {{"", "server-1"}, {"other.example", "server-1"}, {"given.example", "given"}, {"Given.Example", "given"}, {"a.given.example", "given"},
               {"a.b.given.example", "server-1"}, {"told.example", "told"},    {"x.told.example", "told"}};
  auto jane = make_certificate({.common_name = "jane"}, &authority);
  for (auto& c : cases) {
    TlsClient client(server->port(), "http/1.1", &jane, 0, c.asked);
    EXPECT_EQ(client.server_name(), c.shown) << c.asked;
    EXPECT_NE(get(client, "/who", "jane").find("jane"), std::string::npos) << c.asked;
  }
}

TEST_F(ServerTest, Http2CanBeSwitchedOff) {
  options.tls.http2 = false;
  options.tls.groups = {"P-256"};
  start();
  EXPECT_FALSE(TlsClient(server->port(), "h2").connected());
  TlsClient client(server->port(), "http/1.1");
  EXPECT_NE(get(client, "/who", "nobody").find("nobody"), std::string::npos);
}

TEST_F(ServerTest, PortsAreShared) {
  options.shares_port = true;
  start();
  auto second = options;
  second.port = server->port();
  EXPECT_TRUE(listen(second, [](std::shared_ptr<Exchange>) {}));
  second.shares_port = false;
  EXPECT_FALSE(listen(second, [](std::shared_ptr<Exchange>) {}));
}

TEST_F(ServerTest, ClientsAreAskedToUseAnotherConnection) {
  start();
  H2Session client(server->port());
  auto held_id = client.http.request("GET", "/hold");
  auto id = client.http.request("GET", "/close");
  EXPECT_TRUE(client.talk([&] { return client.http.answer(id).ended && client.http.goaway; }));
  EXPECT_EQ(client.http.goaway_error, 0u);
  ASSERT_TRUE(eventually([&] { return held_count() == 1; }));
  held[0]->respond({.body = "finished"});
  EXPECT_TRUE(client.talk([&] { return client.http.answer(held_id).ended; }));
  EXPECT_EQ(client.http.answer(held_id).body, "finished");
  TlsClient old(server->port(), "http/1.1");
  old.write("GET /close HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_NE(old.read_all().find("Connection: close"), std::string::npos);
}

TEST_F(ServerTest, GracefulStop) {
  start();
  auto port = server->port();
  H2Session client(port);
  TlsClient idle(port, "http/1.1");
  get(idle, "/who", "nobody");
  auto id = client.http.request("GET", "/hold");
  client.tls.write(client.http.output());
  ASSERT_TRUE(eventually([&] { return held_count() == 1; }));
  std::thread stopper([&] { server->stop(std::chrono::milliseconds(5000)); });
  EXPECT_EQ(idle.read_some(), "");
  EXPECT_TRUE(client.talk([&] { return client.http.goaway; }));
  EXPECT_LT(connect_to(port), 0);
  held[0]->respond({.body = "finished"});
  EXPECT_TRUE(client.talk([&] { return client.http.answer(id).ended; }));
  EXPECT_EQ(client.http.answer(id).body, "finished");
  client.tls.drop();
  idle.drop();
  stopper.join();
  EXPECT_EQ(server->counts().connections_open, 0u);
}

TEST_F(ServerTest, StopDoesNotWaitBeyondItsGrace) {
  start();
  H2Session client(server->port());
  client.http.request("GET", "/hold");
  auto watch = client.http.request("GET", "/watch");
  ASSERT_TRUE(client.talk([&] { return client.http.answer(watch).status == 200; }));
  server->stop(std::chrono::milliseconds(20));
  EXPECT_TRUE(script->destroyed);
  EXPECT_TRUE(held[0]->gone());
  held.clear();
  script->waker();
  server = nullptr;
}

TEST_F(ServerTest, ConnectionsAreLimited) {
  options.limits.connections_max = 2;
  start();
  TlsClient one(server->port(), "h2"), two(server->port(), "h2");
  EXPECT_TRUE(one.connected() && two.connected());
  EXPECT_FALSE(TlsClient(server->port(), "h2").connected());
  one.drop();
  EXPECT_TRUE(eventually([&] { return TlsClient(server->port(), "h2").connected(); }));
}

TEST_F(ServerTest, AddressesOfBothFamilies) {
  options.address = "::";
  start();
  TlsClient client(server->port(), "http/1.1");
  client.write("GET /hold HTTP/1.1\r\nHost: h\r\n\r\n");
  ASSERT_TRUE(eventually([&] { return held_count() == 1; }));
  EXPECT_TRUE(held[0]->request().remote_address.starts_with("127.0.0.1:")) << held[0]->request().remote_address;
  held.clear();
}

TEST_F(ServerTest, BadOptionsAreErrors) {
  auto bad = options;
  bad.tls.certificate_file = "/nowhere";
  EXPECT_FALSE(listen(bad, nullptr));
  bad = options;
  bad.tls.minimum_version = "VersionTLS09";
  EXPECT_FALSE(listen(bad, nullptr));
  bad = options;
  bad.tls.cipher_suites = {"TLS_NO_SUCH"};
  EXPECT_FALSE(listen(bad, nullptr));
  bad = options;
  bad.address = "nowhere";
  EXPECT_FALSE(listen(bad, nullptr));
  start();
  bad = options;
  bad.port = server->port();
  EXPECT_FALSE(listen(bad, nullptr));
}

}  // namespace
}  // namespace sampan::net
