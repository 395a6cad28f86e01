// Tells the API server the statuses of pods: the newest of each, no change twice, none lost. Removes the object of a pod that is deleted and of which
// nothing is left on the node.
#pragma once
#include <functional>
#include <map>
#include <mutex>

#include "client/api.h"
#include "client/work_queue.h"
#include "kubelet/containers.h"
#include "schema/object.h"

namespace sampan::kubelet {

class StatusWriter {
 public:
  // Of a pod that came from the API server: whether its object is still there; of a static one: whether its mirror is. May be older than the API server, but no
  // pod that was gone comes back; a mirror that does is told by another put().
  using IsThere = std::function<bool(const core_v1::Pod& pod)>;
  StatusWriter(client::Api& api, Clock& clock, Executor& executor, IsThere is_there);
  // As Parts::publish.
  void put(const schema::ObjectRef& pod, const schema::ObjectRef& wanted, bool finished);
  void forget(const std::string& uid);  // the object is gone
  size_t size() const;                  // pods that are remembered

 private:
  struct Entry {
    schema::ObjectRef pod;
    bool finished = false;
    uint64_t version = 0, written = 0;  // of the entry; what the API server has
    int64_t written_revision = 0;       // the object as we last wrote it
  };
  void write(const std::string& uid);
  Result<void> tell(const std::string& uid, const Entry& entry, int64_t& revision);

  client::Api& api_;
  const IsThere is_there_;
  mutable std::mutex mutex_;
  std::map<std::string, Entry> entries_;
  client::WorkQueue queue_;
};

// What the API server holds, with the agent's part of the status put in: conditions and fields that others write stay as they are.
void merge_status(const schema::Object& current, const schema::Object& told, schema::Value tree, Arena& arena);

}  // namespace sampan::kubelet
