// A cluster in virtual time: the real API server over a memory store, the real controllers, and nodes that only say what a node would say. Faults are
// drawn from the seed.
#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "apiserver/server.h"
#include "client/api.h"
#include "client/informer.h"
#include "controllers/frame.h"
#include "scheduler/scheduler.h"
#include "simulate/virtual_time.h"
#include "store/store.h"

namespace sampan::simulate {

// Out of a thousand.
struct Faults {
  unsigned conflicts = 0;      // writes that are refused because another "came between"
  unsigned timeouts = 0;       // writes that are done and answered with an error
  unsigned dropped_watches = 0;  // seconds of each informer in which its stream breaks and it has to begin anew
};

class HollowNode;

class World {
 public:
  explicit World(uint64_t seed = 1, Faults faults = {});
  ~World();

  controllers::Settings settings;  // of the controllers; before they start
  // Controllers by name ("replicaset-controller"); none: all that are on by default. Once, after what the test wants to be there beforehand.
  void start_controllers(std::vector<std::string_view> names = {});
  // With the default profile, or as a KubeSchedulerConfiguration says. May come before or after the controllers.
  void start_scheduler(std::string_view config = {});
  scheduler::Scheduler& running_scheduler() { return *scheduler_; }
  // A Ready node whose pods start after `start_us`, become ready, and end when they are deleted. Pods whose container command is
  // ["exit", "N"] end by themselves with that code after a second.
  void add_node(std::string_view name, int64_t start_us = 300'000);
  void stop_node(std::string_view name);  // silent from now on, as after a power cut

  // As an administrator, and never refused by a fault. Trees are YAML; several documents make several objects.
  std::vector<schema::ObjectRef> apply(std::string_view yaml);
  client::Api& api() { return *admin_; }
  schema::ObjectRef get(std::string_view group, std::string_view resource, std::string_view name_space, std::string_view name);
  std::vector<schema::ObjectRef> list(std::string_view group, std::string_view resource, std::string_view name_space = {});

  VirtualTime& time() { return time_; }
  // Until `done`, at most so much virtual time.
  bool run_until(const std::function<bool()>& done, int64_t seconds = 600) { return time_.run_until(done, seconds * 1'000'000); }
  void run_for(int64_t seconds) { time_.run_for(seconds * 1'000'000); }

  apiserver::ApiServer& server() { return *server_; }
  client::Informers& informers() { return *informers_; }
  // A client with an identity of its own, to which faults do happen.
  std::unique_ptr<client::Api> connect(client::Identity identity);
  Random& random() { return random_; }

 private:
  void break_watches();

  const Faults faults_;
  SeededRandom random_;
  VirtualTime time_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<apiserver::ApiServer> server_;
  std::unique_ptr<client::Api> admin_;
  std::unique_ptr<client::Informers> informers_;
  std::unique_ptr<controllers::Frame> frame_;
  std::unique_ptr<scheduler::Scheduler> scheduler_;
  std::vector<std::unique_ptr<HollowNode>> nodes_;
};

}  // namespace sampan::simulate
