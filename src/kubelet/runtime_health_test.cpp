#include "kubelet/runtime_health.h"

#include <gtest/gtest.h>

namespace sampan::kubelet {
namespace {

constexpr int64_t kSecond = 1'000'000;

RuntimeStatus status(bool runtime, bool network) {
  RuntimeStatus out;
  out.conditions = {{"RuntimeReady", "R", "r", runtime}, {"NetworkReady", "N", "n", network}};
  return out;
}

TEST(RuntimeHealth, WhatTheNodeSays) {
  RuntimeHealth health;
  EXPECT_EQ(health.node_problem(1), "container runtime status check may not have completed yet");
  EXPECT_EQ(health.pod_problem(), "container runtime status check may not have completed yet");
  health.saw(fail(internal_error("no")), 1);
  EXPECT_EQ(health.node_problem(100 * kSecond), "container runtime status check may not have completed yet");

  health.saw(status(true, false), 100 * kSecond);
  EXPECT_EQ(health.node_problem(100 * kSecond), "container runtime network not ready: NetworkReady=false reason:N message:n");
  EXPECT_EQ(health.pod_problem(), health.node_problem(100 * kSecond));
  health.saw(status(true, true), 101 * kSecond);
  EXPECT_EQ(health.node_problem(101 * kSecond) + health.pod_problem(), "");

  // Away: pods wait at once, the node is given up after a while.
  health.saw(fail(Error(Reason::Unknown, "gone")), 102 * kSecond);
  EXPECT_EQ(health.pod_problem(), "container runtime is down: gone");
  EXPECT_EQ(health.node_problem(130 * kSecond), "");
  EXPECT_EQ(health.node_problem(131 * kSecond), "container runtime is down");
  health.saw(status(true, true), 140 * kSecond);
  EXPECT_EQ(health.node_problem(140 * kSecond) + health.pod_problem(), "");

  health.saw(status(false, false), 150 * kSecond);
  EXPECT_EQ(health.node_problem(150 * kSecond),
            "[container runtime not ready: RuntimeReady=false reason:R message:r, container runtime network not ready: NetworkReady=false reason:N message:n]");
  EXPECT_TRUE(health.node_problem(190 * kSecond).starts_with("[container runtime is down, container runtime not ready: "));
}

}  // namespace
}  // namespace sampan::kubelet
