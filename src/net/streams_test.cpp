// WebSocket, SPDY and upgraded connections of the server.
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"
#include "base/text.h"
#include "net/client.h"
#include "net/server.h"
#include "net/spdy.h"
#include "net/testing.h"
#include "net/thread_set.h"
#include "net/websocket.h"

namespace sampan::net {
namespace {

struct Pair {
  Pair() {
    int ends[2];
    check(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
    left = std::make_unique<SocketStream>(ends[0]);
    right = std::make_unique<SocketStream>(ends[1]);
  }
  std::unique_ptr<SocketStream> left, right;
};

std::string read_all(ByteStream& stream) {
  std::string text;
  char buffer[4096];
  while (true) {
    auto size = stream.read_some(buffer, sizeof buffer, deadline_in_ms(2000));
    if (!size || *size == 0) return text;
    text.append(buffer, *size);
  }
}

TEST(WebSocket, TheHandshake) {
  EXPECT_EQ(websocket_accept("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");  // RFC 6455 1.3
  Request good{.method = "GET", .headers = {{"connection", "keep-alive, Upgrade"}, {"upgrade", "WebSocket"}, {"sec-websocket-version", "13"},
               {"sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="}, {"sec-websocket-protocol", "v5.channel.k8s.io, v4.channel.k8s.io"}}};
  EXPECT_TRUE(asks_for_websocket(good));
  EXPECT_EQ(websocket_protocols(good), (std::vector<std::string>{"v5.channel.k8s.io", "v4.channel.k8s.io"}));
  EXPECT_EQ(websocket_response(good, "v5.channel.k8s.io")->headers.back().second, "v5.channel.k8s.io");
  struct Case {
    const char* name;
    size_t field;
    const char* value;
  } cases[] = {{"version", 2, "8"}, {"key is no base64", 3, "?"}, {"key is short", 3, "YWJj"}};
  for (auto& c : cases) {
    auto bad = good;
    bad.headers[c.field].second = c.value;
    EXPECT_FALSE(websocket_response(bad, "")) << c.name;
  }
  good.http2 = true;
  EXPECT_FALSE(asks_for_websocket(good));
}

TEST(WebSocket, Messages) {
  Pair pair;
  WebSocket server(std::move(pair.left), WebSocket::Role::Server), client(std::move(pair.right), WebSocket::Role::Client);
  WebSocket::Message message;
  for (size_t size : {0, 1, 125, 126, 65535, 65536, 150000}) {
    std::string sent(size, 'x');
    std::thread writer([&] { EXPECT_TRUE(client.write("\x01", sent, false)); });
    ASSERT_TRUE(*server.read(message));
    writer.join();
    EXPECT_EQ(message.data, "\x01" + sent);
    EXPECT_FALSE(message.text);
  }
  EXPECT_TRUE(server.write("hello", {}, true));
  ASSERT_TRUE(*client.read(message));
  EXPECT_TRUE(message.text);
  EXPECT_EQ(message.data, "hello");
  EXPECT_TRUE(client.read(message, deadline_in_ms(5)).error().is(Reason::Timeout));
  server.close(1000, "bye");
  EXPECT_FALSE(*client.read(message));
  EXPECT_FALSE(*server.read(message));  // the client answered
  EXPECT_FALSE(server.write("late", {}, false));
}

TEST(WebSocket, WhatComesAsBytes) {
  const std::string mask(4, '\0');
  auto frame = [&](unsigned char first, std::string payload, bool masked = true) {
    return concat(static_cast<char>(first), static_cast<char>((masked ? 0x80 : 0) | payload.size()), masked ? mask : "", payload);
  };
  struct Case {
    const char* name;
    std::string bytes;
    std::string got;  // messages in brackets; "!" = an error at the end
    std::string answer;
  } cases[] = {
      {"fragments with a ping between", frame(0x02, "ab") + frame(0x89, "p") + frame(0x80, "cd"), "[abcd]", frame(0x8a, "p", false)},
      {"mask", std::string("\x82\x82\x01\x02\x03\x04", 6) + "bb", "[c`]", ""},
      {"close", frame(0x88, "\x03\xe8"), "", frame(0x88, "\x03\xe8", false)},
      {"unmasked", frame(0x82, "x", false), "!", frame(0x88, "\x03\xea" "a client's frame is not masked", false)},
      {"reserved bits", frame(0xc2, "x"), "!", frame(0x88, "\x03\xea" "reserved bits are set", false)},
      {"unknown opcode", frame(0x83, "x"), "!", frame(0x88, "\x03\xea" "unknown opcode", false)},
      {"continuation of nothing", frame(0x80, "x"), "!", frame(0x88, "\x03\xea" "continuation of nothing", false)},
      {"message inside a message", frame(0x02, "x") + frame(0x82, "y"), "!", frame(0x88, "\x03\xea" "message inside a message", false)},
      {"fragmented control", frame(0x09, "x"), "!", frame(0x88, "\x03\xea" "control frame is fragmented or too long", false)},
      {"too big", std::string("\x82\xfe\x00\xff", 4) + mask, "!", frame(0x88, "\x03\xf1" "message too big", false)},
      {"cut", std::string("\x82\x85", 2), "!", ""},
      {"nothing", "", "", ""},
  };
  for (auto& c : cases) {
    SCOPED_TRACE(c.name);
    Pair pair;
    auto other = std::move(pair.right);
    ASSERT_TRUE(other->write(c.bytes));
    other->end_writes();
    std::string got;
    {
      WebSocket socket(std::move(pair.left), WebSocket::Role::Server, 200);
      WebSocket::Message message;
      while (true) {
        auto read = socket.read(message);
        if (!read) got += '!';
        if (!read || !*read) break;
        append(got, '[', message.data, ']');
      }
    }
    EXPECT_EQ(got, c.got);
    EXPECT_EQ(read_all(*other), c.answer);
  }
}

TEST(Spdy, Streams) {
  Pair pair;
  SpdySession client(std::move(pair.left), SpdySession::Role::Client), server(std::move(pair.right), SpdySession::Role::Server);
  SpdyFrame frame;
  for (uint32_t id : {1u, 3u}) {  // the second shares the compression's memory with the first
    EXPECT_EQ(*client.open({{"streamtype", "stdin"}, {"x", "y"}}), id);
    ASSERT_TRUE(*server.read(frame));
    EXPECT_EQ(frame.kind, SpdyFrame::Kind::Open);
    EXPECT_EQ(frame.stream, id);
    EXPECT_EQ(frame.headers, (Headers{{"streamtype", "stdin"}, {"x", "y"}}));
    ASSERT_TRUE(server.reply(id, {}));
    ASSERT_TRUE(*client.read(frame));
    EXPECT_EQ(frame.kind, SpdyFrame::Kind::Reply);
  }
  std::thread writer([&] { EXPECT_TRUE(client.send(1, std::string(100'000, 'd'), true)); });
  size_t got = 0;
  do {
    ASSERT_TRUE(*server.read(frame));
    EXPECT_EQ(frame.kind, SpdyFrame::Kind::Data);
    got += frame.data.size();
  } while (!frame.fin);
  writer.join();
  EXPECT_EQ(got, 100'000u);
  ASSERT_TRUE(client.ping());
  ASSERT_TRUE(client.send(3, "", true));
  ASSERT_TRUE(*server.read(frame));
  EXPECT_TRUE(frame.fin && frame.stream == 3);
  ASSERT_TRUE(server.reset(3, 5));
  ASSERT_TRUE(*client.read(frame));  // behind the ping's answer
  EXPECT_EQ(frame.kind, SpdyFrame::Kind::Reset);
  EXPECT_EQ(frame.status, 5u);
  ASSERT_TRUE(server.go_away(0));
  ASSERT_TRUE(*client.read(frame));
  EXPECT_EQ(frame.kind, SpdyFrame::Kind::GoAway);
  server.stream().end_writes();
  EXPECT_FALSE(*client.read(frame));
}

TEST(Spdy, WhatIsMalformed) {
  struct Case {
    const char* name;
    std::string bytes;
  } cases[] = {
      {"version 2", std::string("\x80\x02\x00\x06\x00\x00\x00\x04\x00\x00\x00\x01", 12)},
      {"too large", std::string("\x80\x03\x00\x01\x00\xff\xff\xff", 8)},
      {"too short", std::string("\x80\x03\x00\x03\x00\x00\x00\x04\x00\x00\x00\x01", 12)},
      {"even stream of a client", std::string("\x80\x03\x00\x01\x00\x00\x00\x0a\x00\x00\x00\x02\x00\x00\x00\x00\x00\x00", 18)},
      {"no headers", std::string("\x80\x03\x00\x01\x00\x00\x00\x0a\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00", 18)},
      {"bad compression", std::string("\x80\x03\x00\x01\x00\x00\x00\x0e\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00" "abcd", 22)},
      {"data without a stream", std::string("\x00\x00\x00\x00\x00\x00\x00\x01" "a", 9)},
      {"cut head", std::string("\x80\x03\x00", 3)},
      {"cut data", std::string("\x00\x00\x00\x01\x00\x00\x00\x05", 8)},
  };
  for (auto& c : cases) {
    Pair pair;
    ASSERT_TRUE(pair.left->write(c.bytes));
    pair.left->end_writes();
    SpdySession server(std::move(pair.right), SpdySession::Role::Server);
    SpdyFrame frame;
    EXPECT_FALSE(server.read(frame)) << c.name;
  }
}

TEST(ThreadSet, SeatsAreBounded) {
  std::atomic<int> ran = 0;
  std::mutex gate;
  auto work = [&] {
    std::lock_guard wait(gate);
    ran++;
  };
  {
    ThreadSet threads(3);
    gate.lock();
    auto seats = threads.take(2);
    ASSERT_TRUE(seats);
    seats->run(work);
    EXPECT_FALSE(threads.take(2));
    EXPECT_TRUE(threads.run(work));
    EXPECT_FALSE(threads.run([] {}));
    seats = nullptr;  // gives the unused one back
    EXPECT_TRUE(threads.run(work));
    gate.unlock();
  }
  EXPECT_EQ(ran, 3);
}

struct UpgradeRig {
  UpgradeRig() {
    ServerOptions options;
    options.tls = {.certificate_file = folder.write("crt", own.certificate), .key_file = folder.write("key", own.key)};
    server = std::move(*listen(std::move(options), [this](std::shared_ptr<Exchange> exchange) {
      if (!asks_for_upgrade(exchange->request())) return exchange->respond({.status = 400, .body = "no upgrade"});
      // Says back what it hears, in capitals.
      exchange->respond({.status = 101, .headers = {{"upgrade", "echo"}, {"x-chosen", "1"}}, .upgraded = [this](std::unique_ptr<ByteStream> stream) {
        threads.run([stream = std::shared_ptr<ByteStream>(std::move(stream))] {
          char buffer[1000];
          while (true) {
            auto size = stream->read_some(buffer, sizeof buffer);
            if (!size || *size == 0) return;
            for (size_t i = 0; i < *size; i++) buffer[i] = static_cast<char>(toupper(buffer[i]));
            if (!stream->write({buffer, *size})) return;
          }
        });
      }});
    }));
  }
  TestFolder folder;
  TestCertificate own = make_certificate({.common_name = "server", .key_usage = nullptr}, nullptr);
  ThreadSet threads{4};
  std::unique_ptr<Server> server;
};

TEST(Upgrade, TheConnectionIsHandedOver) {
  UpgradeRig rig;
  auto client = std::move(*Client::create({.tls = {.skip_verify = true}}));
  ClientRequest request;
  request.endpoint = {.host = "127.0.0.1", .port = rig.server->port()};
  request.headers = {{"upgrade", "echo"}};
  auto upgraded = client->upgrade(request);
  ASSERT_TRUE(upgraded) << upgraded.error().message();
  ASSERT_TRUE(upgraded->stream);
  EXPECT_EQ(upgraded->answer.header("x-chosen"), "1");
  std::string sent(3 << 20, 'a'), got;
  std::thread writer([&] {
    EXPECT_TRUE(upgraded->stream->write(sent));
    upgraded->stream->end_writes();
  });
  got = read_all(*upgraded->stream);
  writer.join();
  EXPECT_EQ(got, std::string(3 << 20, 'A'));
  EXPECT_TRUE(eventually([&] { return rig.threads.running() == 0; }));
  EXPECT_EQ(client->send(request)->status, 400);
  EXPECT_EQ(rig.server->counts().connections_open, 1u);
}

TEST(Upgrade, BytesBehindTheRequestAreNotLost) {
  UpgradeRig rig;
  TlsClient client(rig.server->port(), "http/1.1");
  ASSERT_TRUE(client.write("GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\nearly "));
  ASSERT_TRUE(client.write("late"));
  auto got = client.read_until("LATE");
  EXPECT_TRUE(got.starts_with("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\nX-Chosen: 1\r\n\r\n")) << got;
  EXPECT_TRUE(got.ends_with("\r\n\r\nEARLY LATE")) << got;
  rig.server->stop(std::chrono::milliseconds(0));  // cuts it
  EXPECT_TRUE(eventually([&] { return rig.threads.running() == 0; }));
}

}  // namespace
}  // namespace sampan::net
