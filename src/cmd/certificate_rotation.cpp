#include "cmd/certificate_rotation.h"

#include <condition_variable>
#include <mutex>
#include <thread>

#include "base/environment.h"
#include "base/log.h"
#include "base/text.h"
#include "cluster/renewal.h"

namespace sampan::cmd {

namespace {

constexpr auto kPause = std::chrono::hours(1);

class Rotation final : public CertificateRotation {
 public:
  Rotation(std::string folder, std::vector<std::string> kubeconfigs) : folder_(std::move(folder)), kubeconfigs_(std::move(kubeconfigs)) {
    thread_ = std::thread([this] { run(); });
  }
  ~Rotation() override {
    {
      std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    stop_.notify_all();
    thread_.join();
  }

 private:
  void run() {
    std::unique_lock lock(mutex_);
    do renew();
    while (!stop_.wait_for(lock, kPause, [&] { return stopping_; }));
  }

  void renew() {
    auto renewed = cluster::renew_certificates(folder_, {.only_due = true, .kubeconfigs = kubeconfigs_}, real_clock().now_us() / 1'000'000);
    if (!renewed) LOG_ERROR("renew certificates: ", renewed.error().message());
    if (renewed && !renewed->empty()) LOG_INFO("renewed certificates: ", join(*renewed, ", "));
  }

  const std::string folder_;
  const std::vector<std::string> kubeconfigs_;
  std::mutex mutex_;
  std::condition_variable stop_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace

std::unique_ptr<CertificateRotation> CertificateRotation::start(std::string folder, std::vector<std::string> kubeconfigs) {
  return std::make_unique<Rotation>(std::move(folder), std::move(kubeconfigs));
}

}  // namespace sampan::cmd
