#include "registry/core/node_labels.h"

#include "base/text.h"

namespace sampan::registry::core {

std::string deprecated_node_label(std::string_view key) {
  struct Renamed {
    std::string_view old_name, since, new_name;
  };
  static constexpr Renamed kRenamed[] = {{"beta.kubernetes.io/arch", "v1.14", "kubernetes.io/arch"},
                                         {"beta.kubernetes.io/os", "v1.14", "kubernetes.io/os"},
                                         {"failure-domain.beta.kubernetes.io/region", "v1.17", "topology.kubernetes.io/region"},
                                         {"failure-domain.beta.kubernetes.io/zone", "v1.17", "topology.kubernetes.io/zone"},
                                         {"beta.kubernetes.io/instance-type", "v1.17", "node.kubernetes.io/instance-type"}};
  for (const auto& renamed : kRenamed)
    if (renamed.old_name == key) return concat("deprecated since ", renamed.since, "; use \"", renamed.new_name, "\" instead");
  return {};
}

}  // namespace sampan::registry::core
