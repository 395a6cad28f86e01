// The cgroups around pods: one for all of them, one for each class of them, one for each pod. Version 1 and 2, written as files.
#pragma once
#include <map>

#include "kubelet/resources.h"

namespace sampan::kubelet {

struct CgroupUsage {
  std::optional<uint64_t> cpu_ns;
  std::optional<uint64_t> memory, working_set, rss;
  std::optional<uint64_t> page_faults, major_page_faults;
  std::optional<uint64_t> memory_limit;  // none: no limit
  std::optional<uint64_t> processes;
};

class Cgroups {
 public:
  // `mount` is /sys/fs/cgroup; `root` "" or a folder below which everything is ("/test").
  Cgroups(std::string mount, std::string root);
  bool is_v2() const { return v2_; }

  // kubepods and its classes. `allocatable` is what all pods together may have.
  Result<void> prepare(const Quantities& allocatable);
  // What the pods of the burstable class ask for together, in CPU shares.
  void set_burstable_shares(int64_t shares);

  Result<void> create(const std::string& path, const Resources& resources);  // or changes what it may have
  Result<void> remove(const std::string& path);  // with all below it; no process may be left in it
  std::vector<std::string> pods() const;  // uids that have one
  CgroupUsage usage(const std::string& path) const;
  std::string path_of(const std::string& controller, const std::string& path) const;

 private:
  Result<void> make(const std::string& path);
  Result<void> limit(const std::string& path, const Resources& resources);
  const std::string mount_, root_;
  const bool v2_;
  std::vector<std::string> controllers_;  // version 1: the folders there are
};

}  // namespace sampan::kubelet
