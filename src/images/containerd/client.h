// containerd as an import needs it: blobs, names, snapshots and leases of the namespace that Kubernetes' images are in. Each call blocks; several threads may
// call at once.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/status.h"
#include "images/bytes.h"
#include "images/documents.h"

namespace sampan::images {

struct Layer {
  Descriptor blob;
  std::string parent, diff_id, chain_id;
};

class Containerd {
 public:
  virtual ~Containerd() = default;

  // What is made from now on belongs to it, and is kept while it lives.
  virtual Result<void> begin_lease() = 0;
  // What exists and is to be kept too: "content" or "snapshots/overlayfs".
  virtual Result<void> lease(std::string_view type, const std::string& id) = 0;
  // `clean`: what nothing else keeps is gone when this returns; otherwise later.
  virtual Result<void> end_lease(bool clean) = 0;

  virtual Result<std::optional<Labels>> content_labels(const std::string& digest) = 0;  // nothing: it is not there
  virtual Result<void> label_content(const std::string& digest, const Labels& labels) = 0;
  // A blob that is at `offset` of `from`; where an earlier try ended, this goes on. It is there only if it has its digest. `wrote` hears how many more bytes are there.
  virtual Result<void> write_content(const Descriptor& blob, const Labels& labels, const Bytes& from, uint64_t offset, const std::function<void(uint64_t)>& wrote) = 0;

  virtual Result<std::optional<std::string>> image_target(const std::string& name) = 0;  // the digest
  virtual Result<void> put_image(const std::string& name, const Descriptor& target) = 0;

  virtual Result<bool> has_snapshot(const std::string& chain_id) = 0;
  virtual Result<void> unpack(const Layer& layer) = 0;
};

inline constexpr std::string_view kSnapshotter = "overlayfs";

// `socket` without a scheme. That somebody listens is found out by the first call.
std::unique_ptr<Containerd> connect_containerd(const std::string& socket);

}  // namespace sampan::images
