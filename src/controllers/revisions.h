// Controller revisions: the templates that a stateful set or a daemon set has had, so that its pods can be told apart and it can be rolled back.
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "controllers/controller.h"
#include "controllers/owners.h"

namespace sampan::controllers {

inline constexpr std::string_view kRevisionHash = "controller-revision-hash";          // on pods
inline constexpr std::string_view kRevisionDataHash = "controller.kubernetes.io/hash";  // on revisions of stateful sets

// A revision's data: a strategic merge patch that puts the template in place, to the byte as upstream writes it.
std::string revision_data(const schema::AnyView& pod_template);
// The template in a revision, as an object of its own; an error if the data are of another kind.
Result<ObjectRef> revision_template(const Object& revision);

int64_t revision_number(const Object& revision);
void sort_revisions(Objects& revisions);  // the oldest first
// "web-5d4f8c7b9"
std::string revision_name(std::string_view owner, std::string_view hash);
// The hash in the names of stateful sets' revisions.
std::string revision_data_hash(std::string_view data, int32_t collisions);

// A revision to be created. `labels_from` is the template; strings point into it and into `data`.
Value new_revision(const OwnerKind& kind, const Object& owner, std::string_view name, std::string_view data, int64_t number, Arena& arena);
Result<ObjectRef> renumber_revision(client::Api& api, const ObjectRef& revision, int64_t number);

}  // namespace sampan::controllers
