// What the runtime is told of a pod.
#include "kubelet/pod_config.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <unistd.h>

#include "kubelet/files.h"
#include "kubelet/sub_path.h"
#include "kubelet/testing.h"

namespace sampan::kubelet {
namespace {

class Folder {
 public:
  Folder() {
    char name[] = "/tmp/sampan-kubelet-XXXXXX";
    check(::mkdtemp(name));
    path_ = name;
  }
  ~Folder() { (void)remove_tree(path_); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

TEST(Names, hosts_and_dns) {
  auto object = pod_with("{subdomain: nginx, hostAliases: [{ip: 1.1.1.1, hostnames: [a, b]}], dnsConfig: {nameservers: [9.9.9.9], options: [{name: ndots, value: '2'}, {name: edns0}]}}");
  auto pod = object->as<core_v1::Pod>();
  auto name = host_name(pod, "cluster.local");
  EXPECT_EQ(name.host, "p");
  EXPECT_EQ(name.domain, "nginx.default.svc.cluster.local");
  auto hosts = hosts_file(pod, name, {"10.0.0.5"}, "");
  EXPECT_NE(hosts.find("10.0.0.5\tp.nginx.default.svc.cluster.local\tp\n"), std::string::npos) << hosts;
  EXPECT_NE(hosts.find("\n# Entries added by HostAliases.\n1.1.1.1\ta\tb\n"), std::string::npos) << hosts;

  DnsSettings settings;
  settings.node = parse_resolv_conf("# no\nnameserver 8.8.8.8\nsearch lost\nsearch corp. .\noptions attempts:2 rotate\n");
  Complaints complaints;
  auto shown = [](const DnsConfig& dns) { return concat(join(dns.servers, ","), " ", join(dns.searches, ","), " ", join(dns.options, ",")); };
  EXPECT_EQ(shown(pod_dns(pod, settings, complaints)), "8.8.8.8,9.9.9.9 corp attempts:2,rotate,ndots:2,edns0");
  ASSERT_EQ(complaints.size(), 1u);
  EXPECT_EQ(complaints[0].first, "MissingClusterDNS");
  settings.cluster_dns = {"10.96.0.10"};
  EXPECT_EQ(shown(pod_dns(pod, settings, complaints)),
            "10.96.0.10,9.9.9.9 default.svc.cluster.local,svc.cluster.local,cluster.local,corp ndots:2,edns0");
  auto on_host = pod_with("{hostNetwork: true, dnsPolicy: ClusterFirst}");
  EXPECT_EQ(shown(pod_dns(on_host->as<core_v1::Pod>(), settings, complaints)), "8.8.8.8 corp attempts:2,rotate");
  auto none = pod_with("{dnsPolicy: None, dnsConfig: {nameservers: [1.0.0.1, 1.0.0.2, 1.0.0.3, 1.0.0.4]}}");
  EXPECT_EQ(shown(pod_dns(none->as<core_v1::Pod>(), settings, complaints)), "1.0.0.1,1.0.0.2,1.0.0.3  ");
  EXPECT_EQ(complaints.back().second, "Nameserver limits were exceeded, some nameservers have been omitted, the applied nameserver line is: 1.0.0.1 1.0.0.2 1.0.0.3");
}

TEST(Names, long_ones_are_cut) {
  auto object = object_of(core_v1::Pod::schema_type(), concat("{metadata: {name: ", std::string(62, 'a'), "-bcd, namespace: x, uid: u}, spec: {setHostnameAsFQDN: true, subdomain: s}}"));
  auto pod = object->as<core_v1::Pod>();
  auto name = host_name(pod, "cluster.local");
  EXPECT_EQ(name.host, std::string(62, 'a'));
  EXPECT_TRUE(name.kernel(pod).error().message().starts_with("failed to construct FQDN from pod hostname"));
}

TEST(PodConfig, container) {
  Folder folder;
  NodeFacts facts;
  facts.paths = {folder.path(), folder.path() + "/logs", ""};
  auto object = pod_with(
      "{terminationGracePeriodSeconds: 7, securityContext: {runAsUser: 5, fsGroup: 9, seccompProfile: {type: RuntimeDefault}}, containers: [{name: a, image: img, command: ['$(X)'], args: ['$(Y)'], "
      "terminationMessagePath: /dev/termination-log, terminationMessagePolicy: File, tty: true, lifecycle: {preStop: {sleep: {seconds: 3}}}, "
      "securityContext: {runAsUser: 6, allowPrivilegeEscalation: false, capabilities: {add: [NET_ADMIN]}}, volumeMounts: [{name: v, mountPath: data, readOnly: true}, {name: v, mountPath: /sub, subPath: x/y}]}]}");
  auto pod = object->as<core_v1::Pod>();
  ASSERT_TRUE(make_folders(facts.paths.pod("u")));
  ASSERT_TRUE(make_folders(folder.path() + "/vol"));
  Environment environment = {{"X", "x!"}};
  std::map<std::string, MountedVolume> volumes;
  volumes["v"].host_path = folder.path() + "/vol";
  auto spec = *find_container(pod, "a");
  auto config = container_config({pod, spec, 2, "sha256:1", {}, "", {"10.0.0.5"}, environment, volumes, facts});
  if (!config && ::geteuid() != 0) GTEST_SKIP() << "sub-paths need root";
  ASSERT_TRUE(config) << config.error().message();
  EXPECT_EQ(config->command, std::vector<std::string>{"x!"});
  EXPECT_EQ(config->args, std::vector<std::string>{"$(Y)"});
  EXPECT_EQ(config->log_path, "a/2.log");
  EXPECT_EQ(config->annotations["io.kubernetes.container.restartCount"], "2");
  EXPECT_EQ(config->annotations["io.kubernetes.container.preStopHandler"], R"({"sleep":{"seconds":3}})");
  EXPECT_EQ(config->annotations["io.kubernetes.pod.terminationGracePeriod"], "7");
  EXPECT_EQ(config->labels["io.kubernetes.container.name"], "a");
  ASSERT_EQ(config->mounts.size(), 4u);
  EXPECT_EQ(config->mounts[0].container_path, "/data");
  EXPECT_TRUE(config->mounts[0].read_only);
  EXPECT_EQ(config->mounts[1].host_path, folder.path() + "/pods/u/volume-subpaths/v/a/1");
  EXPECT_EQ(config->mounts[2].container_path, "/etc/hosts");
  EXPECT_TRUE(exists(config->mounts[3].host_path));
  EXPECT_EQ(config->security.run_as_user, 6);
  EXPECT_EQ(config->security.supplemental_groups, std::vector<int64_t>{9});
  EXPECT_TRUE(config->security.no_new_privileges);
  EXPECT_EQ(config->security.seccomp->type, SecurityProfile::Type::RuntimeDefault);
  EXPECT_EQ(::umount2(config->mounts[1].host_path.c_str(), MNT_DETACH), 0);

  volumes.clear();
  EXPECT_EQ(container_config({pod, spec, 0, "i", {}, "", {}, environment, volumes, facts}).error().message(), "cannot find volume \"v\" to mount into container \"a\"");
}

TEST(PodConfig, not_as_root) {
  struct {
    std::string_view container;
    std::optional<int64_t> uid;
    std::string_view username, expected;
  } cases[] = {
      {"{runAsUser: 0}", {}, "", "container's runAsUser breaks non-root policy (pod: \"p_default(u)\", container: a)"},
      {"{runAsUser: 1}", 0, "", ""},
      {"{}", 0, "", "container has runAsNonRoot and image will run as root (pod: \"p_default(u)\", container: a)"},
      {"{}", 7, "", ""},
      {"{}", {}, "me", "container has runAsNonRoot and image has non-numeric user (me), cannot verify user is non-root (pod: \"p_default(u)\", container: a)"},
      {"{runAsNonRoot: false}", 0, "", ""},
  };
  for (auto& c : cases) {
    auto object = pod_with(concat("{securityContext: {runAsNonRoot: true}, containers: [{name: a, securityContext: ", c.container, "}]}"));
    auto pod = object->as<core_v1::Pod>();
    Image image;
    image.uid = c.uid, image.username = c.username;
    auto result = verify_non_root(pod, pod.spec().containers()[0], image);
    EXPECT_EQ(result ? "" : result.error().message(), c.expected) << c.container;
  }
}

TEST(PodConfig, sandbox) {
  auto object = object_of(core_v1::Pod::schema_type(), "{metadata: {name: p, namespace: ns, uid: u, labels: {a: b}}, spec: {hostPID: true, securityContext: {sysctls: [{name: net/ipv4/ip_forward, value: '1'}]}, "
                                                       "containers: [{name: a, ports: [{containerPort: 80, hostPort: 8080, protocol: UDP}], securityContext: {privileged: true}}]}}");
  NodeFacts facts;
  Complaints complaints;
  auto config = sandbox_config(object->as<core_v1::Pod>(), 3, facts, complaints);
  ASSERT_TRUE(config);
  EXPECT_EQ(config->attempt, 3u);
  EXPECT_EQ(config->hostname, "p");
  EXPECT_EQ(config->log_directory, "/var/log/pods/ns_p_u");
  EXPECT_EQ(config->cgroup_parent, "/kubepods/besteffort/podu");
  EXPECT_EQ(config->sysctls["net.ipv4.ip_forward"], "1");
  EXPECT_TRUE(config->security.privileged);
  EXPECT_EQ(config->security.namespaces.pid, NamespaceMode::Node);
  ASSERT_EQ(config->ports.size(), 1u);
  EXPECT_EQ(config->ports[0].host_port, 8080);
  EXPECT_EQ(config->ports[0].protocol, PortMapping::Protocol::Udp);
  EXPECT_EQ(config->labels["io.kubernetes.pod.namespace"], "ns");
  EXPECT_EQ(config->labels["a"], "b");
}

TEST(SubPath, never_leads_out_of_the_volume) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root";
  Folder folder;
  auto volume = folder.path() + "/volume", target = folder.path() + "/held/0";
  ASSERT_TRUE(make_folders(volume + "/real"));
  ASSERT_TRUE(make_folders(folder.path() + "/secret"));
  ASSERT_EQ(::symlink("real", (volume + "/inside").c_str()), 0);
  ASSERT_EQ(::symlink("../secret", (volume + "/outside").c_str()), 0);
  ASSERT_EQ(::symlink("/etc", (volume + "/absolute").c_str()), 0);
  ASSERT_TRUE(write_file(volume + "/real/file", "content"));
  for (auto path : {"outside", "absolute", "outside/new", "absolute/passwd"}) EXPECT_FALSE(hold_sub_path(volume, path, target)) << path;
  EXPECT_FALSE(exists(folder.path() + "/secret/new"));
  for (auto path : {"inside", "real", "new/deep"}) {
    EXPECT_TRUE(hold_sub_path(volume, path, target)) << path;
    ASSERT_TRUE(write_file(target + "/mark", path));
    EXPECT_EQ(*read_file(concat(volume, "/", path, "/mark")), path);
  }
  EXPECT_TRUE(hold_sub_path(volume, "inside/file", folder.path() + "/held/1"));
  EXPECT_EQ(*read_file(folder.path() + "/held/1"), "content");
  for (auto name : {"/held/0", "/held/1"}) EXPECT_EQ(::umount2((folder.path() + name).c_str(), MNT_DETACH), 0);
}

}  // namespace
}  // namespace sampan::kubelet
