// Tokens of service accounts for pods, kept until it is time to renew them.
#pragma once
#include <map>
#include <mutex>
#include <string>
#include <tuple>

#include "base/environment.h"
#include "kubelet/cluster.h"

namespace sampan::kubelet {

class Tokens {
 public:
  Tokens(Cluster& cluster, Clock& clock) : cluster_(cluster), clock_(clock) {}

  struct Token {
    std::string text;
    int64_t renew_at = 0;  // microseconds, wall clock
  };
  // From what is kept, or newly asked for. One that cannot be renewed serves as long as it is valid.
  Result<Token> get(const TokenRequest& request);
  void forget(std::string_view pod_uid);

 private:
  using Key = std::tuple<std::string, std::string, int64_t>;  // service account, audience, life
  Cluster& cluster_;
  Clock& clock_;
  std::mutex mutex_;
  std::map<std::string, std::map<Key, ServiceAccountToken>, std::less<>> kept_;  // by the pod's uid
};

// In microseconds: after 80% of its life, or after a day.
int64_t renewal_time(const ServiceAccountToken& token, int64_t life_seconds);

}  // namespace sampan::kubelet
