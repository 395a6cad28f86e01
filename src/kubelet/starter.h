// Carries out a plan for one pod: blocks until it is done.
#pragma once
#include "kubelet/hooks.h"
#include "kubelet/parts.h"
#include "kubelet/pod_config.h"

namespace sampan::kubelet {

class Starter {
 public:
  // `failures` is what could not be started, kept from one plan to the next. `given_up`: the pod is to end. `made` is called with the id of each
  // sandbox and container before it starts, `progress` when a sandbox is there.
  Starter(Parts& parts, const schema::ObjectRef& pod, PodRuntime& runtime, const std::map<std::string, MountedVolume>& volumes, StartFailures& failures,
          std::function<bool()> given_up, std::function<void(const std::string& id)> made, std::function<void()> progress);

  // An error: nothing more can be done now, try again later.
  Result<void> run(const Plan& plan);
  // When to look again of itself (microseconds, wall clock); 0: need not.
  int64_t wake_at() const { return wake_at_; }
  bool did_something() const { return did_something_; }

 private:
  Result<std::string> new_sandbox(uint32_t attempt, SandboxConfig& config);
  void start(const ContainerSpec& spec, const std::string& sandbox, const SandboxConfig& config);
  std::optional<StartFailure> try_start(const ContainerSpec& spec, const std::string& sandbox, const SandboxConfig& config);
  std::optional<StartFailure> in_back_off(const ContainerSpec& spec);
  Result<ContainerConfig> configure(const ContainerSpec& spec, const Image& image, uint32_t attempt);
  std::optional<StartFailure> after_start(const ContainerSpec& spec, const std::string& id);
  uint32_t next_attempt(const ContainerSpec& spec) const;
  Result<std::map<std::string, MountedVolume>> image_volumes(const ContainerSpec& spec, const SandboxConfig& config, StartFailure& why);
  void link_log(const ContainerSpec& spec, const std::string& id, uint32_t attempt);
  const Keyring& keyring();
  void wake_by(int64_t at);

  Parts& parts_;
  const schema::ObjectRef object_;
  const core_v1::Pod pod_;
  PodRuntime& runtime_;
  const std::map<std::string, MountedVolume>& volumes_;
  StartFailures& failures_;
  const std::function<bool()> given_up_;
  const std::function<void(const std::string&)> made_;
  const std::function<void()> progress_;
  const std::shared_ptr<const NodeFacts> facts_;
  std::optional<Keyring> keyring_;
  std::vector<std::string> ips_;
  int64_t wake_at_ = 0;
  bool did_something_ = false;
};

// All containers that run, at once but in the order in which they must end, then the sandboxes.
Result<void> kill_pod(Parts& parts, const core_v1::Pod& pod, const PodRuntime& runtime, std::optional<int64_t> grace);

}  // namespace sampan::kubelet
