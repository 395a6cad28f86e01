// The flags that Kubernetes' components share, and what they come to.
#include "base/text.h"
#include "cmd/component.h"

namespace sampan::cmd {

namespace {

using Type = Flag::Type;
using Effect = Flag::Effect;

constexpr Flag kFlags[] = {
    {"Generic", "kubeconfig", Type::String, "", Effect::Works, "The kubeconfig: which server, whom to trust, who we are."},
    {"Generic", "master", Type::String, "", Effect::Works, "The server's address, instead of the kubeconfig's."},
    {"Generic", "kube-api-burst", Type::Int, "30", Effect::Moot, "How many requests at once; they are not held back."},
    {"Generic", "kube-api-qps", Type::Float, "20", Effect::Moot, "How many requests a second; they are not held back."},
    {"Generic", "kube-api-content-type", Type::String, "", Effect::Moot, "In which form objects are sent."},
    {"Generic", "feature-gates", Type::Pairs, "", Effect::Moot, "Feature gates: a list of NAME=true|false."},
    {"Generic", "emulated-version", Type::Strings, "", Effect::Pending, "Behave as this version, as kube=1.35."},
    {"Generic", "emulation-forward-compatible", Type::Bool, "", Effect::Pending, "With an emulated version, use newer versions of APIs as well."},
    {"Generic", "min-compatibility-version", Type::Strings, "", Effect::Pending, "The oldest version that other components may have."},
    {"Generic", "profiling", Type::Bool, "true", Effect::Moot, "Whether Go's profiles are served."},
    {"Generic", "contention-profiling", Type::Bool, "", Effect::Moot, "Whether Go's profiles of locks are served."},
    {"Leader election", "leader-elect", Type::Bool, "true", Effect::Works, "Whether of several copies one leads and the others wait."},
    {"Leader election", "leader-elect-lease-duration", Type::Duration, "15s", Effect::Works, "How long a lease lasts that is not renewed."},
    {"Leader election", "leader-elect-renew-deadline", Type::Duration, "10s", Effect::Works, "How long a leader that cannot renew its lease goes on."},
    {"Leader election", "leader-elect-retry-period", Type::Duration, "2s", Effect::Works, "How often the lease is tried for and renewed."},
    {"Leader election", "leader-elect-resource-lock", Type::String, "leases", Effect::Works, "What is locked: leases."},
    {"Leader election", "leader-elect-resource-name", Type::String, "", Effect::Works, "The lease's name."},
    {"Leader election", "leader-elect-resource-namespace", Type::String, "kube-system", Effect::Works, "The lease's namespace."},
    {"Secure serving", "bind-address", Type::Ip, "0.0.0.0", Effect::Works, "The address that health checks are served on."},
    {"Secure serving", "secure-port", Type::Int, "", Effect::Works, "The port of health checks (/healthz, /livez, /readyz), over TLS; 0: none."},
    {"Secure serving", "tls-cert-file", Type::String, "", Effect::Works, "The certificate to serve with. Without it one is made at the start."},
    {"Secure serving", "tls-private-key-file", Type::String, "", Effect::Works, "The key of that certificate."},
    {"Secure serving", "cert-dir", Type::String, "", Effect::Moot, "Where a made certificate is kept; it is made anew at every start."},
    {"Secure serving", "tls-cipher-suites", Type::Strings, "", Effect::Pending, "The cipher suites to serve with."},
    {"Secure serving", "tls-min-version", Type::String, "", Effect::Pending, "The oldest version of TLS to serve with."},
    {"Secure serving", "tls-curve-preferences", Type::Strings, "", Effect::Pending, "The curves to serve with."},
    {"Secure serving", "tls-sni-cert-key", Type::Strings, "", Effect::Pending, "More certificates, by the name that is asked for."},
    {"Secure serving", "http2-max-streams-per-connection", Type::Int, "", Effect::Moot, "How many requests at once on a connection."},
    {"Secure serving", "disable-http2-serving", Type::Bool, "", Effect::Pending, "Serve HTTP/1.1 alone."},
    {"Secure serving", "permit-address-sharing", Type::Bool, "", Effect::Moot, "Bind to an address in use (SO_REUSEADDR); it always is so."},
    {"Secure serving", "permit-port-sharing", Type::Bool, "", Effect::Pending, "Bind to a port in use (SO_REUSEPORT)."},
    {"Access", "authentication-kubeconfig", Type::String, "", Effect::Moot, "Who asks the server about tokens; health checks are public."},
    {"Access", "authorization-kubeconfig", Type::String, "", Effect::Moot, "Who asks the server about rights; health checks are public."},
    {"Access", "authentication-skip-lookup", Type::Bool, "", Effect::Moot, "Do not look up the server's CAs of clients."},
    {"Access", "authentication-tolerate-lookup-failure", Type::Bool, "true", Effect::Moot, "Go on where that fails."},
    {"Access", "authentication-token-webhook-cache-ttl", Type::Duration, "10s", Effect::Moot, "How long answers about tokens are kept."},
    {"Access", "authorization-always-allow-paths", Type::Strings, "/healthz,/readyz,/livez", Effect::Moot, "What everybody may ask for."},
    {"Access", "authorization-webhook-cache-authorized-ttl", Type::Duration, "10s", Effect::Moot, "How long a yes about rights is kept."},
    {"Access", "authorization-webhook-cache-unauthorized-ttl", Type::Duration, "10s", Effect::Moot, "How long a no about rights is kept."},
    {"Access", "client-ca-file", Type::String, "", Effect::Moot, "The CA of clients."},
    {"Access", "requestheader-allowed-names", Type::Strings, "", Effect::Moot, "The names of front proxies."},
    {"Access", "requestheader-client-ca-file", Type::String, "", Effect::Moot, "The CA of front proxies."},
    {"Access", "requestheader-extra-headers-prefix", Type::Strings, "", Effect::Moot, "What the fields of front proxies begin with."},
    {"Access", "requestheader-group-headers", Type::Strings, "", Effect::Moot, "Fields in which they say groups."},
    {"Access", "requestheader-uid-headers", Type::Strings, "", Effect::Moot, "Fields in which they say uids."},
    {"Access", "requestheader-username-headers", Type::Strings, "", Effect::Moot, "Fields in which they say names."},
    {"Metrics", "allow-metric-labels", Type::Pairs, "", Effect::Pending, "Which values labels of metrics may have."},
    {"Metrics", "allow-metric-labels-manifest", Type::String, "", Effect::Pending, "A file of those."},
    {"Metrics", "disabled-metrics", Type::Strings, "", Effect::Pending, "Metrics that are not served."},
    {"Metrics", "show-hidden-metrics-for-version", Type::String, "", Effect::Pending, "Show metrics that were hidden since this version."},
    {"Logs", "v", Type::Int, "0", Effect::Works, "How much is logged.", 'v'},
    {"Logs", "vmodule", Type::Strings, "", Effect::Pending, "How much is logged, by file."},
    {"Logs", "logging-format", Type::String, "text", Effect::Works, "The form of the log: text or json."},
    {"Logs", "log-flush-frequency", Type::Duration, "5s", Effect::Moot, "How often the log is flushed; it is at once."},
    {"Logs", "log-json-info-buffer-size", Type::Size, "", Effect::Moot, "The buffer of a log in JSON."},
    {"Logs", "log-json-split-stream", Type::Bool, "", Effect::Moot, "Two streams for a log in JSON."},
    {"Logs", "log-text-info-buffer-size", Type::Size, "", Effect::Moot, "The buffer of the log."},
    {"Logs", "log-text-split-stream", Type::Bool, "", Effect::Moot, "Two streams for the log."},
};

}  // namespace

std::vector<Flag> with_component_flags(std::span<const Flag> own, std::string_view lease, std::string_view port) {
  std::vector<Flag> table(own.begin(), own.end());
  for (Flag flag : kFlags) {
    if (flag.name == "leader-elect-resource-name") flag.preset = lease;
    if (flag.name == "secure-port") flag.preset = port;
    table.push_back(flag);
  }
  return table;
}

Result<ComponentOptions> component_options(const FlagSet& flags) {
  ComponentOptions options;
  options.kubeconfig = flags.text("kubeconfig");
  options.master = flags.text("master");
  options.elects = flags.is_true("leader-elect");
  auto& election = options.election;
  election.name_space = flags.text("leader-elect-resource-namespace");
  election.name = flags.text("leader-elect-resource-name");
  election.lease_us = flags.nanoseconds("leader-elect-lease-duration") / 1000;
  election.renew_us = flags.nanoseconds("leader-elect-renew-deadline") / 1000;
  election.retry_us = flags.nanoseconds("leader-elect-retry-period") / 1000;
  if (auto lock = flags.text("leader-elect-resource-lock"); lock != "leases")
    return fail(bad_request(concat("resourceLock value must be \"leases\", got ", quoted(lock))));
  if (election.lease_us <= election.renew_us) return fail(bad_request("leaseDuration must be greater than renewDeadline"));
  if (election.renew_us <= election.retry_us + election.retry_us / 5) return fail(bad_request("renewDeadline must be greater than retryPeriod*JitterFactor"));
  if (election.retry_us < 1) return fail(bad_request("retryPeriod must be greater than zero"));
  if (election.lease_us < 1'000'000) return fail(bad_request("leaseDuration must be at least one second"));
  auto port = flags.number("secure-port");
  if (port < 0 || port > 65535) return fail(bad_request(concat("--secure-port ", port, " must be between 0 and 65535, inclusive. 0 for turning off secure port")));
  options.port = static_cast<uint16_t>(port);
  options.bind_address = flags.text("bind-address");
  options.certificate_file = flags.text("tls-cert-file");
  options.key_file = flags.text("tls-private-key-file");
  if (options.certificate_file.empty() != options.key_file.empty()) return fail(bad_request("--tls-cert-file and --tls-private-key-file have to be given together"));
  return options;
}

}  // namespace sampan::cmd
