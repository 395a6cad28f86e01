// Labels of nodes that have been renamed.
#pragma once
#include <string>
#include <string_view>

namespace sampan::registry::core {

// "deprecated since v1.14; use ..." or empty.
std::string deprecated_node_label(std::string_view key);

}  // namespace sampan::registry::core
