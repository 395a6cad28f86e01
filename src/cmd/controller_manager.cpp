// sampan controller-manager: the controllers as a process of their own, against any API server.
#include "base/text.h"
#include "cluster/certificates.h"
#include "cmd/commands.h"
#include "cmd/component.h"
#include "cmd/controller_choice.h"
#include "controllers/frame.h"

namespace sampan::cmd {

namespace {

using Type = Flag::Type;
using Effect = Flag::Effect;

constexpr unsigned kWorkers = 16;  // most of them wait for answers

constexpr std::string_view kLocalPath = "local-path-provisioner-controller";

constexpr std::string_view kAbout = "Runs the controllers: what brings a cluster from the state it is in to the one that is wanted.";

constexpr Flag kFlags[] = {
    {"Controllers", "controllers", Type::Strings, "*", Effect::Works, "Which controllers run: * is all that are on by default, NAME turns one on, -NAME off. local-path-provisioner-controller has to be named: no server gives it rights by itself."},
    {"Controllers", "use-service-account-credentials", Type::Bool, "", Effect::Works, "Give each controller the service account of its own in kube-system."},
    {"Controllers", "root-ca-file", Type::String, "", Effect::Works, "The CA that every namespace is told of (kube-root-ca.crt)."},
    {"Controllers", "service-account-private-key-file", Type::String, "", Effect::Moot, "The key of tokens in secrets, which are no longer made."},
    {"Controllers", "cluster-signing-cert-file", Type::String, "", Effect::Works, "The CA that certificate requests are signed with."},
    {"Controllers", "cluster-signing-key-file", Type::String, "", Effect::Works, "The key of that CA."},
    {"Controllers", "cluster-signing-duration", Type::Duration, "8760h0m0s", Effect::Works, "How long signed certificates live at most."},
    {"Controllers", "local-path", Type::String, "/var/lib/sampan/volumes", Effect::Works, "Where volumes that are made on demand live on a node."},
    {"Nodes", "allocate-node-cidrs", Type::Bool, "", Effect::Works, "Give each node a network for its pods."},
    {"Nodes", "cluster-cidr", Type::Strings, "", Effect::Works, "What those are taken from; one network a family."},
    {"Nodes", "service-cluster-ip-range", Type::Strings, "", Effect::Works, "What services get their addresses from: left out there."},
    {"Nodes", "node-cidr-mask-size", Type::Int, "0", Effect::Works, "The size of a node's network. Without it 24 for IPv4 and 64 for IPv6."},
    {"Nodes", "node-cidr-mask-size-ipv4", Type::Int, "0", Effect::Works, "That of IPv4."},
    {"Nodes", "node-cidr-mask-size-ipv6", Type::Int, "0", Effect::Works, "That of IPv6."},
    {"Nodes", "node-monitor-period", Type::Duration, "5s", Effect::Works, "How often nodes are looked at."},
    {"Nodes", "node-monitor-grace-period", Type::Duration, "50s", Effect::Works, "How long a node may be silent before it is given up."},
    {"Nodes", "node-startup-grace-period", Type::Duration, "1m0s", Effect::Works, "How long a node may be silent that has never spoken."},
    {"Nodes", "node-eviction-rate", Type::Float, "0.1", Effect::Pending, "How many nodes a second may be given up."},
    {"Nodes", "secondary-node-eviction-rate", Type::Float, "0.01", Effect::Pending, "That where much of a zone is silent."},
    {"Nodes", "unhealthy-zone-threshold", Type::Float, "0.55", Effect::Pending, "What part of a zone that is."},
    {"Nodes", "large-cluster-size-threshold", Type::Int, "50", Effect::Pending, "How many nodes make a large zone."},
    {"Nodes", "cidr-allocator-type", Type::String, "RangeAllocator", Effect::Moot, "Who gives nodes their networks: we do."},
    {"Nodes", "configure-cloud-routes", Type::Bool, "true", Effect::Moot, "Routes of a cloud's network."},
    {"Nodes", "cloud-provider", Type::String, "", Effect::Moot, "Clouds have controllers of their own."},
    {"Nodes", "cloud-config", Type::String, "", Effect::Moot, "Their configuration."},
    {"Nodes", "allow-untagged-cloud", Type::Bool, "", Effect::Moot, "Theirs too."},
    {"Nodes", "external-cloud-volume-plugin", Type::String, "", Effect::Moot, "Theirs too."},
    {"Nodes", "node-sync-period", Type::Duration, "0s", Effect::Moot, "Theirs too."},
    {"Nodes", "route-reconciliation-period", Type::Duration, "10s", Effect::Moot, "Theirs too."},
    {"Signers", "cluster-signing-kube-apiserver-client-cert-file", Type::String, "", Effect::Pending, "A CA of its own for this signer."},
    {"Signers", "cluster-signing-kube-apiserver-client-key-file", Type::String, "", Effect::Pending, "Its key."},
    {"Signers", "cluster-signing-kubelet-client-cert-file", Type::String, "", Effect::Pending, "A CA of its own for this signer."},
    {"Signers", "cluster-signing-kubelet-client-key-file", Type::String, "", Effect::Pending, "Its key."},
    {"Signers", "cluster-signing-kubelet-serving-cert-file", Type::String, "", Effect::Pending, "A CA of its own for this signer."},
    {"Signers", "cluster-signing-kubelet-serving-key-file", Type::String, "", Effect::Pending, "Its key."},
    {"Signers", "cluster-signing-legacy-unknown-cert-file", Type::String, "", Effect::Pending, "A CA of its own for this signer."},
    {"Signers", "cluster-signing-legacy-unknown-key-file", Type::String, "", Effect::Pending, "Its key."},
    {"Tuning", "cluster-name", Type::String, "kubernetes", Effect::Moot, "What the cluster is called, for clouds."},
    {"Tuning", "controller-start-interval", Type::Duration, "0s", Effect::Moot, "How long to wait between starts of controllers."},
    {"Tuning", "min-resync-period", Type::Duration, "12h0m0s", Effect::Moot, "How often everything is looked at again."},
    {"Tuning", "concurrent-cron-job-syncs", Type::Int, "5", Effect::Moot, "Workers; as many as by default."},
    {"Tuning", "concurrent-daemonset-syncs", Type::Int, "2", Effect::Moot, "Workers; as many as by default."},
    {"Tuning", "concurrent-deployment-syncs", Type::Int, "5", Effect::Moot, "Workers; as many as by default."},
    {"Tuning", "concurrent-device-taint-eviction-syncs", Type::Int, "50", Effect::Moot, "Workers; as many as by default."},
    {"Tuning", "concurrent-endpoint-syncs", Type::Int, "5", Effect::Moot, "Workers; as many as by default."},
    {"Tuning", "concurrent-ephemeralvolume-syncs", Type::Int, "5", Effect::Moot, "Workers; as many as by default."},
    {"Tuning", "concurrent-gc-syncs", Type::Int, "20", Effect::Moot, "Workers; as many as by default."},
    {"Tuning", "concurrent-horizontal-pod-autoscaler-syncs", Type::Int, "5", Effect::Moot, "Workers; as many as by default."},
    {"Tuning", "concurrent-job-syncs", Type::Int, "5", Effect::Moot, "Workers; as many as by default."},
    {"Tuning", "concurrent-namespace-syncs", Type::Int, "10", Effect::Moot, "Workers; as many as by default."},
    {"Tuning", "concurrent-node-syncs", Type::Int, "1", Effect::Moot, "Workers; as many as by default."},
    {"Tuning", "concurrent-rc-syncs", Type::Int, "5", Effect::Moot, "Workers; as many as by default."},
    {"Tuning", "concurrent-replicaset-syncs", Type::Int, "5", Effect::Moot, "Workers; as many as by default."},
    {"Tuning", "concurrent-resource-quota-syncs", Type::Int, "5", Effect::Moot, "Workers; as many as by default."},
    {"Tuning", "concurrent-resourceclaim-syncs", Type::Int, "50", Effect::Moot, "Workers; as many as by default."},
    {"Tuning", "concurrent-service-endpoint-syncs", Type::Int, "5", Effect::Moot, "Workers; as many as by default."},
    {"Tuning", "concurrent-service-syncs", Type::Int, "1", Effect::Moot, "Workers; as many as by default."},
    {"Tuning", "concurrent-serviceaccount-token-syncs", Type::Int, "5", Effect::Moot, "Workers; as many as by default."},
    {"Tuning", "concurrent-statefulset-syncs", Type::Int, "5", Effect::Moot, "Workers; as many as by default."},
    {"Tuning", "concurrent-ttl-after-finished-syncs", Type::Int, "5", Effect::Moot, "Workers; as many as by default."},
    {"Tuning", "concurrent-validating-admission-policy-status-syncs", Type::Int, "5", Effect::Moot, "Workers; as many as by default."},
    {"Tuning", "mirroring-concurrent-service-endpoint-syncs", Type::Int, "5", Effect::Moot, "Workers; as many as by default."},
    {"Tuning", "endpoint-updates-batch-period", Type::Duration, "0s", Effect::Pending, "How long changes of endpoints are gathered."},
    {"Tuning", "endpointslice-updates-batch-period", Type::Duration, "0s", Effect::Pending, "How long changes of endpoint slices are gathered."},
    {"Tuning", "mirroring-endpointslice-updates-batch-period", Type::Duration, "0s", Effect::Pending, "How long changes of mirrored slices are gathered."},
    {"Tuning", "max-endpoints-per-slice", Type::Int, "100", Effect::Pending, "How many endpoints a slice has at most."},
    {"Tuning", "mirroring-max-endpoints-per-subset", Type::Int, "1000", Effect::Pending, "How many endpoints of a subset are mirrored at most."},
    {"Tuning", "namespace-sync-period", Type::Duration, "5m0s", Effect::Moot, "How often namespaces are looked at again."},
    {"Tuning", "resource-quota-sync-period", Type::Duration, "5m0s", Effect::Moot, "How often quotas are counted anew."},
    {"Tuning", "terminated-pod-gc-threshold", Type::Int, "12500", Effect::Pending, "How many pods that have ended are kept."},
    {"Tuning", "enable-garbage-collector", Type::Bool, "true", Effect::Moot, "Whether owners and dependants are looked after: by --controllers."},
    {"Tuning", "legacy-service-account-token-clean-up-period", Type::Duration, "8760h0m0s", Effect::Moot, "Of tokens in secrets, which are no longer made."},
    {"Volumes", "attach-detach-reconcile-sync-period", Type::Duration, "1m0s", Effect::Moot, "Of volumes that are attached, which are not there."},
    {"Volumes", "disable-attach-detach-reconcile-sync", Type::Bool, "", Effect::Moot, "The same."},
    {"Volumes", "disable-force-detach-on-timeout", Type::Bool, "", Effect::Moot, "The same."},
    {"Volumes", "enable-dynamic-provisioning", Type::Bool, "true", Effect::Moot, "Whether volumes are made on demand: by --controllers."},
    {"Volumes", "enable-hostpath-provisioner", Type::Bool, "", Effect::Pending, "Make volumes of hostPath on demand."},
    {"Volumes", "flex-volume-plugin-dir", Type::String, "", Effect::Moot, "Flex volumes are not there."},
    {"Volumes", "pvclaimbinder-sync-period", Type::Duration, "15s", Effect::Moot, "How often claims are looked at again."},
    {"Volumes", "pv-recycler-increment-timeout-nfs", Type::Int, "30", Effect::Moot, "Of volumes that are recycled, which are not there."},
    {"Volumes", "pv-recycler-minimum-timeout-hostpath", Type::Int, "60", Effect::Moot, "The same."},
    {"Volumes", "pv-recycler-minimum-timeout-nfs", Type::Int, "300", Effect::Moot, "The same."},
    {"Volumes", "pv-recycler-pod-template-filepath-hostpath", Type::String, "", Effect::Moot, "The same."},
    {"Volumes", "pv-recycler-pod-template-filepath-nfs", Type::String, "", Effect::Moot, "The same."},
    {"Volumes", "pv-recycler-timeout-increment-hostpath", Type::Int, "30", Effect::Moot, "The same."},
    {"Autoscaling", "horizontal-pod-autoscaler-cpu-initialization-period", Type::Duration, "5m0s", Effect::Pending, "How long a pod's first CPU figures do not count."},
    {"Autoscaling", "horizontal-pod-autoscaler-downscale-stabilization", Type::Duration, "5m0s", Effect::Pending, "How long to wait before scaling down."},
    {"Autoscaling", "horizontal-pod-autoscaler-initial-readiness-delay", Type::Duration, "30s", Effect::Pending, "How long a pod's first readiness does not count."},
    {"Autoscaling", "horizontal-pod-autoscaler-sync-period", Type::Duration, "15s", Effect::Pending, "How often figures are looked at."},
    {"Autoscaling", "horizontal-pod-autoscaler-tolerance", Type::Float, "0.1", Effect::Pending, "What difference counts as none."},
};

Result<void> read_signer(const FlagSet& flags, controllers::Settings& settings) {
  auto certificate = flags.text("cluster-signing-cert-file"), key = flags.text("cluster-signing-key-file");
  if (certificate.empty() != key.empty()) return fail(bad_request("--cluster-signing-cert-file and --cluster-signing-key-file have to be given together"));
  if (certificate.empty()) return {};
  settings.signing_certificate_pem = TRY(cluster::read_file(certificate));
  settings.signing_key_pem = TRY(cluster::read_file(key));
  settings.signing_seconds = flags.nanoseconds("cluster-signing-duration") / 1'000'000'000;
  return {};
}

Result<void> read_masks(const FlagSet& flags, controllers::Settings& settings) {
  auto read = [&](std::string_view name, int& mask) -> Result<void> {
    auto bits = flags.number(name);
    if (bits == 0) return {};
    if (bits < 1 || bits > 127) return fail(bad_request(concat("--", name, ": ", bits, " is no size of a network")));
    mask = static_cast<int>(bits);
    return {};
  };
  bool one_family = settings.cluster_cidrs.size() == 1;
  if (one_family) {
    bool v6 = settings.cluster_cidrs[0].find(':') != std::string::npos;
    TRY(read("node-cidr-mask-size", v6 ? settings.node_cidr_mask_v6 : settings.node_cidr_mask_v4));
  } else if (flags.given("node-cidr-mask-size")) {
    return fail(bad_request("usage of --node-cidr-mask-size is not allowed with dual-stack clusters"));
  }
  TRY(read("node-cidr-mask-size-ipv4", settings.node_cidr_mask_v4));
  return read("node-cidr-mask-size-ipv6", settings.node_cidr_mask_v6);
}

Result<controllers::Settings> settings_of(const FlagSet& flags) {
  controllers::Settings settings;
  if (auto file = flags.text("root-ca-file"); !file.empty()) settings.root_ca_pem = TRY(cluster::read_file(file));
  TRY(read_signer(flags, settings));
  settings.allocate_node_cidrs = flags.is_true("allocate-node-cidrs");
  settings.cluster_cidrs = flags.list("cluster-cidr");
  settings.service_cidrs = flags.list("service-cluster-ip-range");
  if (settings.allocate_node_cidrs && settings.cluster_cidrs.empty())
    return fail(bad_request("--allocate-node-cidrs needs --cluster-cidr"));
  TRY(read_masks(flags, settings));
  settings.nodes.period_us = flags.nanoseconds("node-monitor-period") / 1000;
  settings.nodes.grace_us = flags.nanoseconds("node-monitor-grace-period") / 1000;
  settings.nodes.startup_us = flags.nanoseconds("node-startup-grace-period") / 1000;
  settings.local_path = flags.text("local-path");
  return settings;
}

// The controllers and what they ask the server with.
struct Controllers {
  std::unique_ptr<client::Api> own;  // gives out the accounts' tokens
  std::unique_ptr<controllers::Frame> frame;
};

Result<Component::Part> start(Component& component, const controllers::Settings& settings, const std::vector<const controllers::Entry*>& chosen, bool accounts) {
  auto running = std::make_shared<Controllers>();
  running->own = client::https_api(component.remote(), "kube-controller-manager");
  std::optional<Error> problem;
  controllers::Setup setup;
  setup.connect = [&](client::Identity identity) -> std::unique_ptr<client::Api> {
    auto remote = component.remote();
    constexpr std::string_view kPrefix = "system:serviceaccount:kube-system:";
    if (accounts && identity.user.starts_with(kPrefix)) {
      auto own = remote->with_token(client::account_tokens(*running->own, real_clock(), "kube-system", identity.user.substr(kPrefix.size())));
      if (own)
        remote = std::move(*own);
      else
        problem = std::move(own).error();
    }
    return client::https_api(std::move(remote), identity.manager);
  };
  setup.informers = &component.informers();
  setup.clock = &real_clock();
  setup.random = &secure_random();
  setup.executor = &component.executor();
  setup.settings = settings;
  running->frame = TRY(controllers::Frame::create(setup, chosen));
  if (problem) return fail(std::move(*problem));
  running->frame->start();
  return Component::Part(std::move(running));
}

Result<void> run(const FlagSet& flags) {
  auto options = TRY(component_options(flags));
  auto words = flags.list("controllers");
  // Who runs it by itself has an API server that gives it no rights, unless he says so.
  if (std::find(words.begin(), words.end(), kLocalPath) == words.end()) words.push_back(concat("-", kLocalPath));
  auto chosen = TRY(choose_controllers(words));
  auto settings = TRY(settings_of(flags));
  auto component = TRY(Component::connect(std::move(options), "kube-controller-manager", kWorkers));
  bool accounts = flags.is_true("use-service-account-credentials");
  return component->run([&](Component& it) { return start(it, settings, chosen, accounts); });
}

}  // namespace

int run_controller_manager(Arguments arguments) {
  auto table = with_component_flags(kFlags, "kube-controller-manager", "10257");
  return run_component(arguments, "kube-controller-manager", kAbout, table, run);
}

}  // namespace sampan::cmd
