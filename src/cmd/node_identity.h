// Who a node is to the API server: a client certificate that it asks for with a token, and asks for anew with itself before it ends.
#pragma once
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "base/environment.h"
#include "client/https.h"

namespace sampan::cmd {

std::string machine_name();  // as a node's

// PKI_DIR/kubelet-client-current.pem: certificate and key in one file, so that both change at once.
std::string node_credential(const std::string& pki_dir);
// Whether there is one, for this node, that is good for now.
bool has_credential(const std::string& pki_dir, const std::string& node_name);

// Asks for a certificate of the node, waits until it is approved and signed, and keeps it. `api` may ask: with a bootstrap token, or as the node itself.
Result<void> request_credential(client::Api& api, const std::string& pki_dir, const std::string& node_name, const std::function<bool(int64_t ms)>& pause);

// A kubeconfig of one user; `user_fields` are lines of YAML, such as those that name the credential.
std::string node_kubeconfig(std::string_view server, std::string_view authority_pem, std::string_view user_fields);
std::string credential_fields(const std::string& pki_dir);

// When a certificate is to be renewed: after 70 to 90 percent of its life, not all nodes at the same time.
int64_t renewal_time(int64_t from_s, int64_t until_s, Random& random);

// A thread that renews the credential in time. What is given outlives it.
class CredentialKeeper {
 public:
  CredentialKeeper(client::Api& api, std::string pki_dir, std::string node_name);
  ~CredentialKeeper();

 private:
  void keep();
  bool pause(int64_t ms);  // false: the end

  client::Api& api_;
  const std::string pki_dir_, node_name_;
  std::mutex mutex_;
  std::condition_variable stop_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace sampan::cmd
