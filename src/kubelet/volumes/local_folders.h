// The node's part of local volumes that are made on demand (client/local_path.h): a folder for each, made when a pod first mounts it and removed when the
// node object asks for that. What is in the folders is not trusted: nothing is followed out of them.
//
// Where a folder is is written down (ROOT/plugins/sampan.io~local-path/NAME) before it is made: when it is to be removed the volume's object is gone,
// and every node may have its own place for them.
#pragma once
#include <string>
#include <string_view>

#include "api/core_v1.h"
#include "client/api.h"
#include "kubelet/paths.h"

namespace sampan::kubelet {

// Before a persistent volume is mounted: its folder, if it is one of these. Anybody may write into it, as into a fresh disk.
Result<void> ensure_local_folder(const Paths& paths, const api::core_v1::PersistentVolume& volume);

// When the node object has changed: removes what its annotation names, and then the names. What a pod still has mounted stays, with its name, and is
// an error: to be tried again.
Result<void> reclaim_local_folders(client::Api& api, const schema::Object& node, const Paths& paths);

// The folder and all in it. That it is not there is no error; that something is mounted in it, or it is mounted in a pod, is one.
Result<void> remove_local_folder(const Paths& paths, std::string_view name);

}  // namespace sampan::kubelet
