// All watches of an etcd store over one stream. When the stream breaks, each goes on at another endpoint from the
// revision after the last one it saw, so that nothing is lost or seen twice.
#pragma once
#include <condition_variable>
#include <thread>

#include "store/etcd_rpc.h"
#include "store/key_range.h"

namespace sampan::store {

class EtcdWatches {
 public:
  explicit EtcdWatches(EtcdRpc& rpc);
  ~EtcdWatches();  // every watch ends

  std::unique_ptr<Watch> add(KeyRange range, Revision from, std::shared_ptr<WatchSink> sink);
  void request_progress();

 private:
  struct Member;
  struct Shared;
  class Handle;

  void run();
  void serve(EtcdWatchStream& stream);
  std::shared_ptr<Member> find(int64_t id);
  void dispatch(const etcdserverpb::WatchResponse& response);
  void take(const std::shared_ptr<Member>& member, const etcdserverpb::WatchResponse& response);
  void progress(Revision revision);

  EtcdRpc& rpc_;
  std::shared_ptr<Shared> shared_;
  std::thread thread_;  // started by the first watch
};

}  // namespace sampan::store
