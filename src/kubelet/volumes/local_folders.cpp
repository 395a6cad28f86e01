#include "kubelet/volumes/local_folders.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/text.h"
#include "client/local_path.h"

namespace sampan::kubelet {

namespace {

class Folder {
 public:
  explicit Folder(int descriptor) : descriptor_(descriptor) {}
  Folder(Folder&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  ~Folder() {
    if (descriptor_ >= 0) close(descriptor_);
  }
  int get() const { return descriptor_; }
  bool is_open() const { return descriptor_ >= 0; }

  static Folder open(int parent, const char* name) {
    return Folder(openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  }

 private:
  int descriptor_;
};

Error system_error(std::string_view what, std::string_view path) { return internal_error(concat(what, " ", path, ": ", std::strerror(errno))); }

// One step of a path, and no other.
bool is_plain_name(std::string_view name) {
  return !name.empty() && name != "." && name != ".." && name.find('/') == std::string_view::npos && name.find('\0') == std::string_view::npos;
}

Result<std::vector<std::string>> names_in(const Folder& folder, const std::string& path) {
  int copy = openat(folder.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR* stream = copy < 0 ? nullptr : fdopendir(copy);
  if (!stream) {
    if (copy >= 0) close(copy);
    return fail(system_error("cannot read", path));
  }
  std::vector<std::string> names;
  while (dirent* entry = readdir(stream))
    if (is_plain_name(entry->d_name)) names.emplace_back(entry->d_name);
  closedir(stream);
  return names;
}

// Removes what a folder has. Folders in it that are not empty move up into `top`, so that no depth needs more than two descriptors.
Result<void> empty(const Folder& top, const Folder& folder, const std::string& path, unsigned& moved, std::vector<std::string>& waiting) {
  for (const auto& name : TRY(names_in(folder, path))) {
    if (unlinkat(folder.get(), name.c_str(), 0) == 0 || errno == ENOENT) continue;
    if (errno != EISDIR && errno != EPERM) return fail(system_error("cannot remove", concat(path, "/", name)));
    if (unlinkat(folder.get(), name.c_str(), AT_REMOVEDIR) == 0 || errno == ENOENT) continue;
    if (errno != ENOTEMPTY && errno != EEXIST) return fail(system_error("cannot remove", concat(path, "/", name)));
    std::string free_name;
    do {
      free_name = concat(".removing-", moved++);
    } while (faccessat(top.get(), free_name.c_str(), F_OK, AT_SYMLINK_NOFOLLOW) == 0);
    if (renameat(folder.get(), name.c_str(), top.get(), free_name.c_str()) != 0) return fail(system_error("cannot move", concat(path, "/", name)));
    waiting.push_back(std::move(free_name));
  }
  return {};
}

std::vector<std::string> names_to_remove(const schema::Object& node) {
  std::vector<std::string> names;
  for (auto name : split(node["metadata"]["annotations"][client::kReclaim].as_string(), ','))
    if (is_plain_name(name)) names.emplace_back(name);
  return names;
}

}  // namespace

Result<void> ensure_local_folder(const schema::Object& persistent_volume, const std::string& root) {
  auto metadata = persistent_volume["metadata"];
  if (metadata["annotations"]["pv.kubernetes.io/provisioned-by"].as_string() != client::kLocalPathProvisioner) return {};
  std::string name(metadata["name"].as_string()), path = concat(root, "/", name);
  if (!is_plain_name(name) || persistent_volume["spec"]["local"]["path"].as_string() != path)
    return fail(internal_error(concat("volume ", quoted(name), " is not in ", root)));
  for (size_t at = root.find('/', 1);; at = root.find('/', at + 1)) {
    auto part = root.substr(0, at);
    if (mkdir(part.c_str(), 0755) != 0 && errno != EEXIST) return fail(system_error("cannot make", part));
    if (at == std::string::npos) break;
  }
  if (mkdir(path.c_str(), 0777) != 0) return errno == EEXIST ? Result<void>() : fail(system_error("cannot make", path));
  if (chmod(path.c_str(), 0777) != 0) return fail(system_error("cannot set the mode of", path));  // whatever the umask is
  return {};
}

Result<void> remove_local_folder(const std::string& root, const std::string& name) {
  if (!is_plain_name(name)) return fail(internal_error(concat("no name of a folder: ", quoted(name))));
  Folder base = Folder::open(AT_FDCWD, root.c_str());
  if (!base.is_open()) return errno == ENOENT ? Result<void>() : fail(system_error("cannot open", root));
  auto path = concat(root, "/", name);
  Folder top = Folder::open(base.get(), name.c_str());
  if (!top.is_open()) return errno == ENOENT ? Result<void>() : fail(system_error("cannot open", path));
  unsigned moved = 0;
  std::vector<std::string> waiting;
  TRY(empty(top, top, path, moved, waiting));
  while (!waiting.empty()) {
    auto one = std::move(waiting.back());
    waiting.pop_back();
    Folder folder = Folder::open(top.get(), one.c_str());
    if (!folder.is_open()) return fail(system_error("cannot open", concat(path, "/", one)));
    TRY(empty(top, folder, concat(path, "/", one), moved, waiting));
    if (unlinkat(top.get(), one.c_str(), AT_REMOVEDIR) != 0 && errno != ENOENT) return fail(system_error("cannot remove", concat(path, "/", one)));
  }
  if (unlinkat(base.get(), name.c_str(), AT_REMOVEDIR) != 0 && errno != ENOENT) return fail(system_error("cannot remove", path));
  return {};
}

Result<void> reclaim_local_folders(client::Api& api, const schema::Object& node, const std::string& root) {
  auto names = names_to_remove(node);
  if (!node["metadata"]["annotations"][client::kReclaim].present()) return {};
  Result<void> result;
  std::vector<std::string> removed;
  for (const auto& name : names) {
    auto done = remove_local_folder(root, name);
    if (done)
      removed.push_back(name);
    else
      result = std::move(done);
  }
  // What came meanwhile stays; what is no name at all goes too.
  auto told = client::update_latest(api, client::builtin("", "nodes"), {}, node["metadata"]["name"].as_string(), {},
                                    [&](const schema::Object& latest, schema::Value tree) -> Result<bool> {
                                      std::vector<std::string> left;
                                      for (const auto& name : names_to_remove(latest))
                                        if (std::find(removed.begin(), removed.end(), name) == removed.end()) left.push_back(name);
                                      schema::Value annotations = tree["metadata"]["annotations"];
                                      if (left.empty()) return annotations.remove(client::kReclaim);
                                      annotations.set(client::kReclaim, tree.arena().copy(join(left, ",")));
                                      return true;
                                    });
  if (!told) return fail(std::move(told).error());
  return result;
}

}  // namespace sampan::kubelet
