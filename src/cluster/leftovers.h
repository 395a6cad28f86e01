// What a containerd that was killed leaves behind: shims, the containers below them, and what those keep outside of its folders.
#pragma once
#include <string>

namespace sampan::cluster {

// Of the containerd that listened at `socket` and kept its run's state in `state`. It must not run any more. True if nothing is left.
bool end_leftovers(const std::string& socket, const std::string& state);

}  // namespace sampan::cluster
