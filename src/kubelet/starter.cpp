// See starter.h.
#include "kubelet/starter.h"

#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#include <memory>

#include "base/text.h"
#include "kubelet/cri/client.h"
#include "kubelet/files.h"

namespace sampan::kubelet {

namespace {

constexpr int64_t kSecond = 1'000'000;

// Of the logs of earlier runs, which outlive what the runtime remembers: 1 more than the last.
uint32_t attempt_after_logs(const std::string& folder) {
  std::unique_ptr<DIR, int (*)(DIR*)> open(::opendir(folder.c_str()), ::closedir);
  uint32_t next = 0;
  while (open) {
    auto entry = ::readdir(open.get());
    if (!entry) break;
    std::string_view name = entry->d_name;
    uint32_t number = 0;
    if (parse_int(name.substr(0, name.find('.')), number)) next = std::max(next, number + 1);
  }
  return next;
}

}  // namespace

Starter::Starter(Parts& parts, const schema::ObjectRef& pod, PodRuntime& runtime, const std::map<std::string, MountedVolume>& volumes,
                 StartFailures& failures, std::function<bool()> given_up, std::function<void(const std::string& id)> made, std::function<void()> progress)
    : parts_(parts),
      object_(pod),
      pod_(object_->as<core_v1::Pod>()),
      runtime_(runtime),
      volumes_(volumes),
      failures_(failures),
      given_up_(std::move(given_up)),
      made_(std::move(made)),
      progress_(std::move(progress)),
      facts_(parts.facts()) {}

void Starter::wake_by(int64_t at) { wake_at_ = wake_at_ == 0 ? at : std::min(wake_at_, at); }

Result<void> Starter::run(const Plan& plan) {
  did_something_ = plan.kill_pod || !plan.kills.empty();
  if (plan.create_sandbox && !plan.sandbox_id.empty())
    parts_.recorder.pod(pod_, EventType::Normal, "SandboxChanged", "Pod sandbox changed, it will be killed and re-created.");
  if (plan.kill_pod) {
    TRY(kill_pod(parts_, pod_, runtime_, {}));
    if (plan.create_sandbox)
      for (auto& container : runtime_.containers)  // init containers run anew
        if (auto spec = find_container(pod_, container.name); spec && spec->kind == ContainerKind::Init) (void)parts_.runtime.remove_container(container.id);
  } else {
    for (auto& kill : plan.kills) {
      auto known = std::ranges::find(runtime_.containers, kill.id, &Container::id);
      if (known == runtime_.containers.end()) continue;
      auto ips = runtime_.ips();
      TRY(kill_container(parts_.runtime, parts_.recorder, {pod_, ips.empty() ? "" : ips[0], kill.message, kill.reason}, *known));
    }
    // What was killed is known to have ended only once it is read again; what starts below counts its restarts by it.
    if (!plan.kills.empty()) runtime_ = TRY(read_pod_runtime(parts_.runtime, pod_.metadata().uid()));
  }
  auto starts = plan.start_ephemeral.size() + plan.start_init.size() + plan.start_regular.size();
  if (!plan.create_sandbox && starts == 0) return {};
  if (given_up_()) return {};

  auto sandbox = plan.sandbox_id;
  Complaints complaints;
  auto config = TRY(sandbox_config(pod_, plan.attempt, *facts_, complaints));
  for (auto& [reason, message] : complaints) parts_.recorder.pod(pod_, EventType::Warning, reason, message);
  if (plan.create_sandbox) sandbox = TRY(new_sandbox(plan.attempt, config));
  ips_ = runtime_.ips();
  if (pod_.spec().host_network()) ips_ = facts_->ips;

  auto list = containers_of(pod_);
  auto at = [&](ContainerKind kind, unsigned index) {
    return *std::ranges::find_if(list, [&](auto& spec) { return spec.kind == kind && spec.index == index; });
  };
  for (auto index : plan.start_ephemeral) start(at(ContainerKind::Ephemeral, index), sandbox, config);
  for (auto index : plan.start_init) {
    auto spec = at(ContainerKind::Init, index);
    start(spec, sandbox, config);
    if (failures_.contains(spec.container.name()) && !is_sidecar(spec.container)) return {};
  }
  for (auto index : plan.start_regular) start(at(ContainerKind::Regular, index), sandbox, config);
  return {};
}

Result<std::string> Starter::new_sandbox(uint32_t attempt, SandboxConfig& config) {
  did_something_ = true;
  auto refuse = [&](const Error& error) {
    if (!given_up_()) parts_.recorder.pod(pod_, EventType::Warning, "FailedCreatePodSandBox", concat("Failed to create pod sandbox: ", error.message()));
    return fail(error.clone());
  };
  auto handler = parts_.runtime_handler(pod_.spec().runtime_class_name().value_or(""));
  if (!handler) return refuse(handler.error());
  if (auto made = make_folders(config.log_directory); !made) return refuse(made.error());
  auto id = parts_.runtime.run_sandbox(config, *handler);
  if (!id) return refuse(id.error());
  made_(*id);
  auto status = parts_.runtime.sandbox_status(*id);
  if (!status) {
    parts_.recorder.pod(pod_, EventType::Warning, "FailedPodSandBoxStatus", concat("Unable to get pod sandbox status: ", status.error().message()));
    return fail(std::move(status).error());
  }
  config.attempt = attempt;
  for (auto& old : runtime_.sandboxes) old.ready = false;
  runtime_.sandboxes.insert(runtime_.sandboxes.begin(), std::move(*status));
  progress_();
  return *id;
}

void Starter::start(const ContainerSpec& spec, const std::string& sandbox, const SandboxConfig& config) {
  if (given_up_()) return;
  auto name = std::string(spec.container.name());
  if (auto why = in_back_off(spec)) {
    failures_[name] = std::move(*why);
    return;
  }
  did_something_ = true;
  if (auto why = try_start(spec, sandbox, config))
    failures_[name] = std::move(*why);
  else
    failures_.erase(name);
}

std::optional<StartFailure> Starter::in_back_off(const ContainerSpec& spec) {
  auto name = spec.container.name();
  auto ended = std::ranges::find_if(runtime_.containers, [&](auto& c) { return c.name == name && c.state == ContainerState::Exited; });
  if (ended == runtime_.containers.end()) return {};
  auto key = concat(pod_.metadata().uid(), "_", name, "_", hash_of(spec.container));
  auto ended_us = ended->finished_at / 1000, now = parts_.clock.now_us();
  if (auto until = parts_.crashes.until(key, ended_us); until > now) {
    parts_.recorder.container(pod_, spec, EventType::Warning, "BackOff", concat("Back-off restarting failed container ", name, " in pod ", text_of(pod_)));
    wake_by(until);
    auto delay = parts_.crashes.delay(key) / kSecond;
    auto shown = delay < 60 ? concat(delay, "s") : concat(delay / 60, "m", delay % 60, "s");
    return StartFailure{"CrashLoopBackOff", concat("back-off ", shown, " restarting failed container=", name, " pod=", text_of(pod_))};
  }
  parts_.crashes.next(key, now, ended_us);
  return {};
}

std::optional<StartFailure> Starter::try_start(const ContainerSpec& spec, const std::string& sandbox, const SandboxConfig& config) {
  auto tell = [&](EventType type, std::string_view reason, std::string message) { parts_.recorder.container(pod_, spec, type, reason, std::move(message)); };
  auto refuse = [&](std::string_view reason, const Error& error) {
    auto message = std::string(description_of(error));
    tell(EventType::Warning, "Failed", concat("Error: ", message));
    wake_by(parts_.clock.now_us() + 10 * kSecond);
    return StartFailure{std::string(reason), std::move(message)};
  };
  StartFailure why;
  int64_t retry_at = 0;
  auto image = parts_.images.ensure({pod_, spec, spec.container.image(), spec.container.image_pull_policy(), keyring(), config, given_up_}, why, retry_at);
  if (!image) {
    if (retry_at) wake_by(retry_at);
    return why;
  }
  auto attempt = next_attempt(spec);
  auto volumes = image_volumes(spec, config, why);
  if (!volumes) {
    wake_by(parts_.clock.now_us() + 10 * kSecond);
    return why;
  }
  auto environment = [&]() -> Result<Environment> {
    auto services = TRY(parts_.services(pod_.metadata().namespace_(), pod_.spec().enable_service_links().value_or(true)));
    return make_environment({pod_, spec.container, {ips_, facts_->ips}, facts_->allocatable, parts_.cluster, std::move(services), *volumes});
  }();
  if (!environment) return refuse("CreateContainerConfigError", environment.error());
  std::string target;
  if (!spec.target.empty()) {
    auto known = runtime_.newest(spec.target);
    if (!known) return refuse("CreateContainerConfigError", failure(concat("unable to find target container ", quoted(spec.target))));
    target = known->id;
  }
  auto made = container_config({pod_, spec, attempt, image->id, *image, target, ips_, *environment, *volumes, *facts_});
  if (!made) return refuse("CreateContainerConfigError", made.error());
  auto id = parts_.runtime.create_container(sandbox, *made, config);
  if (!id) return refuse("CreateContainerError", id.error());
  made_(*id);
  parts_.images.used(image->id);
  tell(EventType::Normal, "Created", "Container created");
  if (auto started = parts_.runtime.start_container(*id); !started) return refuse("RunContainerError", started.error());
  tell(EventType::Normal, "Started", "Container started");
  link_log(spec, *id, attempt);
  return after_start(spec, *id);
}

std::optional<StartFailure> Starter::after_start(const ContainerSpec& spec, const std::string& id) {
  auto hook = spec.container.lifecycle().post_start();
  if (!hook.present()) return {};
  auto result = run_hook(parts_.runtime, pod_, spec, id, ips_.empty() ? "" : ips_[0], hook, 0);
  if (result) return {};
  // Not in the hook's own words, which may hold secrets.
  parts_.recorder.container(pod_, spec, EventType::Warning, "FailedPostStartHook", "PostStartHook failed");
  Container container;
  container.id = id, container.name = spec.container.name();
  (void)kill_container(parts_.runtime, parts_.recorder,
                       {pod_, ips_.empty() ? "" : ips_[0], "FailedPostStartHook", KillReason::FailedPostStartHook}, container);
  wake_by(parts_.clock.now_us());
  return StartFailure{"PostStartHookError", result.error().message()};
}

uint32_t Starter::next_attempt(const ContainerSpec& spec) const {
  if (auto known = runtime_.newest(spec.container.name())) return restart_count(*known) + 1;
  auto logs = facts_->paths.pod_log_directory(pod_.metadata().namespace_(), pod_.metadata().name(), pod_.metadata().uid());
  return attempt_after_logs(concat(logs, "/", spec.container.name()));
}

// The container's volumes with the images among them pulled.
Result<std::map<std::string, MountedVolume>> Starter::image_volumes(const ContainerSpec& spec, const SandboxConfig& config, StartFailure& why) {
  auto out = volumes_;
  for (auto mount : spec.container.volume_mounts()) {
    auto at = out.find(std::string(mount.name()));
    if (at == out.end() || at->second.image.empty()) continue;
    for (auto volume : pod_.spec().volumes()) {
      if (volume.name() != mount.name() || !volume.has_image()) continue;
      int64_t retry_at = 0;
      auto image = parts_.images.ensure({pod_, spec, volume.image().reference(), volume.image().pull_policy(), keyring(), config, given_up_}, why, retry_at);
      if (!image) return fail(failure(why.message));
      at->second.image = image->id;
    }
  }
  return out;
}

const Keyring& Starter::keyring() {
  if (keyring_) return *keyring_;
  keyring_.emplace();
  std::string missing;
  for (auto reference : pod_.spec().image_pull_secrets()) {
    auto secret = parts_.cluster.get("v1", "secrets", pod_.metadata().namespace_(), reference.name());
    if (!secret) {
      append(missing, missing.empty() ? "" : ", ", reference.name());
      continue;
    }
    auto data = (*secret)->as<core_v1::Secret>().data();
    if (auto config = data.get(".dockerconfigjson")) keyring_->add(*config, false);
    if (auto config = data.get(".dockercfg")) keyring_->add(*config, true);
  }
  if (!missing.empty())
    parts_.recorder.pod(pod_, EventType::Warning, "FailedToRetrieveImagePullSecret",
                        concat("Unable to retrieve some image pull secrets (", missing, "); attempting to pull the image may not succeed."));
  if (auto node = read_file(facts_->paths.root + "/config.json")) keyring_->add(*node, false);
  return *keyring_;
}

void Starter::link_log(const ContainerSpec& spec, const std::string& id, uint32_t attempt) {
  auto& paths = facts_->paths;
  if (paths.container_logs.empty()) return;
  auto meta = pod_.metadata();
  auto log = paths.container_log(paths.pod_log_directory(meta.namespace_(), meta.name(), meta.uid()), spec.container.name(), attempt);
  (void)make_folders(paths.container_logs);
  auto name = concat(meta.name(), "_", meta.namespace_(), "_", spec.container.name()).substr(0, 250 - 5 - id.size());
  (void)::symlink(log.c_str(), concat(paths.container_logs, "/", name, "-", id, ".log").c_str());
}

Result<void> kill_pod(Parts& parts, const core_v1::Pod& pod, const PodRuntime& runtime, std::optional<int64_t> grace) {
  std::vector<const Container*> running;
  for (auto& container : runtime.containers)
    if (container.state == ContainerState::Running || container.state == ContainerState::Unknown) running.push_back(&container);
  TerminationOrder order(pod, running);
  auto ips = runtime.ips();
  struct Shared {
    std::mutex mutex;
    std::condition_variable done;
    size_t left = 0;
    std::optional<Error> error;
  } shared;
  shared.left = running.size();
  for (auto container : running) {
    auto kill = [&, container] {
      auto result = kill_container(parts.runtime, parts.recorder, {pod, ips.empty() ? "" : ips[0], "", KillReason::Unknown, grace, &order}, *container);
      std::lock_guard lock(shared.mutex);
      if (!result) shared.error = std::move(result).error();
      shared.left--;
      shared.done.notify_all();
    };
    // The last one needs no other thread than this.
    if (container == running.back())
      kill();
    else
      parts.workers.post(kill);
  }
  {
    std::unique_lock lock(shared.mutex);
    shared.done.wait(lock, [&] { return shared.left == 0; });
  }
  if (shared.error) return fail(std::move(*shared.error));
  for (auto& sandbox : runtime.sandboxes) {
    auto result = parts.runtime.stop_sandbox(sandbox.id);
    if (!result && !result.error().is(Reason::NotFound)) return result;
  }
  return {};
}

}  // namespace sampan::kubelet
