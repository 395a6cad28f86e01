// A real etcd for tests: started on loopback over a directory of its own, stopped and started again when asked.
#pragma once
#include <sys/types.h>

#include <memory>
#include <string>

#include "store/testing.h"

namespace sampan::store {

class EtcdServer {
 public:
  // Null: etcd is not installed. `tls` names a directory with ca.crt, server.crt and server.key; clients must then have
  // a certificate of that CA.
  static std::unique_ptr<EtcdServer> start(std::string tls = "");
  ~EtcdServer();
  void stop();
  void start_again();
  std::string endpoint() const;

 private:
  TemporaryDirectory directory_;
  std::string tls_;
  int port_ = 0, peer_port_ = 0;
  pid_t process_ = -1;
};

}  // namespace sampan::store
