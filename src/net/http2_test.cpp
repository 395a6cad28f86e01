#include "net/http2.h"

#include <gtest/gtest.h>

#include "base/text.h"
#include "net/h2_client.h"
#include "net/testing.h"

namespace sampan::net {
namespace {

Response echo(const Request& request) {
  return {.status = 200, .headers = {{"content-type", "text/plain"}}, .body = concat(request.method, ' ', request.path, '?', request.query, ' ', request.host, " [", request.body, ']')};
}

struct Http2 : ProtocolRig {
  explicit Http2(Handler handler = [](std::shared_ptr<Exchange> exchange) { exchange->respond(echo(exchange->request())); },
                 uint32_t window = 1 << 20, bool give_back_windows = true, ServerLimits limits = {})
      : client(window, give_back_windows) {
    shared->handler = std::move(handler);
    shared->limits = limits;
    connection = std::make_unique<Http2Connection>(context());
  }
  // Until both sides have nothing more to say.
  void exchange_bytes(size_t want = 64 * 1024) {
    while (true) {
      auto up = client.output();
      if (!up.empty()) connection->receive(up);
      auto down = drain(*connection, want);
      if (!down.empty()) client.input(down);
      if (up.empty() && down.empty()) return;
    }
  }
  H2Client client;
  std::unique_ptr<Http2Connection> connection;
};

Handler serve(std::shared_ptr<Script> script) {
  return [script](std::shared_ptr<Exchange> exchange) { exchange->respond({.source = std::make_unique<ScriptSource>(script)}); };
}

TEST(Http2, RequestsAndAnswers) {
  Http2 rig;
  auto get = rig.client.request("GET", "/a%2Fb?c=d", "", {{"cookie", "a=1"}, {"cookie", "b=2"}});
  auto post = rig.client.request("POST", "/p", "hello");
  auto head = rig.client.request("HEAD", "/h");
  rig.exchange_bytes();
  EXPECT_EQ(rig.client.answer(get).body, "GET /a%2Fb?c=d host:1 []");
  EXPECT_EQ(rig.client.answer(get).header("content-length"), "24");
  EXPECT_EQ(rig.client.answer(get).header("content-type"), "text/plain");
  EXPECT_FALSE(rig.client.answer(get).header("date").empty());
  EXPECT_EQ(rig.client.answer(post).body, "POST /p? host:1 [hello]");
  EXPECT_EQ(rig.client.answer(head).body, "");
  EXPECT_NE(rig.client.answer(head).header("content-length"), "");
  EXPECT_TRUE(rig.client.answer(head).ended);
  EXPECT_EQ(rig.client.settings[NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS], 250u);
}

TEST(Http2, RequestIsWhole) {
  Request seen;
  Http2 rig([&](std::shared_ptr<Exchange> exchange) {
    seen = exchange->request();
    exchange->respond({.status = 201});
  });
  auto id = rig.client.request("PUT", "/x", "b", {{"cookie", "a=1"}, {"cookie", "b=2"}, {"x-y", "z"}});
  rig.exchange_bytes();
  EXPECT_EQ(rig.client.answer(id).status, 201);
  EXPECT_TRUE(rig.client.answer(id).ended);
  EXPECT_TRUE(seen.http2);
  EXPECT_EQ(seen.header("cookie"), "a=1; b=2");
  EXPECT_EQ(seen.header("x-y"), "z");
  EXPECT_EQ(seen.header("host"), "");
  EXPECT_EQ(seen.remote_address, "192.0.2.1:7");
}

TEST(Http2, LargeBodiesBothWays) {
  Http2 rig([](std::shared_ptr<Exchange> exchange) { exchange->respond({.body = exchange->request().body}); });
  std::string body(3 << 20, 'x');
  std::vector<int32_t> ids;
  for (int i = 0; i < 12; i++) ids.push_back(rig.client.request("POST", "/", body));  // more than is held at a time
  rig.exchange_bytes();
  for (auto id : ids) EXPECT_TRUE(rig.client.answer(id).body == body) << id;
}

TEST(Http2, WhatIsRefused) {
  ServerLimits limits;
  limits.body_bytes_max = 1000;
  limits.header_bytes_max = 200'000;
  struct Case {
    const char* name;
    std::string method;
    std::string body;
    Headers headers;
    int64_t announced;
    int status;  // 0: the stream is reset
    std::string path = "/";
  } cases[] = {
      {"announced too large", "POST", std::string(400'000, 'x'), {}, 400'000, 413},
      {"sent too large", "POST", std::string(1001, 'x'), {}, -1, 413},
      {"far too large", "POST", std::string(2'000'000, 'x'), {}, -1, 413},
      {"just fits", "POST", std::string(1000, 'x'), {}, 1000, 200},
      {"longer than announced", "POST", "hello", {}, 3, 0},
      {"headers too large", "GET", "", Headers(5, {"x", std::string(50'000, 'x')}), -1, 431},
      {"large headers", "GET", "", Headers(3, {"x", std::string(50'000, 'x')}), -1, 200},
      {"upper case name", "GET", "", {{"X-Y", "z"}}, -1, 200},
      {"connection field", "GET", "", {{"connection", "close"}}, -1, 0},
      {"transfer encoding", "POST", "a", {{"transfer-encoding", "chunked"}}, -1, 0},
      {"line end in a value", "GET", "", {{"x", "a\r\nb: c"}}, -1, 0},
      {"escape that is none", "GET", "", {}, -1, 400, "/%zz"},
  };
  for (auto& c : cases) {
    SCOPED_TRACE(c.name);
    Http2 rig([](std::shared_ptr<Exchange> exchange) { exchange->respond({.status = 200}); }, 1 << 20, true, limits);
    auto id = rig.client.request(c.method, c.path, c.body, c.headers, c.announced);
    rig.exchange_bytes();
    auto& answer = rig.client.answer(id);
    EXPECT_EQ(answer.status, c.status);
    EXPECT_EQ(rig.shared->requests_total, c.status == 200 ? 1u : 0u);
    if (c.status == 413) {
      EXPECT_TRUE(answer.ended && answer.closed);
      EXPECT_EQ(answer.body, "large");
      EXPECT_EQ(answer.header("x-limit"), "yes");
      EXPECT_EQ(answer.error, static_cast<uint32_t>(NGHTTP2_NO_ERROR));
    }
    if (c.status == 0) {
      EXPECT_EQ(answer.error, static_cast<uint32_t>(NGHTTP2_PROTOCOL_ERROR));
    }
    auto next = rig.client.request("GET", "/");
    rig.exchange_bytes();
    EXPECT_EQ(rig.client.answer(next).status, 200);
  }
}

TEST(Http2, ContinueIsSent) {
  Http2 rig;
  auto id = rig.client.request("POST", "/", "body", {{"expect", "100-continue"}});
  rig.exchange_bytes();
  EXPECT_EQ(rig.client.answer(id).interim, std::vector<int>{100});
  EXPECT_EQ(rig.client.answer(id).status, 200);
}

TEST(Http2, StreamedAnswer) {
  auto script = std::make_shared<Script>();
  Http2 rig(serve(script));
  auto id = rig.client.request("GET", "/watch");
  rig.exchange_bytes();
  auto& answer = rig.client.answer(id);
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.header("content-length"), "");
  script->ready = "one";
  rig.exchange_bytes();
  EXPECT_EQ(answer.body, "");
  script->waker();
  rig.exchange_bytes();
  EXPECT_EQ(answer.body, "one");
  EXPECT_FALSE(answer.ended);
  script->ready = "two";
  script->then = BodySource::Pull::End;
  script->waker();
  rig.exchange_bytes();
  EXPECT_EQ(answer.body, "onetwo");
  EXPECT_TRUE(answer.ended);
  EXPECT_TRUE(script->destroyed);
  script->waker();
  rig.exchange_bytes();
}

TEST(Http2, AbortResetsTheStream) {
  auto script = std::make_shared<Script>();
  Http2 rig(serve(script));
  auto id = rig.client.request("GET", "/");
  rig.exchange_bytes();
  script->then = BodySource::Pull::Abort;
  script->waker();
  rig.exchange_bytes();
  EXPECT_EQ(rig.client.answer(id).error, static_cast<uint32_t>(NGHTTP2_INTERNAL_ERROR));
  EXPECT_TRUE(script->destroyed);
  EXPECT_FALSE(rig.connection->finished());
}

TEST(Http2, ResetDestroysTheSource) {
  auto script = std::make_shared<Script>();
  std::shared_ptr<Exchange> kept;
  Http2 rig([&](std::shared_ptr<Exchange> exchange) {
    kept = exchange;
    exchange->respond({.source = std::make_unique<ScriptSource>(script)});
  });
  auto id = rig.client.request("GET", "/");
  rig.exchange_bytes();
  EXPECT_FALSE(kept->gone());
  rig.client.reset(id);
  rig.exchange_bytes();
  EXPECT_TRUE(script->destroyed);
  EXPECT_TRUE(kept->gone());
}

TEST(Http2, SourceIsPulledOnlyAsFarAsTheWindow) {
  auto script = std::make_shared<Script>();
  script->endless = true;
  Http2 rig(serve(script), 20'000, false);
  auto id = rig.client.request("GET", "/");
  rig.exchange_bytes();
  EXPECT_EQ(rig.client.answer(id).body.size(), 20'000u);
  EXPECT_LE(script->pulled, 20'000u + 64 * 1024);
  // It takes no byte for a minute: it is cut off, and its memory freed.
  rig.carrier.now += 61'000'000;
  rig.connection->check_timeouts();
  rig.exchange_bytes();
  EXPECT_TRUE(script->destroyed);
  EXPECT_EQ(rig.client.answer(id).error, static_cast<uint32_t>(NGHTTP2_CANCEL));
}

TEST(Http2, ProduceStopsWhereItIsTold) {
  auto script = std::make_shared<Script>();
  script->endless = true;
  Http2 rig(serve(script), 1 << 30);
  nghttp2_session_set_local_window_size(rig.client.session(), NGHTTP2_FLAG_NONE, 0, 1 << 30);
  rig.client.request("GET", "/");
  rig.connection->receive(rig.client.output());
  std::string out;
  rig.connection->produce(out, 50'000);
  EXPECT_GE(out.size(), 50'000u);
  EXPECT_LT(out.size(), 50'000u + 20'000u);
  out.clear();
  rig.connection->produce(out, 50'000);
  EXPECT_GE(out.size(), 50'000u);
}

TEST(Http2, PiecesOfAnySizeArriveWhole) {
  auto text = PiecesSource::numbers(100'000);
  struct Case {
    uint32_t window;
    size_t want;
  } cases[] = {{1 << 20, 64 * 1024}, {1 << 20, 1}, {5000, 64 * 1024}, {20'000, 10'000}};
  for (auto& c : cases) {
    SCOPED_TRACE(concat(c.window, ' ', c.want));
    Http2 rig([&](std::shared_ptr<Exchange> exchange) { exchange->respond({.source = std::make_unique<PiecesSource>(text)}); }, c.window);
    auto one = rig.client.request("GET", "/"), two = rig.client.request("GET", "/");
    rig.exchange_bytes(c.want);
    for (auto id : {one, two}) {
      EXPECT_TRUE(rig.client.answer(id).ended);
      EXPECT_TRUE(rig.client.answer(id).body == text);
    }
  }
}

TEST(Http2, StreamsShareTheConnection) {
  auto script = std::make_shared<Script>();
  script->endless = true;
  Http2 rig([&](std::shared_ptr<Exchange> exchange) {
    if (exchange->request().path == "/endless") return exchange->respond({.source = std::make_unique<ScriptSource>(script)});
    exchange->respond({.body = std::string(100'000, 'x')});
  }, 1 << 30);
  nghttp2_session_set_local_window_size(rig.client.session(), NGHTTP2_FLAG_NONE, 0, 1 << 30);
  auto first = rig.client.request("GET", "/endless");
  auto second = rig.client.request("GET", "/endless");
  auto pump = [&](int times) {
    rig.connection->receive(rig.client.output());
    for (int i = 0; i < times; i++) {
      std::string out;
      rig.connection->produce(out, 64 * 1024);
      rig.client.input(out);
    }
  };
  pump(20);
  EXPECT_GT(rig.client.answer(first).body.size(), 500'000u);
  EXPECT_GT(rig.client.answer(second).body.size(), 500'000u);
  auto third = rig.client.request("GET", "/");
  pump(10);
  EXPECT_TRUE(rig.client.answer(third).ended);
}

TEST(Http2, WaitingWatchIsNotStalled) {
  auto script = std::make_shared<Script>();
  Http2 rig(serve(script));
  rig.client.request("GET", "/");
  rig.exchange_bytes();
  rig.carrier.now += 3600'000'000LL;
  rig.connection->check_timeouts();
  rig.exchange_bytes();
  EXPECT_FALSE(script->destroyed);
  EXPECT_FALSE(rig.connection->finished());
}

TEST(Http2, Timeouts) {
  Http2 silent;
  silent.carrier.now += 33'000'000;
  silent.connection->check_timeouts();
  silent.drain(*silent.connection);
  EXPECT_TRUE(silent.connection->finished());

  Http2 idle;
  idle.client.request("GET", "/");
  idle.exchange_bytes();
  idle.carrier.now += 170'000'000;
  idle.connection->check_timeouts();
  idle.exchange_bytes();
  EXPECT_FALSE(idle.connection->finished());
  idle.carrier.now += 11'000'000;
  idle.connection->check_timeouts();
  idle.exchange_bytes();
  EXPECT_TRUE(idle.client.goaway);
  EXPECT_EQ(idle.client.goaway_error, 0u);
  EXPECT_TRUE(idle.connection->finished());

  Http2 stalled;  // an upload that stops half-way
  auto id = stalled.client.request("POST", "/", std::string(1 << 20, 'x'));
  stalled.connection->receive(stalled.client.output());
  stalled.carrier.now += 33'000'000;
  stalled.connection->check_timeouts();
  stalled.client.input(stalled.drain(*stalled.connection));
  EXPECT_EQ(stalled.client.answer(id).error, static_cast<uint32_t>(NGHTTP2_CANCEL));
}

TEST(Http2, RapidResetIsCutOff) {
  ServerLimits limits;
  limits.resets_per_minute_max = 100;
  Http2 rig([](std::shared_ptr<Exchange> exchange) { exchange->respond({.source = std::make_unique<ScriptSource>(std::make_shared<Script>())}); }, 1 << 20, true, limits);
  int sent = 0;
  for (; sent < 300 && !rig.client.goaway; sent++) {
    auto id = rig.client.request("GET", "/");
    rig.exchange_bytes();
    rig.client.reset(id);
    rig.exchange_bytes();
  }
  EXPECT_TRUE(rig.client.goaway);
  EXPECT_EQ(rig.client.goaway_error, static_cast<uint32_t>(NGHTTP2_ENHANCE_YOUR_CALM));
  EXPECT_EQ(sent, 101);
  EXPECT_TRUE(rig.connection->finished());

  // The same at a bearable pace.
  Http2 calm(serve(std::make_shared<Script>()), 1 << 20, true, limits);
  for (int i = 0; i < 300; i++) {
    auto id = calm.client.request("GET", "/");
    calm.exchange_bytes();
    calm.client.reset(id);
    calm.exchange_bytes();
    calm.carrier.now += 700'000;
  }
  EXPECT_FALSE(calm.client.goaway);
}

TEST(Http2, ResetDoesNotFreeRunningRequests) {
  std::vector<std::shared_ptr<Exchange>> running;
  Http2 rig([&](std::shared_ptr<Exchange> exchange) { running.push_back(std::move(exchange)); });
  for (int i = 0; i < 800 && !rig.client.goaway; i++) {
    auto id = rig.client.request("GET", "/");
    rig.exchange_bytes();
    rig.client.reset(id);
    rig.exchange_bytes();
  }
  EXPECT_TRUE(rig.client.goaway);
  EXPECT_LE(running.size(), 502u);
}

TEST(Http2, FloodsAreCutOff) {
  constexpr std::string_view preface("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0", 33);
  struct Case {
    const char* name;
    std::string frame;
    int times;
  } cases[] = {
      {"ping", std::string("\0\0\10\6\0\0\0\0\0abcdefgh", 17), 30'000},
      {"settings", std::string("\0\0\0\4\0\0\0\0\0", 9), 30'000},
      {"priority", std::string("\0\0\5\2\0\0\0\0\1\0\0\0\0\1", 14), 30'000},
      {"continuation", std::string("\0\0\1\11\0\0\0\0\1\x82", 10), 100},
  };
  for (auto& c : cases) {
    for (bool reads_answers : {true, false}) {
      SCOPED_TRACE(c.name);
      Http2 rig;
      rig.connection->receive(preface);
      if (std::string_view(c.name) == "continuation") rig.connection->receive(std::string_view("\0\0\1\1\0\0\0\0\1\x82", 10));
      size_t sent = 0;
      for (int i = 0; i < c.times; i++) {
        if (rig.connection->finished()) break;
        rig.connection->receive(c.frame);
        if (reads_answers) sent += rig.drain(*rig.connection).size();
      }
      EXPECT_TRUE(rig.connection->finished() || rig.drain(*rig.connection).size() < 8000);
      rig.drain(*rig.connection);
      EXPECT_TRUE(rig.connection->finished());
      EXPECT_LT(sent, 500'000u);
    }
  }
}

TEST(Http2, ConcurrentStreamsAreLimited) {
  ServerLimits limits;
  limits.streams_per_connection_max = 3;
  std::vector<std::shared_ptr<Exchange>> running;
  Http2 rig([&](std::shared_ptr<Exchange> exchange) { running.push_back(std::move(exchange)); }, 1 << 20, true, limits);
  rig.exchange_bytes();
  std::vector<int32_t> ids;
  for (int i = 0; i < 5; i++) ids.push_back(rig.client.request("GET", concat("/", i)));
  rig.exchange_bytes();
  EXPECT_EQ(running.size(), 3u);
  running[1]->respond({.body = "x"});
  rig.exchange_bytes();
  EXPECT_EQ(running.size(), 4u);
}

TEST(Http2, ShutDownLetsStreamsFinish) {
  std::shared_ptr<Exchange> running;
  Http2 rig([&](std::shared_ptr<Exchange> exchange) { running = std::move(exchange); });
  auto id = rig.client.request("GET", "/");
  rig.exchange_bytes();
  rig.connection->shut_down();
  rig.exchange_bytes();
  EXPECT_TRUE(rig.client.goaway);
  EXPECT_EQ(rig.client.goaway_error, 0u);
  EXPECT_FALSE(rig.connection->finished());
  running->respond({.body = "done"});
  rig.exchange_bytes();
  EXPECT_EQ(rig.client.answer(id).body, "done");
  EXPECT_TRUE(rig.connection->finished());
}

TEST(Http2, PingIsAnswered) {
  Http2 rig;
  rig.client.ping();
  rig.exchange_bytes();
  EXPECT_EQ(rig.client.pings, 1);
}

TEST(Http2, ExchangeMayOutliveItsConnection) {
  std::shared_ptr<Exchange> kept;
  Http2 rig([&](std::shared_ptr<Exchange> exchange) { kept = std::move(exchange); });
  rig.client.request("GET", "/");
  rig.exchange_bytes();
  rig.mailbox->own_thread = false;
  kept->respond({.status = 200});
  rig.connection = nullptr;
  EXPECT_TRUE(kept->gone());
  rig.mailbox->run();
}

TEST(Http2, DroppedExchangeAnswers500) {
  Http2 rig([](std::shared_ptr<Exchange>) {});
  auto id = rig.client.request("GET", "/");
  rig.exchange_bytes();
  EXPECT_EQ(rig.client.answer(id).status, 500);
}

TEST(Http2, NoPrefaceNoConnection) {
  Http2 rig;
  rig.connection->receive("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_TRUE(rig.connection->finished());
}

}  // namespace
}  // namespace sampan::net
