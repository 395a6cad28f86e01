// See atomic_writer.h.
#include "kubelet/volumes/atomic_writer.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <set>

#include "base/environment.h"
#include "base/text.h"
#include "kubelet/files.h"
#include "kubelet/volumes/beneath.h"

namespace sampan::kubelet {

namespace {

constexpr char kData[] = "..data", kNewData[] = "..data_tmp";
constexpr size_t kPathMax = 4096, kNameMax = 255;

// The path without "." and doubled slashes.
Result<std::string> clean(std::string_view path) {
  if (path.empty()) return fail(failure("invalid path: must not be empty: \"\""));
  if (path[0] == '/') return fail(failure(concat("invalid path: must be relative path: ", path)));
  if (path.size() > kPathMax) return fail(failure(concat("invalid path: must be less than or equal to ", kPathMax, " characters")));
  auto parts = split(path, '/');
  std::string out;
  for (auto part : parts) {
    if (part == "..") return fail(failure(concat("invalid path: must not contain '..': ", path)));
    if (part.size() > kNameMax) return fail(failure(concat("invalid path: filenames must be less than or equal to ", kNameMax, " characters")));
    if (part.empty() || part == ".") continue;
    append(out, out.empty() ? "" : "/", part);
  }
  if (parts[0].starts_with("..")) return fail(failure(concat("invalid path: must not start with '..': ", path)));
  return out;
}

std::string_view top_of(std::string_view path) { return path.substr(0, path.find('/')); }

std::string link_at(int folder, const char* name) {
  char target[PATH_MAX];
  auto size = ::readlinkat(folder, name, target, sizeof target);
  return size > 0 && size < static_cast<ssize_t>(sizeof target) ? std::string(target, static_cast<size_t>(size)) : std::string();
}

// "..2026_01_31_12_00_00.123456": made, and open.
Result<std::pair<std::string, Descriptor>> make_data_folder(const Descriptor& root) {
  auto now = real_clock().now_us();
  time_t seconds = now / 1'000'000;
  struct tm parts = {};
  ::gmtime_r(&seconds, &parts);
  char stamp[64];
  (void)::strftime(stamp, sizeof stamp, "..%Y_%m_%d_%H_%M_%S.", &parts);
  auto number = now % 1'000'000;
  std::string name;
  do name = concat(stamp, number++);
  while (::mkdirat(root.get(), name.c_str(), 0755) != 0 && errno == EEXIST);
  auto folder = open_beneath(root.get(), name, O_RDONLY | O_DIRECTORY);
  if (!folder || ::fchmod(folder.get(), 0755) != 0) return fail(failure(system_error("mkdir", name)));
  return std::pair(std::move(name), std::move(folder));
}

Result<void> write_one(const Descriptor& folder, const std::string& path, const ProjectedFile& file) {
  auto slash = path.rfind('/');
  auto parent = TRY(make_folders_beneath(folder.get(), slash == std::string::npos ? "" : path.substr(0, slash), 0755));
  auto name = slash == std::string::npos ? path : path.substr(slash + 1);
  auto opened = open_beneath(parent.get(), name, O_WRONLY | O_CREAT | O_TRUNC, RESOLVE_NO_SYMLINKS, 0600);
  if (!opened) return fail(failure(system_error("open", path)));
  for (std::string_view rest = file.content; !rest.empty();) {
    auto put = ::write(opened.get(), rest.data(), rest.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return fail(failure(system_error("write", path)));
    rest.remove_prefix(static_cast<size_t>(put));
  }
  if (file.user && ::fchown(opened.get(), static_cast<uid_t>(*file.user), static_cast<gid_t>(-1)) != 0) return fail(failure(system_error("lchown", path)));
  if (::fchmod(opened.get(), file.mode) != 0) return fail(failure(system_error("chmod", path)));
  return {};
}

// Paths of files in the data folder, for what is to be seen no longer.
void list_files(const Descriptor& folder, const std::string& prefix, std::set<std::string>& out) {
  auto names = names_in(folder, prefix);
  if (!names) return;
  for (auto& name : *names) {
    auto path = prefix.empty() ? name : concat(prefix, "/", name);
    if (auto inner = open_beneath(folder.get(), name, O_RDONLY | O_DIRECTORY))
      list_files(inner, path, out);
    else
      out.insert(path);
  }
}

bool is_same(const Descriptor& root, const std::string& data, const Payload& payload) {
  auto folder = open_beneath(root.get(), data, O_RDONLY | O_DIRECTORY);
  if (!folder) return false;
  std::set<std::string> there;
  list_files(folder, "", there);
  if (there.size() != payload.size()) return false;
  for (auto& [path, file] : payload) {
    auto opened = there.contains(path) ? open_beneath(folder.get(), path, O_RDONLY) : Descriptor();
    if (!opened) return false;
    auto content = read_file(opened.path(), file.content.size() + 1);
    if (!content || *content != file.content) return false;
  }
  return true;
}

Result<void> show(const Descriptor& root, const Payload& payload) {
  std::set<std::string, std::less<>> shown;
  for (auto& [path, file] : payload) {
    auto [at, is_new] = shown.emplace(top_of(path));
    if (!is_new) continue;
    if (::symlinkat(concat(kData, "/", *at).c_str(), root.get(), at->c_str()) == 0) {
      if (file.user) (void)!::fchownat(root.get(), at->c_str(), static_cast<uid_t>(*file.user), static_cast<gid_t>(-1), AT_SYMLINK_NOFOLLOW);
    } else if (errno != EEXIST) {
      return fail(failure(system_error("symlink", *at)));
    }
  }
  // Links to what is gone, and folders that were replaced or left half written.
  auto current = link_at(root.get(), kData);
  for (auto& name : TRY(names_in(root, "."))) {
    if (name == kData || name == current || shown.contains(name)) continue;
    if (name.starts_with("..")) TRY(remove_beneath(root.get(), name));
    else if (link_at(root.get(), name.c_str()) == concat(kData, "/", name)) (void)::unlinkat(root.get(), name.c_str(), 0);
  }
  return {};
}

}  // namespace

Result<void> write_atomically(const std::string& folder, const Payload& payload, const std::function<Result<void>()>& give) {
  Payload cleaned;
  for (auto& [path, file] : payload) cleaned[TRY(clean(path))] = file;
  auto root = open_folder(folder);
  if (!root) return fail(failure(system_error("open", folder)));
  auto current = link_at(root.get(), kData);
  if (current.empty() || !is_same(root, current, cleaned)) {
    auto [name, data] = TRY(make_data_folder(root));
    for (auto& [path, file] : cleaned) TRY(write_one(data, path, file));
    TRY(give());
    (void)::unlinkat(root.get(), kNewData, 0);  // of one who was interrupted
    if (::symlinkat(name.c_str(), root.get(), kNewData) != 0 || ::renameat(root.get(), kNewData, root.get(), kData) != 0)
      return fail(failure(system_error("symlink", folder)));
  }
  return show(root, cleaned);
}

bool is_written(const std::string& folder) {
  auto root = open_folder(folder);
  return root && !link_at(root.get(), kData).empty();
}

}  // namespace sampan::kubelet
