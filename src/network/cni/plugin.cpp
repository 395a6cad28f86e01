// The commands of the specification.
#include "network/cni/plugin.h"

#include <errno.h>
#include <linux/netlink.h>
#include <unistd.h>

#include <algorithm>
#include <functional>

#include "base/text.h"
#include "network/cni/ipam.h"
#include "network/cni/nat.h"
#include "network/cni/wire.h"
#include "network/netlink/conntrack.h"
#include "schema/json.h"

namespace sampan::network::cni {
namespace {

// Names become parts of file names, so only what the specification allows.
bool is_name(std::string_view text) {
  if (text.empty() || text.size() > 255 || !isalnum(static_cast<unsigned char>(text[0]))) return false;
  return std::all_of(text.begin(), text.end(), [](unsigned char c) { return isalnum(c) || c == '_' || c == '.' || c == '-'; });
}

bool is_interface_name(std::string_view text) {
  if (text.empty() || text.size() > 15 || text == "." || text == "..") return false;
  return std::none_of(text.begin(), text.end(), [](unsigned char c) { return c == '/' || c == ':' || isspace(c); });
}

Result<Attachment> attachment_of(const Invocation& invocation) {
  if (!is_name(invocation.container_id)) return fail(cni_error(InvalidEnvironment, "CNI_CONTAINERID is missing or malformed"));
  if (!is_interface_name(invocation.ifname)) return fail(cni_error(InvalidEnvironment, "CNI_IFNAME is missing or malformed"));
  return Attachment{invocation.container_id, invocation.ifname};
}

Result<Namespace> namespace_of(const Invocation& invocation) {
  if (invocation.netns.empty()) return fail(cni_error(InvalidEnvironment, "CNI_NETNS is missing"));
  auto pod = Namespace::open(invocation.netns);
  if (!pod) return fail(cni_error(UnknownContainer, pod.error().message()));
  Namespace ours = TRY(Namespace::current());
  if (pod->same_as(ours)) return fail(cni_error(InvalidEnvironment, "CNI_NETNS is the node's own network namespace"));
  return std::move(*pod);
}

struct Undo {
  std::function<void()> work;
  ~Undo() {
    if (work) work();
  }
};

std::string interface_json(std::string_view name, std::string_view mac, std::string_view sandbox) {
  std::string out = "{\"name\":";
  schema::write_json_string(out, name);
  append(out, ",\"mac\":\"", mac_text(mac), "\"");
  if (!sandbox.empty()) {
    out += ",\"sandbox\":";
    schema::write_json_string(out, sandbox);
  }
  return out + "}";
}

std::string added_json(const Configuration& configuration, const Invocation& invocation, const Wired& wired, const std::vector<Address>& addresses) {
  bool with_family = !version_at_least(configuration.version, "1.0.0");
  std::string out = concat("{\"cniVersion\":\"", configuration.version, "\",\"interfaces\":[");
  append(out, interface_json(configuration.bridge, wired.bridge_mac, ""), ",", interface_json(wired.host_name, wired.host_mac, ""), ",",
         interface_json(invocation.ifname, wired.inner_mac, invocation.netns), "],\"ips\":[");
  std::string routes;
  for (size_t i = 0; i < addresses.size(); ++i) {
    bool v6 = addresses[i].v6;
    append(out, i ? "," : "", "{");
    if (with_family) append(out, "\"version\":\"", v6 ? "6" : "4", "\",");
    std::string gateway = gateway_of(configuration.pod_networks[i]).text();
    append(out, "\"interface\":2,\"address\":\"", addresses[i].text(), v6 ? "/128" : "/32", "\",\"gateway\":\"", gateway, "\"}");
    append(routes, i ? "," : "", "{\"dst\":\"", v6 ? "::/0" : "0.0.0.0/0", "\",\"gw\":\"", gateway, "\"}");
  }
  append(out, "],\"routes\":[", routes, "],\"dns\":{}}\n");
  return out;
}

Result<void> require_networks(const Configuration& configuration, Code code) {
  if (configuration.pod_networks.empty()) return fail(cni_error(code, "podCIDRs: the node has no pod network yet"));
  if (configuration.pod_networks.size() > 2 ||
      (configuration.pod_networks.size() == 2 && configuration.pod_networks[0].v6() == configuration.pod_networks[1].v6()))
    return fail(cni_error(InvalidConfiguration, "podCIDRs: at most one network of each family"));
  return {};
}

Result<std::string> add(const Invocation& invocation, const Configuration& configuration) {
  TRY(require_networks(configuration, InvalidConfiguration));
  Attachment owner = TRY(attachment_of(invocation));
  Namespace pod = TRY(namespace_of(invocation));
  NetlinkSocket route = TRY(NetlinkSocket::open(NETLINK_ROUTE)), netfilter = TRY(NetlinkSocket::open(NETLINK_NETFILTER));
  // The lock stays until all is made: two calls at once would both make the bridge and the tables.
  AddressFiles files = TRY(AddressFiles::open(configuration.state_directory, configuration.name));
  if (!files.of(owner).empty()) return fail(cni_error(Failed, concat(owner.container_id, " has an address for ", owner.ifname, " already")));
  Undo undo{[&] {
    (void)close_ports(netfilter, configuration, read_forwards(files.note(owner, AddressFiles::Note::Ports)));
    (void)unwire_pod(route, owner);
    files.drop_notes(owner);
    (void)files.release(owner);
  }};
  std::vector<Address> addresses;
  for (const Network& range : configuration.pod_networks) addresses.push_back(TRY(files.reserve(range, owner)));
  TRY(files.keep_note(owner, AddressFiles::Note::Namespace, invocation.netns));
  TRY(ensure_nat(netfilter, configuration));
  Wired wired = TRY(wire_pod(route, configuration, owner, pod, addresses));
  std::vector<PortForward> forwards = forwards_of(configuration, addresses);
  if (!forwards.empty()) {
    TRY(files.keep_note(owner, AddressFiles::Note::Ports, write_forwards(forwards)));
    TRY(open_ports(netfilter, configuration, forwards));
    for (const PortForward& forward : forwards)  // flows that were there before would go on to nowhere
      if (forward.mapping.protocol == 17) (void)forget_flows_to_port(netfilter, forward.pod.v6, 17, forward.mapping.host_port);
  }
  undo.work = nullptr;
  return added_json(configuration, invocation, wired, addresses);
}

Result<void> remove_attachment(NetlinkSocket& route, NetlinkSocket& netfilter, const Configuration& configuration, AddressFiles& files,
                               const Attachment& owner) {
  TRY(close_ports(netfilter, configuration, read_forwards(files.note(owner, AddressFiles::Note::Ports))));
  TRY(unwire_pod(route, owner));
  files.drop_notes(owner);
  return files.release(owner);
}

// DEL succeeds for what is not there: runtimes repeat it.
Result<std::string> remove(const Invocation& invocation, const Configuration& configuration) {
  Attachment owner = TRY(attachment_of(invocation));
  NetlinkSocket route = TRY(NetlinkSocket::open(NETLINK_ROUTE)), netfilter = TRY(NetlinkSocket::open(NETLINK_NETFILTER));
  AddressFiles files = TRY(AddressFiles::open(configuration.state_directory, configuration.name));
  TRY(remove_attachment(route, netfilter, configuration, files, owner));
  return std::string();
}

Result<std::string> check_attachment(const Invocation& invocation, const Configuration& configuration) {
  if (!configuration.has_previous) return fail(cni_error(InvalidConfiguration, "CHECK needs prevResult"));
  Attachment owner = TRY(attachment_of(invocation));
  Namespace pod = TRY(namespace_of(invocation));
  TRY(check_wires(configuration, owner, pod));
  AddressFiles files = TRY(AddressFiles::open(configuration.state_directory, configuration.name));
  if (files.of(owner).empty()) return fail(cni_error(Failed, concat(owner.container_id, " has no address for ", owner.ifname)));
  return std::string();
}

Result<std::string> collect_garbage(const Configuration& configuration) {
  NetlinkSocket route = TRY(NetlinkSocket::open(NETLINK_ROUTE)), netfilter = TRY(NetlinkSocket::open(NETLINK_NETFILTER));
  AddressFiles files = TRY(AddressFiles::open(configuration.state_directory, configuration.name));
  for (const Attachment& owner : files.owners()) {
    const auto& valid = configuration.valid_attachments;
    if (std::find(valid.begin(), valid.end(), owner) == valid.end())
      TRY(remove_attachment(route, netfilter, configuration, files, owner));
  }
  return std::string();
}

// The well-known plug-in of that name: some runtimes insist on it for each pod.
Result<std::string> loopback(const Invocation& invocation, const Configuration& configuration) {
  if (invocation.command != "ADD") return std::string();
  Namespace pod = TRY(namespace_of(invocation));
  TRY(pod.run([]() -> Result<void> {
    NetlinkSocket route = TRY(NetlinkSocket::open(NETLINK_ROUTE));
    return set_up(route, 1);
  }));
  std::string out = concat("{\"cniVersion\":\"", configuration.version, "\",\"interfaces\":[");
  append(out, interface_json("lo", std::string(6, '\0'), invocation.netns), "],\"ips\":[{");
  if (!version_at_least(configuration.version, "1.0.0")) out += "\"version\":\"4\",";
  out += "\"interface\":0,\"address\":\"127.0.0.1/8\"}],\"dns\":{}}\n";
  return out;
}

std::string versions_json() {
  std::string out = "{\"cniVersion\":\"1.1.0\",\"supportedVersions\":[";
  for (std::string_view version : kSupportedVersions) append(out, out.back() == '[' ? "\"" : ",\"", version, "\"");
  return out + "]}\n";
}

Result<std::string> dispatch(const Invocation& invocation) {
  if (invocation.command == "VERSION") return versions_json();
  Configuration configuration = TRY(parse_configuration(invocation.input));
  if (std::find(std::begin(kSupportedVersions), std::end(kSupportedVersions), configuration.version) == std::end(kSupportedVersions))
    return fail(cni_error(IncompatibleVersion, concat("incompatible CNI versions: the configuration is of ", quoted(configuration.version))));
  if (invocation.program == kLoopbackType || configuration.type == kLoopbackType) return loopback(invocation, configuration);
  if (!is_name(configuration.name)) return fail(cni_error(InvalidConfiguration, "name is missing or malformed"));
  if (invocation.command == "ADD") return add(invocation, configuration);
  if (invocation.command == "DEL") return remove(invocation, configuration);
  if (invocation.command == "CHECK") return check_attachment(invocation, configuration);
  if (invocation.command == "GC") return collect_garbage(configuration);
  if (invocation.command == "STATUS") {
    TRY(require_networks(configuration, NotAvailable));
    return std::string();
  }
  return fail(cni_error(InvalidEnvironment, concat("CNI_COMMAND: unknown command ", quoted(invocation.command))));
}

}  // namespace

Outcome run(const Invocation& invocation) {
  auto done = dispatch(invocation);
  if (done) return {0, std::move(*done)};
  // The system's errors carry errno, which is no code of the specification.
  int code = done.error().is(Reason::Invalid) ? done.error().code() : static_cast<int>(InputOutput);
  std::string out = concat("{\"cniVersion\":\"1.0.0\",\"code\":", code, ",\"msg\":");
  schema::write_json_string(out, done.error().message());
  return {1, out + "}\n"};
}

int run_command(std::string_view program) {
  Outcome outcome = run(invocation_from_environment(program));
  std::string_view rest = outcome.output;
  while (!rest.empty()) {
    ssize_t sent = write(STDOUT_FILENO, rest.data(), rest.size());
    if (sent < 0) return 1;
    rest.remove_prefix(sent);
  }
  return outcome.exit_code;
}

}  // namespace sampan::network::cni
