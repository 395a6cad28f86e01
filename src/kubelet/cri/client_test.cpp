// The CRI client against a real containerd.
#include "kubelet/cri/client.h"

#include <thread>

#include "kubelet/cri/containerd_for_test.h"
#include "kubelet/cri/convert.h"

namespace sampan::kubelet {
namespace {

SandboxConfig sandbox_config(std::string name) {
  SandboxConfig config;
  config.name = name;
  config.uid = name + "-uid";
  config.namespace_ = "default";
  config.log_directory = containerd_for_test()->folder() + "/logs-" + name;
  ::mkdir(config.log_directory.c_str(), 0755);
  config.labels = {{"io.kubernetes.pod.uid", config.uid}};
  config.annotations = {{"note", "kept"}};
  config.cgroup_parent = "/" + containerd_for_test()->cgroup();
  return config;
}

ContainerConfig container_config(std::string name, std::vector<std::string> args) {
  ContainerConfig config;
  config.name = name;
  config.image = kTestImage;
  config.args = std::move(args);
  config.log_path = name + ".log";
  config.labels = {{"io.kubernetes.container.name", name}};
  config.environment = {{"A", "b"}};
  return config;
}

class Cri : public testing::Test {
 protected:
  void SetUp() override {
    if (!containerd_for_test()) GTEST_SKIP();
    runtime_ = std::move(*connect_cri({.endpoint = containerd_for_test()->endpoint()}));
  }
  std::unique_ptr<Runtime> runtime_;
};

TEST_F(Cri, life_of_a_container) {
  auto version = runtime_->version();
  ASSERT_TRUE(version) << version.error().message();
  EXPECT_EQ(version->name, "containerd");
  EXPECT_EQ(version->api_version, "v1");

  auto config = sandbox_config("life");
  auto sandbox = runtime_->run_sandbox(config, "");
  ASSERT_TRUE(sandbox) << sandbox.error().message();
  auto status = runtime_->sandbox_status(*sandbox);
  ASSERT_TRUE(status);
  EXPECT_TRUE(status->ready);
  ASSERT_EQ(status->ips.size(), 1u);
  EXPECT_TRUE(status->ips[0].starts_with("10.88.0."));
  EXPECT_EQ(status->annotations["note"], "kept");
  ASSERT_EQ(runtime_->sandboxes({{"io.kubernetes.pod.uid", "life-uid"}})->size(), 1u);
  EXPECT_EQ(runtime_->sandboxes({{"io.kubernetes.pod.uid", "none"}})->size(), 0u);

  auto container = runtime_->create_container(*sandbox, container_config("main", {"sleep", "60"}), config);
  ASSERT_TRUE(container) << container.error().message();
  EXPECT_EQ(runtime_->container_status(*container)->state, ContainerState::Created);
  auto events = runtime_->events();
  ASSERT_TRUE(events) << events.error().message();
  ASSERT_TRUE(runtime_->start_container(*container));
  EXPECT_EQ(runtime_->container_status(*container)->state, ContainerState::Running);

  auto output = runtime_->exec_sync(*container, {"/program", "echo", "hello", "there"}, 5);
  ASSERT_TRUE(output) << output.error().message();
  EXPECT_EQ(output->output, "hello there\n");
  EXPECT_EQ(runtime_->exec_sync(*container, {"/program", "exit", "7"}, 5)->exit_code, 7);
  auto late = runtime_->exec_sync(*container, {"/program", "sleep", "9"}, 1);
  ASSERT_FALSE(late);
  EXPECT_TRUE(late.error().is(Reason::Timeout)) << late.error().message();
  EXPECT_FALSE(runtime_->container_stats()->empty());

  ASSERT_TRUE(runtime_->stop_container(*container, 5));
  RuntimeEvent event;
  bool stopped = false;
  while (!stopped && (*events)->next(event)) stopped = event.type == RuntimeEvent::Type::Stopped && event.id == *container;
  EXPECT_TRUE(stopped);
  auto ended = runtime_->container_status(*container);
  ASSERT_TRUE(ended);
  EXPECT_EQ(ended->state, ContainerState::Exited);
  EXPECT_EQ(ended->exit_code, 0);
  EXPECT_EQ(ended->reason, "Completed");
  EXPECT_GE(ended->finished_at, ended->started_at);

  std::thread canceller([&] { (*events)->cancel(); });
  while ((*events)->next(event)) {
  }
  canceller.join();
  EXPECT_TRUE(runtime_->remove_container(*container));
  EXPECT_TRUE(runtime_->stop_sandbox(*sandbox));
  EXPECT_TRUE(runtime_->remove_sandbox(*sandbox));
}

TEST_F(Cri, what_is_not_there) {
  auto status = runtime_->container_status("nothing");
  ASSERT_FALSE(status);
  EXPECT_TRUE(status.error().is(Reason::NotFound));
  EXPECT_TRUE(status.error().message().starts_with("rpc error: code = NotFound desc = ")) << status.error().message();
  EXPECT_FALSE(description_of(status.error()).starts_with("rpc error"));
  EXPECT_TRUE(runtime_->remove_container("nothing"));
  auto image = runtime_->image("localhost/none:1");
  ASSERT_TRUE(image);
  EXPECT_FALSE(image->has_value());
  auto here = runtime_->image(std::string(kTestImage));
  ASSERT_TRUE(here && *here);
  EXPECT_TRUE((*here)->id.starts_with("sha256:"));
  EXPECT_TRUE(runtime_->events());
  EXPECT_FALSE(runtime_->pull("localhost:1/none:1", {}, sandbox_config("pull")));
}

TEST(CriOffline, a_runtime_that_is_away) {
  auto runtime = std::move(*connect_cri({.endpoint = "unix:///nowhere/containerd.sock", .connect_timeout_ms = 10}));
  auto version = runtime->version();
  ASSERT_FALSE(version);
  EXPECT_TRUE(version.error().is(Reason::ServiceUnavailable)) << version.error().message();
  EXPECT_TRUE(runtime->events().error().is(Reason::ServiceUnavailable));
  EXPECT_FALSE(connect_cri({.endpoint = "tcp://1.2.3.4:5"}));
}

TEST(CriConvert, signals) {
  struct {
    std::string_view name;
    int number;
  } cases[] = {{"", 0}, {"SIGABRT", 1}, {"SIGHUP", 8}, {"SIGTERM", 23}, {"SIGUSR1", 29}, {"SIGXFSZ", 34}, {"SIGRTMIN", 35}, {"SIGRTMIN+15", 50}, {"SIGRTMAX-14", 51}, {"SIGRTMAX-1", 64}, {"SIGRTMAX", 65}, {"SIGRTMAX-15", 0}, {"SIGNOTHING", 0}};
  for (auto& c : cases) EXPECT_EQ(cri::signal_number(c.name), c.number) << c.name;
}

}  // namespace
}  // namespace sampan::kubelet
