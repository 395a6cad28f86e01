#include "cmd/apiserver_options.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include "apiserver/admission/settings.h"
#include "base/names.h"
#include "base/text.h"
#include "cluster/certificates.h"
#include "cmd/audit_options.h"
#include "cmd/feature_gates.h"
#include "registry/addresses.h"
#include "schema/json.h"

namespace sampan::cmd {

namespace {

Error complaint(std::string text) { return bad_request(std::move(text)); }

// "certificate,key" or "certificate,key:name,name".
Result<net::NamedCertificate> named_certificate(const std::string& value) {
  auto wrong = [&](std::string_view why) { return fail(complaint(concat("invalid argument ", quoted(value), " for \"--tls-sni-cert-key\" flag: ", why))); };
  auto colon = value.find(':');
  auto files = split(std::string_view(value).substr(0, colon), ',');
  if (files.size() != 2) return wrong("expected comma separated certificate and key file paths");
  net::NamedCertificate out{std::string(trim(files[0])), std::string(trim(files[1])), {}};
  if (colon == value.npos) return out;
  auto names = trim(std::string_view(value).substr(colon + 1));
  if (names.empty()) return wrong("empty names list is not allowed");
  for (auto name : split(names, ',')) out.names.push_back(to_lower(trim(name)));
  return out;
}

// The numbers are those of TLS.
Result<std::string> curve_name(const std::string& number) {
  static constexpr std::pair<std::string_view, std::string_view> curves[] = {{"23", "P-256"}, {"24", "P-384"}, {"25", "P-521"}, {"29", "X25519"}};
  for (auto [known, name] : curves)
    if (number == known) return std::string(name);
  return fail(complaint(concat("--tls-curve-preferences: unknown curve ", quoted(number), "; 23 (P-256), 24 (P-384), 25 (P-521) and 29 (X25519) are there")));
}

Result<void> read_tls(const FlagSet& flags, ApiserverOptions& out) {
  out.tls_cert_file = flags.text("tls-cert-file");
  out.tls_key_file = flags.text("tls-private-key-file");
  if (out.tls_cert_file.empty() != out.tls_key_file.empty())
    return fail(complaint("--tls-cert-file and --tls-private-key-file have to be given together"));
  for (const auto& value : flags.values("tls-sni-cert-key")) out.tls.named_certificates.push_back(TRY(named_certificate(value)));
  out.client_ca_file = flags.text("client-ca-file");
  out.tls_sans = flags.list("tls-san");
  for (const auto& san : out.tls_sans) {
    Complaints complaints;
    if (!registry::parse_ip(san)) check_dns1123_subdomain(san.starts_with("*.") ? std::string_view(san).substr(2) : san, complaints);
    if (!complaints.empty()) return fail(complaint(concat("--tls-san: ", quoted(san), " is neither a name nor an address")));
  }
  if (auto version = flags.text("tls-min-version"); !version.empty()) {
    if (version != "VersionTLS12" && version != "VersionTLS13")
      return fail(complaint(concat("--tls-min-version: unknown tls version ", quoted(version), "; VersionTLS12 and VersionTLS13 are served")));
    out.tls.minimum_version = version;
  }
  out.tls.cipher_suites = flags.list("tls-cipher-suites");
  for (const auto& number : flags.list("tls-curve-preferences")) out.tls.groups.push_back(TRY(curve_name(number)));
  out.tls.http2 = !flags.is_true("disable-http2-serving");
  return {};
}

Result<void> read_serving(const FlagSet& flags, ApiserverOptions& out) {
  auto port = flags.number("secure-port");
  if (port < 1 || port > 65535)
    return fail(complaint(concat("--secure-port ", port, " must be between 1 and 65535, inclusive. It cannot be turned off with 0")));
  out.port = static_cast<uint16_t>(port);
  out.bind_address = flags.text("bind-address");
  out.advertise_address = flags.text("advertise-address");
  if (out.advertise_address.empty()) {
    auto bound = registry::parse_ip(out.bind_address);
    out.advertise_address = bound && !bound->is_unspecified() ? out.bind_address : default_address();
  }
  TRY(read_tls(flags, out));
  if (auto streams = flags.number("http2-max-streams-per-connection"); streams > 0)
    out.limits.streams_per_connection_max = static_cast<unsigned>(streams);
  out.shares_port = flags.is_true("permit-port-sharing");
  out.external_name = flags.text("external-hostname");
  out.front_door.cors_origins = flags.list("cors-allowed-origins");
  out.front_door.hsts = flags.list("strict-transport-security-directives");
  out.front_door.sends_away_on_shutdown = flags.is_true("shutdown-send-retry-after");
  out.front_door.goaway_chance = std::strtod(flags.text("goaway-chance").c_str(), nullptr);
  return {};
}

Result<void> read_store(const FlagSet& flags, ApiserverOptions& out) {
  out.data_dir = flags.text("data-dir");
  out.cert_dir = flags.text("cert-dir");
  if (out.cert_dir.empty()) out.cert_dir = out.data_dir;
  out.etcd_servers = flags.list("etcd-servers");
  out.etcd_ca_file = flags.text("etcd-cafile");
  out.etcd_cert_file = flags.text("etcd-certfile");
  out.etcd_key_file = flags.text("etcd-keyfile");
  out.etcd_compaction_ns = flags.nanoseconds("etcd-compaction-interval");
  out.store_live_timeout_ns = flags.nanoseconds("etcd-healthcheck-timeout");
  out.store_ready_timeout_ns = flags.nanoseconds("etcd-readycheck-timeout");
  out.encryption_config_file = flags.text("encryption-provider-config");
  out.reload_encryption_config = flags.is_true("encryption-provider-config-automatic-reload");
  if (out.encryption_config_file.empty() && out.reload_encryption_config)
    return fail(complaint("--encryption-provider-config-automatic-reload must be set with --encryption-provider-config"));
  if (flags.text("etcd-prefix") != "/registry") return fail(complaint("--etcd-prefix: keys begin with /registry, nothing else is possible yet"));
  if (auto backend = flags.text("storage-backend"); !backend.empty() && backend != "etcd3")
    return fail(complaint(concat("--storage-backend invalid, allowed values: etcd3. If not specified, it will default to 'etcd3'")));
  return {};
}

Result<void> read_services(const FlagSet& flags, ApiserverOptions& out) {
  out.service_cidr = flags.text("service-cluster-ip-range");
  auto ranges = split(out.service_cidr, ',');
  if (ranges.size() > 2) return fail(complaint("--service-cluster-ip-range must not contain more than two entries"));
  bool families[2] = {false, false};
  for (auto range : ranges) {
    auto cidr = registry::parse_cidr(trim(range));
    if (!cidr) return fail(complaint(concat("--service-cluster-ip-range: ", quoted(range), " is no range of addresses")));
    bool& family = families[cidr->is_v4()];
    if (family) return fail(complaint("--service-cluster-ip-range and --secondary-service-cluster-ip-range must be of different IP family"));
    family = true;
  }
  auto ports = flags.text("service-node-port-range");
  auto separator = ports.find_first_of("-+");
  int last = 0;
  parse_int(std::string_view(ports).substr(0, separator), out.node_port_first);
  parse_int(std::string_view(ports).substr(separator + 1), last);
  if (ports[separator] == '+') last += out.node_port_first;
  out.node_port_count = last - out.node_port_first + 1;
  auto reconciler = flags.text("endpoint-reconciler-type");
  if (reconciler != "lease" && reconciler != "master-count" && reconciler != "none")
    return fail(complaint(concat("--endpoint-reconciler-type must be one of: master-count, lease, none, got ", quoted(reconciler))));
  out.keeps_endpoints = reconciler != "none";
  return {};
}

Result<void> read_access(const FlagSet& flags, ApiserverOptions& out) {
  out.access = TRY(access_options(flags));
  if (auto path = flags.text("admission-control-config-file"); !path.empty()) out.admission.settings = TRY(apiserver::read_admission_settings(path));
  out.admission.enable = flags.list("enable-admission-plugins");
  out.allow_privileged = flags.is_true("allow-privileged");
  out.admission.disable = flags.list("disable-admission-plugins");
  out.admission.not_ready_seconds = flags.number("default-not-ready-toleration-seconds");
  out.admission.unreachable_seconds = flags.number("default-unreachable-toleration-seconds");
  for (const auto& name : out.admission.enable)
    if (std::find(out.admission.disable.begin(), out.admission.disable.end(), name) != out.admission.disable.end())
      return fail(complaint(concat("[", name, "] in enable-admission-plugins and disable-admission-plugins overlapped")));
  return {};
}

Result<void> read_apis(const FlagSet& flags, ApiserverOptions& out) {
  for (const auto& entry : flags.list("runtime-config")) {
    auto equals = entry.find('=');
    auto key = entry.substr(0, equals);
    auto value = equals == std::string::npos ? std::string() : entry.substr(equals + 1);
    auto on = value.empty() ? Result<bool>(true) : parse_bool(value);  // a key alone turns on
    if (!on) return fail(complaint(concat("runtime-config invalid value ", quoted(entry))));
    bool known = key == "v1" || key.find('/') != std::string::npos;
    if (!known) return fail(complaint(concat("runtime-config invalid key ", key)));
    out.runtime_config.emplace_back(key, *on);
  }
  std::string gates;
  for (const auto& part : flags.list("feature-gates")) append(gates, gates.empty() ? "" : ",", part);
  return set_feature_gates(gates, out.feature_gates);
}

Result<void> read_limits(const FlagSet& flags, ApiserverOptions& out) {
  auto reads = flags.number("max-requests-inflight"), mutations = flags.number("max-mutating-requests-inflight");
  if (reads < 0) return fail(complaint("--max-requests-inflight can not be negative value"));
  if (mutations < 0) return fail(complaint("--max-mutating-requests-inflight can not be negative value"));
  out.priority_and_fairness = flags.is_true("enable-priority-and-fairness");
  if (out.priority_and_fairness && reads + mutations == 0)
    return fail(complaint("invalid configuration: MaxRequestsInFlight=0 and MaxMutatingRequestsInFlight=0; they must add up to something positive"));
  // 0 means no limit, where they do not make a sum to be shared.
  const unsigned none = out.priority_and_fairness ? 0 : 1'000'000;
  out.reads_max = reads ? static_cast<unsigned>(reads) : none;
  out.mutations_max = mutations ? static_cast<unsigned>(mutations) : none;
  out.watch_seconds_min = flags.number("min-request-timeout");
  if (out.watch_seconds_min < 0) return fail(complaint("--min-request-timeout can not be negative value"));
  out.request_timeout_ns = flags.nanoseconds("request-timeout");
  if (out.request_timeout_ns < 0) return fail(complaint("--request-timeout can not be negative value"));
  out.shutdown_delay_ns = flags.nanoseconds("shutdown-delay-duration");
  if (out.shutdown_delay_ns < 0) return fail(complaint("--shutdown-delay-duration can not be negative value"));
  out.backends.kubelet_ca_file = flags.text("kubelet-certificate-authority");
  out.backends.kubelet_certificate_file = flags.text("kubelet-client-certificate");
  out.backends.kubelet_key_file = flags.text("kubelet-client-key");
  out.backends.kubelet_address_types = flags.list("kubelet-preferred-address-types");
  return {};
}

}  // namespace

std::string default_address() {
  // Connecting a datagram socket sends nothing; it makes the kernel choose a route.
  constexpr const char* kElsewhere = "192.0.2.1";
  std::string address = "127.0.0.1";
  int fd = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return address;
  sockaddr_in to{}, from{};
  to.sin_family = AF_INET;
  to.sin_port = htons(9);
  inet_pton(AF_INET, kElsewhere, &to.sin_addr);
  socklen_t size = sizeof from;
  char text[INET_ADDRSTRLEN];
  if (::connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof to) == 0 && ::getsockname(fd, reinterpret_cast<sockaddr*>(&from), &size) == 0 &&
      inet_ntop(AF_INET, &from.sin_addr, text, sizeof text))
    address = text;
  ::close(fd);
  return address;
}

std::string ApiserverOptions::host() const {
  if (!external_name.empty()) return concat(external_name, ":", port);
  bool v6 = advertise_address.find(':') != std::string::npos;
  return concat(v6 ? "[" : "", advertise_address, v6 ? "]:" : ":", port);
}

Result<ApiserverOptions> apiserver_options(const FlagSet& flags) {
  ApiserverOptions out;
  TRY(read_serving(flags, out));
  TRY(read_store(flags, out));
  TRY(read_services(flags, out));
  TRY(read_access(flags, out));
  out.audit = TRY(audit_options(flags));
  TRY(read_apis(flags, out));
  TRY(read_limits(flags, out));
  return out;
}

}  // namespace sampan::cmd
