#include "cmd/kubelet_options.h"

#include <unistd.h>

#include "base/encoding.h"
#include "base/text.h"
#include "cluster/certificates.h"
#include "cmd/node_identity.h"
#include "schema/json.h"
#include "schema/yaml.h"

namespace sampan::cmd {

using schema::Value;

namespace {

// A setting that flags and file both may say.
class Settings {
 public:
  Settings(const FlagSet& flags, Value file) : flags_(flags), file_(file) {}

  std::string text(std::string_view flag, Value in_file) const {
    bool from_file = !flags_.given(flag) && in_file.is_string() && !in_file.as_string().empty();
    return from_file ? std::string(in_file.as_string()) : flags_.text(flag);
  }
  bool is_true(std::string_view flag, Value in_file) const { return !flags_.given(flag) && in_file.is_bool() ? in_file.as_bool() : flags_.is_true(flag); }
  int64_t number(std::string_view flag, Value in_file) const { return !flags_.given(flag) && in_file.is_int() ? in_file.as_int() : flags_.number(flag); }
  int64_t microseconds(std::string_view flag, Value in_file) const {
    int64_t nanoseconds = 0;
    bool from_file = !flags_.given(flag) && in_file.is_string() && parse_duration(in_file.as_string(), nanoseconds) && nanoseconds > 0;
    return (from_file ? nanoseconds : flags_.nanoseconds(flag)) / 1000;
  }
  std::vector<std::string> list(std::string_view flag, Value in_file) const {
    if (flags_.given(flag) || !in_file.is_list()) return flags_.list(flag);
    std::vector<std::string> items;
    for (Value item : in_file.items()) items.emplace_back(item.as_string());
    return items;
  }
  Result<std::vector<std::pair<std::string, std::string>>> pairs(std::string_view flag, Value in_file) const {
    std::vector<std::pair<std::string, std::string>> out;
    if (!flags_.given(flag) && in_file.is_object()) {
      for (const auto& member : in_file.members()) out.emplace_back(member.name, member.value.as_string());
      return out;
    }
    for (const auto& item : flags_.list(flag)) {
      auto equals = item.find('=');
      if (equals == std::string::npos) return fail(bad_request(concat("--", flag, ": ", quoted(item), " is not of the form NAME=VALUE")));
      out.emplace_back(item.substr(0, equals), item.substr(equals + 1));
    }
    return out;
  }
  Value operator[](std::string_view name) const { return file_[name]; }

 private:
  const FlagSet& flags_;
  const Value file_;
};

Result<Value> read_file(const std::string& path, Arena& arena) {
  if (path.empty()) return Value::object(arena);
  auto text = TRY(cluster::read_file(path));
  auto documents = schema::parse_yaml(arena.copy(text), arena, {.first_only = true});
  if (!documents) return fail(std::move(documents).error().context(concat(path, ": ")));
  Value root = documents->empty() ? Value() : documents->front();
  if (root["kind"].as_string() != "KubeletConfiguration" || root["apiVersion"].as_string() != "kubelet.config.k8s.io/v1beta1")
    return fail(bad_request(concat(path, ": expected a KubeletConfiguration of kubelet.config.k8s.io/v1beta1")));
  return root;
}

std::string absolute(const std::string& path) {
  char here[4096];
  if (path.starts_with('/') || !::getcwd(here, sizeof here)) return path;
  return concat(here, "/", path);
}

// "dedicated=web:NoSchedule" -> "dedicated=web", "NoSchedule".
Result<void> read_taints(const std::vector<std::string>& texts, kubelet::AgentOptions& agent) {
  for (const auto& text : texts) {
    auto colon = text.rfind(':');
    auto effect = colon == std::string::npos ? std::string() : text.substr(colon + 1);
    if (effect != "NoSchedule" && effect != "PreferNoSchedule" && effect != "NoExecute")
      return fail(bad_request(concat("--register-with-taints: ", quoted(text), " is not of the form KEY=VALUE:EFFECT")));
    agent.register_taints.emplace_back(text.substr(0, colon), effect);
  }
  return {};
}

Result<void> read_reserved(const Settings& settings, kubelet::AgentOptions& agent) {
  for (auto [flag, member] : {std::pair("kube-reserved", "kubeReserved"), std::pair("system-reserved", "systemReserved")})
    for (const auto& [name, text] : TRY(settings.pairs(flag, settings[member]))) {
      auto quantity = schema::Quantity::parse(text);
      if (!quantity) return fail(std::move(quantity).error().context(concat("--", flag, ": ", name, ": ")));
      agent.reserved[name] += *quantity;
    }
  return {};
}

Result<void> read_agent(const FlagSet& flags, const Settings& settings, KubeletOptions& out) {
  auto& agent = out.agent;
  agent.node_name = flags.text("hostname-override").empty() ? machine_name() : to_lower(flags.text("hostname-override"));
  agent.node_ips = flags.list("node-ip");
  for (const auto& [key, value] : TRY(settings.pairs("node-labels", Value()))) agent.node_labels.emplace(key, value);
  auto taints = flags.list("register-with-taints");
  if (taints.empty())
    for (Value taint : settings["registerWithTaints"].items())
      taints.push_back(concat(taint["key"].as_string(), "=", taint["value"].as_string(), ":", taint["effect"].as_string()));
  TRY(read_taints(taints, agent));
  agent.provider_id = settings.text("provider-id", settings["providerID"]);
  agent.cri.endpoint = settings.text("container-runtime-endpoint", settings["containerRuntimeEndpoint"]);
  agent.cri.image_endpoint = settings.text("image-service-endpoint", settings["imageServiceEndpoint"]);
  agent.cri.timeout_ms = settings.microseconds("runtime-request-timeout", settings["runtimeRequestTimeout"]) / 1000;
  agent.paths.root = flags.text("root-dir");
  if (auto logs = settings["podLogsDir"].as_string(); !logs.empty()) agent.paths.pod_logs = logs;
  agent.static_pods = settings.text("pod-manifest-path", settings["staticPodPath"]);
  agent.cluster_domain = settings.text("cluster-domain", settings["clusterDomain"]);
  agent.cluster_dns = settings.list("cluster-dns", settings["clusterDNS"]);
  agent.resolv_conf = settings.text("resolv-conf", settings["resolvConf"]);
  agent.cgroup_root = settings.text("cgroup-root", settings["cgroupRoot"]);
  if (agent.cgroup_root == "/") agent.cgroup_root.clear();
  if (auto driver = settings.text("cgroup-driver", settings["cgroupDriver"]); driver != "cgroupfs")
    return fail(bad_request(concat("--cgroup-driver: only cgroupfs is possible, not ", quoted(driver))));
  agent.pods_max = settings.number("max-pods", settings["maxPods"]);
  agent.seccomp_default = settings.is_true("seccomp-default", settings["seccompDefault"]);
  TRY(read_reserved(settings, agent));
  agent.all_objects = false;
  agent.make_volumes = kubelet::make_volumes;
  return {};
}

Result<void> read_server(const Settings& settings, KubeletOptions& out) {
  auto& server = out.server;
  out.serves = settings.is_true("enable-server", settings["enableServer"]);
  server.address = settings.text("address", settings["address"]);
  auto port = settings.number("port", settings["port"]);
  if (port < 1 || port > 65535) return fail(bad_request(concat("--port ", port, " must be between 1 and 65535")));
  server.port = out.agent.port = static_cast<uint16_t>(port);
  out.health_address = settings.text("healthz-bind-address", settings["healthzBindAddress"]);
  auto health_port = settings.number("healthz-port", settings["healthzPort"]);
  if (health_port < 0 || health_port > 65535) return fail(bad_request(concat("--healthz-port ", health_port, " must be between 0 and 65535")));
  out.health_port = static_cast<uint16_t>(health_port);
  server.debugging = settings.is_true("enable-debugging-handlers", settings["enableDebuggingHandlers"]);
  server.tls.certificate_file = settings.text("tls-cert-file", settings["tlsCertFile"]);
  server.tls.key_file = settings.text("tls-private-key-file", settings["tlsPrivateKeyFile"]);
  if (server.tls.certificate_file.empty() != server.tls.key_file.empty()) return fail(bad_request("--tls-cert-file and --tls-private-key-file have to be given together"));
  Value authentication = settings["authentication"], webhook = authentication["webhook"], rights = settings["authorization"];
  server.tls.client_ca_file = settings.text("client-ca-file", authentication["x509"]["clientCAFile"]);
  server.tls.cipher_suites = settings.list("tls-cipher-suites", settings["tlsCipherSuites"]);
  if (auto version = settings.text("tls-min-version", settings["tlsMinVersion"]); !version.empty()) server.tls.minimum_version = version;
  auto& access = out.access;
  access.node_name = out.agent.node_name;
  access.anonymous = settings.is_true("anonymous-auth", authentication["anonymous"]["enabled"]);
  access.tokens = settings.is_true("authentication-token-webhook", webhook["enabled"]);
  access.token_keep_us = settings.microseconds("authentication-token-webhook-cache-ttl", webhook["cacheTTL"]);
  access.allowed_keep_us = settings.microseconds("authorization-webhook-cache-authorized-ttl", rights["webhook"]["cacheAuthorizedTTL"]);
  access.denied_keep_us = settings.microseconds("authorization-webhook-cache-unauthorized-ttl", rights["webhook"]["cacheUnauthorizedTTL"]);
  auto mode = settings.text("authorization-mode", rights["mode"]);
  if (mode != "Webhook" && mode != "AlwaysAllow") return fail(bad_request(concat("unknown authorization mode ", mode)));
  access.always_allow = mode == "AlwaysAllow";
  return {};
}

}  // namespace

Result<KubeletOptions> kubelet_options(const FlagSet& flags) {
  KubeletOptions out;
  Arena arena;
  Value file = TRY(read_file(flags.text("config"), arena));
  Settings settings(flags, file);
  TRY(read_agent(flags, settings, out));
  TRY(read_server(settings, out));
  if (file.has("kind")) schema::write_json(out.server.configz, file);
  out.kubeconfig = flags.text("kubeconfig");
  if (out.kubeconfig.empty()) return fail(bad_request("--kubeconfig is needed: an agent without an API server is not possible"));
  out.bootstrap_kubeconfig = flags.text("bootstrap-kubeconfig");
  out.pki_dir = absolute(flags.text("cert-dir"));  // it is named in a kubeconfig, where names are relative to that
  out.rotates = settings.is_true("rotate-certificates", settings["rotateCertificates"]);
  return out;
}

}  // namespace sampan::cmd
