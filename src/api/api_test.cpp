// The tables of the built-in API: whole by construction, and right where it matters most.
#include "schema/schema.h"

#include <set>

#include "api/lookup.h"
#include "base/text.h"

namespace sampan::schema {
namespace {

const Type& named(std::string_view name) {
  const Type* type = builtin_type(name);
  EXPECT_NE(type, nullptr) << name;
  return *type;
}

const Field& field(std::string_view kind, std::string_view name) {
  const Field* found = named(concat("io.k8s.", kind)).find(name);
  EXPECT_NE(found, nullptr) << kind << "." << name;
  return *found;
}

void check_list(const Field& field, const std::string& where) {
  const Type& list = *field.type;
  ASSERT_NE(list.element, nullptr) << where;
  if (list.list_type == ListType::Map) {
    EXPECT_FALSE(list.list_keys.empty()) << where;
    for (std::string_view key : list.list_keys) EXPECT_NE(list.element->find(key), nullptr) << where << " key " << key;
  }
  if (!list.merge_key.empty()) {
    EXPECT_NE(list.element->find(list.merge_key), nullptr) << where;
  }
}

TEST(Api, every_field_is_found_and_sound) {
  EXPECT_GE(api::types_by_name.size(), 771u);
  for (const Type* type : api::types_by_name) {
    std::set<std::pair<int, int>> numbers;
    EXPECT_EQ(type->find("no such field"), nullptr);
    for (size_t i = 0; i < type->fields.size(); ++i) {
      const Field& field = type->fields[i];
      const std::string where = concat(type->name, ".", field.name);
      EXPECT_EQ(type->find(field.name), &field) << where;
      EXPECT_EQ(type->index_of(&field), static_cast<int>(i)) << where;
      ASSERT_NE(field.type, nullptr) << where;
      EXPECT_TRUE(!field.proto || numbers.emplace(field.proto_outer, field.proto).second) << where;
      EXPECT_EQ(field.is(Field::Inline), field.proto_outer != 0) << where;
      if (field.type->kind == Kind::List) check_list(field, where);
      EXPECT_EQ(field.type->kind == Kind::List || field.type->kind == Kind::Map,
                field.type->element != nullptr && field.type->kind != Kind::Raw) << where;
    }
  }
}

TEST(Api, everything_is_described) {
  for (const Type* type : api::types_by_name) {
    if (type->kind != Kind::Struct) continue;
    EXPECT_FALSE(type->description.empty()) << type->name;
    for (const Field& field : type->fields) EXPECT_FALSE(field.description.empty()) << type->name << "." << field.name;
  }
}

TEST(Api, ids_are_dense) {
  std::set<uint32_t> ids;
  for (const Type* type : api::types_by_name)
    EXPECT_TRUE(type->kind != Kind::Struct || ids.insert(type->id).second) << type->name;
  EXPECT_EQ(*ids.begin(), 1u);
  EXPECT_EQ(*ids.rbegin(), ids.size());
}

TEST(Api, the_index_is_sorted) {
  EXPECT_TRUE(std::is_sorted(api::types_by_name.begin(), api::types_by_name.end(),
                             [](const Type* a, const Type* b) { return a->name < b->name; }));
  for (const api::KindRow& row : api::kinds) EXPECT_EQ(builtin_kind(row.group, row.version, row.kind), row.type) << row.kind;
}

TEST(Api, flags) {
  struct Case {
    std::string_view type, field;
    uint16_t flags;
  };
  const Case cases[] = {
      {"api.core.v1.Container", "resources", Field::Always | Field::ProtoAlways},
      {"api.core.v1.Container", "image", Field::ProtoAlways},
      {"api.core.v1.Container", "name", Field::Required | Field::Always | Field::ProtoAlways},
      {"api.core.v1.Container", "command", 0},
      {"api.apps.v1.DeploymentSpec", "replicas", Field::Nullable},
      {"api.apps.v1.DeploymentSpec", "selector", Field::Required | Field::Always | Field::Nullable},
      {"api.core.v1.Volume", "hostPath", Field::Nullable | Field::Inline},
      {"api.core.v1.ServicePort", "targetPort", Field::Always | Field::ProtoAlways},
      {"api.core.v1.Event", "firstTimestamp", Field::Always | Field::ProtoAlways},
      {"api.core.v1.PersistentVolumeSpec", "claimRef", Field::Nullable | Field::GranularHere},
      {"api.core.v1.PodSpec", "nodeSelector", Field::AtomicHere},
      {"api.policy.v1.PodDisruptionBudgetSpec", "selector", Field::Nullable | Field::PatchReplace},
      {"apimachinery.pkg.apis.meta.v1.ObjectMeta", "creationTimestamp", Field::ProtoAlways},
      {"apimachinery.pkg.apis.meta.v1.ObjectMeta", "deletionTimestamp", Field::Nullable},
  };
  for (const Case& c : cases) EXPECT_EQ(field(c.type, c.field).flags, c.flags) << c.type << "." << c.field;
}

TEST(Api, protobuf_numbers) {
  struct Case {
    std::string_view type, field;
    uint16_t proto, outer;
  };
  const Case cases[] = {
      {"api.core.v1.Pod", "kind", 0, 0},
      {"api.core.v1.Pod", "spec", 2, 0},
      {"api.core.v1.Volume", "name", 1, 0},
      {"api.core.v1.Volume", "csi", 28, 2},
      {"api.core.v1.ConfigMapEnvSource", "name", 1, 1},
      {"api.admissionregistration.v1.NamedRuleWithOperations", "scope", 4, 2 | 2 << 8},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(field(c.type, c.field).proto, c.proto) << c.type << "." << c.field;
    EXPECT_EQ(field(c.type, c.field).proto_outer, c.outer) << c.type << "." << c.field;
  }
}

TEST(Api, list_semantics) {
  const Type& ports = *field("api.core.v1.ServiceSpec", "ports").type;
  EXPECT_EQ(ports.list_type, ListType::Map);
  ASSERT_EQ(ports.list_keys.size(), 2u);
  EXPECT_EQ(ports.list_keys[0], "port");
  EXPECT_EQ(ports.list_keys[1], "protocol");
  EXPECT_EQ(ports.merge_key, "port");
  const Type& volumes = *field("api.core.v1.PodSpec", "volumes").type;
  EXPECT_TRUE(volumes.retain_keys && volumes.patch_merge);
  EXPECT_TRUE(named("io.k8s.api.apps.v1.DeploymentStrategy").retain_keys);
  EXPECT_TRUE(named("io.k8s.apimachinery.pkg.apis.meta.v1.LabelSelector").atomic);
  EXPECT_EQ(field("apimachinery.pkg.apis.meta.v1.ObjectMeta", "finalizers").type->list_type, ListType::Set);
  EXPECT_EQ(field("api.authentication.v1.UserInfo", "extra").type->element->wire, Wire::Items);
}

TEST(Api, kinds) {
  EXPECT_EQ(builtin_kind("apps", "v1", "Deployment"), &named("io.k8s.api.apps.v1.Deployment"));
  EXPECT_EQ(builtin_kind("", "v1", "Status"), &named("io.k8s.apimachinery.pkg.apis.meta.v1.Status"));
  EXPECT_EQ(builtin_kind("batch", "v1", "DeleteOptions"), &named("io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions"));
  EXPECT_EQ(builtin_kind("meta.k8s.io", "v1", "Table"), &named("io.k8s.apimachinery.pkg.apis.meta.v1.Table"));
  EXPECT_EQ(builtin_kind("apps", "v1", "Pod"), nullptr);
  EXPECT_EQ(builtin_kind("apps", "v1", "CrossVersionObjectReference"), nullptr);
}

TEST(Api, resources) {
  std::map<std::string, const Resource*> by_name;
  for (const Resource& resource : builtin_resources()) {
    ASSERT_NE(resource.type, nullptr) << resource.resource;
    EXPECT_TRUE(by_name.emplace(concat(resource.group, "/", resource.version, "/", resource.resource), &resource).second);
    EXPECT_EQ((resource.verbs & List_) != 0, resource.list_type != nullptr) << resource.resource;
    for (const Subresource& sub : resource.subresources) {
      const auto group = sub.version.empty() ? resource.group : sub.group;
      const auto version = sub.version.empty() ? resource.version : sub.version;
      EXPECT_NE(builtin_kind(group, version, sub.kind), nullptr) << resource.resource << "/" << sub.name;
    }
  }
  EXPECT_EQ(by_name.size(), 97u);
  EXPECT_EQ(builtin_resources().front().resource, "bindings");
  EXPECT_EQ(builtin_resources().back().group, "metrics.k8s.io");
  EXPECT_EQ(by_name.at("autoscaling/v2/horizontalpodautoscalers") + 1, by_name.at("autoscaling/v1/horizontalpodautoscalers"));
  const Resource& pods = *by_name.at("/v1/pods");
  EXPECT_TRUE(pods.namespaced && pods.enabled_by_default);
  EXPECT_EQ(pods.verbs, 255);
  EXPECT_EQ(pods.short_names[0], "po");
  EXPECT_EQ(by_name.at("events.k8s.io/v1/events")->stored_as, "v1");
  EXPECT_EQ(by_name.at("autoscaling/v1/horizontalpodautoscalers")->stored_as, "autoscaling/v2");
  EXPECT_FALSE(by_name.at("resource.k8s.io/v1beta1/resourceclaims")->enabled_by_default);
  EXPECT_EQ(by_name.at("resource.k8s.io/v1beta1/resourceclaims")->stored_as, "resource.k8s.io/v1");
}

}  // namespace
}  // namespace sampan::schema
