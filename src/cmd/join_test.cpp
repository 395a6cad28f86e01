// How a machine becomes a node, against a whole control plane: tokens, certificates, and who is refused.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <filesystem>

#include "base/check.h"
#include "base/text.h"
#include "client/https.h"
#include "cluster/certificates.h"
#include "cmd/delegated_access.h"
#include "cmd/join_info.h"
#include "cmd/node_identity.h"
#include "cmd/server_process.h"
#include "schema/json.h"

namespace sampan::cmd {
namespace {

using client::Value;

template <class T>
T must(Result<T> result) {
  if (!result) std::fprintf(stderr, "%s\n", result.error().message().c_str());
  check(result.has_value());
  return std::move(*result);
}

uint16_t free_port() {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in name{.sin_family = AF_INET, .sin_port = 0, .sin_addr = {htonl(INADDR_LOOPBACK)}, .sin_zero = {}};
  socklen_t size = sizeof name;
  check(bind(fd, reinterpret_cast<sockaddr*>(&name), size) == 0 && getsockname(fd, reinterpret_cast<sockaddr*>(&name), &size) == 0);
  close(fd);
  return ntohs(name.sin_port);
}

bool wait_a_bit(int64_t ms) {
  usleep(static_cast<useconds_t>(ms) * 1000);
  return true;
}

// One control plane for all tests of this file.
struct ControlPlane {
  std::string folder = "/tmp/sampan-join-test-XXXXXX";
  std::unique_ptr<ServerProcess> process;
  std::string url, authority;
  std::shared_ptr<client::Remote> remote;
  std::unique_ptr<client::Api> admin;

  ControlPlane() {
    check(::mkdtemp(folder.data()) != nullptr);
    ServerOptions options;
    options.api.data_dir = options.api.cert_dir = folder;
    options.api.bind_address = options.api.advertise_address = "127.0.0.1";
    options.api.port = free_port();
    options.api.service_cidr = "10.0.0.0/24";
    options.api.access.authorizers = {{.type = "Node", .name = "node"}, {.type = "RBAC", .name = "rbac"}};
    options.api.access.account_issuers = {"https://kubernetes.default.svc"};
    options.api.access.bootstrap_tokens = true;
    options.controller_names = {"bootstrap-signer-controller", "certificatesigningrequest-approving-controller", "certificatesigningrequest-signing-controller"};
    options.settings = {{"10.244.0.0/16"}, {"10.0.0.0/24"}, "10.0.0.10", "cluster.local"};
    options.scheduler = false;
    process = must(ServerProcess::start(options));
    url = concat("https://127.0.0.1:", options.api.port);
    authority = must(cluster::read_file(folder + "/ca.crt"));
    remote = must(client::Remote::connect(must(client::load_kubeconfig(folder + "/admin.kubeconfig")), "test"));
    admin = client::https_api(remote, "test");
  }
  ~ControlPlane() {
    process = nullptr;
    std::filesystem::remove_all(folder);
  }

  Token token() {
    auto token = Token::make(secure_random());
    check(add_token(*admin, token, 3600, "a test").has_value());
    for (int i = 0; i < 1000 && !discover(url, token, hash()); i++) wait_a_bit(5);  // until it is signed
    return token;
  }
  std::string hash() const { return must(cluster::public_key_hash(authority)); }
  client::Kubeconfig config() const {
    client::Kubeconfig config{.server = url};
    config.tls.ca_pem = authority;
    return config;
  }
  std::unique_ptr<client::Api> with_token(std::string token) const {
    auto known = config();
    known.token = std::move(token);
    return client::https_api(must(client::Remote::connect(known, "test")), "test");
  }
  std::unique_ptr<client::Api> with_credential(const std::string& pki) const {
    auto known = config();
    known.tls.certificate_file = known.tls.key_file = node_credential(pki);
    return client::https_api(must(client::Remote::connect(known, "test")), "test");
  }
};

ControlPlane& plane() {
  static ControlPlane plane;
  return plane;
}

std::string user_of(client::Api& api) {
  Arena arena;
  Value review = Value::object(arena);
  return std::string(must(api.post(client::builtin("authentication.k8s.io", "selfsubjectreviews"), {}, {}, {}, review, arena))["status"]["userInfo"]["username"].as_string());
}

TEST(Join, AClusterIsBelievedByItsHashAndTheTokensSignature) {
  auto token = plane().token();
  auto found = discover(plane().url, token, plane().hash());
  ASSERT_TRUE(found.has_value()) << found.error().message();
  EXPECT_EQ(found->server, plane().url);
  EXPECT_EQ(found->authority_pem, plane().authority);

  auto refusal = [&](const Token& with, const std::string& hash) {
    auto result = discover(plane().url, with, hash);
    return result ? std::string() : result.error().message();
  };
  EXPECT_NE(refusal(token, "sha256:" + std::string(64, '0')).find("this is another cluster"), std::string::npos);
  EXPECT_NE(refusal(token, "").find("this is another cluster"), std::string::npos);
  EXPECT_NE(refusal({token.id, "0123456789abcdef"}, plane().hash()).find("not signed with this token"), std::string::npos);
  EXPECT_NE(refusal({"zzzzzz", token.secret}, plane().hash()).find("does not know the token"), std::string::npos);
  EXPECT_FALSE(discover("http://127.0.0.1", token, plane().hash()).has_value());
}

TEST(Join, TokensHaveAForm) {
  auto token = Token::make(secure_random());
  EXPECT_EQ(must(Token::parse(token.text())).secret, token.secret);
  for (std::string_view text : {"", "abcdef", "abcdef.0123456789abcde", "ABCDEF.0123456789abcdef", "abcdef.0123456789abcdef0", "abcdef-0123456789abcdef"})
    EXPECT_FALSE(Token::parse(text).has_value()) << text;
}

TEST(Join, ATokenBecomesACertificateThatRenewsItself) {
  auto bootstrap = plane().with_token(plane().token().text());
  EXPECT_EQ(must(read_settings(*bootstrap)).dns_ip, "10.0.0.10");
  auto pki = plane().folder + "/n1";
  EXPECT_FALSE(has_credential(pki, "n1"));
  auto asked = request_credential(*bootstrap, pki, "n1", wait_a_bit);
  ASSERT_TRUE(asked.has_value()) << asked.error().message();
  EXPECT_TRUE(has_credential(pki, "n1"));
  EXPECT_FALSE(has_credential(pki, "n2"));
  auto node = plane().with_credential(pki);
  EXPECT_EQ(user_of(*node), "system:node:n1");

  auto before = must(cluster::read_file(node_credential(pki)));
  ASSERT_TRUE(request_credential(*node, pki, "n1", wait_a_bit).has_value());
  EXPECT_NE(must(cluster::read_file(node_credential(pki))), before);
  EXPECT_EQ(user_of(*plane().with_credential(pki)), "system:node:n1");

  // Another node's certificate is nothing it gets: nobody approves.
  int waits = 0;
  auto other = request_credential(*node, plane().folder + "/n2", "n2", [&](int64_t) { return wait_a_bit(20) && ++waits < 20; });
  EXPECT_FALSE(other.has_value());
  EXPECT_FALSE(has_credential(plane().folder + "/n2", "n2"));
  // Nor does a token open anything else.
  auto secrets = bootstrap->list(client::builtin("", "secrets"), "kube-system");
  ASSERT_FALSE(secrets.has_value());
  EXPECT_TRUE(secrets.error().is(Reason::Forbidden));
}

TEST(Join, RenewalsAreSpread) {
  for (int i = 0; i < 200; i++) {
    auto at = renewal_time(1000, 2000, secure_random());
    EXPECT_GE(at, 1700);
    EXPECT_LE(at, 1900);
  }
  EXPECT_EQ(renewal_time(1000, 1000, secure_random()), 1000);
}

TEST(DelegatedAccess, AsksTheServerWhoMayDoWhat) {
  auto& admin = *plane().admin;
  Arena arena;
  Value account = Value::object(arena);
  account.ensure_object("metadata").set("name", "scraper");
  must(admin.create(client::builtin("", "serviceaccounts"), "default", account));
  Value wish = Value::object(arena);
  wish.ensure_object("spec").set("expirationSeconds", 3600);
  auto token = std::string(must(admin.post(client::builtin("", "serviceaccounts"), "default", "scraper", "token", wish, arena))["status"]["token"].as_string());

  auto access = delegated_access(admin, real_clock(), {.node_name = "n1", .denied_keep_us = 0});
  net::Request request;
  request.headers.emplace_back("authorization", "Bearer " + token);
  auto user = must(access->authenticate(request));
  ASSERT_TRUE(user.has_value());
  EXPECT_EQ(user->name, "system:serviceaccount:default:scraper");
  EXPECT_FALSE(must(access->authorize(*user, "get", "metrics", "/metrics")));

  Value binding = must(schema::parse_json(R"({"metadata":{"name":"scraper"},"roleRef":{"apiGroup":"rbac.authorization.k8s.io","kind":"ClusterRole","name":"system:kubelet-api-admin"},
                                           "subjects":[{"kind":"ServiceAccount","namespace":"default","name":"scraper"}]})", arena));
  must(admin.create(client::builtin("rbac.authorization.k8s.io", "clusterrolebindings"), {}, binding));
  EXPECT_TRUE(must(access->authorize(*user, "get", "metrics", "/metrics")));

  request.headers[0].second = "Bearer nonsense";
  EXPECT_FALSE(must(access->authenticate(request)).has_value());
  request.headers.clear();
  EXPECT_FALSE(must(access->authenticate(request)).has_value());
  request.peer = std::make_shared<net::PeerCertificate>(net::PeerCertificate{.common_name = "root", .organizations = {"system:masters"}});
  auto master = must(access->authenticate(request));
  ASSERT_TRUE(master.has_value());
  EXPECT_TRUE(must(access->authorize(*master, "create", "proxy", "/exec")));
  // A front proxy's certificate is none of a client.
  request.peer = std::make_shared<net::PeerCertificate>(net::PeerCertificate{.common_name = "root", .organizations = {"system:masters"}, .is_client = false});
  EXPECT_FALSE(must(access->authenticate(request)).has_value());
}

}  // namespace
}  // namespace sampan::cmd
