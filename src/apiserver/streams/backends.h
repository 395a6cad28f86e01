// The way to what runs behind the API server: kubelets, and the pods and services that are proxied to.
#pragma once
#include <set>

#include "net/relay.h"
#include "schema/object.h"

namespace sampan::apiserver {

struct BackendConfig {
  std::string kubelet_ca_file, kubelet_certificate_file, kubelet_key_file;  // without a CA, kubelets are not verified, as upstream
  std::vector<std::string> kubelet_address_types = {"Hostname", "InternalDNS", "InternalIP", "ExternalDNS", "ExternalIP"};
  uint16_t kubelet_port = 10250;  // where a node does not say
  unsigned threads_max = 1024;    // two for each session, one for each log that is read
};

class Backends {
 public:
  static Result<std::unique_ptr<Backends>> create(BackendConfig config);
  ~Backends();

  Result<net::Endpoint> kubelet_of(const schema::Object& node) const;
  net::Client& kubelets() { return *kubelets_; }
  net::Client& unverified_kubelets() { return *unverified_kubelets_; }
  net::Client& others() { return *others_; }  // pods and services: nobody vouches for their certificates
  net::ThreadSet& threads() { return threads_; }
  // For requests to a backend: cut when the server ends.
  std::shared_ptr<net::Cancellation> cancellation();
  void begin_shutdown();

 private:
  explicit Backends(BackendConfig config) : config_(std::move(config)), threads_(config_.threads_max) {}

  const BackendConfig config_;
  std::unique_ptr<net::Client> kubelets_, unverified_kubelets_, others_;
  std::mutex mutex_;  // guards the next two
  std::vector<std::weak_ptr<net::Cancellation>> running_;
  bool stopping_ = false;
  net::ThreadSet threads_;  // last: its destructor waits for whoever uses the rest
};

Error too_many_streams();
// Whether a user may be sent to this address: an IP of another machine or of a pod, never this machine's own, a link's or a group's
// (CVE-2020-8562).
bool may_be_dialled(std::string_view address);

}  // namespace sampan::apiserver
