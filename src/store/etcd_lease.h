// Leases for keys that expire. As kube-apiserver does, one lease serves all keys that are written within a short while:
// etcd keeps a lease dear, and events come by the thousand.
#pragma once
#include <mutex>

#include "store/etcd_rpc.h"

namespace sampan::store {

class EtcdLeases {
 public:
  EtcdLeases(EtcdRpc& rpc, Clock& clock) : rpc_(rpc), clock_(clock) {}
  Result<int64_t> lease_for(int64_t ttl_seconds);

 private:
  EtcdRpc& rpc_;
  Clock& clock_;
  std::mutex mutex_;  // guards everything below; held over the grant, so that many writers share it
  int64_t id_ = 0;
  int64_t expires_us_ = 0;
  int keys_ = 0;
};

}  // namespace sampan::store
