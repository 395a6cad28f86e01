#include "cmd/flags.h"

#include <gtest/gtest.h>

#include "cmd/apiserver_flags.h"
#include "cmd/apiserver_options.h"
#include "cmd/feature_gates.h"

namespace sampan::cmd {
namespace {

Result<void> parse(FlagSet& flags, std::vector<std::string> arguments) {
  std::vector<char*> pointers;
  for (auto& argument : arguments) pointers.push_back(argument.data());
  return flags.parse(pointers, "kube-apiserver");
}

std::string complaint(std::vector<std::string> arguments) {
  FlagSet flags(apiserver_flags());
  if (auto parsed = parse(flags, std::move(arguments)); !parsed) return parsed.error().message();
  auto options = apiserver_options(flags);
  return options ? "" : options.error().message();
}

TEST(Flags, Complaints) {
  const struct {
    std::vector<std::string> arguments;
    std::string_view want;
  } cases[] = {
      {{}, ""},
      {{"--secure-port=7443", "--anonymous-auth", "-v=2"}, ""},
      {{"--nosuch"}, "unknown flag: --nosuch"},
      {{"--nosuch=1"}, "unknown flag: --nosuch"},
      {{"-x"}, "unknown shorthand flag: 'x' in -x"},
      {{"arg"}, R"("kube-apiserver" does not take any arguments, got ["arg"])"},
      {{"--secure-port"}, "flag needs an argument: --secure-port"},
      {{"--secure-port=x"}, R"(invalid argument "x" for "--secure-port" flag: strconv.ParseInt: parsing "x": invalid syntax)"},
      {{"--secure-port", "0"}, "--secure-port 0 must be between 1 and 65535, inclusive. It cannot be turned off with 0"},
      {{"--anonymous-auth=maybe"}, R"(invalid argument "maybe" for "--anonymous-auth" flag: strconv.ParseBool: parsing "maybe": invalid syntax)"},
      {{"--event-ttl=5"}, R"(invalid argument "5" for "--event-ttl" flag: time: missing unit in duration "5")"},
      {{"--bind-address=foo"}, R"(invalid argument "foo" for "--bind-address" flag: failed to parse IP: "foo")"},
      {{"--service-node-port-range=30000"}, R"(invalid argument "30000" for "--service-node-port-range" flag: not a valid port range: "30000")"},
      {{"--feature-gates=Foo=true"}, "unrecognized feature gate: Foo"},
      {{"--feature-gates=WatchList"}, "missing bool value for WatchList"},
      {{"--feature-gates=AllAlpha=x"}, R"(invalid value of AllAlpha=x, err: strconv.ParseBool: parsing "x": invalid syntax)"},
      {{"--feature-gates=JobPodReplacementPolicy=false"}, "cannot set feature gate JobPodReplacementPolicy to false, feature is locked to true"},
      {{"--feature-gates=kube:WatchList=false,AllBeta=true"}, ""},
      {{"--authorization-mode=X"}, R"(authorization-mode "X" is not a valid mode)"},
      {{"--authorization-mode=RBAC,RBAC"}, R"(authorization-mode ["RBAC" "RBAC"] has mode specified more than once)"},
      {{"--authorization-mode=RBAC,Webhook", "--authorization-policy-file=x"},
       "[authorization-mode Webhook's authorization config file not passed, cannot specify --authorization-policy-file without mode ABAC]"},
      {{"--authorization-mode=ABAC"}, "authorization-mode ABAC's authorization policy file not passed"},
      {{"--authorization-webhook-config-file=x"}, "cannot specify --authorization-webhook-config-file without mode Webhook"},
      {{"--authorization-config=x", "--authorization-webhook-version=v1"},
       "--authorization-config can not be specified when --authorization-mode or --authorization-webhook-* flags are defined"},
      {{"--authorization-config=/nope"}, "open /nope: No such file or directory"},
      {{"--runtime-config=foo"}, "runtime-config invalid key foo"},
      {{"--runtime-config=api/beta=true,batch/v1=false"}, ""},
      {{"--service-cluster-ip-range=10.0.0.0/16,10.1.0.0/16"},
       "--service-cluster-ip-range and --secondary-service-cluster-ip-range must be of different IP family"},
      {{"--service-cluster-ip-range=10.0.0.0/16,fd00::/108"}, ""},
      {{"--tls-cert-file=x"}, "--tls-cert-file and --tls-private-key-file have to be given together"},
      {{"--tls-min-version=VersionTLS10"}, R"(--tls-min-version: unknown tls version "VersionTLS10"; VersionTLS12 and VersionTLS13 are served)"},
      {{"--endpoint-reconciler-type=some"}, R"(--endpoint-reconciler-type must be one of: master-count, lease, none, got "some")"},
  };
  for (const auto& it : cases) EXPECT_EQ(complaint(it.arguments), it.want) << (it.arguments.empty() ? "" : it.arguments[0]);
}

TEST(Flags, ValuesInAllForms) {
  FlagSet flags(apiserver_flags());
  ASSERT_TRUE(parse(flags, {"--etcd-servers=a,b", "--etcd-servers", "c", "--anonymous-auth=false", "-v", "4", "--secure-port", "1234",
                            "--request-timeout=1m30s", "--secure-port=4321"}));
  EXPECT_EQ(flags.list("etcd-servers"), (std::vector<std::string>{"a", "b", "c"}));
  EXPECT_FALSE(flags.is_true("anonymous-auth"));
  EXPECT_EQ(flags.number("v"), 4);
  EXPECT_EQ(flags.number("secure-port"), 4321);  // the last one counts
  EXPECT_EQ(flags.nanoseconds("request-timeout"), 90'000'000'000);
  EXPECT_EQ(flags.text("etcd-prefix"), "/registry");
  EXPECT_TRUE(flags.is_true("watch-cache"));
}

TEST(Flags, PendingOnesAreNamed) {
  FlagSet flags(apiserver_flags());
  ASSERT_TRUE(parse(flags, {"--tracing-config-file=x", "--watch-cache=false", "--secure-port=1"}));
  EXPECT_EQ(flags.pending(), std::vector<std::string_view>{"tracing-config-file"});
}

TEST(Flags, HelpHasSections) {
  FlagSet flags(apiserver_flags());
  ASSERT_TRUE(parse(flags, {"--help"}));
  EXPECT_TRUE(flags.help_wanted());
  auto help = flags.help("kube-apiserver", "About.");
  for (std::string_view text : {"Usage:\n  kube-apiserver [flags]\n", "\nGeneric flags:\n\n", "\nEtcd flags:\n\n", "\nGlobal flags:\n\n",
                                "      --secure-port int ", "  -v, --v int ", "(default 6443)", "(default \"/registry\")"})
    EXPECT_NE(help.find(text), std::string::npos) << text;
}

TEST(Flags, TableIsSane) {
  std::map<std::string_view, int> seen;
  for (const Flag& flag : apiserver_flags()) {
    EXPECT_EQ(seen[flag.name]++, 0) << flag.name;
    EXPECT_TRUE(flag.help.ends_with('.')) << flag.name;
    if (flag.preset.empty()) continue;
    FlagSet flags(apiserver_flags());
    EXPECT_TRUE(parse(flags, {"--" + std::string(flag.name) + "=" + std::string(flag.preset)})) << flag.name;
  }
}

TEST(Options, Values) {
  FlagSet flags(apiserver_flags());
  ASSERT_TRUE(parse(flags, {"--data-dir=/d", "--bind-address=127.0.0.1", "--service-node-port-range=30000+10", "--max-requests-inflight=0",
                            "--runtime-config=api/alpha=true,apps/v1/deployments=false,batch/v1", "--endpoint-reconciler-type=none",
                            "--feature-gates=AllAlpha=true,kube:WatchList=false"}));
  auto options = apiserver_options(flags);
  ASSERT_TRUE(options) << options.error().message();
  EXPECT_EQ(options->cert_dir, "/d");
  EXPECT_EQ(options->advertise_address, "127.0.0.1");
  EXPECT_EQ(options->node_port_first, 30000);
  EXPECT_EQ(options->node_port_count, 11);
  EXPECT_EQ(options->reads_max + options->mutations_max, 200u);  // the seats
  EXPECT_FALSE(options->keeps_endpoints);
  EXPECT_EQ(options->runtime_config,
            (apiserver::RuntimeConfig{{"api/alpha", true}, {"apps/v1/deployments", false}, {"batch/v1", true}}));
  EXPECT_FALSE(options->feature_gates.at("WatchList"));
  for (const auto& gate : feature_gates()) {
    if (gate.stage != FeatureGate::Stage::Alpha) continue;
    EXPECT_TRUE(options->feature_gates.contains(gate.name)) << gate.name;
  }
}

}  // namespace
}  // namespace sampan::cmd
