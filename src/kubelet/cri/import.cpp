#include "kubelet/cri/import.h"

#include <unistd.h>

#include "base/text.h"
#include "kubelet/cri/client.h"

namespace sampan::kubelet {

namespace {

constexpr int kLooks = 1000, kLookEveryUs = 10'000;

Result<void> wait_for(Runtime& runtime, const std::string& name) {
  for (int looks = 0; looks < kLooks; looks++) {
    if (TRY(runtime.image(name))) return {};
    ::usleep(kLookEveryUs);
  }
  return fail(Error(Reason::Timeout, concat("the container runtime has image ", name, " and does not offer it to pods")));
}

}  // namespace

Result<images::Imported> import_images(const std::string& socket, const images::Bytes& archive, const images::ImportOptions& options) {
  auto imported = TRY(images::import_archive(*images::connect_containerd(socket), archive, options));
  auto runtime = TRY(connect_cri({.endpoint = concat("unix://", socket)}));
  for (const auto& image : imported.images)
    if (!image.was_there) TRY(wait_for(*runtime, image.name));
  return imported;
}

}  // namespace sampan::kubelet
