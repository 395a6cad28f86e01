// sampan scheduler: the scheduler as a process of its own, against any API server.
#include "scheduler/scheduler.h"

#include "base/encoding.h"
#include "base/text.h"
#include "cluster/certificates.h"
#include "cmd/commands.h"
#include "cmd/component.h"
#include "schema/yaml.h"

namespace sampan::cmd {

namespace {

using Type = Flag::Type;
using Effect = Flag::Effect;

constexpr unsigned kWorkers = 16;

constexpr std::string_view kAbout = "Decides which node each pod runs on.";

constexpr Flag kFlags[] = {
    {"Scheduler", "config", Type::String, "", Effect::Works, "A file with a KubeSchedulerConfiguration; flags overrule it where both say the same."},
    {"Scheduler", "write-config-to", Type::String, "", Effect::Pending, "Where to write the configuration, with its defaults."},
    {"Scheduler", "pod-max-in-unschedulable-pods-duration", Type::Duration, "5m0s", Effect::Pending, "After how long a pod that fits nowhere is tried again for no reason."},
};

struct Wishes {
  ComponentOptions component;
  scheduler::Config config;
};

// What the file says about connection and election, which the scheduler itself does not care for.
Result<void> read_common(const std::string& text, const FlagSet& flags, ComponentOptions& options) {
  Arena arena;
  auto documents = TRY(schema::parse_yaml(text, arena));
  if (documents.empty()) return {};
  auto root = documents[0];
  auto connection = root["clientConnection"], election = root["leaderElection"];
  if (auto file = connection["kubeconfig"].as_string(); !file.empty() && !flags.given("kubeconfig")) options.kubeconfig = file;
  if (election["leaderElect"].is_bool() && !flags.given("leader-elect")) options.elects = election["leaderElect"].as_bool();
  auto span = [&](std::string_view member, std::string_view flag, int64_t& us) -> Result<void> {
    auto value = election[member].as_string();
    int64_t nanoseconds = 0;
    if (value.empty() || flags.given(flag)) return {};
    if (!parse_duration(value, nanoseconds)) return fail(bad_request(concat("leaderElection.", member, ": ", quoted(value), " is no duration")));
    us = nanoseconds / 1000;
    return {};
  };
  TRY(span("leaseDuration", "leader-elect-lease-duration", options.election.lease_us));
  TRY(span("renewDeadline", "leader-elect-renew-deadline", options.election.renew_us));
  TRY(span("retryPeriod", "leader-elect-retry-period", options.election.retry_us));
  auto name = election["resourceName"].as_string(), space = election["resourceNamespace"].as_string();
  if (!name.empty() && !flags.given("leader-elect-resource-name")) options.election.name = name;
  if (!space.empty() && !flags.given("leader-elect-resource-namespace")) options.election.name_space = space;
  return {};
}

Result<Wishes> read_wishes(const FlagSet& flags) {
  Wishes wishes{TRY(component_options(flags)), {}};
  auto file = flags.text("config");
  if (file.empty()) return wishes;
  auto text = TRY(cluster::read_file(file));
  wishes.config = TRY(scheduler::parse_config(text));
  TRY(read_common(text, flags, wishes.component));
  return wishes;
}

Result<Component::Part> start(Component& component, const scheduler::Config& config) {
  scheduler::Setup setup;
  setup.connect = [&component](client::Identity identity) { return client::https_api(component.remote(), identity.manager); };
  setup.informers = &component.informers();
  setup.clock = &real_clock();
  setup.random = &secure_random();
  setup.executor = &component.executor();
  setup.config = config;
  setup.writes_at_once = client::kConnectionsKept;
  std::shared_ptr<scheduler::Scheduler> running = TRY(scheduler::Scheduler::create(std::move(setup)));
  running->start();
  return Component::Part(std::move(running));
}

Result<void> run(const FlagSet& flags) {
  auto wishes = TRY(read_wishes(flags));
  auto component = TRY(Component::connect(wishes.component, "kube-scheduler", kWorkers, client::kConnectionsKept));
  return component->run([&](Component& it) { return start(it, wishes.config); });
}

}  // namespace

int run_scheduler(Arguments arguments) {
  auto table = with_component_flags(kFlags, "kube-scheduler", "10259");
  return run_component(arguments, "kube-scheduler", kAbout, table, run);
}

}  // namespace sampan::cmd
