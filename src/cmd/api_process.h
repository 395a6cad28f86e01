// The API server of this process: store, certificates, chain and listener, made from its options and taken down in order.
#pragma once
#include <memory>

#include "apiserver/server.h"
#include "cmd/apiserver_options.h"

namespace sampan::cmd {

class ApiProcess {
 public:
  // Serves when it returns.
  static Result<std::unique_ptr<ApiProcess>> start(const ApiserverOptions& options);
  virtual ~ApiProcess() = default;
  virtual apiserver::ApiServer& server() = 0;
  virtual const std::string& authority_pem() = 0;  // the CA that clients are known by and that signed the serving certificate
  // Says that it leaves, waits for those who have to hear of it, lets requests finish.
  virtual void stop() = 0;
};

}  // namespace sampan::cmd
