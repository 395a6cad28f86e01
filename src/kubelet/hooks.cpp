// See hooks.h.
#include "kubelet/hooks.h"

#include <unistd.h>

#include <chrono>

#include "base/environment.h"
#include "base/held.h"
#include "base/text.h"
#include "kubelet/probes/http.h"
#include "kubelet/probes/probes.h"

namespace sampan::kubelet {

namespace {

constexpr int64_t kGraceMin = 2;              // always a little time to shut down
constexpr int64_t kHookHttpTimeoutMs = 30'000;

Result<void> request(const core_v1::Pod&, const ContainerSpec& spec, const std::string& pod_ip, const core_v1::HTTPGetAction& action, int64_t timeout_ms) {
  HttpTarget target;
  target.tls = action.scheme() == "HTTPS";
  target.host = action.host().empty() ? pod_ip : std::string(action.host());
  if (target.host.empty()) return fail(failure("failed to find networking container"));
  target.port = TRY(port_of(action.port(), spec.container));
  target.path = action.path();
  target.headers.emplace_back("User-Agent", "kube-lifecycle/1.36");
  for (auto header : action.http_headers()) target.headers.emplace_back(header.name(), header.value());
  auto answer = http_get(target, timeout_ms);
  if (!answer && target.tls && answer.error().message().find("tls: ") != std::string::npos) {
    target.tls = false;  // hooks were once sent in the clear whatever the scheme said, and servers rely on it
    std::erase_if(target.headers, [](auto& header) { return iequals(header.first, "authorization"); });
    answer = http_get(target, timeout_ms);
  }
  if (!answer) return fail(std::move(answer).error());
  return {};
}

}  // namespace

Result<void> run_hook(Runtime& runtime, const core_v1::Pod& pod, const ContainerSpec& spec, const std::string& container_id, const std::string& pod_ip,
                      const core_v1::LifecycleHandler& handler, int64_t timeout_s) {
  auto where = concat("for Container ", quoted(spec.container.name()), " in Pod ", quoted(text_of(pod)), " failed - error: ");
  if (handler.has_exec()) {
    std::vector<std::string> command;
    for (auto word : handler.exec().command()) command.emplace_back(word);
    auto result = runtime.exec_sync(container_id, command, timeout_s);
    auto what = concat("Exec lifecycle hook ([", join(command, " "), "]) ", where);
    if (!result) return fail(failure(concat(what, result.error().message(), ", message: \"\"")));
    if (result->exit_code != 0)
      return fail(failure(concat(what, "command '", join(command, " "), "' exited with ", result->exit_code, ": ", result->output, ", message: ", quoted(result->output))));
    return {};
  }
  if (handler.has_http_get()) {
    auto result = request(pod, spec, pod_ip, handler.http_get(), timeout_s > 0 ? timeout_s * 1000 : kHookHttpTimeoutMs);
    if (!result) return fail(failure(concat("HTTP lifecycle hook (", handler.http_get().path(), ") ", where, result.error().message())));
    return {};
  }
  if (handler.has_sleep()) {
    auto seconds = handler.sleep().seconds();
    if (timeout_s > 0 && seconds > timeout_s) seconds = timeout_s;
    // In steps, since a container that ends by itself need not be waited for.
    for (auto end = real_clock().monotonic_us() + microseconds_of(seconds); real_clock().monotonic_us() < end;) {
      auto left = end - real_clock().monotonic_us();
      ::usleep(static_cast<useconds_t>(std::clamp<int64_t>(left, 0, 500'000)));
      auto status = runtime.container_status(container_id);
      if (status && status->state != ContainerState::Running)
        return fail(failure(concat("Sleep lifecycle hook (", handler.sleep().seconds(), ") ", where, "container terminated before sleep hook finished")));
    }
    return {};
  }
  return fail(failure("Cannot run handler: invalid handler"));
}

TerminationOrder::TerminationOrder(const core_v1::Pod& pod, const std::vector<const Container*>& running) : pod_(pod) {
  for (auto container : running) running_.insert(container->name);
}

int64_t TerminationOrder::wait_for_turn(std::string_view name, int64_t timeout_s) {
  std::vector<std::string> before;
  bool is_init = false;
  auto list = pod_.spec().init_containers();
  for (uint32_t i = list.size(); i-- > 0;) {
    if (list[i].name() == name) {
      is_init = is_sidecar(list[i]);
      break;
    }
    if (is_sidecar(list[i])) before.emplace_back(list[i].name());
  }
  if (!is_init || timeout_s <= 0) return 0;
  for (auto main : pod_.spec().containers()) before.emplace_back(main.name());
  auto started = std::chrono::steady_clock::now();
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, std::chrono::microseconds(microseconds_of(timeout_s)), [&] {
    for (auto& one : before)
      if (running_.contains(one)) return false;
    return true;
  });
  return std::chrono::duration_cast<std::chrono::seconds>(std::chrono::steady_clock::now() - started).count();
}

void TerminationOrder::ended(std::string_view name) {
  std::lock_guard lock(mutex_);
  if (auto at = running_.find(name); at != running_.end()) running_.erase(at);
  changed_.notify_all();
}

int64_t grace_period(const core_v1::Pod& pod, const core_v1::Container& container, KillReason reason) {
  if (auto period = pod.metadata().deletion_grace_period_seconds()) return *period;
  auto period = pod.spec().termination_grace_period_seconds();
  if (!period) return kGraceMin;
  if (reason == KillReason::LivenessProbe) return container.liveness_probe().termination_grace_period_seconds().value_or(*period);
  if (reason == KillReason::StartupProbe) return container.startup_probe().termination_grace_period_seconds().value_or(*period);
  return *period;
}

Result<void> kill_container(Runtime& runtime, Recorder& recorder, const KillOrder& order, const Container& container) {
  auto spec = find_container(order.pod, container.name).value_or(ContainerSpec{});
  recorder.container(order.pod, spec, EventType::Normal, "Killing", order.message.empty() ? concat("Stopping container ", container.name) : order.message);
  auto grace = order.grace_override ? *order.grace_override : grace_period(order.pod, spec.container, order.reason);
  auto hook = spec.container.lifecycle().pre_stop();
  if (hook.present() && grace > 0) {
    auto started = real_clock().monotonic_us();
    if (auto result = run_hook(runtime, order.pod, spec, container.id, order.pod_ip, hook, grace); !result)
      // Not in words of the hook's own, which may hold secrets.
      recorder.container(order.pod, spec, EventType::Warning, "FailedPreStopHook", "PreStopHook failed");
    grace -= (real_clock().monotonic_us() - started) / 1'000'000;
  }
  if (order.order && grace > 0) grace -= order.order->wait_for_turn(container.name, grace);
  auto result = runtime.stop_container(container.id, std::max(grace, kGraceMin));
  if (order.order) order.order->ended(container.name);
  if (!result && !result.error().is(Reason::NotFound)) return result;
  return {};
}

}  // namespace sampan::kubelet
