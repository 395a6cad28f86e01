// Changes of what a running pod may use: granted when the node has room for them, then carried out container by container, in place or by a restart.
#pragma once
#include "kubelet/parts.h"
#include "kubelet/plan.h"

namespace sampan::kubelet {

// Whether both ask for as much CPU and memory, in every container that can be resized and as a whole.
bool ask_the_same(const core_v1::Pod& one, const core_v1::Pod& other);
// `wanted`, but with the resources of `granted`.
schema::ObjectRef with_resources_of(const schema::ObjectRef& wanted, const schema::ObjectRef& granted);
// The pod with what an earlier agent had granted it, as its status tells.
schema::ObjectRef granted_before(const schema::ObjectRef& pod);

// A running container that has other resources than it is to have.
struct ContainerResize {
  ContainerSpec spec;
  const Container* known = nullptr;
  Resources wanted;
  bool by_restart = false;  // as its policy for that resource demands
};
std::vector<ContainerResize> resizes_of(const core_v1::Pod& pod, const PodRuntime& runtime, const ResourceOptions& options);
void plan_restarts(const std::vector<ContainerResize>& resizes, Plan& plan);
// Of those that need no restart, and the cgroup around them. `had` is the pod as it was before.
Result<void> resize_in_place(Parts& parts, const core_v1::Pod& pod, const core_v1::Pod& had, const std::vector<ContainerResize>& resizes);

// "Pod resize started: {...}", as events tell it.
std::string resize_event(std::string_view what, const core_v1::Pod& pod, int64_t generation, std::string_view error = {});

}  // namespace sampan::kubelet
