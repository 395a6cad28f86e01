// What an archive of images would bring in: found by reading its documents and none of its layers. Made of OCI image layouts and of what `docker save` writes.
#pragma once
#include <map>
#include <set>
#include <string>
#include <vector>

#include "images/bytes.h"
#include "images/documents.h"

namespace sampan::images {


struct Blob {
  Descriptor descriptor;
  Labels labels;  // what it refers to, so that the runtime's garbage collection keeps that too
  std::string file;  // its name in the archive
  // Documents are here, layers in the archive; a layer that the archive has not may be in the runtime already.
  std::string document;
  uint64_t offset = 0;
  bool is_document = false, in_archive = true;
};

struct PlannedImage {
  std::vector<std::string> names;  // canonical
  Descriptor target;               // an index or a manifest
  std::string config;              // digest
  std::vector<std::string> layers, diff_ids;  // of this machine's platform, lowest first
  std::vector<std::string> blobs;  // digests of all that it needs
};

struct Plan {
  std::map<std::string, Blob> blobs;  // by digest
  std::vector<PlannedImage> images;
  std::vector<std::string> skipped;  // "docker.io/library/x:1 is for linux/arm64"
};

// `name`: what the archive's only image is to be called, instead of what the archive says; "" is what the archive says.
Result<Plan> plan_import(const Bytes& archive, const std::string& name);

// "sha256:..." of a layer on top of others: how snapshots are named.
std::string chain_id(std::string_view parent, std::string_view diff_id);

}  // namespace sampan::images
