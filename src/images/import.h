// Brings the images of an archive into containerd. What is there already, by digest, is not written again; names come last, when all that they stand for is there.
#pragma once
#include <string>
#include <vector>

#include "images/bytes.h"
#include "images/containerd/client.h"

namespace sampan::images {

struct ImportProgress {
  uint64_t bytes = 0, bytes_all = 0;  // that had to be written
  size_t layers = 0, layers_all = 0;  // that had to be unpacked
};

struct ImportOptions {
  std::string name;  // for the archive's only image, instead of what the archive says
  std::function<void(const ImportProgress&)> progress;  // called by one thread at a time
};

struct ImportedImage {
  std::string name, digest;
  bool was_there = false;  // with all that belongs to it
};
struct Imported {
  std::vector<ImportedImage> images;
  std::vector<std::string> skipped;  // what the archive holds beside them, and why it is not for this machine
  uint64_t bytes_written = 0;
  size_t layers_unpacked = 0;
};

Result<Imported> import_archive(Containerd& containerd, const Bytes& archive, const ImportOptions& options);

}  // namespace sampan::images
