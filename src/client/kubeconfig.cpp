#include "client/kubeconfig.h"

#include <cstdlib>
#include <fstream>
#include <iterator>

#include "base/encoding.h"
#include "base/text.h"
#include "schema/value.h"
#include "schema/yaml.h"

namespace sampan::client {

using schema::Value;

namespace {

constexpr std::string_view kAccount = "/var/run/secrets/kubernetes.io/serviceaccount/";

Result<std::string> read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return fail(bad_request(concat("cannot read ", path, ": ", strerror(errno))));
  return std::string(std::istreambuf_iterator<char>(file), {});
}

// Names in a kubeconfig are relative to it.
std::string beside(const std::string& config, std::string_view name) {
  auto slash = config.rfind('/');
  if (name.empty() || name.front() == '/' || slash == std::string::npos) return std::string(name);
  return concat(std::string_view(config).substr(0, slash + 1), name);
}

// "clusters", "a" -> what is under "cluster" of the item with that name.
Result<Value> named(Value root, std::string_view list, std::string_view name, std::string_view member, const std::string& path) {
  for (Value item : root[list].items())
    if (item["name"].as_string() == name) return item[member];
  return fail(bad_request(concat(path, ": there is no ", quoted(name), " among the ", list)));
}

// The text itself in base64 under "NAME-data", or a file's name under "NAME".
Result<void> text_or_file(Value from, std::string_view name, const std::string& path, std::string& text, std::string& file) {
  if (auto data = from[concat(name, "-data")].as_string(); !data.empty()) {
    if (!decode_base64(data, text)) return fail(bad_request(concat(path, ": ", name, "-data is not base64")));
    return {};
  }
  file = beside(path, from[name].as_string());
  return {};
}

}  // namespace

Result<Kubeconfig> load_kubeconfig(const std::string& path, std::string_view context_name) {
  auto bytes = TRY(read_file(path));
  Arena arena;
  auto documents = schema::parse_yaml(bytes, arena, {.first_only = true});
  if (!documents) return fail(bad_request(concat(path, ": ", documents.error().message())));
  Value root = documents->empty() ? Value() : documents->front();
  auto wanted = context_name.empty() ? root["current-context"].as_string() : context_name;
  if (wanted.empty()) return fail(bad_request(concat(path, ": no current-context is set")));
  Value context = TRY(named(root, "contexts", wanted, "context", path));
  Value cluster = TRY(named(root, "clusters", context["cluster"].as_string(), "cluster", path));
  Value user = TRY(named(root, "users", context["user"].as_string(), "user", path));
  Kubeconfig config;
  config.server = cluster["server"].as_string();
  if (config.server.empty()) return fail(bad_request(concat(path, ": the cluster names no server")));
  config.server_name = cluster["tls-server-name"].as_string();
  config.tls.skip_verify = cluster["insecure-skip-tls-verify"].as_bool();
  TRY(text_or_file(cluster, "certificate-authority", path, config.tls.ca_pem, config.tls.ca_file));
  TRY(text_or_file(user, "client-certificate", path, config.tls.certificate_pem, config.tls.certificate_file));
  TRY(text_or_file(user, "client-key", path, config.tls.key_pem, config.tls.key_file));
  config.token = user["token"].as_string();
  config.token_file = beside(path, user["tokenFile"].as_string());
  config.name_space = context["namespace"].as_string();
  return config;
}

Result<Kubeconfig> in_cluster_config() {
  const char* host = getenv("KUBERNETES_SERVICE_HOST");
  const char* port = getenv("KUBERNETES_SERVICE_PORT");
  if (!host || !port) return fail(bad_request("no --kubeconfig is given, and this is no pod: KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set"));
  Kubeconfig config;
  bool is_ipv6 = std::string_view(host).find(':') != std::string_view::npos;
  config.server = concat("https://", is_ipv6 ? "[" : "", host, is_ipv6 ? "]:" : ":", port);
  config.tls.ca_file = concat(kAccount, "ca.crt");
  config.token_file = concat(kAccount, "token");
  return config;
}

}  // namespace sampan::client
