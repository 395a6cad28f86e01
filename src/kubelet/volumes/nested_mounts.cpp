// See nested_mounts.h.
#include "kubelet/volumes/nested_mounts.h"

#include <set>

#include "base/text.h"
#include "kubelet/volumes/beneath.h"

namespace sampan::kubelet {

namespace {

// "/a//b/" -> "/a/b"
std::string clean(std::string_view path) {
  std::string out;
  for (auto part : split(path, '/'))
    if (!part.empty() && part != ".") append(out, "/", part);
  return out;
}

}  // namespace

Result<void> make_nested_mount_points(const core_v1::Pod& pod, std::string_view volume, const std::string& folder) {
  auto root = open_folder(folder);
  if (!root) return fail(failure(system_error("open", folder)));
  for (auto& spec : containers_of(pod)) {
    std::set<std::string> all, own;
    for (auto mount : spec.container.volume_mounts()) {
      auto path = clean(mount.mount_path());
      if (mount.name() == volume) own.insert(path);
      all.insert(std::move(path));
    }
    for (auto& outer : own) {
      std::vector<std::string_view> made;  // what is in one of these is not ours to make
      for (auto& inner : all) {
        if (!inner.starts_with(outer + "/")) continue;
        bool deeper = std::ranges::any_of(made, [&](std::string_view other) { return inner.starts_with(concat(other, "/")); });
        if (deeper) continue;
        made.push_back(inner);
        auto below = std::string_view(inner).substr(outer.size() + 1);
        if (auto done = make_folders_beneath(root.get(), below, 0755); !done) return fail(failure(concat("unable to create nested volume mountpoints: ", done.error().message())));
      }
    }
  }
  return {};
}

}  // namespace sampan::kubelet
