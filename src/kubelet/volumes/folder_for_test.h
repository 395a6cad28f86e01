// A folder of a test, gone with all mounts in it when the test ends.
#pragma once
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/text.h"
#include "kubelet/files.h"
#include "kubelet/volumes/mount_table.h"

namespace sampan::kubelet {

class FolderForTest {
 public:
  FolderForTest() {
    char name[] = "/tmp/sampan-volumes-XXXXXX";
    path = ::mkdtemp(name);
  }
  ~FolderForTest() {
    auto gone = unmount_all(path);
    if (gone) gone = remove_tree(path);
    if (!gone) ADD_FAILURE() << gone.error().message();
  }
  std::string operator/(std::string_view name) const { return concat(path, "/", name); }
  std::string path;
};

inline std::string content_of(const std::string& path) {
  auto content = read_file(path);
  return content ? *content : content.error().message();
}

// "0644 0:0"
inline std::string mode_of(const std::string& path) {
  struct stat info;
  if (::lstat(path.c_str(), &info) != 0) return "not there";
  char text[64];
  (void)::snprintf(text, sizeof text, "%04o %u:%u", info.st_mode & 07777, info.st_uid, info.st_gid);
  return text;
}

}  // namespace sampan::kubelet
