// One of several copies of a component leads: it holds a lease and renews it. The others wait until nobody has renewed it for as long as it lasts.
#pragma once
#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>

#include "base/environment.h"
#include "client/api.h"

namespace sampan::client {

struct LeaderElectionOptions {
  std::string name_space = "kube-system", name;  // of the lease
  std::string identity;                          // of this copy, different from all others'
  // How long a lease lasts that nobody renews; after how long a leader that cannot renew it gives up; how often it is tried.
  int64_t lease_us = 15'000'000, renew_us = 10'000'000, retry_us = 2'000'000;
};
// "HOST_" and something that no other process has.
std::string leader_identity(Random& random);

class LeaderElection {
 public:
  LeaderElection(Api& api, Clock& clock, Random& random, LeaderElectionOptions options);

  // Asks once: takes the lease, or renews it. False: another one leads.
  Result<bool> try_once();
  // So that another one need not wait. Nothing happens to a lease that is not ours.
  Result<void> release();

  // Both block. acquire: until we lead (true), or stop(). keep: until the lease is lost (false), or stop().
  bool acquire();
  bool keep();
  void stop();

 private:
  bool pause(int64_t us);  // false: stop()
  Result<bool> take(const Object* current);
  bool is_ours(const Object& lease) const;

  Api& api_;
  Clock& clock_;
  Random& random_;
  const LeaderElectionOptions options_;
  // Another one's clock is not trusted: what counts is when a renewal was seen here.
  std::string seen_;
  int64_t seen_at_us_ = 0;
  std::mutex mutex_;
  std::condition_variable stopped_;
  bool stopping_ = false;
};

}  // namespace sampan::client
