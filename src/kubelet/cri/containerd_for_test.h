// A containerd of the tests' own, with everything it keeps in a temporary folder, and one image made of test/kubelet/program.c.
#pragma once
#include <fcntl.h>
#include <openssl/evp.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/check.h"
#include "base/encoding.h"
#include "base/text.h"
#include "kubelet/cri/client.h"
#include "kubelet/cri/import.h"

namespace sampan::kubelet {

inline constexpr std::string_view kTestImage = "localhost/test:1";

class ContainerdForTest {
 public:
  // Null where there is no containerd or this is not root; `why` says so.
  static std::unique_ptr<ContainerdForTest> start(std::string& why) {
    if (::geteuid() != 0) return why = "not root", nullptr;
    if (::access("/usr/bin/containerd", X_OK) != 0 || ::access("/usr/sbin/runc", X_OK) != 0)
      return why = "containerd and runc are not installed (make deps)", nullptr;
    std::unique_ptr<ContainerdForTest> self(new ContainerdForTest);
    if (!self->set_up()) return why = concat("containerd did not start: see ", self->folder_, "/log"), self->keep_ = true, nullptr;
    return self;
  }

  ~ContainerdForTest() {
    if (pid_ > 0) {
      if (auto runtime = connect_cri({.endpoint = endpoint()}))
        if (auto sandboxes = (*runtime)->sandboxes({}))
          for (auto& sandbox : *sandboxes) (void)(*runtime)->remove_sandbox(sandbox.id);
      stop();
    }
    if (!keep_ && !folder_.empty()) run({"rm", "-rf", folder_});
    for (auto part : {"cpu", "cpuacct", "memory", "pids", "devices", "freezer", "blkio", "cpuset", "systemd", "unified", "."})
      ::rmdir(concat("/sys/fs/cgroup/", part, "/", cgroup()).c_str());
  }

  std::string socket() const { return folder_ + "/containerd.sock"; }
  std::string endpoint() const { return concat("unix://", socket()); }
  const std::string& folder() const { return folder_; }
  std::string cgroup() const { return concat("sampan-test-", ::getpid()); }

  // The containers stay, as when a machine's containerd is restarted.
  void stop() {
    ::kill(pid_, SIGTERM);
    ::waitpid(pid_, nullptr, 0);
    pid_ = -1;
  }
  bool start_again() {
    pid_ = spawn({"containerd", "--config", folder_ + "/config.toml"});
    for (int i = 0; i < 500; i++) {
      if (auto runtime = connect_cri({.endpoint = endpoint(), .timeout_ms = 1000}); runtime && (*runtime)->version()) return true;
      ::usleep(20'000);
    }
    return false;
  }

 private:
  ContainerdForTest() = default;

  bool set_up() {
    char name[] = "/tmp/sampan-cri-XXXXXX";
    if (!::mkdtemp(name)) return false;
    folder_ = name;
    for (auto part : {"/root", "/state", "/cni", "/cni/conf", "/cni/bin"}) ::mkdir((folder_ + part).c_str(), 0755);
    write_file(folder_ + "/config.toml", config(), 0644);
    write_file(folder_ + "/cni/conf/10-test.conf", R"({"cniVersion":"0.4.0","name":"test","type":"test-cni"})", 0644);
    // A network that connects nothing: containers have an address and their own loopback.
    std::string plugin = "#!/bin/sh\ncase $CNI_COMMAND in\nVERSION) echo '{\"cniVersion\":\"0.4.0\",\"supportedVersions\":[\"0.3.1\",\"0.4.0\"]}';;\n"
                         "ADD|CHECK) cat >/dev/null; echo '{\"cniVersion\":\"0.4.0\",\"interfaces\":[{\"name\":\"'$CNI_IFNAME'\",\"sandbox\":\"'$CNI_NETNS'\"}],"
                         "\"ips\":[{\"version\":\"4\",\"interface\":0,\"address\":\"10.88.0.'$(($$ % 250 + 2))'/24\"}]}';;\n*) cat >/dev/null;;\nesac\n";
    write_file(folder_ + "/cni/bin/test-cni", plugin, 0755);
    write_file(folder_ + "/cni/bin/loopback", plugin, 0755);
    write_image();
    if (!start_again()) return false;
    auto archive = images::open_archive(folder_ + "/image.tar", folder_);
    return archive && import_images(socket(), **archive);
  }

  std::string config() const {
    return concat("version = 2\nroot = \"", folder_, "/root\"\nstate = \"", folder_, "/state\"\noom_score = 0\n[grpc]\n  address = \"", folder_,
                  "/containerd.sock\"\n[ttrpc]\n  address = \"", folder_,
                  "/containerd.sock.ttrpc\"\n[plugins.\"io.containerd.grpc.v1.cri\"]\n  sandbox_image = \"", kTestImage,
                  "\"\n  restrict_oom_score_adj = true\n  stream_server_port = \"0\"\n  [plugins.\"io.containerd.grpc.v1.cri\".containerd]\n    snapshotter = \"overlayfs\"\n"
                  "  [plugins.\"io.containerd.grpc.v1.cri\".cni]\n    bin_dir = \"",
                  folder_, "/cni/bin\"\n    conf_dir = \"", folder_, "/cni/conf\"\n[plugins.\"io.containerd.internal.v1.opt\"]\n  path = \"", folder_, "/opt\"\n");
  }

  static void write_file(const std::string& path, std::string_view content, mode_t mode) {
    int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
    check(file >= 0 && ::write(file, content.data(), content.size()) == static_cast<ssize_t>(content.size()));
    ::close(file);
  }

  static std::string digest(std::string_view content) {
    unsigned char sum[32];
    unsigned size = 0;
    EVP_Digest(content.data(), content.size(), sum, &size, EVP_sha256(), nullptr);
    return hex(std::string_view(reinterpret_cast<char*>(sum), size));
  }

  static void add_to_tar(std::string& tar, std::string_view name, std::string_view content, int mode) {
    char head[512] = {};
    auto octal = [&](int at, int size, uint64_t number) {
      for (int i = size - 2; i >= 0; i--, number /= 8) head[at + i] = static_cast<char>('0' + number % 8);
    };
    std::memcpy(head, name.data(), name.size());
    octal(100, 8, mode), octal(108, 8, 0), octal(116, 8, 0), octal(124, 12, content.size()), octal(136, 12, 0);
    head[156] = name.back() == '/' ? '5' : '0';
    std::memcpy(head + 257, "ustar\00000", 8);
    std::memset(head + 148, ' ', 8);
    unsigned sum = 0;
    for (unsigned char c : head) sum += c;
    octal(148, 7, sum);
    tar.append(head, sizeof head).append(content);
    tar.resize((tar.size() + 511) / 512 * 512);
  }

  void write_image() const {
    std::string program, layer, tar;
    int file = ::open(KUBELET_TEST_PROGRAM, O_RDONLY | O_CLOEXEC);
    check(file >= 0);
    char buffer[65536];
    for (ssize_t got; (got = ::read(file, buffer, sizeof buffer)) > 0;) program.append(buffer, got);
    ::close(file);
    for (auto folder : {"etc/", "tmp/", "dev/", "proc/", "sys/"}) add_to_tar(layer, folder, "", 0755);
    add_to_tar(layer, "program", program, 0755);
    layer.append(1024, '\0');
    auto config = concat(R"({"architecture":"amd64","os":"linux","config":{"Entrypoint":["/program"],"Env":["PATH=/"]},"rootfs":{"type":"layers","diff_ids":["sha256:)",
                         digest(layer), R"("]}})");
    add_to_tar(tar, "layer.tar", layer, 0644);
    add_to_tar(tar, "config.json", config, 0644);
    add_to_tar(tar, "manifest.json", concat(R"([{"Config":"config.json","RepoTags":[")", kTestImage, R"("],"Layers":["layer.tar"]}])"), 0644);
    tar.append(1024, '\0');
    write_file(folder_ + "/image.tar", tar, 0644);
  }

  pid_t spawn(const std::vector<std::string>& command) const {
    std::vector<char*> words;
    for (auto& word : command) words.push_back(const_cast<char*>(word.c_str()));
    words.push_back(nullptr);
    auto log = folder_ + "/log";
    pid_t pid = ::fork();
    if (pid == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // a test that fails badly leaves no containerd behind
      int file = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
      ::dup2(file, 1);
      ::dup2(file, 2);
      ::execvp(words[0], words.data());
      ::_exit(127);
    }
    return pid;
  }

  int run(const std::vector<std::string>& command) const {
    int status = 1;
    ::waitpid(spawn(command), &status, 0);
    return status;
  }

  std::string folder_;
  pid_t pid_ = -1;
  bool keep_ = false;
};

// One for all tests of the program; started by the first that needs it.
inline ContainerdForTest* containerd_for_test() {
  static std::string why;
  static std::unique_ptr<ContainerdForTest> one = ContainerdForTest::start(why);
  if (!one) {
    static bool said = (fprintf(stderr, "no tests with real containers: %s\n", why.c_str()), true);
    (void)said;
  }
  return one.get();
}

}  // namespace sampan::kubelet
