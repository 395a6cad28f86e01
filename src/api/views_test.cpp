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

}  // namespace
}  // namespace sampan::api
