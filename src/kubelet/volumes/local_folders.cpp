// See local_folders.h.
#include "kubelet/volumes/local_folders.h"

#include <sys/stat.h>

#include "base/text.h"
#include "client/local_path.h"
#include "kubelet/files.h"
#include "kubelet/volumes/beneath.h"
#include "kubelet/volumes/mount_table.h"

namespace sampan::kubelet {

namespace {

constexpr std::string_view kProvisionedBy = "pv.kubernetes.io/provisioned-by";

std::string records_folder(const Paths& paths) { return concat(paths.root, "/plugins/sampan.io~local-path"); }

// One step of a path, and no other.
bool is_plain_name(std::string_view name) { return !name.empty() && name[0] != '.' && name.find('/') == std::string_view::npos && name.find('\0') == std::string_view::npos; }

std::vector<std::string> names_to_remove(const schema::Object& node) {
  std::vector<std::string> names;
  for (auto name : split(node["metadata"]["annotations"][client::kReclaim].as_string(), ','))
    if (is_plain_name(name)) names.emplace_back(name);
  return names;
}

// Everything of a pod that shows the folder does so through a mount of it or of what is in it.
Result<bool> is_mounted_somewhere(const std::string& path) {
  if (!exists(path)) return false;
  auto real = real_path(path);
  auto table = TRY(mount_table());
  // The folder's place within its file system: that of the mount which it is reached through, and the rest of the path.
  const MountPoint* through = nullptr;
  for (auto& point : table)
    if ((point.path == "/" || is_at_or_below(real, point.path)) && (!through || point.path.size() >= through->path.size())) through = &point;
  if (!through) return false;
  auto rest = through->path == "/" ? real : real.substr(through->path.size());
  auto place = through->root == "/" ? rest : concat(through->root, rest);
  return std::ranges::any_of(table, [&](const MountPoint& point) { return point.device == through->device && is_at_or_below(point.root, place); });
}

}  // namespace

Result<void> ensure_local_folder(const Paths& paths, const api::core_v1::PersistentVolume& volume) {
  if (volume.metadata().annotations().get(kProvisionedBy) != client::kLocalPathProvisioner) return {};
  auto name = volume.metadata().name();
  auto path = std::string(volume.spec().local().path());
  // The folder is removed one day: it must be one that the provisioner could have meant.
  if (!is_plain_name(name) || !path.starts_with("/") || !path.ends_with(concat("/", name))) return fail(failure(concat("invalid path: ", path, " is no folder of volume ", name)));
  auto record = concat(records_folder(paths), "/", name);
  if (!exists(record)) {
    TRY(make_folders(records_folder(paths), 0750));
    TRY(write_file(record, path, 0640));
  }
  if (exists(path)) return {};
  if (auto slash = path.rfind('/'); slash > 0) TRY(make_folders(path.substr(0, slash)));
  if (::mkdir(path.c_str(), 0777) != 0 && errno != EEXIST) return fail(failure(system_error("mkdir", path)));
  if (::chmod(path.c_str(), 0777) != 0) return fail(failure(system_error("chmod", path)));  // whatever the umask
  return {};
}

Result<void> remove_local_folder(const Paths& paths, std::string_view name) {
  if (!is_plain_name(name)) return fail(failure(concat("no name of a folder: ", quoted(name))));
  auto record = concat(records_folder(paths), "/", name);
  auto path = read_file(record);
  if (!path && path.error().is(Reason::NotFound)) return {};  // no pod ever used it here
  if (!path) return fail(std::move(path).error());
  if (TRY(is_mounted_somewhere(*path))) return fail(failure(concat("volume ", name, " is still mounted in a pod")));
  auto parent = open_folder(path->substr(0, path->rfind('/')));
  if (!parent && errno != ENOENT) return fail(failure(system_error("open", *path)));
  if (parent) TRY(remove_beneath(parent.get(), std::string(name)));
  if (::unlink(record.c_str()) != 0 && errno != ENOENT) return fail(failure(system_error("unlink", record)));
  return {};
}

Result<void> reclaim_local_folders(client::Api& api, const schema::Object& node, const Paths& paths) {
  if (!node["metadata"]["annotations"][client::kReclaim].present()) return {};
  Result<void> result;
  std::vector<std::string> removed;
  for (auto& name : names_to_remove(node)) {
    auto done = remove_local_folder(paths, name);
    if (done)
      removed.push_back(name);
    else
      result = std::move(done);
  }
  // What came meanwhile stays; what is no name at all goes too.
  auto told = client::update_latest(api, client::builtin("", "nodes"), {}, node["metadata"]["name"].as_string(), {},
                                    [&](const schema::Object& latest, schema::Value tree) -> Result<bool> {
                                      std::vector<std::string> left;
                                      for (auto& name : names_to_remove(latest))
                                        if (std::ranges::find(removed, name) == removed.end()) left.push_back(name);
                                      auto text = join(left, ",");
                                      if (text == latest["metadata"]["annotations"][client::kReclaim].as_string() && !text.empty()) return false;
                                      schema::Value annotations = tree["metadata"]["annotations"];
                                      if (text.empty()) return annotations.remove(client::kReclaim);
                                      annotations.set(client::kReclaim, tree.arena().copy(text));
                                      return true;
                                    });
  if (!told) return fail(std::move(told).error());
  return result;
}

}  // namespace sampan::kubelet
