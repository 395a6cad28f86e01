// The JSON documents that describe images (OCI's, and Docker's older ones, which are alike), as far as an import needs them.
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/status.h"
#include "images/platform.h"

namespace sampan::images {

inline constexpr int64_t kDocumentBytesMax = 8 << 20;  // containerd reads no larger ones

using Labels = std::map<std::string, std::string>;

struct Descriptor {
  std::string media_type, digest;
  int64_t size = 0;
  Labels annotations;
  Platform platform;
};

struct Index {
  std::vector<Descriptor> manifests;
};
struct Manifest {
  Descriptor config;
  std::vector<Descriptor> layers;
};
struct Config {
  Platform platform;
  std::vector<std::string> diff_ids;  // of the layers, unpacked
};
// One of `docker save`'s images.
struct SavedImage {
  std::string config;  // names in the archive
  std::vector<std::string> layers, tags;
};

Result<Index> parse_index(std::string_view text);
Result<Manifest> parse_manifest(std::string_view text);
Result<Config> parse_config(std::string_view text);
Result<std::vector<SavedImage>> parse_saved_images(std::string_view text);
Result<void> check_layout_version(std::string_view text);  // of the file oci-layout

bool is_index(const Descriptor& descriptor);
bool is_manifest(const Descriptor& descriptor);
bool is_digest(std::string_view text);  // "sha256:" and 64 digits
// What `docker save` leaves out; written as containerd's own import writes it, so that both make the same image of the same archive.
std::string docker_manifest(const Manifest& manifest);

}  // namespace sampan::images
