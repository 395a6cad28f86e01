// The insides of the agent. agent.cpp puts them together and follows pods; agent_node.cpp keeps the node.
#pragma once
#include <thread>

#include "kubelet/admission.h"
#include "kubelet/agent.h"
#include "kubelet/api_cluster.h"
#include "kubelet/event_recorder.h"
#include "kubelet/eviction.h"
#include "kubelet/image_gc.h"
#include "kubelet/logs.h"
#include "kubelet/node_status.h"
#include "kubelet/pod_view.h"
#include "kubelet/pod_workers.h"
#include "kubelet/runtime_health.h"
#include "kubelet/static_pods.h"
#include "kubelet/status_writer.h"

namespace sampan::kubelet {

class AgentImpl final : public Agent {
 public:
  AgentImpl(AgentOptions options, std::unique_ptr<Runtime> runtime, client::Api& api, client::Informers& caches, Executor& timers, Clock& clock);
  ~AgentImpl() override;
  Result<void> begin();

  Pods& pods() override { return view_; }
  Runtime& runtime() override { return *runtime_; }
  Result<void> health() override;
  std::string metrics() override;
  const std::string& node_name() const override { return options_.node_name; }

 private:
  std::shared_ptr<const NodeFacts> facts() const;
  void change_facts(const std::function<void(NodeFacts&)>& change);
  Parts make_parts();
  // Pods
  void follow();                       // connects to the API's caches; blocks until they are there
  void on_pod(const client::Change& change);
  void on_mirror(const client::Change& change);
  void keep_mirrors();
  Result<std::vector<schema::ObjectRef>> services(std::string_view namespace_, bool links);
  Result<std::string> runtime_handler(std::string_view runtime_class);
  std::optional<Parts::Refusal> admit_pod(const schema::ObjectRef& pod);
  bool is_there(const core_v1::Pod& pod) const;  // as StatusWriter::IsThere
  std::string uid_of_static(std::string_view uid) const;
  schema::ObjectRef node_object() const;
  // Events of the runtime
  void listen();
  void relist_until_stopped();
  bool sleep_ms(int64_t ms);           // false: the agent stops
  // The node: agent_node.cpp
  void keep();
  void keep_once(int64_t now);
  void look_at_runtime();
  NodeInput node_input();
  bool keep_node(int64_t now);
  bool has_pods_of_server() const;
  void keep_house(int64_t now);
  void keep_off_limits();
  Measured measure();
  void evict_one(Scarce what, const Measured& measured);
  void remove_leftovers();

  AgentOptions options_;
  client::Api& api_;
  client::Informers& caches_;
  Executor& timers_;
  Clock& clock_;
  const std::unique_ptr<Runtime> runtime_;
  const Machine machine_;
  Quantities capacity_, allocatable_;

  mutable std::mutex facts_mutex_;
  std::shared_ptr<const NodeFacts> facts_;

  EventRecorder recorder_;
  ApiCluster cluster_;
  Cgroups cgroups_;
  Workers workers_{512};
  const std::unique_ptr<Volumes> volumes_;
  Images images_;
  BackOff crashes_{10'000'000, 300'000'000};
  Probes probes_;
  std::atomic<client::Informer*> services_{nullptr}, nodes_{nullptr}, objects_of_pods_{nullptr};
  StatusWriter statuses_;
  std::unique_ptr<PodWorkers> pods_;
  StaticPods static_pods_;
  Stats stats_;
  PodView view_;
  NodeWriter node_;
  ImageGc image_gc_;
  const EvictionOptions eviction_;

  std::vector<client::Subscription> subscriptions_;
  mutable std::mutex mutex_;  // of all down to the next empty line
  std::condition_variable stop_;
  bool stopping_ = false;
  RuntimeHealth health_;
  RuntimeVersion version_;
  RuntimeStatus status_;
  std::map<std::string, std::pair<std::string, std::string>> mirrors_;  // uid of the mirror -> namespace, name
  schema::ObjectRef enrolled_;
  RuntimeEvents* events_ = nullptr;
  int64_t heard_at_ = 0;

  std::mutex mirrors_mutex_;  // held by who makes mirrors

  // The keeper's alone
  bool is_enrolled_ = false, was_deleted_ = false, pods_known_ = false;
  std::atomic<bool> followed_{false};
  int64_t looked_at_ = 0, told_at_ = 0, leased_at_ = 0, housed_at_ = 0, cleaned_at_ = 0, images_at_ = 0, refreshed_at_ = 0;
  std::vector<Image> node_images_;
  Pressure pressure_;
  int64_t pressed_at_[3] = {};  // memory, disk, processes: when last
  std::string last_ready_;

  std::thread keeper_, listener_, follower_;
};

}  // namespace sampan::kubelet
