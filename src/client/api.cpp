#include "client/api.h"

#include "base/check.h"
#include "base/text.h"

namespace sampan::client {

const Resource& builtin(std::string_view group, std::string_view resource) {
  const Resource* found = nullptr;
  for (const auto& candidate : schema::builtin_resources()) {
    if (candidate.group != group || candidate.resource != resource) continue;
    auto stored = candidate.stored_as;
    auto version = stored.substr(stored.rfind('/') + 1);
    bool is_stored = stored.empty() || (candidate.version == version && (group.empty() || stored.substr(0, stored.rfind('/')) == group));
    if (is_stored) return candidate;
    if (!found) found = &candidate;
  }
  check(found != nullptr);
  return *found;
}

Result<ObjectRef> update_latest(Api& api, const Resource& resource, std::string_view name_space, std::string_view name, const Options& options,
                                const std::function<Result<bool>(const Object& current, Value tree)>& change) {
  constexpr int kTries = 10;
  for (int tries = 1;; tries++) {
    auto current = TRY(api.get(resource, name_space, name));
    Arena arena;
    Value tree = schema::thaw(*current, arena);
    if (!TRY(change(*current, tree))) return current;
    auto written = api.update(resource, tree, options);
    if (written || !written.error().is(Reason::Conflict) || tries == kTries) return written;
  }
}

}  // namespace sampan::client
