// Names and answers as a table over a small cluster; then the server with real sockets and an upstream of our own.
#include "base/text.h"
#include "network/dns/resolver.h"
#include "network/dns/testing.h"
#include "network/objects_testing.h"

namespace sampan::network::dns {
namespace {

TEST(DnsResolver, AnswersAsTheSpecificationSays) {
  Index index;
  fill(index);
  Resolver resolver(index, {});
  struct Case {
    const char* name;
    std::string_view question, want;
  } cases[] = {
      {"service", "web.default.svc.cluster.local A", "NOERROR aa; A 10.0.0.10"},
      {"letters", "WEB.Default.svc.cluster.LOCAL A", "NOERROR aa; A 10.0.0.10"},
      {"both families", "web.default.svc.cluster.local AAAA", "NOERROR aa; AAAA fd00::10"},
      {"no record of this type", "web.default.svc.cluster.local MX", "NOERROR aa; soa"},
      {"no such service", "none.default.svc.cluster.local A", "NXDOMAIN aa; soa"},
      {"no such namespace", "web.none.svc.cluster.local A", "NXDOMAIN aa; soa"},
      {"namespace", "default.svc.cluster.local A", "NOERROR aa; soa"},
      {"no namespace", "none.svc.cluster.local A", "NXDOMAIN aa; soa"},
      {"branch", "svc.cluster.local A", "NOERROR aa; soa"},
      {"zone", "cluster.local A", "NOERROR aa; soa"},
      {"zone's SOA", "cluster.local SOA", "NOERROR aa; SOA"},
      {"zone's servers", "cluster.local NS", "NOERROR aa; NS ns.dns.cluster.local.; + A 10.0.0.53"},
      {"name server", "ns.dns.cluster.local A", "NOERROR aa; A 10.0.0.53"},
      {"other branch", "x.cluster.local A", "NXDOMAIN aa; soa"},
      {"version", "dns-version.cluster.local TXT", "NOERROR aa; TXT 1.1.0"},
      {"port", "_http._tcp.web.default.svc.cluster.local SRV",
       "NOERROR aa; SRV 100 80 web.default.svc.cluster.local.; + A 10.0.0.10; + AAAA fd00::10"},
      {"port's address", "_http._tcp.web.default.svc.cluster.local A", "NOERROR aa; A 10.0.0.10"},
      {"no such port", "_http._udp.web.default.svc.cluster.local SRV", "NXDOMAIN aa; soa"},
      {"all ports", "web.default.svc.cluster.local SRV",
       "NOERROR aa; SRV 50 80 web.default.svc.cluster.local.; SRV 50 53 web.default.svc.cluster.local.; + A 10.0.0.10; + AAAA fd00::10"},
      {"endpoint of a service with an IP", "10-1-0-1.web.default.svc.cluster.local A", "NOERROR aa; A 10.1.0.1"},
      {"headless", "db.default.svc.cluster.local A", "NOERROR aa; A 10.1.0.5; A 10.1.0.6"},
      {"headless, other family", "db.default.svc.cluster.local AAAA", "NOERROR aa; soa"},
      {"hostname", "db-0.db.default.svc.cluster.local A", "NOERROR aa; A 10.1.0.5"},
      {"without hostname", "10-1-0-6.db.default.svc.cluster.local A", "NOERROR aa; A 10.1.0.6"},
      {"what is not ready has no name", "db-2.db.default.svc.cluster.local A", "NXDOMAIN aa; soa"},
      {"headless ports", "_sql._tcp.db.default.svc.cluster.local SRV",
       "NOERROR aa; SRV 50 5432 db-0.db.default.svc.cluster.local.; SRV 50 5432 10-1-0-6.db.default.svc.cluster.local.; + A 10.1.0.5; + A 10.1.0.6"},
      {"headless without endpoints", "empty.default.svc.cluster.local A", "NOERROR aa; soa"},
      {"alias", "ext.default.svc.cluster.local CNAME", "NOERROR aa; CNAME www.example.com."},
      {"alias followed", "ext.default.svc.cluster.local A", "chase www.example.com."},
      {"pod", "10-1-2-3.default.pod.cluster.local A", "NOERROR aa; A 10.1.2.3"},
      {"pod, v6", "fd00--7.default.pod.cluster.local AAAA", "NOERROR aa; AAAA fd00::7"},
      {"pod of no namespace", "10-1-2-3.none.pod.cluster.local A", "NXDOMAIN aa; soa"},
      {"no address", "x-y.default.pod.cluster.local A", "NXDOMAIN aa; soa"},
      {"name of a service's address", "10.0.0.10.in-addr.arpa PTR", "NOERROR aa; PTR web.default.svc.cluster.local."},
      {"name of an endpoint", "5.0.1.10.in-addr.arpa PTR", "NOERROR aa; PTR db-0.db.default.svc.cluster.local."},
      {"v6", "0.1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.d.f.ip6.arpa PTR", "NOERROR aa; PTR web.default.svc.cluster.local."},
      {"somebody else's address", "1.2.3.4.in-addr.arpa PTR", "forward"},
      {"the world", "example.com A", "forward"},
      {"a name that only looks like ours", "notcluster.local A", "forward"},
      {"too deep", "a.b.c.d.e.f.g.h.i.svc.cluster.local A", "NXDOMAIN aa; soa"},
  };
  for (const Case& one : cases) EXPECT_EQ(ask_resolver(resolver, one.question), one.want) << one.name;
  index.set_service("default", "web", nullptr);
  index.set_slice("default", "web-1", "web", nullptr);
  EXPECT_EQ(ask_resolver(resolver, "web.default.svc.cluster.local A"), "NXDOMAIN aa; soa");
  EXPECT_EQ(ask_resolver(resolver, "10.0.0.10.in-addr.arpa PTR"), "forward");
  EXPECT_EQ(ask_resolver(resolver, "1.0.1.10.in-addr.arpa PTR"), "forward");
}

TEST(DnsResolver, LongAnswersAreCutAndSaySo) {
  Index index;
  fill(index);
  std::string slice = "metadata: {name: many}\naddressType: IPv4\nports: [{name: p, port: 80}]\nendpoints:\n";
  for (int i = 0; i < 200; ++i) append(slice, "- {addresses: [10.2.0.", i, "]}\n");
  index.set_slice("default", "many", "many", object_of<api::discovery_v1::EndpointSlice>(slice));
  index.set_service("default", "many", object_of<api::core_v1::Service>("spec: {clusterIP: None, clusterIPs: [None]}\n"));
  Resolver resolver(index, {});
  auto ask = [&](uint16_t edns_bytes, size_t size_max) {
    std::string query = make_query("many.default.svc.cluster.local", A, edns_bytes);
    Question question;
    EXPECT_EQ(parse_query(query, question), Parsed::Good);
    std::string out(65535, '\0');
    Resolved resolved = resolver.resolve(query, question, out.data(), size_max ? size_max : question.udp_bytes, 0);
    out.resize(resolved.size);
    return out;
  };
  std::string plain = ask(0, 0);
  EXPECT_LE(plain.size(), 512u);
  EXPECT_TRUE(plain[2] & 2);
  std::string larger = ask(1232, 0);
  EXPECT_LE(larger.size(), 1232u);
  EXPECT_GT(larger.size(), 1000u);
  EXPECT_TRUE(larger[2] & 2);
  EXPECT_FALSE(ask(0, 65535)[2] & 2);
}

TEST(DnsMessage, RefusesWhatIsNoQuery) {
  std::string good = make_query("a.b", A, 1232);
  struct Case {
    const char* name;
    std::string message;
    Parsed want;
  } cases[] = {
      {"good", good, Parsed::Good},
      {"nothing", "", Parsed::Ignore},
      {"short", good.substr(0, 11), Parsed::Ignore},
      {"an answer", std::string(good).replace(2, 1, "\x80"), Parsed::Ignore},
      {"another operation", std::string(good).replace(2, 1, "\x28"), Parsed::NotAQuery},
      {"no question", std::string(good).replace(5, 1, 1, '\0'), Parsed::Malformed},
      {"two questions", std::string(good).replace(5, 1, "\2"), Parsed::Malformed},
      {"cut in the name", good.substr(0, 14), Parsed::Malformed},
      {"cut in the type", good.substr(0, 18), Parsed::Malformed},
      {"cut in the additional record", good.substr(0, good.size() - 1), Parsed::Malformed},
      {"a pointer in the question", std::string(good).replace(12, 2, "\xc0\x0c"), Parsed::Malformed},
      {"a label too long", std::string(good).replace(12, 1, "\x41"), Parsed::Malformed},
      {"more records than there are", std::string(good).replace(11, 1, "\3"), Parsed::Malformed},
  };
  for (const Case& one : cases) {
    Question question;
    EXPECT_EQ(parse_query(one.message, question), one.want) << one.name;
  }
  Question question;
  std::string long_name;
  for (int i = 0; i < 127; ++i) long_name += "\1a";
  std::string head = good.substr(0, 12);
  head[11] = 0;
  EXPECT_EQ(parse_query(head + long_name + std::string("\0\0\1\0\1", 5), question), Parsed::Good);
  EXPECT_EQ(parse_query(head + long_name + "\1a" + std::string("\0\0\1\0\1", 5), question), Parsed::Malformed);
  size_t at = 12;
  WireName name;
  EXPECT_FALSE(read_name(head + "\xc0\x0c", at, name));  // a pointer to itself
}

TEST(DnsResolver, ErrorsAreAnswered) {
  Index index;
  Resolver resolver(index, {});
  std::string query = make_query("a.b", A, 1232);
  query[query.size() - 5] = 1;  // EDNS version 1
  EXPECT_EQ(ask_bytes(resolver, query), "BADVERS");
  query = make_query("a.b", A, 0);
  query[query.size() - 1] = 3;  // CHAOS
  EXPECT_EQ(ask_bytes(resolver, query), "REFUSED");
}

}  // namespace
}  // namespace sampan::network::dns
