// Cluster on the API. In the API server's process every object is at hand; over the network an agent may only get the very objects its pods name, so
// those are asked for one by one and kept for a while.
#pragma once
#include <map>
#include <mutex>

#include "base/environment.h"
#include "client/api.h"
#include "client/informer.h"
#include "kubelet/cluster.h"

namespace sampan::kubelet {

class ApiCluster : public Cluster {
 public:
  // `caches` null: objects are got one by one, and those older than `keep_us` anew.
  ApiCluster(client::Api& api, client::Informers* caches, Clock& clock, int64_t keep_us = 60'000'000);

  Result<schema::ObjectRef> get(std::string_view group_version, std::string_view resource, std::string_view namespace_, std::string_view name) override;
  Result<ServiceAccountToken> service_account_token(const TokenRequest& request) override;
  void on_change(std::function<void(std::string_view, std::string_view, std::string_view)> changed) override;
  bool is_watched() const { return caches_ != nullptr; }

 private:
  Result<schema::ObjectRef> get_kept(const schema::Resource& resource, std::string_view namespace_, std::string_view name);
  client::Informer* informer(const schema::Resource& resource);

  client::Api& api_;
  client::Informers* const caches_;
  Clock& clock_;
  const int64_t keep_us_;
  std::mutex mutex_;
  struct Kept {
    schema::ObjectRef object;
    int64_t got_at = 0, used_at = 0;
  };
  std::map<std::string, Kept, std::less<>> kept_;
  std::map<const schema::Resource*, client::Informer*> informers_;
  std::function<void(std::string_view, std::string_view, std::string_view)> changed_;
  std::vector<client::Subscription> subscriptions_;  // the last to be made, the first to go
};

}  // namespace sampan::kubelet
