// The API over HTTPS: a real API server behind a real listener, which goes away and comes back.
#include "client/https.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <thread>

#include "apiserver/in_process.h"
#include "base/check.h"
#include "base/text.h"
#include "client/leader_election.h"
#include "client/testing.h"
#include "cluster/certificates.h"
#include "net/server.h"
#include "store/memory.h"

namespace sampan::client {
namespace {

template <class T>
T must(Result<T> result) {
  if (!result) std::fprintf(stderr, "%s\n", result.error().message().c_str());
  check(result.has_value());
  return std::move(*result);
}

// Waits for what another thread does; the time is only how long a failing test takes.
bool soon(const std::function<bool()>& there) {
  for (int i = 0; i < 2000; i++) {
    if (there()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return false;
}

const Resource& config_maps() { return builtin("", "configmaps"); }

struct Https : ::testing::Test {
  std::string folder = "/tmp/sampan-https-test-XXXXXX";
  cluster::KeyPair authority;
  std::unique_ptr<store::Store> store = store::make_memory_store(real_clock());
  std::unique_ptr<apiserver::ApiServer> server;
  std::unique_ptr<net::Server> listener;
  uint16_t port = 0;
  Https() {
    check(::mkdtemp(folder.data()) != nullptr);
    authority = must(cluster::make_certificate({.common_name = "ca", .usage = cluster::Usage::Authority}, nullptr));
    auto serving = must(cluster::make_certificate({.common_name = "s", .ip_addresses = {"127.0.0.1"}}, &authority));
    put("ca.crt", authority.certificate_pem), put("s.crt", serving.certificate_pem), put("s.key", serving.key_pem);
    put("tokens", "a-token,tester,1\n");
    start();
    make(builtin("", "namespaces"), "", "default");
  }
  ~Https() override {
    listener = nullptr;
    std::filesystem::remove_all(folder);
  }

  void put(const std::string& name, std::string_view text) { check(cluster::write_file(folder + "/" + name, text, 0600).has_value()); }

  void start() {
    static const apiserver::JwtKey key = must(apiserver::JwtKey::read_private(must(apiserver::JwtKey::make_private_pem())));  // takes long to make
    apiserver::ServerConfig config{.workers = 2};
    config.access.authenticators.push_back(apiserver::certificate_authenticator());
    config.access.tokens.push_back(must(apiserver::token_file_authenticator(folder + "/tokens")));
    config.access.anonymous = false;
    config.access.service_accounts = apiserver::ServiceAccountConfig{.keys = {key}, .signer = key, .issuers = {"https://test"}};
    config.access.authorizers.push_back(apiserver::always_allow_authorizer());
    server = must(apiserver::ApiServer::create(*store, real_clock(), secure_random(), std::move(config)));
    net::ServerOptions options{.port = port};
    options.tls = {.certificate_file = folder + "/s.crt", .key_file = folder + "/s.key", .client_ca_file = folder + "/ca.crt"};
    listener = must(net::listen(std::move(options), server->handler()));
    port = listener->port();
  }
  void stop() {
    server->begin_shutdown();
    listener = nullptr;
  }

  Kubeconfig config() const {
    Kubeconfig config{.server = concat("https://127.0.0.1:", port), .token = "a-token"};
    config.tls.ca_pem = authority.certificate_pem;
    return config;
  }
  std::shared_ptr<Remote> remote() const { return must(Remote::connect(config(), "test")); }

  // Behind the network's back.
  ObjectRef make(const Resource& resource, std::string_view name_space, std::string_view name) {
    Arena arena;
    Value object = Value::object(arena);
    object.ensure_object("metadata").set("name", name);
    return must(apiserver::in_process_api(*server, {"a", {"system:masters"}, "a"})->create(resource, name_space, object));
  }
  void remove(std::string_view name) {
    check(apiserver::in_process_api(*server, {"a", {"system:masters"}, "a"})->remove(config_maps(), "default", name).has_value());
  }
};

TEST_F(Https, VerbsAnswerAsInTheServersProcess) {
  auto api = https_api(remote(), "tester");
  Arena arena;
  Value object = Value::object(arena);
  object.ensure_object("metadata").set("name", "a");
  object.ensure_object("data").set("k", "1");
  auto made = must(api->create(config_maps(), "default", object));
  EXPECT_EQ((*made)["metadata"]["managedFields"].item(0)["manager"].as_string(), "tester");
  auto changed = must(update_latest(*api, config_maps(), "default", "a", {}, [](const Object&, Value tree) -> Result<bool> {
    tree["data"].set("k", "2");
    return true;
  }));
  EXPECT_EQ((*changed)["data"]["k"].as_string(), "2");
  EXPECT_EQ(must(api->list(config_maps(), "default", {}, "metadata.name=a")).size(), 1u);
  EXPECT_TRUE(must(api->list(config_maps(), "default", {}, "metadata.name=b")).empty());
  Value patch = Value::object(arena);
  patch.ensure_object("data").set("k", "3");
  auto patched = must(api->patch(config_maps(), "default", "a", PatchType::Merge, patch));
  EXPECT_EQ((*patched)["data"]["k"].as_string(), "3");
  auto other_uid = api->remove(config_maps(), "default", "a", {.uid = "other"});
  ASSERT_FALSE(other_uid.has_value());
  EXPECT_TRUE(other_uid.error().is(Reason::Conflict));
  EXPECT_TRUE(api->remove(config_maps(), "default", "a").has_value());
  auto gone = api->get(config_maps(), "default", "a");
  ASSERT_FALSE(gone.has_value());
  EXPECT_TRUE(gone.error().is(Reason::NotFound));
  EXPECT_EQ(gone.error().message(), "configmaps \"a\" not found");
}

TEST_F(Https, ServersOfOtherAuthoritiesAreRefused) {
  auto other = must(cluster::make_certificate({.common_name = "ca", .usage = cluster::Usage::Authority}, nullptr));
  auto wrong = config();
  wrong.tls.ca_pem = other.certificate_pem;
  auto answer = must(Remote::connect(wrong, "test"))->send({.path = "/api"});
  ASSERT_FALSE(answer.has_value());
  EXPECT_NE(answer.error().message().find("certificate signed by unknown authority"), std::string::npos) << answer.error().message();
  auto name = config();
  name.server_name = "elsewhere";
  EXPECT_FALSE(must(Remote::connect(name, "test"))->send({.path = "/api"}).has_value());
}

TEST_F(Https, WhoAsksIsKnownByTokenOrCertificate) {
  auto who = [](Remote& remote) -> Result<std::string> {
    Arena arena;
    auto api = https_api(std::shared_ptr<Remote>(&remote, [](Remote*) {}), "t");
    Value review = Value::object(arena);
    Value answer = TRY(api->post(builtin("authentication.k8s.io", "selfsubjectreviews"), {}, {}, {}, review, arena));
    return std::string(answer["status"]["userInfo"]["username"].as_string());
  };
  EXPECT_EQ(must(who(*remote())), "tester");
  auto nobody = config();
  nobody.token = "another";
  auto refused = who(*must(Remote::connect(nobody, "test")));
  ASSERT_FALSE(refused.has_value());
  EXPECT_TRUE(refused.error().is(Reason::Unauthorized));

  auto client = must(cluster::make_certificate({.common_name = "carol", .usage = cluster::Usage::Client}, &authority));
  put("c.crt", client.certificate_pem), put("c.key", client.key_pem);
  auto by_file = config();
  by_file.token.clear();
  by_file.tls.certificate_file = folder + "/c.crt", by_file.tls.key_file = folder + "/c.key";
  auto carol = must(Remote::connect(by_file, "test"));
  EXPECT_EQ(must(who(*carol)), "carol");

  by_file.tls.certificate_file.clear(), by_file.tls.key_file.clear();
  by_file.token_file = folder + "/token";
  put("token", "a-token\n");
  EXPECT_EQ(must(who(*must(Remote::connect(by_file, "test")))), "tester");
}

TEST_F(Https, AServiceAccountIsMadeAndSpokenFor) {
  make(builtin("", "namespaces"), "", "kube-system");
  auto base = remote();
  auto admin = https_api(base, "t");
  auto as_account = must(base->with_token(account_tokens(*admin, real_clock(), "kube-system", "job-controller")));
  Arena arena;
  Value review = Value::object(arena);
  Value answer = must(https_api(as_account, "t")->post(builtin("authentication.k8s.io", "selfsubjectreviews"), {}, {}, {}, review, arena));
  EXPECT_EQ(answer["status"]["userInfo"]["username"].as_string(), "system:serviceaccount:kube-system:job-controller");
}

struct Follower {
  std::unique_ptr<Executor> executor = make_thread_pool(1);
  RemoteCaches caches;
  Informers informers;
  Informer* informer;
  std::mutex mutex;
  std::vector<std::string> heard;
  Subscription subscription;

  explicit Follower(std::shared_ptr<Remote> remote, std::string selector = {}) : caches(std::move(remote), real_clock()), informers(caches.open(), *executor) {
    if (!selector.empty()) caches.narrow(config_maps(), selector);
    informer = must(informers.of(config_maps()));
    subscription = informer->on_change([this](const Change& change) {
      std::lock_guard lock(mutex);
      heard.push_back(concat(change.previous ? change.object ? "~" : "-" : "+", change.any()["metadata"]["name"].as_string()));
    });
    informers.start();
  }
  bool hears(std::string_view what) {
    return soon([&] {
      std::lock_guard lock(mutex);
      return std::find(heard.begin(), heard.end(), what) != heard.end();
    });
  }
};

TEST_F(Https, AnInformerFollowsAServerThatGoesAndComesBack) {
  make(config_maps(), "default", "before");
  Follower follower(remote());
  EXPECT_TRUE(follower.hears("+before"));
  make(config_maps(), "default", "live");
  EXPECT_TRUE(follower.hears("+live"));
  stop();
  make(config_maps(), "default", "meanwhile");
  remove("live");
  start();
  EXPECT_TRUE(follower.hears("+meanwhile"));
  EXPECT_TRUE(follower.hears("-live"));
  EXPECT_EQ(follower.heard, (std::vector<std::string>{"+before", "+live", "+meanwhile", "-live"}));
}

TEST_F(Https, WhoComesBackTooLateListsAnewAndHearsTheDifference) {
  make(config_maps(), "default", "a");
  make(config_maps(), "default", "b");
  Follower follower(remote());
  EXPECT_TRUE(follower.hears("+b"));
  stop();
  remove("a");
  make(config_maps(), "default", "c");
  // What is watched from is forgotten.
  check(store->compact(must(store->current_revision())).has_value());
  start();
  EXPECT_TRUE(follower.hears("+c"));
  EXPECT_TRUE(follower.hears("-a"));
  EXPECT_EQ(follower.informer->all().size(), 2u);
}

TEST_F(Https, ANarrowedCacheHoldsWhatItsSelectorNames) {
  make(config_maps(), "default", "a");
  Follower follower(remote(), "metadata.name=b");
  make(config_maps(), "default", "b");
  EXPECT_TRUE(follower.hears("+b"));
  EXPECT_EQ(follower.informer->all().size(), 1u);
  remove("b");
  EXPECT_TRUE(follower.hears("-b"));
}

struct Election : Https {
  ManualTime time;
  std::unique_ptr<Api> api = https_api(remote(), "t");
  Election() { make(builtin("", "namespaces"), "", "kube-system"); }
  std::unique_ptr<LeaderElection> candidate(std::string name) {
    return std::make_unique<LeaderElection>(*api, time, secure_random(), LeaderElectionOptions{.name = "kube-scheduler", .identity = std::move(name)});
  }
  std::string holder() {
    auto lease = must(api->get(builtin("coordination.k8s.io", "leases"), "kube-system", "kube-scheduler"));
    return concat((*lease)["spec"]["holderIdentity"].as_string(), " ", (*lease)["spec"]["leaseTransitions"].as_int());
  }
};

TEST_F(Election, OneLeadsUntilItNoLongerRenews) {
  auto a = candidate("a"), b = candidate("b");
  EXPECT_TRUE(must(a->try_once()));
  EXPECT_FALSE(must(b->try_once()));
  time.advance(14'000'000);
  EXPECT_TRUE(must(a->try_once()));
  EXPECT_FALSE(must(b->try_once()));
  time.advance(14'000'000);
  EXPECT_FALSE(must(b->try_once()));
  time.advance(2'000'000);
  EXPECT_TRUE(must(b->try_once()));
  EXPECT_EQ(holder(), "b 1");
  EXPECT_FALSE(must(a->try_once()));
}

TEST_F(Election, AReleasedLeaseIsTakenAtOnce) {
  auto a = candidate("a"), b = candidate("b");
  EXPECT_TRUE(must(a->try_once()));
  EXPECT_FALSE(must(b->try_once()));
  ASSERT_TRUE(b->release().has_value());  // is not b's
  EXPECT_EQ(holder(), "a 0");
  ASSERT_TRUE(a->release().has_value());
  EXPECT_TRUE(must(b->try_once()));
  EXPECT_EQ(holder(), "b 1");
}

}  // namespace
}  // namespace sampan::client
