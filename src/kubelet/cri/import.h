// Images for pods out of an archive.
#pragma once
#include "images/import.h"

namespace sampan::kubelet {

// Brings them into the containerd at `socket`, and returns when its CRI knows them: it hears of new images a moment after they are there, and until then
// a pod that wants one is told that nobody has it.
Result<images::Imported> import_images(const std::string& socket, const images::Bytes& archive, const images::ImportOptions& options = {});

}  // namespace sampan::kubelet
