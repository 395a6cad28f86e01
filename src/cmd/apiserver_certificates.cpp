#include "cmd/apiserver_certificates.h"

#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "cluster/certificates.h"
#include "registry/addresses.h"

namespace sampan::cmd {

namespace {

constexpr int kAuthorityDays = 3650;
constexpr int64_t kRenewAfter_s = 180 * 86400;  // half of a credential's life

cluster::CertificateRequest serving_request(const ApiserverOptions& options) {
  cluster::CertificateRequest request;
  request.common_name = "kube-apiserver";
  request.usage = cluster::Usage::Server;
  request.dns_names = {"localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local"};
  char host[256] = {};
  if (::gethostname(host, sizeof host - 1) == 0 && host[0]) request.dns_names.emplace_back(host);
  request.ip_addresses = {"127.0.0.1", "::1", options.advertise_address};
  if (auto bound = registry::parse_ip(options.bind_address); bound && !bound->is_unspecified()) request.ip_addresses.push_back(options.bind_address);
  for (const auto& san : options.tls_sans) (registry::parse_ip(san) ? request.ip_addresses : request.dns_names).push_back(san);
  for (auto range : split(options.service_cidr, ',')) {
    auto cidr = registry::parse_cidr(trim(range));
    if (!cidr) continue;
    auto first = cidr->network();
    first.bytes.back() |= 1;  // the kubernetes service
    request.ip_addresses.push_back(first.text());
  }
  std::sort(request.ip_addresses.begin(), request.ip_addresses.end());
  request.ip_addresses.erase(std::unique(request.ip_addresses.begin(), request.ip_addresses.end()), request.ip_addresses.end());
  return request;
}

void drop_if_old(const std::string& path) {
  struct stat info;
  if (::stat(path.c_str(), &info) == 0 && real_clock().now_us() / 1'000'000 - info.st_mtime > kRenewAfter_s) ::unlink(path.c_str());
}

// `serving`: what clients have to trust.
Result<void> make_admin(const ApiserverOptions& options, const cluster::KeyPair& authority, std::string_view serving) {
  auto base = options.data_dir + "/admin";
  drop_if_old(base + ".crt");
  auto admin = TRY(cluster::load_or_make(
      base + ".crt", base + ".key",
      {.common_name = "kubernetes-admin", .organizations = {"system:masters"}, .usage = cluster::Usage::Client}, &authority));
  auto bound = registry::parse_ip(options.bind_address);
  std::string host = bound && !bound->is_unspecified() ? options.bind_address : "127.0.0.1";
  if (host.find(':') != std::string::npos) host = concat("[", host, "]");
  auto text = cluster::kubeconfig("sampan", concat("https://", host, ":", options.port), serving, "kubernetes-admin", admin);
  return cluster::write_file(base + ".kubeconfig", text, 0600);
}

// What kubelets know us by, where they trust our CA.
Result<void> make_kubelet_client(const ApiserverOptions& options, const cluster::KeyPair& authority) {
  auto base = options.cert_dir + "/" + std::string(kKubeletClientName);
  drop_if_old(base + ".crt");
  TRY(cluster::load_or_make(base + ".crt", base + ".key",
                            {.common_name = "kube-apiserver-kubelet-client", .organizations = {"system:masters"}, .usage = cluster::Usage::Client},
                            &authority));
  return {};
}

}  // namespace

Result<net::TlsOptions> prepare_certificates(const ApiserverOptions& options) {
  net::TlsOptions tls = options.tls;
  tls.certificate_file = options.tls_cert_file;
  tls.key_file = options.tls_key_file;
  tls.client_ca_file = options.client_ca_file;
  tls.proxy_ca_file = options.access.proxy_ca_file;
  if (!tls.certificate_file.empty() && !tls.client_ca_file.empty()) return tls;

  TRY(cluster::make_directory(options.data_dir, 0700));
  TRY(cluster::make_directory(options.cert_dir, 0700));
  auto authority = TRY(cluster::load_or_make(options.cert_dir + "/ca.crt", options.cert_dir + "/ca.key",
                                             {.common_name = "sampan-ca", .usage = cluster::Usage::Authority, .days = kAuthorityDays}, nullptr));
  std::string serving = authority.certificate_pem;
  if (tls.certificate_file.empty()) {
    // Made anew at every start: addresses change, and it never grows old.
    auto pair = TRY(cluster::make_certificate(serving_request(options), &authority));
    tls.certificate_file = options.cert_dir + "/apiserver.crt";
    tls.key_file = options.cert_dir + "/apiserver.key";
    TRY(cluster::write_file(tls.key_file, pair.key_pem, 0600));
    TRY(cluster::write_file(tls.certificate_file, pair.certificate_pem, 0644));
  } else {
    serving = TRY(cluster::read_file(tls.certificate_file));
  }
  if (tls.client_ca_file.empty()) {
    tls.client_ca_file = options.cert_dir + "/ca.crt";
    TRY(make_admin(options, authority, serving));
    if (options.backends.kubelet_certificate_file.empty()) TRY(make_kubelet_client(options, authority));
  }
  return tls;
}

}  // namespace sampan::cmd
