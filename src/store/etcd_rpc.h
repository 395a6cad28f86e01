// The calls to etcd, without a word of gRPC: only etcd_rpc.cpp includes its headers. Chooses an endpoint that answers,
// and another one when it no longer does.
#pragma once
#include <memory>

#include "store/etcd.h"

namespace etcdserverpb {
class RangeRequest;
class RangeResponse;
class TxnRequest;
class TxnResponse;
class CompactionRequest;
class LeaseGrantRequest;
class LeaseGrantResponse;
class StatusResponse;
class WatchRequest;
class WatchResponse;
}  // namespace etcdserverpb

namespace sampan::store {

class EtcdWatchStream {
 public:
  virtual ~EtcdWatchStream() = default;
  virtual bool write(const etcdserverpb::WatchRequest& request) = 0;  // one thread at a time
  virtual bool read(etcdserverpb::WatchResponse& response) = 0;       // one thread at a time; false: it is over
  virtual void cancel() = 0;                                          // by any thread; read() then ends
};

class EtcdRpc {
 public:
  virtual ~EtcdRpc() = default;
  static Result<std::unique_ptr<EtcdRpc>> connect(const EtcdOptions& options);

  // Reads are tried at every endpoint; a write that failed may have been done, so it is never repeated.
  virtual Result<void> range(const etcdserverpb::RangeRequest& request, etcdserverpb::RangeResponse& response) = 0;
  virtual Result<void> txn(const etcdserverpb::TxnRequest& request, etcdserverpb::TxnResponse& response) = 0;
  virtual Result<void> compact(const etcdserverpb::CompactionRequest& request) = 0;
  virtual Result<void> grant(const etcdserverpb::LeaseGrantRequest& request,
                             etcdserverpb::LeaseGrantResponse& response) = 0;
  virtual Result<void> status(etcdserverpb::StatusResponse& response) = 0;
  virtual Result<void> snapshot(const std::function<bool(std::string_view)>& sink) = 0;
  virtual Result<std::unique_ptr<EtcdWatchStream>> watch() = 0;
};

}  // namespace sampan::store
