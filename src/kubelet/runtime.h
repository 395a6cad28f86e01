// The container runtime as the agent sees it: CRI v1 in our own words, without a word of gRPC. cri/client.h talks to a real one; the
// only other implementation is the one that injects faults in tests. Every call blocks and may be made by any thread.
#pragma once
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "kubelet/failure.h"

namespace sampan::kubelet {

using TextMap = std::map<std::string, std::string>;

enum class NamespaceMode : uint8_t { Pod, Container, Node, Target };

struct IdMapping {
  uint32_t host_id = 0, container_id = 0, length = 0;
};

struct NamespaceOptions {
  NamespaceMode network = NamespaceMode::Pod;
  NamespaceMode pid = NamespaceMode::Container;
  NamespaceMode ipc = NamespaceMode::Pod;
  std::string target_id;          // of NamespaceMode::Target: the container whose processes are seen
  bool user_namespace = false;    // hostUsers: false
  std::vector<IdMapping> uids, gids;
  bool operator==(const NamespaceOptions& other) const {
    return network == other.network && pid == other.pid && ipc == other.ipc;
  }
};

struct SecurityProfile {
  enum class Type : uint8_t { RuntimeDefault, Unconfined, Localhost };
  Type type = Type::RuntimeDefault;
  std::string localhost_ref;
};

struct SeLinuxOptions {
  std::string user, role, type, level;
};

// What a sandbox and a container have in common, and what only a container has.
struct SecurityContext {
  NamespaceOptions namespaces;
  std::optional<int64_t> run_as_user, run_as_group;
  std::string run_as_username;
  std::vector<int64_t> supplemental_groups;
  bool strict_supplemental_groups = false;
  bool privileged = false;
  bool read_only_root = false;
  std::optional<SeLinuxOptions> se_linux;
  std::optional<SecurityProfile> seccomp, app_armor;
  // containers only
  bool no_new_privileges = false;
  std::vector<std::string> add_capabilities, drop_capabilities;
  std::vector<std::string> masked_paths, read_only_paths;
};

struct Resources {
  int64_t cpu_period = 0, cpu_quota = 0, cpu_shares = 0;
  int64_t memory_limit = 0;
  int64_t oom_score_adj = 0;
  std::map<std::string, uint64_t> huge_page_limits;  // "2MB" -> bytes
  TextMap unified;                                   // cgroup v2 files
};

struct PortMapping {
  enum class Protocol : uint8_t { Tcp, Udp, Sctp };
  Protocol protocol = Protocol::Tcp;
  int32_t container_port = 0, host_port = 0;
  std::string host_ip;
};

struct DnsConfig {
  std::vector<std::string> servers, searches, options;
};

struct SandboxConfig {
  std::string name, uid, namespace_;
  uint32_t attempt = 0;
  std::string hostname;
  std::string log_directory;
  std::optional<DnsConfig> dns;  // none: the runtime's own
  std::vector<PortMapping> ports;
  TextMap labels, annotations;
  std::string cgroup_parent;
  SecurityContext security;
  TextMap sysctls;
  Resources overhead, resources;
};

enum class MountPropagation : uint8_t { Private, HostToContainer, Bidirectional };

struct Mount {
  std::string container_path, host_path;
  bool read_only = false, recursive_read_only = false;
  bool se_linux_relabel = false;
  MountPropagation propagation = MountPropagation::Private;
  std::string image;  // an image volume: host_path is empty
  std::string image_sub_path;
};

struct Device {
  std::string container_path, host_path, permissions;
};

struct ContainerConfig {
  std::string name;
  uint32_t attempt = 0;
  std::string image;                 // what the runtime calls it: the id
  std::string user_specified_image;  // what the pod says
  std::vector<std::string> command, args;
  std::string working_directory;
  std::vector<std::pair<std::string, std::string>> environment;
  std::vector<Mount> mounts;
  std::vector<Device> devices;
  TextMap labels, annotations;
  std::string log_path;  // relative to the sandbox's log directory
  bool stdin = false, stdin_once = false, tty = false;
  Resources resources;
  SecurityContext security;
  std::string stop_signal;  // "SIGUSR1"; "" for the image's
};

struct Sandbox {
  std::string id;
  std::string name, uid, namespace_;
  uint32_t attempt = 0;
  bool ready = false;
  int64_t created_at = 0;  // nanoseconds since 1970, as all times of the runtime
  TextMap labels, annotations;
  // from sandbox_status() alone
  std::vector<std::string> ips;  // the first one is the primary one
  NamespaceOptions namespaces;
};

enum class ContainerState : uint8_t { Created, Running, Exited, Unknown };

struct Container {
  std::string id, sandbox_id;
  std::string name;
  uint32_t attempt = 0;
  ContainerState state = ContainerState::Unknown;
  int64_t created_at = 0;
  std::string image, image_ref;  // as the runtime names them
  TextMap labels, annotations;
  // from container_status() alone
  int64_t started_at = 0, finished_at = 0;
  int32_t exit_code = 0;
  std::string reason, message;
  std::string log_path;
  std::string image_id;
  std::vector<Mount> mounts;
  std::optional<Resources> resources;
  struct User {
    int64_t uid = 0, gid = 0;
    std::vector<int64_t> supplemental_groups;
  };
  std::optional<User> user;
};

struct Image {
  std::string id;
  std::vector<std::string> tags, digests;
  uint64_t size = 0;
  std::optional<int64_t> uid;
  std::string username;
  bool pinned = false;
};

struct RegistryCredentials {
  std::string username, password, auth, server_address, identity_token, registry_token;
};

struct FilesystemUsage {
  std::string mount_point;
  uint64_t used_bytes = 0, inodes_used = 0;
  int64_t timestamp = 0;
};

// Absent figures are those that the runtime does not know.
struct ContainerStats {
  std::string id, name;
  TextMap labels;
  int64_t cpu_timestamp = 0;
  std::optional<uint64_t> cpu_usage_ns, cpu_nano_cores;
  int64_t memory_timestamp = 0;
  std::optional<uint64_t> working_set, available, usage, rss, page_faults, major_page_faults;
  FilesystemUsage writable_layer;
};

struct RuntimeVersion {
  std::string name, version, api_version;  // "containerd", "1.6.20~ds1", "v1"
};

struct RuntimeCondition {
  std::string type, reason, message;  // "RuntimeReady", "NetworkReady"
  bool status = false;
};

struct RuntimeHandler {
  std::string name;
  bool recursive_read_only_mounts = false, user_namespaces = false;
};

struct RuntimeStatus {
  std::vector<RuntimeCondition> conditions;
  std::vector<RuntimeHandler> handlers;
  bool supplemental_groups_policy = false;
};

struct ExecResult {
  std::string output;  // standard output, then standard error
  int32_t exit_code = 0;
};

struct ExecOptions {
  bool tty = false, stdin = false, stdout = false, stderr = false;
};

// Something happened to a container or a sandbox. An empty id says that events may have been lost: look at everything.
struct RuntimeEvent {
  enum class Type : uint8_t { Created, Started, Stopped, Deleted };
  Type type = Type::Stopped;
  std::string id;
};

class RuntimeEvents {
 public:
  virtual ~RuntimeEvents() = default;
  virtual bool next(RuntimeEvent& event) = 0;  // blocks; false: the stream is over
  virtual void cancel() = 0;                   // by any thread; next() then returns false
};

// Errors: NotFound where the runtime knows no such thing, Timeout where it did not answer in time, ServiceUnavailable where it cannot
// be reached, MethodNotAllowed where it does not implement the call; everything else InternalError. The message is the runtime's,
// in the form in which upstream shows it ("rpc error: code = Unknown desc = ...").
class Runtime {
 public:
  virtual ~Runtime() = default;

  virtual Result<RuntimeVersion> version() = 0;
  virtual Result<RuntimeStatus> status() = 0;
  virtual Result<void> set_pod_cidr(const std::string& cidr) = 0;
  // "systemd" or "cgroupfs"; MethodNotAllowed by runtimes that do not say.
  virtual Result<std::string> cgroup_driver() = 0;

  virtual Result<std::string> run_sandbox(const SandboxConfig& config, const std::string& handler) = 0;  // its id
  virtual Result<void> stop_sandbox(const std::string& id) = 0;
  virtual Result<void> remove_sandbox(const std::string& id) = 0;
  virtual Result<Sandbox> sandbox_status(const std::string& id) = 0;
  virtual Result<std::vector<Sandbox>> sandboxes(const TextMap& labels) = 0;  // newest first; all that have these labels

  virtual Result<std::string> create_container(const std::string& sandbox, const ContainerConfig& config,
                                               const SandboxConfig& sandbox_config) = 0;
  virtual Result<void> start_container(const std::string& id) = 0;
  virtual Result<void> stop_container(const std::string& id, int64_t timeout_seconds) = 0;
  virtual Result<void> remove_container(const std::string& id) = 0;
  virtual Result<Container> container_status(const std::string& id) = 0;
  virtual Result<std::vector<Container>> containers(const TextMap& labels) = 0;
  virtual Result<void> update_resources(const std::string& id, const Resources& resources) = 0;
  virtual Result<void> reopen_log(const std::string& id) = 0;

  // A command in a container. 0 seconds: no limit.
  virtual Result<ExecResult> exec_sync(const std::string& id, const std::vector<std::string>& command,
                                       int64_t timeout_seconds) = 0;
  // Addresses of the runtime's own streaming server (SPDY or WebSocket), good for one connection.
  virtual Result<std::string> exec_url(const std::string& id, const std::vector<std::string>& command,
                                       const ExecOptions& options) = 0;
  virtual Result<std::string> attach_url(const std::string& id, const ExecOptions& options) = 0;
  virtual Result<std::string> port_forward_url(const std::string& sandbox, const std::vector<int32_t>& ports) = 0;

  virtual Result<std::vector<Image>> images() = 0;
  virtual Result<std::optional<Image>> image(const std::string& name) = 0;
  // The id under which containers may use it.
  virtual Result<std::string> pull(const std::string& name, const std::optional<RegistryCredentials>& credentials,
                                   const SandboxConfig& sandbox) = 0;
  virtual Result<void> remove_image(const std::string& name) = 0;
  virtual Result<std::vector<FilesystemUsage>> image_filesystems() = 0;

  virtual Result<std::vector<ContainerStats>> container_stats() = 0;
  // MethodNotAllowed where the runtime has no events at all: its containers must then be looked at from time to time.
  virtual Result<std::unique_ptr<RuntimeEvents>> events() = 0;
};

}  // namespace sampan::kubelet
