// The generated views and editors: names, zero values of what is absent, and lists.
#include "api/apps_v1.h"
#include "api/apps_v1_edit.h"
#include "api/core_v1.h"
#include "api/core_v1_edit.h"

namespace sampan::api {
namespace {

TEST(Views, absent_all_the_way_down) {
  core_v1::Pod pod;
  EXPECT_FALSE(pod.spec().security_context().se_linux_options().present());
  EXPECT_EQ(pod.metadata().name(), "");
  EXPECT_EQ(pod.spec().containers().size(), 0u);
  EXPECT_FALSE(pod.spec().termination_grace_period_seconds().has_value());
  EXPECT_EQ(pod.status().pod_ips().size(), 0u);
  EXPECT_EQ(pod.metadata().namespace_(), "");
  EXPECT_EQ(&core_v1::Pod::schema_type(), schema::builtin_kind("", "v1", "Pod"));
}

TEST(Views, what_an_editor_writes) {
  Arena arena;
  apps_v1::DeploymentEdit deployment(schema::Value::object(arena));
  EXPECT_FALSE(deployment.spec().template_().present());
  auto spec = deployment.ensure_spec();
  spec.set_replicas(3);
  auto container = spec.ensure_template().ensure_spec().ensure_containers().add();
  container.set_name("web");
  spec.ensure_selector().ensure_match_labels().set("app", "web");
  deployment.ensure_metadata().set_creation_timestamp(0);
  EXPECT_EQ(deployment.value["metadata"]["creationTimestamp"].as_string(), "1970-01-01T00:00:00Z");
  EXPECT_EQ(deployment.value["spec"]["replicas"].as_int(), 3);
  EXPECT_EQ(deployment.spec().template_().spec().containers()[0].name(), "web");
  EXPECT_EQ(deployment.spec().selector().match_labels()["app"].as_string(), "web");
  spec.clear("replicas");
  EXPECT_TRUE(spec.value["replicas"].is_absent());
}

TEST(Views, what_an_object_holds) {
  Arena arena;
  core_v1::PodEdit pod(schema::Value::object(arena));
  pod.ensure_metadata().set_namespace("ns");
  pod.ensure_metadata().ensure_labels().set("app", "web");
  pod.ensure_metadata().set_creation_timestamp(1700000000);
  auto spec = pod.ensure_spec();
  spec.set_termination_grace_period_seconds(0);
  spec.set_host_network(true);
  spec.set_hostname_override("h");  // beyond the first word of the bitmap
  auto container = spec.ensure_containers().add();
  container.set_name("web");
  container.ensure_args().push("-v");
  auto port = container.ensure_ports().add();
  port.set_container_port(80);
  container.ensure_liveness_probe().ensure_http_get().set_port("http");
  container.ensure_resources().ensure_requests().set("cpu", "100m");
  spec.ensure_volumes().add().ensure_empty_dir();

  auto frozen = schema::freeze(pod.value, core_v1::Pod::schema_type());
  ASSERT_TRUE(frozen.has_value());
  const auto read = (*frozen)->as<core_v1::Pod>();
  EXPECT_EQ(read.metadata().namespace_(), "ns");
  EXPECT_EQ(read.metadata().labels().get("app"), "web");
  EXPECT_EQ(read.metadata().creation_timestamp(), 1700000000);
  EXPECT_EQ(read.spec().termination_grace_period_seconds(), 0);
  EXPECT_FALSE(read.spec().active_deadline_seconds().has_value());
  EXPECT_TRUE(read.spec().host_network());
  EXPECT_EQ(read.spec().hostname_override(), "h");
  ASSERT_EQ(read.spec().containers().size(), 1u);
  for (const core_v1::Container& c : read.spec().containers()) {
    EXPECT_EQ(c.name(), "web");
    EXPECT_EQ(c.args()[0], "-v");
    EXPECT_EQ(c.ports()[0].container_port(), 80);
    EXPECT_EQ(c.liveness_probe().http_get().port().text, "http");
    EXPECT_EQ(c.resources().requests().get("cpu"), "100m");
    EXPECT_FALSE(c.has_readiness_probe());
  }
  EXPECT_TRUE(read.spec().volumes()[0].has_empty_dir());
  EXPECT_FALSE(read.spec().volumes()[0].has_secret());
}

}  // namespace
}  // namespace sampan::api
