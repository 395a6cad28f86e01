#include "net/http1.h"

#include <gtest/gtest.h>

#include "base/text.h"
#include "net/testing.h"

namespace sampan::net {
namespace {

// Answers with what it understood.
Response echo(const Request& request) {
  return {.status = 200, .headers = {{"content-type", "text/plain"}}, .body = concat(request.method, ' ', request.path, '?', request.query, ' ', request.host, " [", request.body, ']')};
}

struct Http1 : ProtocolRig {
  explicit Http1(Handler handler = [](std::shared_ptr<Exchange> exchange) { exchange->respond(echo(exchange->request())); }) {
    shared->handler = std::move(handler);
    connection = std::make_unique<Http1Connection>(context());
  }
  std::string talk(std::string_view bytes) {
    connection->receive(bytes);
    return drain(*connection);
  }
  std::unique_ptr<Http1Connection> connection;
};

std::string status_of(std::string_view answer) { return std::string(answer.substr(0, std::min<size_t>(answer.size(), 12))); }
size_t count(std::string_view text, std::string_view part) {
  size_t n = 0;
  for (size_t at = 0; (at = text.find(part, at)) != std::string_view::npos; at += part.size()) n++;
  return n;
}

TEST(Http1, WhatIsUnderstood) {
  struct Case {
    const char* name;
    const char* input;
    const char* body;
    bool closes;
  } cases[] = {
      {"get", "GET /a/b?c=d&e HTTP/1.1\r\nHost: h:1\r\n\r\n", "GET /a/b?c=d&e h:1 []", false},
      {"blank line first", "\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n", "GET /? h []", false},
      {"content length", "POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello", "POST /p? h [hello]", false},
      {"chunked", "PUT /p HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\n\r\n", "PUT /p? h [abc0123456789]", false},
      {"trailers are dropped", "PUT /p HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: Chunked\r\n\r\n1\r\na\r\n0\r\nHost: evil\r\n\r\n", "PUT /p? h [a]", false},
      {"absolute form", "GET https://other:6443/x?y HTTP/1.1\r\nHost: h\r\n\r\n", "GET /x?y other:6443 []", false},
      {"not decoded", "GET /a%2Fb//../c HTTP/1.1\r\nHost: h\r\n\r\n", "GET /a%2Fb//../c? h []", false},
      {"close asked", "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", "GET /? h []", true},
      {"upgrade is a request", "GET /u HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n", "GET /u? h []", false},
      {"http/1.0", "GET / HTTP/1.0\r\n\r\n", "GET /?  []", true},
      {"http/1.0 kept", "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", "GET /?  []", false},
      {"unlisted method", "BREW /pot HTTP/1.1\r\nHost: h\r\n\r\n", "BREW /pot? h []", false},
      {"patch", "PATCH /p HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n{}", "PATCH /p? h [{}]", false},
  };
  for (auto& c : cases) {
    SCOPED_TRACE(c.name);
    std::string whole;
    for (size_t step : {size_t(1), size_t(7), strlen(c.input)}) {  // however the bytes are cut
      Http1 rig;
      std::string answer;
      std::string_view input = c.input;
      for (size_t at = 0; at < input.size(); at += step) answer += rig.talk(input.substr(at, step));
      EXPECT_EQ(answer.substr(answer.find("\r\n\r\n") + 4), c.body);
      EXPECT_EQ(rig.connection->finished(), c.closes);
      EXPECT_EQ(rig.shared->requests_total, 1u);
      if (whole.empty()) whole = answer;
      EXPECT_EQ(answer, whole);
    }
  }
}

TEST(Http1, WhatIsRefused) {
  struct Case {
    const char* name;
    std::string input;
    const char* status;
  } cases[] = {
      {"length and chunked", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "400"},
      {"chunked and length", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", "400"},
      {"two lengths", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello", "400"},
      {"twice the same length", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello", "400"},
      {"list of lengths", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5, 5\r\n\r\nhello", "400"},
      {"signed length", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: +5\r\n\r\nhello", "400"},
      {"negative length", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: -5\r\n\r\nhello", "400"},
      {"hexadecimal length", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0x5\r\n\r\nhello", "400"},
      {"length in two words", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5 0\r\n\r\nhello", "400"},
      {"endless length", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999999999999999999\r\n\r\n", "400"},
      {"empty length", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length:\r\n\r\n", "400"},
      {"gzip, chunked", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", "501"},
      {"chunked twice", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "400"},
      {"chunked, identity", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n", "400"},
      {"identity", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: identity\r\n\r\n", "501"},
      {"almost chunked", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", "501"},
      {"chunked with a tab", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: \x0b chunked\r\n\r\n0\r\n\r\n", "400"},
      {"chunked in 1.0", "POST / HTTP/1.0\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "400"},
      {"space before the colon", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length : 5\r\n\r\nhello", "400"},
      {"folded field", "GET / HTTP/1.1\r\nHost: h\r\nX: a\r\n b\r\n\r\n", "400"},
      {"folded first field", "GET / HTTP/1.1\r\n Host: h\r\n\r\n", "400"},
      {"bare LF", "GET / HTTP/1.1\nHost: h\n\n", "400"},
      {"bare LF in fields", "GET / HTTP/1.1\r\nHost: h\r\nX: a\nContent-Length: 5\r\n\r\n", "400"},
      {"bare LF at the end", "GET / HTTP/1.1\r\nHost: h\r\n\n", "400"},
      {"bare CR", "GET / HTTP/1.1\r\nHost: h\r\nX: a\rTransfer-Encoding: chunked\r\n\r\n", "400"},
      {"CR CR LF", "GET / HTTP/1.1\r\nHost: h\r\r\n\r\n", "400"},
      {"NUL", concat("GET / HTTP/1.1\r\nHost: h\r\nX: a", '\0', "b\r\n\r\n"), "400"},
      {"name with a space", "GET / HTTP/1.1\r\nHost: h\r\nX Y: a\r\n\r\n", "400"},
      {"no name", "GET / HTTP/1.1\r\nHost: h\r\n: a\r\n\r\n", "400"},
      {"no colon", "GET / HTTP/1.1\r\nHost: h\r\nabc\r\n\r\n", "400"},
      {"no host", "GET / HTTP/1.1\r\n\r\n", "400"},
      {"two hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "400"},
      {"odd host", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", "400"},
      {"http/1.2", "GET / HTTP/1.2\r\nHost: h\r\n\r\n", "400"},
      {"http/2.0", "GET / HTTP/2.0\r\nHost: h\r\n\r\n", "505"},
      {"http/0.9", "GET /\r\n\r\n", "400"},
      {"two spaces before the path", "GET  / HTTP/1.1\r\nHost: h\r\n\r\n", "400"},
      {"two spaces behind the path", "GET /  HTTP/1.1\r\nHost: h\r\n\r\n", "400"},
      {"a space at the end", "GET / HTTP/1.1 \r\nHost: h\r\n\r\n", "400"},
      {"a tab for a space", "GET\t/ HTTP/1.1\r\nHost: h\r\n\r\n", "400"},
      {"second space", "GET / x HTTP/1.1\r\nHost: h\r\n\r\n", "400"},
      {"lower case", "get / HTTP/1.1\r\nHost: h\r\n\r\n", "400"},
      {"escape that is none", "GET /%zz HTTP/1.1\r\nHost: h\r\n\r\n", "400"},
      {"escape that ends early", "GET /a%2?b HTTP/1.1\r\nHost: h\r\n\r\n", "400"},
      {"relative path", "GET a HTTP/1.1\r\nHost: h\r\n\r\n", "400"},
      {"method that is no word", "B(EW / HTTP/1.1\r\nHost: h\r\n\r\n", "400"},
      {"connect", "CONNECT h:1 HTTP/1.1\r\nHost: h\r\n\r\n", "405"},
      {"expects more", "GET / HTTP/1.1\r\nHost: h\r\nExpect: the-unexpected\r\n\r\n", "417"},
      {"chunk size with LF", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\nhello\r\n0\r\n\r\n", "400"},
      {"chunk size with CR X", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\rXhello\r\n0\r\n\r\n", "400"},
      {"chunk size in words", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nfive\r\nhello\r\n0\r\n\r\n", "400"},
      {"chunk size 0x5", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0x5\r\nhello\r\n0\r\n\r\n", "400"},
      {"chunk size overflows", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n10000000000000005\r\nhello\r\n0\r\n\r\n", "400"},
      {"chunk without its end", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhelloX\r\n0\r\n\r\n", "400"},
      {"chunk ends in LF", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\n0\r\n\r\n", "400"},
      {"extension with LF", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5;a\nhello\r\n0\r\n\r\n", "400"},
      {"extensions without end", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5;" + std::string(20'000, 'x'), "400"},
      {"trailers without end", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: " + std::string(20'000, 'x'), "400"},
      {"header too large", "GET / HTTP/1.1\r\nHost: h\r\nX: " + std::string(5000, 'x') + "\r\n\r\n", "431"},
      {"header without end", "GET / HTTP/1.1\r\nHost: h\r\nX: " + std::string(5000, 'x'), "431"},
      {"many small fields", "GET / HTTP/1.1\r\nHost: h\r\n" + [] { std::string f; for (int i = 0; i < 200; i++) f += "a:b\r\n"; return f; }() + "\r\n", "431"},
      {"body too large", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1001\r\n\r\nx", "413"},
      {"chunked body too large", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3e9\r\n" + std::string(1001, 'x') + "\r\n", "413"},
  };
  for (auto& c : cases) {
    SCOPED_TRACE(c.name);
    Http1 rig;
    rig.shared->limits.header_bytes_max = 4096;
    rig.shared->limits.body_bytes_max = 1000;
    auto answer = rig.talk(c.input);
    answer += rig.talk("GET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n");
    EXPECT_EQ(status_of(answer).substr(9), c.status) << answer;
    EXPECT_NE(answer.find("Connection: close\r\n"), std::string::npos);
    EXPECT_EQ(count(answer, "HTTP/1."), 1u) << answer;
    EXPECT_TRUE(rig.connection->finished());
    EXPECT_EQ(rig.shared->requests_total, 0u);
  }
}

TEST(Http1, AnswersAsGoDoes) {
  Http1 rig([](std::shared_ptr<Exchange> exchange) {
    exchange->respond({.status = 404, .headers = {{"x-kubernetes-pf-flowschema-uid", "a\r\nb"}, {"content-length", "9"}, {"date", "x"}}, .body = "no"});
  });
  auto answer = rig.talk("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  auto date = answer.find("Date: ");
  ASSERT_NE(date, std::string::npos);
  EXPECT_EQ(answer.erase(date, answer.find("\r\n", date) + 2 - date),
            "HTTP/1.1 404 Not Found\r\nX-Kubernetes-Pf-Flowschema-Uid: a  b\r\nContent-Length: 2\r\n\r\nno");
}

TEST(Http1, HeadAndBodilessAnswers) {
  int status = 200;
  Http1 rig([&](std::shared_ptr<Exchange> exchange) { exchange->respond({.status = status, .body = "body"}); });
  auto answer = rig.talk("HEAD / HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_TRUE(answer.ends_with("Content-Length: 4\r\n\r\n")) << answer;
  status = 204;
  answer = rig.talk("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(answer.find("Content-Length"), std::string::npos);
  EXPECT_TRUE(answer.ends_with("\r\n\r\n"));
}

TEST(Http1, PipelinedRequestsAreAnsweredInOrder) {
  std::vector<std::shared_ptr<Exchange>> waiting;
  Http1 rig([&](std::shared_ptr<Exchange> exchange) { waiting.push_back(std::move(exchange)); });
  EXPECT_EQ(rig.talk("GET /1 HTTP/1.1\r\nHost: h\r\n\r\nPOST /2 HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\nxGET /3 HTTP/1.1\r\nHost: h\r\n\r\n"), "");
  std::string all;
  for (size_t i = 0; i < 3; i++) {
    ASSERT_EQ(waiting.size(), i + 1);  // one at a time
    waiting[i]->respond(echo(waiting[i]->request()));
    all += rig.drain(*rig.connection);
  }
  EXPECT_LT(all.find("GET /1"), all.find("POST /2? h [x]"));
  EXPECT_LT(all.find("POST /2"), all.find("GET /3"));
}

TEST(Http1, ReadAheadIsBounded) {
  std::vector<std::shared_ptr<Exchange>> waiting;
  Http1 rig([&](std::shared_ptr<Exchange> exchange) { waiting.push_back(std::move(exchange)); });
  rig.talk("GET /1 HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_TRUE(rig.connection->wants_input());
  rig.talk(std::string(20'000, 'x'));
  EXPECT_FALSE(rig.connection->wants_input());
}

TEST(Http1, ContinueIsSentWhenTheBodyIsWanted) {
  Http1 rig;
  rig.shared->limits.body_bytes_max = 10;
  EXPECT_EQ(rig.talk("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  EXPECT_EQ(status_of(rig.talk("ab")), "HTTP/1.1 200");
  auto answer = rig.talk("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 11\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(status_of(answer), "HTTP/1.1 413");
  EXPECT_NE(answer.find("X-Limit: yes"), std::string::npos);
}

TEST(Http1, StreamedAnswer) {
  auto script = std::make_shared<Script>();
  Http1 rig([&](std::shared_ptr<Exchange> exchange) { exchange->respond({.source = std::make_unique<ScriptSource>(script)}); });
  auto head = rig.talk("GET /watch HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_TRUE(head.ends_with("Transfer-Encoding: chunked\r\n\r\n")) << head;
  script->ready = "hello";
  EXPECT_EQ(rig.drain(*rig.connection), "");  // nobody woke it
  script->waker();
  script->waker();
  EXPECT_EQ(rig.drain(*rig.connection), "5\r\nhello\r\n");
  script->ready = "end";
  script->then = BodySource::Pull::End;
  script->waker();
  EXPECT_EQ(rig.drain(*rig.connection), "3\r\nend\r\n0\r\n\r\n");
  EXPECT_TRUE(script->destroyed);
  EXPECT_FALSE(rig.connection->finished());
  script->waker();  // late
  EXPECT_EQ(rig.drain(*rig.connection), "");
}

TEST(Http1, StreamIsPulledOnlyAsFarAsWanted) {
  auto script = std::make_shared<Script>();
  script->endless = true;
  Http1 rig([&](std::shared_ptr<Exchange> exchange) { exchange->respond({.source = std::make_unique<ScriptSource>(script)}); });
  rig.connection->receive("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  std::string out;
  rig.connection->produce(out, 10'000);
  EXPECT_LT(out.size(), 12'000u);
  EXPECT_LT(script->pulled, 11'000u);
}

TEST(Http1, AbortClosesWithoutAnEnd) {
  auto script = std::make_shared<Script>();
  Http1 rig([&](std::shared_ptr<Exchange> exchange) { exchange->respond({.source = std::make_unique<ScriptSource>(script)}); });
  rig.talk("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  script->then = BodySource::Pull::Abort;
  script->waker();
  EXPECT_EQ(rig.drain(*rig.connection), "");
  EXPECT_TRUE(rig.connection->finished());
  EXPECT_TRUE(script->destroyed);
}

TEST(Http1, OldClientsGetStreamsUntilTheEnd) {
  auto script = std::make_shared<Script>();
  script->ready = "all";
  script->then = BodySource::Pull::End;
  Http1 rig([&](std::shared_ptr<Exchange> exchange) { exchange->respond({.source = std::make_unique<ScriptSource>(script)}); });
  auto answer = rig.talk("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_TRUE(answer.starts_with("HTTP/1.0 200 OK\r\n"));
  EXPECT_TRUE(answer.ends_with("Connection: close\r\n\r\nall")) << answer;
  EXPECT_TRUE(rig.connection->finished());
}

TEST(Http1, LeavingEndsAStreamAndIsTold) {
  auto script = std::make_shared<Script>();
  std::shared_ptr<Exchange> kept;
  Http1 rig([&](std::shared_ptr<Exchange> exchange) {
    kept = exchange;
    if (exchange->request().path == "/watch") exchange->respond({.source = std::make_unique<ScriptSource>(script)});
  });
  rig.talk("GET /slow HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_FALSE(kept->gone());
  rig.connection->receive_end();
  EXPECT_TRUE(kept->gone());

  Http1 watcher([&](std::shared_ptr<Exchange> exchange) { exchange->respond({.source = std::make_unique<ScriptSource>(script)}); });
  watcher.talk("GET /watch HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_FALSE(script->destroyed);
  watcher.connection->receive_end();
  EXPECT_TRUE(script->destroyed);
  EXPECT_TRUE(watcher.connection->finished());
}

TEST(Http1, HalfClosedClientGetsItsAnswers) {
  std::vector<std::shared_ptr<Exchange>> waiting;
  Http1 rig([&](std::shared_ptr<Exchange> exchange) { waiting.push_back(std::move(exchange)); });
  rig.talk("GET /1 HTTP/1.1\r\nHost: h\r\n\r\nGET /2 HTTP/1.1\r\nHost: h\r\n\r\nGET /3 HT");
  rig.connection->receive_end();
  for (size_t i = 0; i < 2; i++) {
    ASSERT_EQ(waiting.size(), i + 1);
    EXPECT_FALSE(rig.connection->finished());
    waiting[i]->respond({.body = "answer"});
    EXPECT_TRUE(rig.drain(*rig.connection).ends_with("answer"));
  }
  EXPECT_TRUE(rig.connection->finished());
}

TEST(Http1, DroppedExchangeAnswers500) {
  Http1 rig([](std::shared_ptr<Exchange>) {});
  EXPECT_EQ(status_of(rig.talk("GET / HTTP/1.1\r\nHost: h\r\n\r\n")), "HTTP/1.1 500");
}

TEST(Http1, ExchangeMayOutliveItsConnection) {
  std::shared_ptr<Exchange> kept;
  Http1 rig([&](std::shared_ptr<Exchange> exchange) { kept = std::move(exchange); });
  rig.talk("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  rig.connection = nullptr;
  EXPECT_TRUE(kept->gone());
  kept->respond({.status = 200});
  rig.mailbox->run();
}

TEST(Http1, PeerIsNobodyOnceItsCertificateHasExpired) {
  for (int left_s : {60, -1}) {
    Http1 rig([&](std::shared_ptr<Exchange> exchange) {
      auto& request = exchange->request();
      exchange->respond({.body = !request.peer ? "anybody" : request.peer->is_client ? "jane" : "nobody"});
    });
    rig.peer = {.certificate = std::make_shared<PeerCertificate>(), .expires_at_s = time(nullptr) + left_s};
    rig.connection = std::make_unique<Http1Connection>(rig.context());
    EXPECT_TRUE(rig.talk("GET / HTTP/1.1\r\nHost: h\r\n\r\n").ends_with(left_s > 0 ? "jane" : "nobody"));
  }
}

TEST(Http1, Timeouts) {
  struct Case {
    const char* name;
    const char* input;
    int after_s;
    bool closes;
  } cases[] = {
      {"nothing sent", "", 33, true},
      {"half a head", "GET / HTTP/1.1\r\n", 33, true},
      {"half a head, early", "GET / HTTP/1.1\r\n", 31, false},
      {"half a body", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nab", 33, true},
      {"idle", "GET / HTTP/1.1\r\nHost: h\r\n\r\n", 170, false},
      {"idle too long", "GET / HTTP/1.1\r\nHost: h\r\n\r\n", 181, true},
  };
  for (auto& c : cases) {
    SCOPED_TRACE(c.name);
    Http1 rig;
    rig.talk(c.input);
    rig.carrier.now += c.after_s * 1'000'000LL;
    rig.connection->check_timeouts();
    EXPECT_EQ(rig.connection->finished(), c.closes);
  }
}

TEST(Http1, ShutDownClosesIdleConnectionsAndLastAnswers) {
  Http1 idle;
  idle.talk("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  idle.connection->shut_down();
  EXPECT_TRUE(idle.connection->finished());

  std::shared_ptr<Exchange> waiting;
  Http1 busy([&](std::shared_ptr<Exchange> exchange) { waiting = std::move(exchange); });
  busy.talk("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  busy.connection->shut_down();
  EXPECT_FALSE(busy.connection->finished());
  waiting->respond({.body = "last"});
  auto answer = busy.drain(*busy.connection);
  EXPECT_NE(answer.find("Connection: close"), std::string::npos);
  EXPECT_TRUE(answer.ends_with("last"));
  EXPECT_TRUE(busy.connection->finished());
}

}  // namespace
}  // namespace sampan::net
