// The server with real sockets, and an upstream server of the test's own.
#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>

#include <atomic>
#include <thread>

#include "base/check.h"
#include "network/dns/server.h"
#include "network/dns/testing.h"
#include "network/packets_testing.h"

namespace sampan::network::dns {
namespace {

std::string exchange(uint16_t port, std::string_view query, bool tcp, const char* address = "127.0.0.1") {
  SocketAddress to(address, port);
  int fd = socket(to.storage.ss_family, (tcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC, 0);
  std::string answer, sent(query);
  if (tcp) sent.insert(0, concat(static_cast<char>(query.size() >> 8), static_cast<char>(query.size())));
  if (connect(fd, reinterpret_cast<sockaddr*>(&to.storage), to.size) == 0 && write(fd, sent.data(), sent.size()) == static_cast<ssize_t>(sent.size())) {
    pollfd waiting{.fd = fd, .events = POLLIN};
    char buffer[65536];
    while (poll(&waiting, 1, 5000) > 0) {
      ssize_t got = read(fd, buffer, sizeof buffer);
      if (got <= 0) break;
      answer.append(buffer, got);
      if (!tcp || (answer.size() > 2 && answer.size() >= 2u + (static_cast<uint8_t>(answer[0]) << 8 | static_cast<uint8_t>(answer[1])))) break;
    }
  }
  close(fd);
  return tcp && answer.size() > 2 ? answer.substr(2) : answer;
}

// Answers all names with one address, "big.*" with more than a datagram takes, "none.*" with NXDOMAIN, "mute.*" never; counts.
class World {
 public:
  World() {
    SocketAddress any("127.0.0.1", 0);
    udp_ = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    check(bind(udp_, reinterpret_cast<sockaddr*>(&any.storage), any.size) == 0);
    getsockname(udp_, reinterpret_cast<sockaddr*>(&any.storage), &any.size);
    port = ntohs(reinterpret_cast<sockaddr_in&>(any.storage).sin_port);
    tcp_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    check(bind(tcp_, reinterpret_cast<sockaddr*>(&any.storage), any.size) == 0 && listen(tcp_, 8) == 0);
    thread_ = std::thread([this] { serve(); });
  }
  ~World() {
    stop_ = true;
    thread_.join();
    close(udp_);
    close(tcp_);
  }
  uint16_t port;
  std::atomic<int> asked = 0;

 private:
  std::string answer(std::string_view query, size_t size_max) {
    Question question;
    if (parse_query(query, question) != Parsed::Good) return {};
    ++asked;
    std::string out(65535, '\0');
    Writer writer(out.data(), size_max);
    writer.begin(query, question, false);
    std::string_view first = first_label(question.name());
    if (first == "mute") return {};
    if (first == "none") writer.start_of_authority(Writer::Section::Authority, "\7example", 60, 1);
    else if (first == "www") {
      WireName target = to_wire("host.example");
      writer.name_record(Writer::Section::Answer, question.name(), CNAME, 60, target);
      writer.address(Writer::Section::Answer, target, 60, *parse_address("192.0.2.80"));
    } else
      for (int i = 0; i < (first == "big" ? 100 : 1); ++i) writer.address(Writer::Section::Answer, question.name(), 60, *parse_address(concat("192.0.2.", i)));
    out.resize(writer.finish(first == "none" ? NoSuchName : NoError));
    return out;
  }
  void serve() {
    while (!stop_) {
      pollfd waiting[] = {{.fd = udp_, .events = POLLIN}, {.fd = tcp_, .events = POLLIN}};
      if (poll(waiting, 2, 20) <= 0) continue;
      char buffer[4096];
      sockaddr_storage from;
      socklen_t size = sizeof from;
      if (waiting[0].revents) {
        ssize_t got = recvfrom(udp_, buffer, sizeof buffer, 0, reinterpret_cast<sockaddr*>(&from), &size);
        std::string out = answer({buffer, static_cast<size_t>(got)}, 512);
        std::string forged = out;
        if (!out.empty()) {
          forged[0] = static_cast<char>(forged[0] ^ 0x55);  // with a wrong id: not to be taken
          sendto(udp_, forged.data(), forged.size(), 0, reinterpret_cast<sockaddr*>(&from), size);
          sendto(udp_, out.data(), out.size(), 0, reinterpret_cast<sockaddr*>(&from), size);
        }
      }
      if (waiting[1].revents) {
        int fd = accept(tcp_, nullptr, nullptr);
        ssize_t got = read(fd, buffer, sizeof buffer);
        std::string out = answer({buffer + 2, static_cast<size_t>(got - 2)}, 65535);
        out.insert(0, concat(static_cast<char>(out.size() >> 8), static_cast<char>(out.size())));
        (void)!write(fd, out.data(), out.size());
        close(fd);
      }
    }
  }
  int udp_, tcp_;
  std::atomic<bool> stop_ = false;
  std::thread thread_;
};

TEST(DnsServer, AnswersOverUdpAndTcpAndAsksOthers) {
  World world;
  DnsServer server({.addresses = {*parse_address("127.0.0.1")}, .port = 0, .upstreams = {{*parse_address("127.0.0.1"), world.port}}, .threads = 2});
  fill(server.index());
  auto started = server.start();
  ASSERT_TRUE(started) << started.error().message();
  auto ask = [&](std::string_view name, bool tcp, uint16_t type = A) { return describe(exchange(server.port(), make_query(name, type, 0), tcp)); };
  for (bool tcp : {false, true}) {
    EXPECT_EQ(ask("web.default.svc.cluster.local", tcp), "NOERROR aa; A 10.0.0.10");
    EXPECT_EQ(ask("host.example", tcp), "NOERROR; A 192.0.2.0");
    EXPECT_EQ(ask("none.example", tcp), "NXDOMAIN; soa");
    EXPECT_EQ(ask("ext.default.svc.cluster.local", tcp), "NOERROR aa; CNAME www.example.com.; CNAME host.example.; A 192.0.2.80");
  }
  int asked = world.asked;
  EXPECT_EQ(ask("host.example", false), "NOERROR; A 192.0.2.0");  // kept
  EXPECT_EQ(ask("HOST.example", false), "NOERROR; A 192.0.2.0");
  EXPECT_EQ(world.asked, asked);
  EXPECT_EQ(ask("big.example", false).substr(0, 10), "NOERROR tc");
  EXPECT_GT(ask("big.example", true).size(), 1000u);
  EXPECT_EQ(ask("big.example", false), "NOERROR tc");  // now from what is kept
  std::string query = make_query("host.example", A, 1232, 0xabcd);
  EXPECT_EQ(exchange(server.port(), query, false).substr(0, 2), "\xab\xcd");
}

TEST(DnsServer, AliasesWithinTheZoneAndBadQueries) {
  DnsServer server({.addresses = {*parse_address("127.0.0.1")}, .port = 0, .upstreams = {{*parse_address("127.0.0.1"), 1}}});
  fill(server.index());
  server.index().set_service("default", "in", object_of<api::core_v1::Service>("spec: {type: ExternalName, externalName: web.default.svc.cluster.local}\n"));
  server.index().set_service("default", "loop", object_of<api::core_v1::Service>("spec: {type: ExternalName, externalName: loop.default.svc.cluster.local}\n"));
  ASSERT_TRUE(server.start());
  auto ask = [&](std::string_view name) { return describe(exchange(server.port(), make_query(name, A, 0), false)); };
  EXPECT_EQ(ask("in.default.svc.cluster.local"), "NOERROR aa; CNAME web.default.svc.cluster.local.; A 10.0.0.10");
  EXPECT_EQ(ask("loop.default.svc.cluster.local"), "SERVFAIL");
  EXPECT_EQ(ask("host.example"), "SERVFAIL");  // nobody is there to be asked
  std::string bad = make_query("a.b", A, 0);
  bad[5] = 2;
  EXPECT_EQ(describe(exchange(server.port(), bad, false)), "FORMERR");
  bad = make_query("a.b", A, 0);
  bad[2] = 0x28;
  EXPECT_EQ(describe(exchange(server.port(), bad, true)), "NOTIMP");
}

TEST(DnsServer, StrangersAreNotAnswered) {
  DnsServer server({.clients = {*parse_network("10.1.0.0/16"), *parse_network("fd00::/64")}});
  EXPECT_TRUE(server.admits(*parse_address("10.1.2.3")));
  EXPECT_TRUE(server.admits(*parse_address("fd00::3")));
  EXPECT_TRUE(server.admits(*parse_address("127.0.0.1")));
  EXPECT_FALSE(server.admits(*parse_address("192.0.2.1")));
  EXPECT_TRUE(DnsServer({}).admits(*parse_address("192.0.2.1")));
  server.admit("node", {*parse_address("192.0.2.1"), *parse_address("192.0.2.2")});
  EXPECT_TRUE(server.admits(*parse_address("192.0.2.1")));
  server.admit("node", {*parse_address("192.0.2.3")});
  EXPECT_FALSE(server.admits(*parse_address("192.0.2.1")));
  EXPECT_TRUE(server.admits(*parse_address("192.0.2.3")));
}

TEST(DnsAnswers, AreKeptForTheirTime) {
  std::string query = make_query("a.b", A, 0);
  Question question;
  ASSERT_EQ(parse_query(query, question), Parsed::Good);
  char out[512];
  Writer writer(out, sizeof out);
  writer.begin(query, question, false);
  writer.address(Writer::Section::Answer, question.name(), 20, *parse_address("192.0.2.1"));
  std::string_view message(out, writer.finish(NoError));
  Answer answer;
  ASSERT_TRUE(parse_answer(message, answer));
  EXPECT_EQ(answer.ttl_s, 20u);
  AnswerCache cache;
  std::string kept;
  cache.put("k", message, answer, 0);
  ASSERT_TRUE(cache.find("k", 7'000'000, kept));
  EXPECT_EQ(static_cast<uint8_t>(kept[kept.size() - 7]), 13);  // the TTL's last byte
  EXPECT_FALSE(cache.find("k", 20'000'000, kept));
  for (int i = 0; i < 20'000; ++i) cache.put(concat("k", i), message, answer, 0);
  EXPECT_EQ(cache.entries(), AnswerCache::kEntriesMax);
  for (size_t size = 0; size < message.size(); ++size) EXPECT_FALSE(parse_answer(message.substr(0, size), answer)) << size;
}

TEST(DnsUpstream, ReadsResolvConf) {
  auto servers = read_resolv_conf("# x\nsearch a b\nnameserver 192.0.2.1\n nameserver\tfe80::1%eth0\nnameserver bad\noptions ndots:5\n");
  ASSERT_EQ(servers.size(), 2u);
  EXPECT_EQ(servers[0].address.text(), "192.0.2.1");
  EXPECT_EQ(servers[1].address.text(), "fe80::1");
}

}  // namespace
}  // namespace sampan::network::dns
