// Images that no container uses go when the disk they are on fills up: the ones that were used longest ago first.
#pragma once
#include "kubelet/pod_workers.h"

namespace sampan::kubelet {

struct ImageGcOptions {
  int high_percent = 85, low_percent = 80;  // of the disk
  int64_t age_min_us = 120'000'000;
  std::vector<std::string> keep;         // by name
};

// What may go to free `bytes`, in order. `first_seen` and `last_used` by image id, microseconds. Pinned images, those in use, and the pause image stay.
std::vector<Image> images_to_remove(const std::vector<Image>& images, const std::set<std::string>& in_use, const std::map<std::string, int64_t>& first_seen,
                                    const std::map<std::string, int64_t>& last_used, int64_t now_us, uint64_t bytes, int64_t age_min_us);

class ImageGc {
 public:
  ImageGc(Runtime& runtime, Images& images, Recorder& recorder, Clock& clock, ImageGcOptions options = {})
      : runtime_(runtime), images_(images), recorder_(recorder), clock_(clock), options_(options) {}
  // Removes what must go; with `everything` all that may. Gives how many bytes were freed.
  Result<uint64_t> run(bool everything = false);

 private:
  Runtime& runtime_;
  Images& images_;
  Recorder& recorder_;
  Clock& clock_;
  const ImageGcOptions options_;
  std::map<std::string, int64_t> first_seen_;
};

}  // namespace sampan::kubelet
