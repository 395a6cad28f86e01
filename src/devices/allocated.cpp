#include "devices/allocated.h"

#include "base/text.h"

namespace sampan::devices {

void Allocated::add(const AnyView& allocation) {
  auto results = allocation["devices"]["results"];
  for (uint32_t i = 0; i < results.size(); i++) {
    auto result = results.item(i);
    if (auto admin = result["adminAccess"]; admin.present() && admin.as_bool()) continue;
    auto id = concat(result["driver"].as_string(), "/", result["pool"].as_string(), "/", result["device"].as_string());
    if (!result["shareID"].present()) {
      whole.insert(std::move(id));
      continue;
    }
    if (auto consumed = result["consumedCapacity"]; consumed.present()) {
      Capacity more;
      for (uint32_t j = 0; j < consumed.size(); j++) more[std::string(consumed.key(j))] = Quantity::stored(consumed.value(j).as_string());
      devices::add(capacity[id], more);
    }
    shared.insert(std::move(id));
  }
}

}  // namespace sampan::devices
