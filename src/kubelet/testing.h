// Helpers for the agent's tests: pods as YAML, what the runtime knows as one line of words.
#pragma once
#include <gtest/gtest.h>

#include "base/check.h"
#include "base/text.h"
#include "kubelet/plan.h"
#include "schema/conform.h"
#include "schema/yaml.h"

namespace sampan::kubelet {

inline schema::ObjectRef object_of(const schema::Type& type, std::string_view yaml) {
  Arena arena;
  auto documents = schema::parse_yaml(arena.copy(yaml), arena);
  if (!documents || documents->size() != 1) ADD_FAILURE() << (documents ? "not one document" : documents.error().message());
  check(documents && documents->size() == 1);
  schema::Conformance found;
  auto conformed = schema::conform((*documents)[0], type, found);
  if (!conformed) ADD_FAILURE() << conformed.error().message();
  for (auto& unknown : found.unknown_fields) ADD_FAILURE() << unknown;
  auto object = schema::freeze((*documents)[0], type);
  check(object.has_value());
  return *object;
}

// `spec` in YAML's flow form; the metadata is that of default/p with uid u.
inline schema::ObjectRef pod_with(std::string_view spec, std::string_view more = "") {
  return object_of(core_v1::Pod::schema_type(),
                   concat("{metadata: {name: p, namespace: default, uid: u, generation: 1}, spec: ", spec, more, "}"));
}

// "sandbox:ready@0 web:running#2 init:exited=1": a sandbox's attempt behind @, a container's exit code behind =, its restarts behind #. Newest first.
// A container's id is its name and restarts ("web.2"); its hash is the pod's.
inline PodRuntime runtime_with(std::string_view words, const core_v1::Pod& pod) {
  PodRuntime out;
  int64_t now = 1'700'000'000'000'000'000;
  for (auto word : split(words, ' ')) {
    if (word.empty()) continue;
    auto colon = word.find(':');
    auto name = word.substr(0, colon), rest = word.substr(colon + 1);
    auto number_after = [&](char mark) {
      int number = 0;
      auto at = rest.find(mark);
      if (at != std::string_view::npos) number = atoi(std::string(rest.substr(at + 1)).c_str());
      return number;
    };
    now -= 1'000'000'000;
    if (name == "sandbox") {
      Sandbox sandbox;
      sandbox.attempt = static_cast<uint32_t>(number_after('@'));
      sandbox.id = concat("s", sandbox.attempt);
      sandbox.ready = rest.starts_with("ready");
      sandbox.created_at = now;
      if (rest.find("hostnet") != std::string_view::npos) sandbox.namespaces.network = NamespaceMode::Node;
      else if (rest.find("noip") == std::string_view::npos) sandbox.ips = {"10.0.0.5"};
      out.sandboxes.push_back(std::move(sandbox));
      continue;
    }
    Container container;
    container.name = name;
    container.attempt = static_cast<uint32_t>(number_after('#'));
    container.id = concat(name, ".", container.attempt);
    container.annotations[std::string(kRestartCountAnnotation)] = concat(container.attempt);
    if (auto spec = find_container(pod, name))
      container.annotations[std::string(kHashAnnotation)] = rest.find("changed") != std::string_view::npos ? "0" : hash_of(spec->container);
    container.state = rest.starts_with("running")   ? ContainerState::Running
                      : rest.starts_with("exited")  ? ContainerState::Exited
                      : rest.starts_with("created") ? ContainerState::Created
                                                    : ContainerState::Unknown;
    container.exit_code = number_after('=');
    container.created_at = container.started_at = now;
    container.image = "registry/image:1", container.image_ref = "registry/image@sha256:1";
    if (container.state == ContainerState::Exited) {
      container.finished_at = now + 500'000'000;
      container.reason = container.exit_code == 0 ? "Completed" : "Error";
    }
    out.containers.push_back(std::move(container));
  }
  return out;
}

// "liveness:web.0=fail startup:init.0=ok"
class ProbesForTest : public ProbeResults {
 public:
  explicit ProbesForTest(std::string_view words) : words_(words) {}
  ProbeResult result(ProbeKind kind, const std::string& id) const override {
    static constexpr std::string_view kinds[] = {"startup", "liveness", "readiness"};
    auto key = concat(kinds[static_cast<int>(kind)], ":", id, "=");
    for (auto word : split(words_, ' '))
      if (word.starts_with(key)) return word.ends_with("ok") ? ProbeResult::Success : ProbeResult::Failure;
    return ProbeResult::Unknown;
  }

 private:
  std::string_view words_;
};

}  // namespace sampan::kubelet
