// Decisions of the replica set and replication controller controllers.
#pragma once
#include <span>

#include "controllers/pods.h"

namespace sampan::controllers {

struct ReplicaPlan {
  int create = 0;
  Objects remove;
};

// At most a burst of changes. `related` are the pods of all replica sets of the same deployment: of two pods of equal worth the one goes whose node
// has more of them.
ReplicaPlan plan_replicas(int32_t wanted, const Objects& active, std::span<const schema::ObjectRef> related, int64_t now_us);

}  // namespace sampan::controllers
