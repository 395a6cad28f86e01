// See images.h.
#include "kubelet/images.h"

#include "base/encoding.h"
#include "base/environment.h"
#include "base/text.h"

namespace sampan::kubelet {

namespace {

constexpr int64_t kSecond = 1'000'000;

// Go's durations, cut to milliseconds.
std::string duration(int64_t microseconds) {
  std::string out;
  append_duration(out, microseconds / 1000 * 1'000'000);
  return out;
}

}  // namespace

struct Images::Pull {
  std::string name;
  std::vector<RegistryCredentials> credentials;
  SandboxConfig sandbox;
  // under mutex_
  bool done = false;
  std::string id, error;
  int64_t took_us = 0;
};

Images::Images(Runtime& runtime, Recorder& recorder, Workers& workers, Clock& clock)
    : runtime_(runtime), recorder_(recorder), workers_(workers), clock_(clock), back_off_(10 * kSecond, 300 * kSecond) {}

Images::~Images() {
  std::unique_lock lock(mutex_);
  done_.wait(lock, [&] { return running_ == 0; });
}

std::optional<Image> Images::ensure(const ImageNeed& need, StartFailure& why, int64_t& retry_at) {
  auto tell = [&](EventType type, std::string_view reason, const std::string& message) { recorder_.container(need.pod, need.spec, type, reason, message); };
  auto refuse = [&](std::string_view reason, std::string_view event, std::string message) -> std::optional<Image> {
    tell(EventType::Warning, event, message);
    tell(EventType::Warning, "Failed", concat("Error: ", reason));
    why = {std::string(reason), std::move(message)};
    retry_at = clock_.now_us() + 10 * kSecond;
    return {};
  };
  auto name = full_image_name(need.image);
  if (!name)
    return refuse("InvalidImageName", "InspectFailed", concat("Failed to apply default image tag ", quoted(need.image), ": ", name.error().message()));
  if (need.policy != "Always") {
    auto found = runtime_.image(*name);
    if (!found) return refuse("ImageInspectError", "InspectFailed", concat("Failed to inspect image ", quoted(""), ": ", found.error().message()));
    if (*found) {
      tell(EventType::Normal, "Pulled", concat("Container image ", quoted(need.image), " already present on machine and can be accessed by the pod"));
      return **found;
    }
    if (need.policy == "Never")
      return refuse("ErrImageNeverPull", "ErrImageNeverPull", concat("Container image ", quoted(need.image), " is not present with pull policy of Never"));
  }
  return pull(need, *name, why, retry_at);
}

std::optional<Image> Images::pull(const ImageNeed& need, const std::string& name, StartFailure& why, int64_t& retry_at) {
  auto tell = [&](EventType type, std::string_view reason, const std::string& message) { recorder_.container(need.pod, need.spec, type, reason, message); };
  auto key = concat(need.pod.metadata().uid(), "_", need.image);
  auto now = clock_.now_us();
  {
    std::lock_guard lock(mutex_);
    auto failed = failed_.find(key);
    if (failed != failed_.end()) {
      if (auto until = back_off_.until(key, failed->second.at); until > now) {
        auto message = concat("Back-off pulling image ", quoted(need.image));
        tell(EventType::Normal, "BackOff", message);
        tell(EventType::Warning, "Failed", "Error: ImagePullBackOff");
        why = {"ImagePullBackOff", concat(message, ": ", failed->second.text)};
        retry_at = until;
        return {};
      }
      failed_.erase(failed);
    }
  }
  tell(EventType::Normal, "Pulling", concat("Pulling image ", quoted(need.image)));
  auto pull = std::make_shared<Pull>();
  pull->name = name;
  pull->credentials = need.keyring.find(name);
  pull->sandbox = need.sandbox;
  {
    std::unique_lock lock(mutex_);
    running_++;
    workers_.post([this, pull] { run(pull); });
    done_.wait(lock, [&] { return pull->done || need.given_up(); });
    if (!pull->done) {
      why = {"ErrImagePull", "pull cancelled: the pod is ending"};
      return {};
    }
  }
  if (pull->error.empty()) {
    auto image = runtime_.image(pull->id);
    if (image && !*image) image = runtime_.image(name);
    if (image && *image) {
      tell(EventType::Normal, "Pulled", concat("Successfully pulled image ", quoted(need.image), " in ", duration(pull->took_us), " (", duration(clock_.now_us() - now),
                                               " including waiting). Image size: ", (*image)->size, " bytes."));
      back_off_.forget(key);
      (*image)->id = pull->id;
      return **image;
    }
    pull->error = image ? concat("image ", quoted(name), " is not there after it was pulled") : image.error().message();
  }
  tell(EventType::Warning, "Failed", concat("Failed to pull image ", quoted(need.image), ": ", pull->error));
  tell(EventType::Warning, "Failed", "Error: ErrImagePull");
  auto failed_at = clock_.now_us();
  back_off_.next(key, failed_at, failed_at);
  retry_at = failed_at + 2 * kSecond;  // a look that shows that it backs off
  why = {"ErrImagePull", pull->error};
  std::lock_guard lock(mutex_);
  failed_[key] = {failed_at, concat("ErrImagePull: ", pull->error)};
  return {};
}

void Images::run(const std::shared_ptr<Pull>& pull) {
  std::string id, error;
  int64_t took = 0;
  {
    std::lock_guard turn(one_at_a_time_);
    auto started = clock_.now_us();
    std::vector<std::optional<RegistryCredentials>> tries(pull->credentials.begin(), pull->credentials.end());
    if (tries.empty()) tries.push_back({});
    for (auto& credentials : tries) {
      auto result = runtime_.pull(pull->name, credentials, pull->sandbox);
      if (result) {
        id = std::move(*result);
        error.clear();
        break;
      }
      error = result.error().message();
    }
    took = clock_.now_us() - started;
  }
  std::lock_guard lock(mutex_);
  pull->id = std::move(id), pull->error = std::move(error), pull->took_us = took;
  pull->done = true;
  running_--;
  done_.notify_all();
}

void Images::wake() {
  std::lock_guard lock(mutex_);
  done_.notify_all();
}

void Images::forget(const std::string& uid) {
  back_off_.forget_all_of(uid + "_");
  std::lock_guard lock(mutex_);
  std::erase_if(failed_, [&](auto& entry) { return entry.first.starts_with(uid + "_"); });
}

void Images::used(const std::string& image_id) {
  std::lock_guard lock(mutex_);
  used_[image_id] = clock_.now_us();
}

std::map<std::string, int64_t> Images::last_used() const {
  std::lock_guard lock(mutex_);
  return used_;
}

}  // namespace sampan::kubelet
