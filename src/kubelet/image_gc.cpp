// See image_gc.h.
#include "kubelet/image_gc.h"

#include <algorithm>

#include "base/log.h"
#include "base/text.h"
#include "kubelet/machine.h"

namespace sampan::kubelet {

std::vector<Image> images_to_remove(const std::vector<Image>& images, const std::set<std::string>& in_use, const std::map<std::string, int64_t>& first_seen,
                                    const std::map<std::string, int64_t>& last_used, int64_t now_us, uint64_t bytes, int64_t age_min_us) {
  auto at = [](const std::map<std::string, int64_t>& map, const std::string& id) {
    auto found = map.find(id);
    return found == map.end() ? int64_t{0} : found->second;
  };
  std::vector<const Image*> may_go;
  for (auto& image : images) {
    bool used = in_use.contains(image.id) || std::ranges::any_of(image.tags, [&](auto& tag) { return in_use.contains(tag); }) ||
                std::ranges::any_of(image.digests, [&](auto& digest) { return in_use.contains(digest); });
    bool is_new = now_us - at(first_seen, image.id) < age_min_us || now_us - at(last_used, image.id) < age_min_us;
    if (!used && !is_new && !image.pinned) may_go.push_back(&image);
  }
  std::ranges::stable_sort(may_go, [&](auto a, auto b) {
    return std::pair(at(last_used, a->id), at(first_seen, a->id)) < std::pair(at(last_used, b->id), at(first_seen, b->id));
  });
  std::vector<Image> out;
  for (uint64_t freed = 0; auto image : may_go) {
    if (freed >= bytes) break;
    out.push_back(*image);
    freed += image->size;
  }
  return out;
}

Result<uint64_t> ImageGc::run(bool everything) {
  auto filesystems = TRY(runtime_.image_filesystems());
  if (filesystems.empty()) return 0;
  auto space = space_of(filesystems.front().mount_point);
  if (!space || space->capacity == 0) {
    recorder_.node(EventType::Warning, "InvalidDiskCapacity", "invalid capacity 0 on image filesystem");
    return 0;
  }
  auto now = clock_.now_us();
  auto images = TRY(runtime_.images());
  std::map<std::string, int64_t> seen;
  for (auto& image : images) seen[image.id] = first_seen_.contains(image.id) ? first_seen_[image.id] : now;
  first_seen_ = std::move(seen);
  auto used_percent = 100 - space->available * 100 / space->capacity;
  if (!everything && used_percent < static_cast<uint64_t>(options_.high_percent)) return 0;

  std::set<std::string> in_use;
  for (auto& container : TRY(runtime_.containers({}))) in_use.insert({container.image, container.image_ref, container.image_id});
  in_use.erase("");
  in_use.insert(options_.keep.begin(), options_.keep.end());
  for (auto& image : images)  // what sandboxes are made of is in no container
    for (auto& tag : image.tags)
      if (tag.find("/pause:") != std::string::npos) in_use.insert(tag);
  uint64_t wanted = everything ? UINT64_MAX : space->capacity * static_cast<uint64_t>(100 - options_.low_percent) / 100 - space->available;
  uint64_t freed = 0;
  for (auto& image : images_to_remove(images, in_use, first_seen_, images_.last_used(), now, wanted, options_.age_min_us)) {
    if (auto removed = runtime_.remove_image(image.id); !removed) {
      LOG_WARNING("the image ", image.id, " cannot be removed: ", removed.error().message());
      continue;
    }
    freed += image.size;
  }
  if (!everything && freed < wanted)
    recorder_.node(EventType::Warning, "FreeDiskSpaceFailed",
                   concat("Failed to garbage collect required amount of images. Attempted to free ", wanted, " bytes, but only found ", freed, " bytes eligible to free."));
  return freed;
}

}  // namespace sampan::kubelet
