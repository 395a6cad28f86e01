// A kubeconfig: which server, whom to trust, who we are. As much of it as components use: the current context, certificates and keys (in the file or beside it), tokens.
#pragma once
#include <string>

#include "base/status.h"
#include "net/client.h"

namespace sampan::client {

struct Kubeconfig {
  std::string server;  // "https://10.0.0.1:6443"
  std::string server_name;
  net::ClientTls tls;
  std::string token, token_file;  // the file is read again when it changes
  std::string name_space;
};

// `context` "" is the current one. Errors name the file and what is missing in it.
Result<Kubeconfig> load_kubeconfig(const std::string& path, std::string_view context = {});
// The service account of the pod that this process runs in.
Result<Kubeconfig> in_cluster_config();

}  // namespace sampan::client
