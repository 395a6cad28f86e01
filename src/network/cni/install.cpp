// Writing and removing what the container runtime needs to find the plug-in.
#include "network/cni/install.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <linux/netlink.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <iterator>

#include "base/text.h"
#include "network/cni/config.h"
#include "network/cni/ipam.h"
#include "network/cni/nat.h"
#include "network/cni/routes.h"
#include "network/netlink/links.h"
#include "schema/json.h"

namespace sampan::network::cni {
namespace {

Result<void> make_directories(const std::string& path) {
  for (size_t at = 1; at != path.npos;) {
    at = path.find('/', at);
    std::string part = path.substr(0, at);
    if (mkdir(part.c_str(), 0755) != 0 && errno != EEXIST) return fail(system_error(part, errno));
    if (at != path.npos) ++at;
  }
  return {};
}

std::string link_target(const std::string& path) {
  char buffer[4096];
  ssize_t size = readlink(path.c_str(), buffer, sizeof buffer);
  return size > 0 ? std::string(buffer, size) : std::string();
}

std::string program_of(const Installation& installation) {
  return installation.program.empty() ? link_target("/proc/self/exe") : installation.program;
}

Result<void> point_to(const std::string& link, const std::string& program) {
  if (link_target(link) == program) return {};
  std::string fresh = link + ".new";
  unlink(fresh.c_str());
  if (symlink(program.c_str(), fresh.c_str()) != 0) return fail(system_error(fresh, errno));
  if (rename(fresh.c_str(), link.c_str()) != 0) return fail(system_error(link, errno));
  return {};
}

// Runtimes watch the directory and read a file at once: it must be whole when it appears.
Result<void> write_whole(const std::string& path, const std::string& text) {
  std::string fresh = path + ".new";  // no name that runtimes look for
  int fd = open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd < 0) return fail(system_error(fresh, errno));
  bool whole = write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  int error = errno;
  close(fd);
  if (!whole) return fail(system_error(fresh, error));
  if (rename(fresh.c_str(), path.c_str()) != 0) return fail(system_error(path, errno));
  return {};
}

bool says(const std::string& path, const std::string& text) {
  int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return false;
  std::string now(text.size() + 1, '\0');
  ssize_t got = read(fd, now.data(), now.size());
  close(fd);
  return got == static_cast<ssize_t>(text.size()) && now.compare(0, got, text) == 0;
}

void put_networks(std::string& out, std::string_view name, const std::vector<Network>& networks) {
  append(out, "\"", name, "\":[");
  for (size_t i = 0; i < networks.size(); ++i) append(out, i ? ",\"" : "\"", networks[i].text(), "\"");
  out += "],";
}

void put_text(std::string& out, std::string_view name, std::string_view value) {
  append(out, "\"", name, "\":");
  schema::write_json_string(out, value);
}

std::string path_of(const Installation& installation) { return concat(installation.configuration_directory, "/", installation.file_name); }

// Of the configuration that was written when the node learnt its networks: "podCIDRs", "clusterCIDRs".
std::vector<Network> installed_networks(const Installation& installation, std::string_view member) {
  std::vector<Network> networks;
  std::ifstream file(path_of(installation));
  std::string text(std::istreambuf_iterator<char>(file), {});
  Arena arena;
  auto root = schema::parse_json(text, arena);
  if (!root) return networks;
  for (schema::Value plugin : (*root)["plugins"].items())
    for (schema::Value cidr : plugin[member].items())
      if (auto parsed = parse_network(cidr.as_string())) networks.push_back(*parsed);
  return networks;
}

Configuration configuration_of(const Installation& installation) {
  Configuration result;
  result.table = installation.table;
  result.pod_networks = installation.pod_networks;
  result.cluster_networks = installation.cluster_networks;
  return result;
}

// A bridge with a gateway's address of a network that this node no longer has: it may be another node's by now.
Result<void> remove_strange_bridge(const Installation& installation) {
  NetlinkSocket route = TRY(NetlinkSocket::open(NETLINK_ROUTE));
  std::optional<Link> bridge = TRY(find_link(route, installation.bridge));
  if (!bridge || bridge->kind != "bridge") return {};
  auto ours = [&](const Address& address) {
    return std::ranges::any_of(installation.pod_networks, [&](const Network& network) { return network.contains(address); });
  };
  for (const InterfaceAddress& one : TRY(list_addresses(route)))
    if (one.index == bridge->index && !one.address.is_link_local() && !ours(one.address)) return remove_link(route, bridge->index);
  return {};
}

}  // namespace

std::string configuration_list(const Installation& installation) {
  std::string out = "{\"cniVersion\":\"1.0.0\",";
  put_text(out, "name", installation.network);
  append(out, ",\"plugins\":[{\"type\":\"", kPluginType, "\",");
  put_text(out, "bridge", installation.bridge);
  out += ",";
  put_text(out, "table", installation.table);
  out += ",";
  put_text(out, "stateDir", installation.state_directory);
  out += ",";
  put_networks(out, "podCIDRs", installation.pod_networks);
  put_networks(out, "clusterCIDRs", installation.cluster_networks);
  if (installation.mtu) append(out, "\"mtu\":", installation.mtu, ",");
  return out + "\"capabilities\":{\"portMappings\":true}}]}\n";
}

Result<void> install(const Installation& installation) {
  std::string program = program_of(installation);
  TRY(make_directories(installation.binary_directory));
  TRY(make_directories(installation.configuration_directory));
  TRY(point_to(concat(installation.binary_directory, "/", kPluginType), program));
  std::string loopback = concat(installation.binary_directory, "/", kLoopbackType);
  struct stat there;
  // Somebody's real one stays; a link that leads nowhere is an old one of ours.
  if (stat(loopback.c_str(), &there) != 0) TRY(point_to(loopback, program));
  NetlinkSocket netfilter = TRY(NetlinkSocket::open(NETLINK_NETFILTER));
  TRY(prepare_nat(netfilter, configuration_of(installation)));
  std::string path = path_of(installation), text = configuration_list(installation);
  if (says(path, text)) return {};
  TRY(remove_strange_bridge(installation));
  return write_whole(path, text);
}

Result<void> suspend(const Installation& installation) {
  if (installed_networks(installation, "podCIDRs").empty()) return {};
  Installation without = installation;
  without.pod_networks.clear();
  without.cluster_networks = installed_networks(installation, "clusterCIDRs");
  return write_whole(path_of(installation), configuration_list(without));
}

Result<void> uninstall(const Installation& installation) {
  std::string program = program_of(installation);
  auto cluster_networks = installed_networks(installation, "clusterCIDRs");
  unlink(path_of(installation).c_str());
  for (std::string_view name : {kPluginType, kLoopbackType}) {
    std::string link = concat(installation.binary_directory, "/", name);
    if (link_target(link) == program) unlink(link.c_str());
  }
  NetlinkSocket netfilter = TRY(NetlinkSocket::open(NETLINK_NETFILTER)), route = TRY(NetlinkSocket::open(NETLINK_ROUTE));
  if (!cluster_networks.empty()) TRY(keep_routes(route, {}, cluster_networks));
  TRY(remove_nat(netfilter, configuration_of(installation)));
  std::optional<Link> bridge = TRY(find_link(route, installation.bridge));
  if (bridge && bridge->kind == "bridge") TRY(remove_link(route, bridge->index));
  // Of pods that nobody took from the network, because their runtime was killed: with the namespace its links go.
  for (const std::string& path : TRY(AddressFiles::open(installation.state_directory, installation.network)).namespaces())
    if (umount2(path.c_str(), MNT_DETACH) == 0) unlink(path.c_str());
  std::string state = concat(installation.state_directory, "/", installation.network);
  nftw(state.c_str(), [](const char* path, const struct stat*, int, FTW*) { return ::remove(path); }, 8, FTW_DEPTH | FTW_PHYS);
  return {};
}

}  // namespace sampan::network::cni
