// Any bytes as a plug-in's configuration.
#include "network/cni/config.h"

#include "base/check.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace sampan::network::cni;
  auto configuration = parse_configuration({reinterpret_cast<const char*>(data), size});
  if (!configuration) return 0;
  check(configuration->mtu >= 0 && configuration->bridge.size() <= 15);
  for (auto& port : configuration->ports) check(port.host_port != 0 && port.container_port != 0);
  for (auto version : kSupportedVersions) (void)version_at_least(configuration->version, version);
  return 0;
}
