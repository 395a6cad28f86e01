#include "net/relay.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"
#include "net/testing.h"

namespace sampan::net {
namespace {

std::pair<std::unique_ptr<SocketStream>, std::unique_ptr<SocketStream>> pair_of_streams() {
  int ends[2];
  check(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
  return {std::make_unique<SocketStream>(ends[0]), std::make_unique<SocketStream>(ends[1])};
}

std::string read(ByteStream& stream, size_t size) {
  std::string text(size, '\0');
  size_t got = 0;
  while (got < size) {
    auto more = stream.read_some(text.data() + got, size - got, deadline_in_ms(2000));
    if (!more || *more == 0) break;
    got += *more;
  }
  text.resize(got);
  return text;
}

TEST(Relay, APipeEndsWithEitherSide) {
  for (bool client_ends : {true, false}) {
    ThreadSet threads(2);
    auto [client, client_end] = pair_of_streams();
    auto [backend, backend_end] = pair_of_streams();
    pipe(threads.take(2), std::move(client_end), std::move(backend_end));
    ASSERT_TRUE(client->write("up"));
    EXPECT_EQ(read(*backend, 2), "up");
    ASSERT_TRUE(backend->write(std::string(100'000, 'd')));
    if (client_ends) {
      client->cancel();
      char byte;
      auto end = backend->read_some(&byte, 1, deadline_in_ms(2000));
      EXPECT_TRUE(!end || *end == 0);
    } else {
      backend->end_writes();
      EXPECT_EQ(read(*client, 200'000).size(), 100'000u);  // all of it, and then the end
      client->cancel();
    }
    EXPECT_TRUE(eventually([&] { return threads.running() == 0; }));
  }
}

TEST(Relay, ABodyIsMadeAsItIsRead) {
  ThreadSet threads(1);
  std::atomic<int> wakes = 0, stops = 0;
  std::atomic<size_t> made = 0;
  auto endless = [&](BodySink& sink) {
    while (sink.write(std::string(10'000, 'x'))) made += 10'000;
    return true;
  };
  auto source = threaded_source(threads.take(1), endless, [&] { stops++; });
  source->start([&] { wakes++; });
  EXPECT_TRUE(eventually([&] { return made >= 60'000; }));
  usleep(5000);
  EXPECT_LE(made, 80'000u);
  std::string body;
  EXPECT_EQ(source->pull(body, 1), BodySource::Pull::Wait);
  EXPECT_GE(body.size(), 60'000u);
  EXPECT_TRUE(eventually([&] { return wakes > 0; }));
  source = nullptr;
  EXPECT_EQ(stops, 1);
  EXPECT_TRUE(eventually([&] { return threads.running() == 0; }));

  for (bool whole : {true, false}) {
    source = threaded_source(threads.take(1), [whole](BodySink& sink) { return sink.write("all") && whole; }, nullptr);
    body.clear();
    EXPECT_TRUE(eventually([&] { return source->pull(body, 1) == (whole ? BodySource::Pull::End : BodySource::Pull::Abort); }));
    EXPECT_EQ(body, "all");
    EXPECT_TRUE(eventually([&] { return threads.running() == 0; }));
  }
}

TEST(Relay, WhatABackendSees) {
  Headers sent = {{"authorization", "Bearer x"}, {"impersonate-user", "y"}, {"x-remote-user", "z"}, {"connection", "Upgrade"}, {"upgrade", "SPDY/3.1"}, {"te", "trailers"}, {"accept", "*/*"}};
  EXPECT_EQ(passed_on(sent), (Headers{{"upgrade", "SPDY/3.1"}, {"accept", "*/*"}}));
}

}  // namespace
}  // namespace sampan::net
