// See names.h.
#include "kubelet/names.h"

#include <algorithm>

#include "base/text.h"

namespace sampan::kubelet {

namespace {

constexpr size_t kHostNameMax = 63, kKernelNameMax = 64;
constexpr size_t kServersMax = 3, kSearchesMax = 32, kSearchCharactersMax = 2048, kDomainMax = 253;

std::string cut(std::string_view name) {
  std::string out(name.substr(0, kHostNameMax));
  if (name.size() > kHostNameMax)
    while (out.ends_with('-') || out.ends_with('.')) out.pop_back();
  return out;
}

void add_once(std::vector<std::string>& list, std::string_view text) {
  if (std::ranges::find(list, text) == list.end()) list.emplace_back(text);
}

void set_option(std::vector<std::string>& options, std::string_view name, std::string_view value) {
  auto text = value.empty() ? std::string(name) : concat(name, ":", value);
  for (auto& option : options)
    if (std::string_view(option).substr(0, option.find(':')) == name) {
      option = text;
      return;
    }
  options.push_back(text);
}

void keep_limits(DnsConfig& dns, std::vector<std::pair<std::string_view, std::string>>& complaints) {
  if (dns.servers.size() > kServersMax) {
    dns.servers.resize(kServersMax);
    complaints.emplace_back("DNSConfigForming", concat("Nameserver limits were exceeded, some nameservers have been omitted, the applied nameserver line is: ",
                                                       join(dns.servers, " ")));
  }
  auto before = dns.searches.size();
  if (dns.searches.size() > kSearchesMax) dns.searches.resize(kSearchesMax);
  std::erase_if(dns.searches, [](auto& search) { return search.size() > kDomainMax; });
  while (!dns.searches.empty() && join(dns.searches, " ").size() > kSearchCharactersMax) dns.searches.pop_back();
  if (dns.searches.size() != before)
    complaints.emplace_back("DNSConfigForming", concat("Search Line limits were exceeded, some search paths have been omitted, the applied search line is: ",
                                                       join(dns.searches, " ")));
}

}  // namespace

Result<std::string> HostName::kernel(const core_v1::Pod& pod) const {
  if (domain.empty() || !pod.spec().set_hostname_as_fqdn().value_or(false)) return host;
  auto full = concat(host, ".", domain);
  if (full.size() > kKernelNameMax)
    return fail(failure(concat("failed to construct FQDN from pod hostname and cluster domain, FQDN ", full, " is too long (", kKernelNameMax,
                                      " characters is the max, ", full.size(), " characters requested)")));
  return full;
}

HostName host_name(const core_v1::Pod& pod, std::string_view cluster_domain) {
  auto spec = pod.spec();
  if (spec.hostname_override()) return {cut(*spec.hostname_override()), ""};
  HostName out{cut(spec.hostname().empty() ? pod.metadata().name() : spec.hostname()), ""};
  if (!spec.subdomain().empty()) out.domain = concat(spec.subdomain(), ".", pod.metadata().namespace_(), ".svc.", cluster_domain);
  return out;
}

std::string hosts_file(const core_v1::Pod& pod, const HostName& name, const std::vector<std::string>& pod_ips, std::string_view node_hosts) {
  std::string out;
  if (pod.spec().host_network()) {
    append(out, "# Kubernetes-managed hosts file (host network).\n", node_hosts);
  } else {
    out = "# Kubernetes-managed hosts file.\n"
          "127.0.0.1\tlocalhost\n"
          "::1\tlocalhost ip6-localhost ip6-loopback\n"
          "fe00::0\tip6-localnet\n"
          "fe00::0\tip6-mcastprefix\n"
          "fe00::1\tip6-allnodes\n"
          "fe00::2\tip6-allrouters\n";
    for (auto& ip : pod_ips) {
      append(out, ip, "\t");
      if (!name.domain.empty()) append(out, name.host, ".", name.domain, "\t");
      append(out, name.host, "\n");
    }
  }
  if (!pod.spec().host_aliases().empty()) out += "\n# Entries added by HostAliases.\n";
  for (auto alias : pod.spec().host_aliases()) {
    out += alias.ip();
    for (auto other : alias.hostnames()) append(out, "\t", other);
    out += "\n";
  }
  return out;
}

ResolvConf parse_resolv_conf(std::string_view text) {
  ResolvConf out;
  for (auto line : split(text, '\n')) {
    std::vector<std::string_view> words;
    line = trim(line);
    if (line.starts_with('#') || line.starts_with(';')) continue;
    for (size_t at = 0; at < line.size();) {
      auto end = std::min(line.find_first_of(" \t", at), line.size());
      if (end > at) words.push_back(line.substr(at, end - at));
      at = end + 1;
    }
    if (words.empty()) continue;
    if (words[0] == "nameserver" && words.size() > 1) out.servers.emplace_back(words[1]);
    if (words[0] == "search") out.searches.clear();  // the last line counts
    for (size_t i = 1; i < words.size(); i++) {
      if (words[0] == "options") {
        auto colon = words[i].find(':');
        set_option(out.options, words[i].substr(0, colon), colon == std::string_view::npos ? "" : words[i].substr(colon + 1));
      } else if (words[0] == "search" && words[i] != ".") {
        out.searches.emplace_back(words[i].ends_with('.') ? words[i].substr(0, words[i].size() - 1) : words[i]);
      }
    }
  }
  return out;
}

DnsConfig pod_dns(const core_v1::Pod& pod, const DnsSettings& settings, std::vector<std::pair<std::string_view, std::string>>& complaints) {
  auto policy = pod.spec().dns_policy();
  bool on_host = pod.spec().host_network();
  bool cluster = policy == "ClusterFirstWithHostNet" || ((policy == "ClusterFirst" || policy.empty()) && !on_host);
  DnsConfig out;
  if (cluster && settings.cluster_dns.empty()) {
    complaints.emplace_back("MissingClusterDNS", concat("pod: ", quoted(text_of(pod)), ". kubelet does not have ClusterDNS IP configured and cannot create Pod using \"ClusterFirst\" policy. "
                                                        "Falling back to \"Default\" policy."));
    cluster = false;
  }
  if (policy != "None") {
    out.servers = settings.node.servers, out.searches = settings.node.searches, out.options = settings.node.options;
    if (cluster) {
      out.servers = settings.cluster_dns;
      out.searches.clear();
      add_once(out.searches, concat(pod.metadata().namespace_(), ".svc.", settings.cluster_domain));
      add_once(out.searches, concat("svc.", settings.cluster_domain));
      add_once(out.searches, settings.cluster_domain);
      for (auto& search : settings.node.searches) add_once(out.searches, search);
      out.options = {"ndots:5"};
    }
  }
  if (auto own = pod.spec().dns_config(); own.present()) {
    for (auto server : own.nameservers()) add_once(out.servers, server);
    for (auto search : own.searches()) add_once(out.searches, search);
    for (auto option : own.options()) set_option(out.options, option.name(), option.value().value_or(""));
  }
  keep_limits(out, complaints);
  return out;
}

}  // namespace sampan::kubelet
