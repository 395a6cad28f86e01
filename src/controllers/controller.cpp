#include "controllers/controller.h"

#include "base/text.h"

namespace sampan::controllers {

Key Key::of(std::string_view text) {
  auto slash = text.find('/');
  if (slash == std::string_view::npos) return {{}, text};
  return {text.substr(0, slash), text.substr(slash + 1)};
}

std::string key_of(const Object& object) {
  auto metadata = object["metadata"];
  auto space = metadata["namespace"].as_string(), name = metadata["name"].as_string();
  return space.empty() ? std::string(name) : concat(space, "/", name);
}

Informer& Watches::each(std::string_view group, std::string_view resource) {
  return on(group, resource, [](const Change& change, const Enqueue& enqueue) { enqueue(key_of(change.any())); });
}

Informer& Watches::owned(std::string_view group, std::string_view resource, std::string_view owner_kind) {
  return on(group, resource, [kind = std::string(owner_kind)](const Change& change, const Enqueue& enqueue) {
    for (const ObjectRef* object : {&change.object, &change.previous}) {
      if (!*object) continue;
      auto metadata = (**object)["metadata"];
      auto owners = metadata["ownerReferences"];
      for (uint32_t i = 0; i < owners.size(); i++) {
        auto owner = owners.item(i);
        if (!owner["controller"].as_bool() || owner["kind"].as_string() != kind) continue;
        auto space = metadata["namespace"].as_string();
        enqueue(space.empty() ? std::string(owner["name"].as_string()) : concat(space, "/", owner["name"].as_string()));
      }
    }
  });
}

Informer& Watches::read(std::string_view group, std::string_view resource) {
  return on(group, resource, nullptr);
}

}  // namespace sampan::controllers
