// What a container runtime hands to a CNI plug-in: the environment and the configuration on standard input.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "base/status.h"
#include "network/address.h"
#include "schema/value.h"

namespace sampan::network::cni {

// The names a runtime calls us by.
inline constexpr std::string_view kPluginType = "sampan-cni";
inline constexpr std::string_view kLoopbackType = "loopback";

// Codes of the specification.
enum Code : int {
  IncompatibleVersion = 1,
  UnknownContainer = 3,
  InvalidEnvironment = 4,
  InputOutput = 5,
  Undecodable = 6,
  InvalidConfiguration = 7,
  TryAgainLater = 11,
  NotAvailable = 50,  // STATUS: ADD would fail
  Failed = 100,
};

struct Invocation {
  std::string program;  // the last part of argv[0]
  std::string command, container_id, netns, ifname;  // CNI_COMMAND and so on
  std::string input;
};
Invocation invocation_from_environment(std::string_view program);

struct PortMapping {
  uint16_t host_port = 0, container_port = 0;
  uint8_t protocol = 6;
  std::optional<Address> host_ip;  // none: all of the node's
};

struct Attachment {
  std::string container_id, ifname;
  bool operator==(const Attachment&) const = default;
};

struct Configuration {
  std::string version = "0.1.0", name, type;
  std::string bridge = "sampan0";
  std::string table = "sampan-cni";           // of nftables, one a family
  std::string state_directory = "/run/sampan/cni";  // gone after a restart of the machine, as are the namespaces that it is about
  int mtu = 0;                                // 0: the kernel's default
  std::vector<Network> pod_networks;          // of this node, one or two families
  std::vector<Network> cluster_networks;      // not masqueraded
  std::vector<PortMapping> ports;
  std::vector<Attachment> valid_attachments;  // of GC
  std::vector<std::string> previous_addresses;  // prevResult's: "10.1.0.5/32"
  bool has_previous = false;
};

Result<Configuration> parse_configuration(std::string_view input);
Error cni_error(Code code, std::string message);  // reason Invalid; any other error is the system's

inline constexpr std::string_view kSupportedVersions[] = {"0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"};
bool version_at_least(std::string_view version, std::string_view least);

}  // namespace sampan::network::cni
