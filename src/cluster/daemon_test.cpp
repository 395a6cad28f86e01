#include "cluster/daemon.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "base/text.h"

namespace sampan::cluster {
namespace {

class Daemons : public testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/sampan-daemon-XXXXXX";
    folder_ = mkdtemp(name);
    daemon_ = {"test", folder_ + "/pid", folder_ + "/log"};
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  std::string folder_;
  Daemon daemon_;
};

TEST_F(Daemons, RunUntilTheyAreStopped) {
  EXPECT_EQ(running(daemon_), 0);
  auto pid = start(daemon_, {"/bin/sh", "-c", "echo said; exec sleep 100"});
  ASSERT_TRUE(pid) << pid.error().message();
  EXPECT_EQ(running(daemon_), *pid);
  EXPECT_TRUE(stop(daemon_, 5000));
  EXPECT_EQ(running(daemon_), 0);
  EXPECT_TRUE(stop(daemon_, 0));
}

// The first thread of a process can be gone before the others, and with them its ports.
TEST_F(Daemons, AreThereUntilTheirLastThreadIsGone) {
  int pid = fork();
  if (pid == 0) {
    std::thread other([] { pause(); });
    syscall(SYS_exit, 0);
  }
  std::vector<std::string> words;
  auto look = [&] {
    std::ifstream file(concat("/proc/", pid, "/stat"));
    std::string stat(std::istreambuf_iterator<char>(file), {});
    words.clear();
    for (auto word : split(std::string_view(stat).substr(stat.rfind(')') + 2), ' ')) words.emplace_back(word);
    return words[0];
  };
  while (look() != "Z") usleep(1000);
  std::ofstream(daemon_.pid_file) << pid << " " << words[19] << "\n";
  EXPECT_EQ(running(daemon_), pid);
  kill(pid, SIGKILL);
  waitpid(pid, nullptr, 0);
  EXPECT_EQ(running(daemon_), 0);
}

}  // namespace
}  // namespace sampan::cluster
