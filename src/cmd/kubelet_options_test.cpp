#include "cmd/kubelet_options.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "base/check.h"
#include "base/text.h"
#include "cluster/certificates.h"

namespace sampan::cmd {
namespace {

Result<KubeletOptions> read(std::vector<std::string> words) {
  std::vector<char*> arguments;
  for (auto& word : words) arguments.push_back(word.data());
  FlagSet flags(kubelet_flags());
  TRY(flags.parse(arguments, "kubelet"));
  return kubelet_options(flags);
}

std::string file_of(std::string_view text) {
  auto path = concat("/tmp/sampan-kubelet-options-", getpid(), ".yaml");
  check(cluster::write_file(path, text, 0600).has_value());
  return path;
}

TEST(KubeletOptions, NobodyIsLetInByDefault) {
  auto options = read({"--kubeconfig=k"});
  ASSERT_TRUE(options.has_value()) << options.error().message();
  EXPECT_FALSE(options->access.anonymous);
  EXPECT_TRUE(options->access.tokens);
  EXPECT_FALSE(options->access.always_allow);
  EXPECT_EQ(options->agent.port, 10250);
}

TEST(KubeletOptions, FlagsOverruleTheFile) {
  auto file = file_of(
      "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\nclusterDNS: [10.0.0.10]\nmaxPods: 50\nport: 10350\n"
      "kubeReserved: {cpu: 200m}\nsystemReserved: {cpu: 300m, memory: 1Gi}\nregisterWithTaints: [{key: a, value: b, effect: NoSchedule}]\n"
      "authentication: {anonymous: {enabled: true}, webhook: {enabled: false, cacheTTL: 1m0s}, x509: {clientCAFile: /ca}}\nauthorization: {mode: AlwaysAllow}\n"
      "rotateCertificates: true\n");
  auto options = read({"--kubeconfig=k", "--config", file, "--max-pods=60", "--node-labels=x=1,y=2", "--anonymous-auth=false"});
  unlink(file.c_str());
  ASSERT_TRUE(options.has_value()) << options.error().message();
  EXPECT_EQ(options->agent.cluster_dns, std::vector<std::string>{"10.0.0.10"});
  EXPECT_EQ(options->agent.pods_max, 60);
  EXPECT_EQ(options->server.port, 10350);
  EXPECT_EQ(options->agent.reserved.find("cpu")->second.text(), "500m");
  EXPECT_EQ(options->agent.reserved.find("memory")->second.text(), "1Gi");
  EXPECT_EQ(options->agent.register_taints, (std::vector<std::pair<std::string, std::string>>{{"a=b", "NoSchedule"}}));
  EXPECT_EQ(options->agent.node_labels.find("y")->second, "2");
  EXPECT_FALSE(options->access.anonymous);
  EXPECT_FALSE(options->access.tokens);
  EXPECT_TRUE(options->access.always_allow);
  EXPECT_EQ(options->access.token_keep_us, 60'000'000);
  EXPECT_EQ(options->server.tls.client_ca_file, "/ca");
  EXPECT_TRUE(options->rotates);
  EXPECT_NE(options->server.configz.find("\"maxPods\":50"), std::string::npos);
}

TEST(KubeletOptions, MistakesAreTold) {
  auto other_kind = file_of("apiVersion: v1\nkind: ConfigMap\n");
  struct Case {
    std::vector<std::string> words;
    std::string_view complaint;
  } cases[] = {
      {{}, "--kubeconfig is needed: an agent without an API server is not possible"},
      {{"--kubeconfig=k", "--node-labels=x"}, "--node-labels: \"x\" is not of the form NAME=VALUE"},
      {{"--kubeconfig=k", "--register-with-taints=a=b"}, "--register-with-taints: \"a=b\" is not of the form KEY=VALUE:EFFECT"},
      {{"--kubeconfig=k", "--authorization-mode=None"}, "unknown authorization mode None"},
      {{"--kubeconfig=k", "--cgroup-driver=systemd"}, "--cgroup-driver: only cgroupfs is possible, not \"systemd\""},
      {{"--kubeconfig=k", "--tls-cert-file=c"}, "--tls-cert-file and --tls-private-key-file have to be given together"},
      {{"--kubeconfig=k", "--port=0"}, "--port 0 must be between 1 and 65535"},
  };
  for (const auto& it : cases) {
    auto options = read(it.words);
    ASSERT_FALSE(options.has_value()) << it.complaint;
    EXPECT_EQ(options.error().message(), it.complaint);
  }
  auto options = read({"--kubeconfig=k", "--config", other_kind});
  unlink(other_kind.c_str());
  ASSERT_FALSE(options.has_value());
  EXPECT_NE(options.error().message().find("expected a KubeletConfiguration"), std::string::npos);
}

}  // namespace
}  // namespace sampan::cmd
