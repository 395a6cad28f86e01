// A node without containers: it says of its pods what a kubelet would say, after the time that it would take.
//
// A container whose command is ["exit", "N"] ends with that code a second after it started; all others run until their pod is deleted.
#pragma once
#include <memory>
#include <string>

#include "base/environment.h"
#include "client/api.h"
#include "client/informer.h"
#include "client/work_queue.h"

namespace sampan::simulate {

class HollowNode {
 public:
  HollowNode(std::string name, std::unique_ptr<client::Api> api, client::Informers& informers, Clock& clock, Executor& executor, int64_t start_us);
  const std::string& name() const { return name_; }
  void stop() { stopped_ = true; }

 private:
  void renew();                             // the lease, and the node's own object the first time
  void look_at(const std::string& key);     // one pod
  Result<void> start_pod(const schema::Object& pod);
  Result<void> end_pod(const schema::Object& pod);
  Result<void> register_node();
  schema::Value running_status(const schema::Object& pod, Arena& arena);
  schema::Value ended_status(const schema::Object& pod, int64_t started_us, Arena& arena);

  const std::string name_;
  std::unique_ptr<client::Api> api_;
  client::Informer* pods_;
  Clock& clock_;
  Executor& executor_;
  const int64_t start_us_;
  bool stopped_ = false;
  bool registered_ = false;
  unsigned addresses_ = 0;
  const unsigned number_;                   // of the node: its pods' addresses are 10.244.<number>.x
  client::WorkQueue queue_;
  client::Subscription subscription_;
};

}  // namespace sampan::simulate
