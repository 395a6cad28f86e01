// Where a node that joined a cluster keeps what makes it one, below its data directory.
#pragma once
#include <string>

namespace sampan::cmd {

struct NodeFiles {
  std::string data_dir;
  std::string authority() const { return data_dir + "/ca.crt"; }
  std::string bootstrap_kubeconfig() const { return data_dir + "/bootstrap.kubeconfig"; }  // with the token; gone once there is a credential
  std::string kubeconfig() const { return data_dir + "/kubelet.kubeconfig"; }
  std::string pki() const { return data_dir + "/pki"; }
};

}  // namespace sampan::cmd
