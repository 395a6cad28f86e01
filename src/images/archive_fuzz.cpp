// Any bytes as an archive: a plan or an error. With a first byte of its own, the documents alone, which digests would keep from being reached.
#include "images/documents.h"
#include "images/plan.h"
#include "images/reference.h"

using namespace sampan;
using namespace sampan::images;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (bytes.starts_with('\1')) {
    auto text = bytes.substr(1);
    (void)parse_index(text);
    (void)parse_manifest(text);
    (void)parse_config(text);
    (void)parse_saved_images(text);
    (void)check_layout_version(text);
    (void)canonical_name(text);
    return 0;
  }
  auto plan = plan_import(MemoryBytes(bytes), "");
  if (!plan) return 0;
  for (const auto& [digest, blob] : plan->blobs) {
    bool within = blob.is_document || !blob.in_archive || blob.offset + static_cast<uint64_t>(blob.descriptor.size) <= size;
    if (!is_digest(digest) || !within) __builtin_trap();
  }
  return 0;
}
