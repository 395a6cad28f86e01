// Paths below a folder, opened so that no link leads out of it and, where data could be lost, no mount either.
#pragma once
#include <linux/openat2.h>
#include <sys/types.h>
#include <unistd.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "kubelet/failure.h"

namespace sampan::kubelet {

class Descriptor {
 public:
  explicit Descriptor(int number = -1) : number_(number) {}
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  int get() const { return number_; }
  int release() { return std::exchange(number_, -1); }
  explicit operator bool() const { return number_ >= 0; }
  std::string path() const;  // by which calls that know only paths reach it

 private:
  int number_;
};

// In Go's words, as upstream's messages have them: "mkdir /a: permission denied". Of errno.
std::string system_error(std::string_view call, std::string_view path);

Descriptor open_folder(const std::string& path);
// `resolve`: what is forbidden on the way beyond leaving `folder`.
Descriptor open_beneath(int folder, const std::string& path, int flags, uint64_t resolve = RESOLVE_NO_SYMLINKS, mode_t mode = 0);
// The folders of `path` below `folder`, made where they are missing, with just this mode.
Result<Descriptor> make_folders_beneath(int folder, std::string_view path, mode_t mode);
// Everything at `name` in `folder`. Not an error if it is not there; one if something is mounted in it, which is left alone.
Result<void> remove_beneath(int folder, const std::string& name);
// Empty folders only.
Result<void> remove_empty(const std::string& path);

// Names in a folder, without "." and "..".
Result<std::vector<std::string>> names_in(const std::string& path);
Result<std::vector<std::string>> names_in(const Descriptor& folder, std::string_view path);

}  // namespace sampan::kubelet
