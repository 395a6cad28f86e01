// See paths.h.
#include "kubelet/paths.h"

#include "base/text.h"

namespace sampan::kubelet {

namespace {

std::string escaped(std::string_view plugin) {
  std::string out;
  for (char c : plugin) out += c == '/' ? '~' : c;
  return out;
}

}  // namespace

std::string Paths::pods() const { return concat(root, "/pods"); }
std::string Paths::pod(std::string_view uid) const { return concat(root, "/pods/", uid); }
std::string Paths::volumes(std::string_view uid) const { return concat(pod(uid), "/volumes"); }
std::string Paths::volume(std::string_view uid, std::string_view plugin, std::string_view name) const {
  return concat(volumes(uid), "/", escaped(plugin), "/", name);
}
std::string Paths::volume_sub_paths(std::string_view uid, std::string_view volume, std::string_view container) const {
  return concat(pod(uid), "/volume-subpaths/", volume, "/", container);
}
std::string Paths::plugin(std::string_view uid, std::string_view plugin, std::string_view name) const {
  return concat(pod(uid), "/plugins/", escaped(plugin), "/", name);
}
std::string Paths::hosts_file(std::string_view uid) const { return concat(pod(uid), "/etc-hosts"); }
std::string Paths::container(std::string_view uid, std::string_view container) const {
  return concat(pod(uid), "/containers/", container);
}
std::string Paths::pod_log_directory(std::string_view namespace_, std::string_view name, std::string_view uid) const {
  return concat(pod_logs, "/", namespace_, "_", name, "_", uid);
}
std::string Paths::container_log(std::string_view pod_log_directory, std::string_view container, uint32_t attempt) const {
  return concat(pod_log_directory, "/", container, "/", attempt, ".log");
}

}  // namespace sampan::kubelet
