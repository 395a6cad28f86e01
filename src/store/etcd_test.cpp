// What is etcd's own: a server that goes away and comes back, several endpoints, certificates.
#include "store/etcd.h"
#include "store/etcd_compactor.h"

#include <gtest/gtest.h>

#include "store/etcd_server_for_test.h"

namespace sampan::store {

namespace {

std::unique_ptr<Store> connect(EtcdOptions options) {
  options.connect_timeout_ms = 1000;
  auto store = connect_etcd(options);
  for (int tries = 0; !store && tries < 20; tries++) store = connect_etcd(options);  // the server is starting
  EXPECT_TRUE(store) << (store ? "" : store.error().message());
  return store ? std::move(*store) : nullptr;
}

TEST(Etcd, WatchGoesOnAfterTheServerWasAway) {
  auto server = EtcdServer::start();
  if (!server) GTEST_SKIP() << "the etcd binary is not installed";
  // The first endpoint answers nobody: the second is found.
  auto store = connect({.endpoints = {"http://127.0.0.1:1", server->endpoint()}});
  ASSERT_TRUE(store);
  auto sink = std::make_shared<Recorder>();
  auto watch = *store->watch("/", "0", 0 + 2, sink);
  ASSERT_TRUE(store->write({.key = "/a", .value = "1"}));
  EXPECT_EQ(sink->lines(1).size(), 1u);
  server->stop();
  auto away = store->write({.key = "/a", .value = "lost"});
  ASSERT_FALSE(away);
  EXPECT_EQ(away.error().reason(), Reason::ServiceUnavailable) << away.error().message();
  server->start_again();
  auto other = connect({.endpoints = {server->endpoint()}});
  ASSERT_TRUE(other);
  for (auto* value : {"2", "3"}) ASSERT_TRUE(other->write({.key = "/a", .value = value}));
  EXPECT_EQ(sink->lines(3), (std::vector<std::string>{"+2 /a=1", "~3 /a=2 was 1", "~4 /a=3 was 2"}));
  EXPECT_EQ(sink->last(), 4);
  EXPECT_EQ(*store->oldest_revision(), 1);
  ASSERT_TRUE(store->compact(3));
  EXPECT_EQ(*store->oldest_revision(), 3);
  EXPECT_GT(*store->size_bytes(), 0);
}

TEST(Etcd, IsCompactedByOneOfItsServers) {
  auto server = EtcdServer::start();
  if (!server) GTEST_SKIP() << "the etcd binary is not installed";
  auto store = connect({.endpoints = {server->endpoint()}});
  ASSERT_TRUE(store);
  EtcdCompactor one(*store), other(*store);
  auto step = [&](EtcdCompactor& who) {
    auto done = who.step();
    EXPECT_TRUE(done) << (done ? "" : done.error().message());
    return store->write({.key = "/a", .value = "1"})->revision;
  };
  step(one);  // a new store: nothing to compact
  step(other);
  auto before = *store->current_revision();
  EXPECT_EQ(*store->oldest_revision(), 1);
  step(one);
  step(other);  // it is done already
  auto compacted = *store->oldest_revision();
  EXPECT_GT(compacted, 1);
  EXPECT_LT(compacted, before);
  EXPECT_EQ(one.compacted(), compacted);
  EXPECT_EQ(other.compacted(), compacted);
  // The first is gone: the second goes on.
  for (int i = 0; i < 2; i++) step(other);
  EXPECT_GT(*store->oldest_revision(), compacted);
  EXPECT_EQ(other.compacted(), *store->oldest_revision());

  auto by_itself = connect({.endpoints = {server->endpoint()}, .compaction_interval_ms = 10});
  ASSERT_TRUE(by_itself);
  auto known = other.compacted();
  for (int tries = 0; by_itself->oldest_known() <= known && tries < 500; tries++) {
    store->write({.key = "/a", .value = "2"});
    usleep(10'000);
  }
  EXPECT_GT(by_itself->oldest_known(), known);
}

TEST(Etcd, CertificatesOnBothSides) {
  TemporaryDirectory directory;
  auto script = concat("cd '", directory.path(), "' && exec >/dev/null 2>&1 && ",
                       "new='openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes' && ",
                       "$new -x509 -keyout ca.key -out ca.crt -subj /CN=ca -days 1 && ",
                       "printf 'subjectAltName=IP:127.0.0.1\\nextendedKeyUsage=serverAuth,clientAuth\\n' > ext && ",
                       "for name in server client; do $new -keyout $name.key -out $name.csr -subj /CN=$name && ",
                       "openssl x509 -req -in $name.csr -CA ca.crt -CAkey ca.key -CAcreateserial -out $name.crt -days "
                       "1 -extfile ext || exit 1; "
                       "done");
  if (system(script.c_str()) != 0) GTEST_SKIP() << "the openssl program is not installed";
  auto server = EtcdServer::start(directory.path());
  if (!server) GTEST_SKIP() << "the etcd binary is not installed";
  EtcdOptions options{.endpoints = {server->endpoint()}, .ca_file = directory.path() + "/ca.crt"};
  options.cert_file = directory.path() + "/client.crt";
  options.key_file = directory.path() + "/client.key";
  auto store = connect(options);
  ASSERT_TRUE(store);
  EXPECT_TRUE(store->write({.key = "/a", .value = "1"}));
  options.cert_file.clear();
  options.key_file.clear();
  options.connect_timeout_ms = 500;
  auto stranger = connect_etcd(options);
  EXPECT_FALSE(stranger);
  options.key_file = directory.path() + "/none.key";
  auto missing = connect_etcd(options);
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().message(), concat("etcd: cannot read ", options.key_file, ": No such file or directory"));
}

}  // namespace

}  // namespace sampan::store
