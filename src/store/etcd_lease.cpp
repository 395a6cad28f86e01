// Sharing of leases; see the header.
#include "store/etcd_lease.h"

#include "store/etcd.pb.h"

namespace sampan::store {

namespace {
// A key may live longer than asked for by this much: a twentieth, at most a minute (kube-apiserver's figures).
constexpr int64_t kExtraPart = 20;
constexpr int64_t kExtraSecondsMax = 60;
constexpr int kKeysMax = 1000;  // on one lease: its end deletes them all in one step
}  // namespace

Result<int64_t> EtcdLeases::lease_for(int64_t ttl_seconds) {
  std::lock_guard lock(mutex_);
  auto extra = std::min(ttl_seconds / kExtraPart, kExtraSecondsMax);
  auto now = clock_.monotonic_us();
  auto earliest = now + ttl_seconds * 1'000'000;
  auto latest = earliest + extra * 1'000'000;
  if (id_ != 0 && earliest < expires_us_ && expires_us_ < latest && keys_ < kKeysMax) {
    keys_++;
    return id_;
  }
  etcdserverpb::LeaseGrantRequest request;
  request.set_ttl(ttl_seconds + extra);
  etcdserverpb::LeaseGrantResponse response;
  TRY(rpc_.grant(request, response));
  id_ = response.id();
  expires_us_ = latest;
  keys_ = 1;
  return id_;
}

}  // namespace sampan::store
