// The plug-ins that look at anything but pods, and the list of all.
#include "apiserver/admission/testing.h"

namespace sampan::apiserver {

using testing::Trial;

namespace {

constexpr auto Create = Operation::Create;
constexpr auto Update = Operation::Update;

TEST(NamespaceLifecyclePlugin, Table) {
  Trial trial;
  trial.put("", "namespaces", "{'metadata':{'name':'default'}}");
  auto plugin = namespace_lifecycle(trial.catalog());
  EXPECT_EQ(trial.judge(*plugin, Create, "", "configmaps", "{'metadata':{'name':'a'}}"), "namespaces \"shop\" not found");
  trial.put("", "namespaces", "{'metadata':{'name':'shop'}}");
  EXPECT_EQ(trial.judge(*plugin, Create, "", "configmaps", "{'metadata':{'name':'a'}}"), "{'metadata':{'name':'a'}}");
  ASSERT_TRUE(trial.catalog().store_of("", "namespaces")->remove("", "shop", {}).has_value());
  EXPECT_EQ(trial.judge(*plugin, Create, "", "configmaps", "{'metadata':{'generateName':'a-'}}"),
            "configmaps \"a-\" is forbidden: unable to create new content in namespace shop because it is being terminated");
  EXPECT_EQ(trial.judge(*plugin, Update, "", "configmaps", "{'metadata':{'name':'a'}}", "{'metadata':{'name':'a'}}"), "{'metadata':{'name':'a'}}");
  EXPECT_EQ(trial.judge(*plugin, Operation::Delete, "", "namespaces", {}, "{'metadata':{'name':'kube-system'}}"),
            "namespaces \"kube-system\" is forbidden: this namespace may not be deleted");
  EXPECT_NE(trial.judge(*plugin, Operation::Delete, "", "namespaces", {}, "{'metadata':{'name':'shop'}}").find("null"), std::string::npos);
}

TEST(NamespacePresencePlugins, RefuseOrMake) {
  Trial trial;
  auto exists = namespace_exists(trial.catalog()), provision = namespace_auto_provision(trial.catalog());
  constexpr std::string_view map = "{'metadata':{'name':'a'}}";
  EXPECT_EQ(trial.judge(*exists, Create, "", "configmaps", map), "namespaces \"shop\" not found");
  EXPECT_EQ(trial.judge(*provision, Create, "", "configmaps", map), map);
  EXPECT_EQ(trial.judge(*exists, Create, "", "configmaps", map), map);
  EXPECT_EQ(trial.judge(*provision, Create, "", "configmaps", map), map);
}

TEST(TaintNodesByConditionPlugin, TaintsNewNodes) {
  Trial trial;
  auto plugin = taint_nodes_by_condition();
  constexpr std::string_view tainted =
      "{'metadata':{'name':'n'},'spec':{'taints':[{'key':'node.kubernetes.io/not-ready','effect':'NoSchedule'}]}}";
  EXPECT_EQ(trial.judge(*plugin, Create, "", "nodes", "{'metadata':{'name':'n'}}"), tainted);
  EXPECT_EQ(trial.judge(*plugin, Create, "", "nodes", tainted), tainted);
}

TEST(StorageObjectInUseProtectionPlugin, AddsFinalizers) {
  Trial trial;
  auto plugin = storage_object_in_use_protection();
  EXPECT_EQ(trial.judge(*plugin, Create, "", "persistentvolumes", "{'metadata':{'name':'v'}}"),
            "{'metadata':{'name':'v','finalizers':['kubernetes.io/pv-protection']}}");
  constexpr std::string_view claim = "{'metadata':{'name':'c','finalizers':['kubernetes.io/pvc-protection']}}";
  EXPECT_EQ(trial.judge(*plugin, Create, "", "persistentvolumeclaims", claim), claim);
}

TEST(StorageClassPlugins, DefaultAndGrow) {
  Trial trial;
  auto defaults = default_storage_class(trial.catalog()), resize = persistent_volume_claim_resize(trial.catalog());
  EXPECT_EQ(trial.judge(*defaults, Create, "", "persistentvolumeclaims", "{'spec':{}}"), "{'spec':{}}");
  trial.put("storage.k8s.io", "storageclasses",
            "{'metadata':{'name':'old','annotations':{'storageclass.kubernetes.io/is-default-class':'true'}},'provisioner':'p'}");
  for (int i = 0; i < 4; i++) trial.clock.now_us();  // a second at least
  trial.put("storage.k8s.io", "storageclasses",
            "{'metadata':{'name':'new','annotations':{'storageclass.kubernetes.io/is-default-class':'true'}},'provisioner':'p',"
            "'allowVolumeExpansion':true}");
  EXPECT_EQ(trial.judge(*defaults, Create, "", "persistentvolumeclaims", "{'spec':{}}"), "{'spec':{'storageClassName':'new'}}");
  EXPECT_EQ(trial.judge(*defaults, Create, "", "persistentvolumeclaims", "{'spec':{'storageClassName':''}}"), "{'spec':{'storageClassName':''}}");

  auto grow = [&](std::string_view storage_class, std::string_view phase) {
    auto claim = [&](std::string_view size) {
      return concat("{'metadata':{'name':'c'},'spec':{'storageClassName':'", storage_class, "','resources':{'requests':{'storage':'", size,
                    "'}}},'status':{'phase':'", phase, "'}}");
    };
    auto now = claim("2Gi"), out = trial.judge(*resize, Update, "", "persistentvolumeclaims", now, claim("1Gi"));
    return out == now ? std::string("fine") : out;
  };
  EXPECT_EQ(grow("new", "Bound"), "fine");
  EXPECT_EQ(grow("new", "Pending"), "persistentvolumeclaims \"c\" is forbidden: Only bound persistent volume claims can be expanded");
  EXPECT_EQ(grow("old", "Bound"),
            "persistentvolumeclaims \"c\" is forbidden: only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc "
            "must support resize");
}

TEST(DefaultIngressClassPlugin, NamesTheClass) {
  Trial trial;
  trial.put("networking.k8s.io", "ingressclasses",
            "{'metadata':{'name':'front','annotations':{'ingressclass.kubernetes.io/is-default-class':'true'}},'spec':{'controller':'example.com/c'}}");
  auto plugin = default_ingress_class(trial.catalog());
  auto judge = [&](std::string_view json) { return trial.judge(*plugin, Create, "networking.k8s.io", "ingresses", json); };
  EXPECT_EQ(judge("{'spec':{}}"), "{'spec':{'ingressClassName':'front'}}");
  EXPECT_EQ(judge("{'spec':{'ingressClassName':'own'}}"), "{'spec':{'ingressClassName':'own'}}");
  EXPECT_EQ(judge("{'metadata':{'annotations':{'kubernetes.io/ingress.class':'x'}}}"),
            "{'metadata':{'annotations':{'kubernetes.io/ingress.class':'x'}}}");
}

TEST(DenyServiceExternalIPsPlugin, AllowsOnlyWhatWasThere) {
  Trial trial;
  auto plugin = deny_service_external_ips();
  constexpr std::string_view one = "{'metadata':{'name':'s'},'spec':{'externalIPs':['1.2.3.4']}}";
  EXPECT_EQ(trial.judge(*plugin, Create, "", "services", one), "services \"s\" is forbidden: Use of external IPs is denied by admission control");
  EXPECT_EQ(trial.judge(*plugin, Update, "", "services", one, one), one);
  EXPECT_EQ(trial.judge(*plugin, Update, "", "services", "{'metadata':{'name':'s'},'spec':{'externalIPs':['1.2.3.5']}}", one),
            "services \"s\" is forbidden: Use of external IPs is denied by admission control");
}

TEST(Admission, KnowsItsPlugins) {
  Trial trial;
  auto names = [&](AdmissionConfig config) {
    auto admission = Admission::create(trial.parts(config));
    return (*admission)->names();  // literals: they outlive it
  };
  auto usual = names({});
  EXPECT_EQ(usual.front(), "NamespaceLifecycle");
  EXPECT_EQ(std::count(usual.begin(), usual.end(), "ServiceAccount"), 1);
  EXPECT_EQ(std::count(usual.begin(), usual.end(), "AlwaysPullImages"), 0);
  auto other = names({{"AlwaysPullImages"}, {"ServiceAccount"}});
  EXPECT_EQ(std::count(other.begin(), other.end(), "AlwaysPullImages"), 1);
  EXPECT_EQ(std::count(other.begin(), other.end(), "ServiceAccount"), 0);
  AdmissionConfig nonsense{{"Nonsense"}, {}};
  auto unknown = Admission::create(trial.parts(nonsense));
  ASSERT_FALSE(unknown.has_value());
  EXPECT_EQ(unknown.error().message(), "enable-admission-plugins plugin \"Nonsense\" is unknown");
}

}  // namespace

}  // namespace sampan::apiserver
