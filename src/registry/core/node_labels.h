// Labels of nodes that should not be used any more.
#pragma once
#include <string_view>

namespace sampan::registry {

// What to say of the key; "" if it is fine.
std::string_view deprecated_node_label(std::string_view key);

}  // namespace sampan::registry
