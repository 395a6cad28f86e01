#include "cmd/certificate_rotation.h"

#include "base/environment.h"
#include "base/log.h"
#include "base/text.h"
#include "base/watchman.h"
#include "cluster/renewal.h"

namespace sampan::cmd {

namespace {

constexpr int64_t kPause_us = 3'600'000'000;

class Rotation final : public CertificateRotation {
 public:
  Rotation(std::string folder, std::vector<std::string> kubeconfigs) : folder_(std::move(folder)), kubeconfigs_(std::move(kubeconfigs)) {
    watchman_.start();
  }

 private:
  int64_t renew() {
    auto renewed = cluster::renew_certificates(folder_, {.only_due = true, .kubeconfigs = kubeconfigs_}, real_clock().now_us() / 1'000'000);
    if (!renewed) LOG_ERROR("renew certificates: ", renewed.error().message());
    if (renewed && !renewed->empty()) LOG_INFO("renewed certificates: ", join(*renewed, ", "));
    return kPause_us;
  }

  const std::string folder_;
  const std::vector<std::string> kubeconfigs_;
  Watchman watchman_{[this](bool) { return renew(); }};
};

}  // namespace

std::unique_ptr<CertificateRotation> CertificateRotation::start(std::string folder, std::vector<std::string> kubeconfigs) {
  return std::make_unique<Rotation>(std::move(folder), std::move(kubeconfigs));
}

}  // namespace sampan::cmd
