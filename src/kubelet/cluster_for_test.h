// A cluster of just the objects a test puts into it.
#pragma once
#include <mutex>

#include "kubelet/cluster.h"
#include "kubelet/testing.h"

namespace sampan::kubelet {

class ClusterForTest : public Cluster {
 public:
  void put(std::string_view resource, const schema::Type& type, std::string_view yaml) {
    auto object = object_of(type, yaml);
    auto meta = (*object)["metadata"];
    std::lock_guard lock(mutex_);
    objects_[concat(resource, "/", meta["namespace"].as_string(), "/", meta["name"].as_string())] = object;
  }
  Result<schema::ObjectRef> get(std::string_view, std::string_view resource, std::string_view name_space, std::string_view name) override {
    std::lock_guard lock(mutex_);
    auto at = objects_.find(concat(resource, "/", name_space, "/", name));
    if (at == objects_.end()) return fail(not_found("", resource, name));
    return at->second;
  }
  Result<ServiceAccountToken> service_account_token(const TokenRequest& request) override {
    return ServiceAccountToken{concat("token-of-", request.service_account), 4'000'000'000};
  }
  void on_change(std::function<void(std::string_view, std::string_view, std::string_view)>) override {}

 private:
  std::mutex mutex_;
  std::map<std::string, schema::ObjectRef> objects_;
};

}  // namespace sampan::kubelet
