// See empty_dir.h.
#include "kubelet/volumes/empty_dir.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "base/text.h"
#include "kubelet/files.h"
#include "kubelet/volumes/beneath.h"
#include "kubelet/volumes/mount_table.h"
#include "kubelet/volumes/ownership.h"

namespace sampan::kubelet {

namespace {

using schema::Quantity;

constexpr std::string_view kEmptyDirPlugin = "kubernetes.io/empty-dir", kHugePages = "HugePages", kHugePagesResource = "hugepages-";

Result<void> mount_tmpfs(const std::string& folder, int64_t size) {
  std::string options;
  if (size > 0) append(options, "size=", size);
  // What is asked to be in memory is not to go to a disk as swap; kernels before 6.4 do not know the option.
  if (auto mounted = mount_file_system("tmpfs", folder, "tmpfs", concat(options, options.empty() ? "" : ",", "noswap"))) return mounted;
  return mount_file_system("tmpfs", folder, "tmpfs", options);
}

// "2Mi": the size of pages that the medium names or, if it names none, that the pod asks for.
Result<std::string> page_size(const core_v1::Pod& pod, std::string_view medium) {
  std::optional<Quantity> found, named;
  if (medium.size() > kHugePages.size()) named = TRY(Quantity::parse(medium.substr(kHugePages.size() + 1)));
  std::vector<schema::MapView<std::string_view>> lists{pod.spec().resources().requests()};
  for (auto& spec : containers_of(pod)) lists.push_back(spec.container.resources().requests());
  for (auto& requests : lists)
    for (auto entry : requests) {
      if (!entry.key.starts_with(kHugePagesResource)) continue;
      auto size = TRY(Quantity::parse(entry.key.substr(kHugePagesResource.size())));
      if (named && !(size == *named)) continue;
      if (found && !(*found == size)) return fail(failure(concat("medium: ", medium, " can't be used if container requests multiple huge page sizes")));
      found = size;
    }
  if (!found) return fail(failure(concat("medium ", medium, ": hugePages storage requested, but there is no resource request for huge pages")));
  return found->text();
}

Result<void> mount_medium(const core_v1::Pod& pod, const EmptyDir& wish, const std::string& folder) {
  if (wish.medium.empty()) return {};
  if (wish.medium == "Memory") return mount_tmpfs(folder, wish.size);
  if (wish.medium != kHugePages && !wish.medium.starts_with(concat(kHugePages, "-"))) return fail(failure(concat("unknown storage medium ", quoted(wish.medium))));
  return mount_file_system("nodev", folder, "hugetlbfs", concat("pagesize=", TRY(page_size(pod, wish.medium))));
}

}  // namespace

Result<std::string> make_volume_folder(const Paths& paths, std::string_view uid, std::string_view plugin, std::string_view name) {
  TRY(make_folders(paths.pods()));
  auto pods = open_folder(paths.pods());
  if (!pods) return fail(failure(system_error("open", paths.pods())));
  auto path = paths.volume(uid, plugin, name);
  TRY(make_folders_beneath(pods.get(), std::string_view(path).substr(paths.pods().size() + 1), 0750));
  return path;
}

Result<std::string> make_empty_dir(const Paths& paths, const core_v1::Pod& pod, const EmptyDir& wish) {
  // The folder of a volume that wraps one has a mark of its own, as upstream names it.
  bool wraps = wish.plugin != kEmptyDirPlugin;
  auto mark_folder = paths.plugin(wish.uid, kEmptyDirPlugin, wraps ? concat("wrapped_", wish.name) : wish.name);
  auto mark = mark_folder + "/ready";
  auto folder = TRY(make_volume_folder(paths, wish.uid, wish.plugin, wish.name));
  auto table = TRY(mount_table());
  bool is_mounted = find_mount(table, real_path(folder)) != nullptr;
  if (exists(mark) && (wish.medium.empty() || is_mounted)) return folder;
  if (!is_mounted) {
    if (::chmod(folder.c_str(), 0777) != 0) return fail(failure(system_error("chmod", folder)));
    TRY(mount_medium(pod, wish, folder));
  }
  if (auto group = pod.spec().security_context().fs_group()) TRY(give_to_group(folder, *group, Access::ReadWrite));
  TRY(make_folders(mark_folder, 0750));
  TRY(write_file(mark, ""));
  return folder;
}

int64_t memory_size(const core_v1::Pod& pod, const Quantities& allocatable, std::optional<std::string_view> limit) {
  auto of_node = allocatable.find("memory");
  int64_t size = of_node == allocatable.end() ? 0 : of_node->second.value();
  auto lower = [&](int64_t other) {
    if (other > 0 && (size == 0 || other <= size)) size = other;
  };
  lower(pod_resources(pod, {}).memory_limit);
  if (limit) lower(Quantity::stored(*limit).value());
  return size;
}

}  // namespace sampan::kubelet
