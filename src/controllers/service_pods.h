// What the controllers of endpoints and of endpoint slices share: which pods a service has, and what they say of a pod.
#pragma once
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "controllers/controller.h"
#include "controllers/endpoint_slices.h"
#include "controllers/tree.h"

namespace sampan::controllers {

// Services are the keys: their own changes, and those of their pods that a client of the service could notice.
struct ServiceInformers {
  Informer* services = nullptr;
  Informer* pods = nullptr;
  void watch(Watches& watches);
  std::vector<ObjectRef> pods_of(const Object& service) const;
};

// A pod that has an address and has not ended.
bool belongs_in_endpoints(const Object& pod, bool even_if_deleting);
bool is_pod_ready(const Object& pod);
// The port of the pod that the service's port means; <0 if it has none of that name.
int find_port(const Object& pod, const schema::AnyView& service_port);
bool shows_host_name(const Object& pod, const Object& service);
// The pod's addresses of one family, in canonical text.
std::vector<std::string> addresses_of(const Object& pod, bool v6);
bool is_v6(std::string_view address);
bool has_cluster_ip(const Object& service);
// A service with a selector, whose endpoints follow its pods.
bool selects_pods(const Object& service);
TargetReference reference_to(const Object& pod);
// A prefix for the names of its slices.
std::string slice_name_prefix(std::string_view service);

// When the change happened that the next write of a service's endpoints is about: what latencies are measured from.
class TriggerTimes {
 public:
  // Seconds since 1970, 0 if nothing new happened.
  int64_t next(const Object& service, const std::vector<ObjectRef>& pods);
  void forget(std::string_view service_key);

 private:
  struct State {
    int64_t service = 0;
    std::map<std::string, int64_t> pods;
  };
  std::mutex mutex_;
  std::map<std::string, State, std::less<>> states_;
};

}  // namespace sampan::controllers
