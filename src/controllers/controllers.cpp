// One line a controller, in upstream's order of start. Each is a file of its own that defines its factory.
#include "controllers/controllers.h"

namespace sampan::controllers {

// Factories, one a file.

namespace {

const std::vector<Entry>& entries() {
  static const std::vector<Entry> list = {
      // name, service account, workers, factory[, on by default]
  };
  return list;
}

}  // namespace

std::span<const Entry> all_controllers() { return entries(); }

}  // namespace sampan::controllers
