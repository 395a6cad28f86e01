// Images for containers: found on the node or pulled, one pull at a time, with a back-off for what failed.
#pragma once
#include <condition_variable>
#include <set>

#include "kubelet/back_off.h"
#include "kubelet/image_names.h"
#include "kubelet/recorder.h"
#include "kubelet/report.h"
#include "kubelet/workers.h"

namespace sampan {
class Clock;
}

namespace sampan::kubelet {

struct ImageNeed {
  const core_v1::Pod& pod;
  const ContainerSpec& spec;     // whose events tell of it
  std::string_view image, policy;  // as the spec names them
  const Keyring& keyring;
  const SandboxConfig& sandbox;
  std::function<bool()> given_up;  // nobody waits any more
};

class Images {
 public:
  Images(Runtime& runtime, Recorder& recorder, Workers& workers, Clock& clock);
  ~Images();

  // Blocks until the image is there. Otherwise `why` says what the container waits for, and `retry_at` (microseconds, wall clock) when to try again.
  std::optional<Image> ensure(const ImageNeed& need, StartFailure& why, int64_t& retry_at);
  // To be called when the answer of a `given_up` may have changed.
  void wake();
  // The pod is gone.
  void forget(const std::string& uid);
  // When an image was last used by a container that started: 0 if never seen.
  std::map<std::string, int64_t> last_used() const;
  void used(const std::string& image_id);

 private:
  struct Pull;
  std::optional<Image> pull(const ImageNeed& need, const std::string& name, StartFailure& why, int64_t& retry_at);
  void run(const std::shared_ptr<Pull>& pull);

  Runtime& runtime_;
  Recorder& recorder_;
  Workers& workers_;
  Clock& clock_;
  BackOff back_off_;
  mutable std::mutex mutex_;
  std::condition_variable done_;
  std::mutex one_at_a_time_;
  struct Failed {
    int64_t at = 0;
    std::string text;  // what is shown while it backs off
  };
  std::map<std::string, Failed> failed_;  // by the back-off's key
  std::map<std::string, int64_t> used_;
  unsigned running_ = 0;
};

}  // namespace sampan::kubelet
