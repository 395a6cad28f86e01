#include "cmd/join_info.h"

#include <openssl/crypto.h>

#include "base/encoding.h"
#include "base/text.h"
#include "client/https.h"
#include "client/wire.h"
#include "cluster/certificates.h"
#include "controllers/signing.h"
#include "schema/json.h"
#include "schema/yaml.h"

namespace sampan::cmd {

using client::Value;

namespace {

constexpr std::string_view kInfo = "cluster-info", kSettings = "sampan-node", kSystem = "kube-system", kPublic = "kube-public";
constexpr std::string_view kRbac = "rbac.authorization.k8s.io";
constexpr size_t kIdSize = 6, kSecretSize = 16;

Result<void> apply(client::Api& admin, std::string_view group, std::string_view resource, std::string_view name_space, std::string_view name, std::string_view json) {
  Arena arena;
  Value tree = TRY(schema::parse_json(json, arena));
  tree.ensure_object("metadata").set("name", name);
  if (!name_space.empty()) tree["metadata"].set("namespace", name_space);
  auto done = admin.patch(client::builtin(group, resource), name_space, name, client::PatchType::Apply, tree, {.manager = "sampan", .force = true});
  if (!done) return fail(std::move(done).error().context(concat("publish ", resource, " ", name, ": ")));
  return {};
}

std::string binding(std::string_view role_kind, std::string_view role, std::string_view subject_kind, std::string_view subject) {
  return concat(R"({"roleRef":{"apiGroup":"rbac.authorization.k8s.io","kind":")", role_kind, R"(","name":")", role,
                R"("},"subjects":[{"apiGroup":"rbac.authorization.k8s.io","kind":")", subject_kind, R"(","name":")", subject, R"("}]})");
}

std::string reading_of(std::string_view config_map) {
  return concat(R"({"rules":[{"apiGroups":[""],"resources":["configmaps"],"resourceNames":[")", config_map, R"("],"verbs":["get"]}]})");
}

Result<void> grant(client::Api& admin) {
  auto bind = [&](std::string_view name, std::string_view role, std::string_view group) {
    return apply(admin, kRbac, "clusterrolebindings", {}, name, binding("ClusterRole", role, "Group", group));
  };
  // A token may ask for a node's certificate, which is approved; a node may renew its own.
  TRY(bind("sampan:node-bootstrap", "system:node-bootstrapper", kJoinGroup));
  TRY(bind("sampan:node-approve-bootstrap", "system:certificates.k8s.io:certificatesigningrequests:nodeclient", kJoinGroup));
  TRY(bind("sampan:node-approve-renewal", "system:certificates.k8s.io:certificatesigningrequests:selfnodeclient", "system:nodes"));
  // A node leads traffic to services and routes to the other nodes' pods.
  TRY(bind("sampan:node-network", "system:node-proxier", "system:nodes"));
  // And answers DNS: services and their endpoints it knows by now.
  TRY(apply(admin, kRbac, "clusterroles", {}, "sampan:node-dns", R"({"rules":[{"apiGroups":[""],"resources":["namespaces"],"verbs":["list","watch"]}]})"));
  TRY(bind("sampan:node-dns", "sampan:node-dns", "system:nodes"));
  // Whether the name is taken already.
  TRY(apply(admin, kRbac, "clusterroles", {}, "sampan:get-nodes", R"({"rules":[{"apiGroups":[""],"resources":["nodes"],"verbs":["get"]}]})"));
  TRY(bind("sampan:get-nodes", "sampan:get-nodes", kJoinGroup));
  // What is public is what nobody needs to hide: where the server is, and its authority's certificate.
  TRY(apply(admin, kRbac, "roles", kPublic, "sampan:cluster-info", reading_of(kInfo)));
  TRY(apply(admin, kRbac, "rolebindings", kPublic, "sampan:cluster-info", binding("Role", "sampan:cluster-info", "User", "system:anonymous")));
  TRY(apply(admin, kRbac, "roles", kSystem, "sampan:node-settings", reading_of(kSettings)));
  return apply(admin, kRbac, "rolebindings", kSystem, "sampan:node-settings", binding("Role", "sampan:node-settings", "Group", kJoinGroup));
}

std::string cluster_info(std::string_view server_url, std::string_view authority_pem) {
  std::string authority;
  append_base64(authority, authority_pem);
  return concat("apiVersion: v1\nclusters:\n- cluster:\n    certificate-authority-data: ", authority, "\n    server: ", server_url,
                "\n  name: \"\"\ncontexts: null\ncurrent-context: \"\"\nkind: Config\npreferences: {}\nusers: null\n");
}

std::string random_word(Random& random, size_t size) {
  constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyz0123456789";
  std::string word;
  while (word.size() < size) word += kLetters[random.below(kLetters.size())];
  return word;
}

bool same(std::string_view a, std::string_view b) { return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0; }

}  // namespace

Result<void> publish_join_info(client::Api& admin, std::string_view server_url, std::string_view authority_pem, const ClusterSettings& settings) {
  TRY(grant(admin));
  Arena arena;
  auto config_map = [&](std::initializer_list<std::pair<std::string_view, std::string>> data) {
    Value tree = Value::object(arena);
    for (const auto& [name, text] : data) tree.ensure_object("data").set(name, arena.copy(text));
    std::string json;
    schema::write_json(json, tree);
    return json;
  };
  TRY(apply(admin, "", "configmaps", kSystem, kSettings,
            config_map({{"clusterCIDR", join(settings.cluster_cidrs, ",")},
                        {"serviceCIDR", join(settings.service_cidrs, ",")},
                        {"clusterDNS", settings.dns_ip},
                        {"clusterDomain", settings.domain}})));
  return apply(admin, "", "configmaps", kPublic, kInfo, config_map({{"kubeconfig", cluster_info(server_url, authority_pem)}}));
}

Result<void> publish_dns(client::Api& admin, std::string_view address) {
  return apply(admin, "", "services", kSystem, "kube-dns",
               concat(R"({"metadata":{"labels":{"k8s-app":"kube-dns","kubernetes.io/cluster-service":"true","kubernetes.io/name":"CoreDNS"}},
                          "spec":{"clusterIP":")", address, R"(","trafficDistribution":"PreferSameNode","ports":[
                            {"name":"dns","protocol":"UDP","port":53,"targetPort":"dns"},{"name":"dns-tcp","protocol":"TCP","port":53,"targetPort":"dns-tcp"}]}})"));
}

Result<Token> Token::parse(std::string_view text) {
  auto is_word = [](std::string_view word) {
    return std::all_of(word.begin(), word.end(), [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); });
  };
  if (text.size() != kIdSize + 1 + kSecretSize || text[kIdSize] != '.' || !is_word(text.substr(0, kIdSize)) || !is_word(text.substr(kIdSize + 1)))
    return fail(bad_request("the token is not of the form [a-z0-9]{6}.[a-z0-9]{16}"));  // not shown: it is a secret
  return Token{std::string(text.substr(0, kIdSize)), std::string(text.substr(kIdSize + 1))};
}

Token Token::make(Random& random) { return {random_word(random, kIdSize), random_word(random, kSecretSize)}; }

Result<void> add_token(client::Api& admin, const Token& token, int64_t seconds, std::string_view description) {
  Arena arena;
  Value secret = Value::object(arena);
  Value metadata = secret.ensure_object("metadata");
  auto name = concat("bootstrap-token-", token.id);
  metadata.set("name", std::string_view(name));
  metadata.set("namespace", kSystem);
  secret.set("type", "bootstrap.kubernetes.io/token");
  Value data = secret.ensure_object("stringData");
  data.set("token-id", std::string_view(token.id));
  data.set("token-secret", std::string_view(token.secret));
  data.set("usage-bootstrap-authentication", "true");
  data.set("usage-bootstrap-signing", "true");
  data.set("auth-extra-groups", kJoinGroup);
  if (!description.empty()) data.set("description", description);
  std::string until;
  append_time(until, real_clock().now_us() / 1'000'000 + seconds);
  if (seconds > 0) data.set("expiration", std::string_view(until));
  TRY(admin.create(client::builtin("", "secrets"), kSystem, secret));
  return {};
}

Result<Cluster> described_cluster(std::string_view kubeconfig) {
  Arena arena;
  auto documents = TRY(schema::parse_yaml(kubeconfig, arena, {.first_only = true}));
  auto clusters = documents.empty() ? Value() : documents[0]["clusters"];
  Value about = clusters.items().empty() ? Value() : clusters.items()[0]["cluster"];
  Cluster cluster{.server = std::string(about["server"].as_string()), .authority_pem = {}};
  if (!decode_base64(about["certificate-authority-data"].as_string(), cluster.authority_pem) || cluster.authority_pem.empty() || cluster.server.empty())
    return fail(bad_request("the cluster's description names no server or no authority"));
  return cluster;
}

Result<Cluster> discover(std::string_view url, const Token& token, std::string_view authority_hash) {
  if (!url.starts_with("https://")) return fail(bad_request(concat(quoted(url), " is no URL of an API server; one looks like https://10.0.0.1:6443")));
  client::Kubeconfig unknown{.server = std::string(url)};
  unknown.tls.skip_verify = true;  // nothing secret is sent, and what comes back is checked
  auto remote = TRY(client::Remote::connect(unknown, "sampan"));
  auto api = client::https_api(remote, "sampan");
  auto info = api->get(client::builtin("", "configmaps"), kPublic, kInfo);
  if (!info) return fail(std::move(info).error().context(concat("ask ", url, " what cluster it is of: ")));
  auto text = (**info)["data"]["kubeconfig"].as_string();
  auto signature = (**info)["data"][concat("jws-kubeconfig-", token.id)].as_string();
  if (signature.empty()) return fail(bad_request(concat("the cluster does not know the token ", token.id, " (any more); `sampan token create` on its first machine makes one")));
  if (!same(signature, controllers::detached_signature(text, token.id, token.secret)))
    return fail(bad_request("the cluster's description is not signed with this token: the token is wrong, or this is another cluster"));
  auto cluster = TRY(described_cluster(text));
  auto hash = TRY(cluster::public_key_hash(cluster.authority_pem));
  if (hash != to_lower(authority_hash))
    return fail(bad_request(concat("the cluster's authority has the hash ", hash, " and not the one that was given: this is another cluster")));
  return cluster;
}

Result<ClusterSettings> read_settings(client::Api& api) {
  auto found = api.get(client::builtin("", "configmaps"), kSystem, kSettings);
  if (!found) return fail(std::move(found).error().context("read the settings of the cluster's nodes: "));
  auto data = (**found)["data"];
  auto list = [&](std::string_view name) {
    std::vector<std::string> items;
    for (auto item : split(data[name].as_string(), ','))
      if (!item.empty()) items.emplace_back(item);
    return items;
  };
  ClusterSettings settings{list("clusterCIDR"), list("serviceCIDR"), std::string(data["clusterDNS"].as_string()), std::string(data["clusterDomain"].as_string())};
  if (settings.domain.empty()) settings.domain = "cluster.local";
  return settings;
}

}  // namespace sampan::cmd
