// The node's part of local volumes that are made on demand (client/local_path.h): a folder for each beneath one root, made when a pod first mounts it and
// removed when the node object asks for that. What is in the folders is not trusted: nothing is followed out of them.
#pragma once
#include <string>
#include <string_view>

#include "base/status.h"
#include "client/api.h"
#include "schema/object.h"

namespace sampan::kubelet {

// Before a persistent volume is mounted: its folder, if it is one of these. Anybody may write into it, as into a fresh disk.
Result<void> ensure_local_folder(const schema::Object& persistent_volume, const std::string& root);

// When the node object has changed: removes what its annotation names, and then the names.
Result<void> reclaim_local_folders(client::Api& api, const schema::Object& node, const std::string& root);

// The folder and all in it. That it is not there is no error. A file system that is mounted inside is left alone, which is one.
Result<void> remove_local_folder(const std::string& root, const std::string& name);

}  // namespace sampan::kubelet
