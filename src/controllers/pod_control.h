// Making and removing pods for a controller, with the events that tell of it.
#pragma once
#include <functional>
#include <optional>
#include <string_view>

#include "controllers/controller.h"
#include "controllers/owners.h"

namespace sampan::controllers {

// The error says that nothing can be made in a namespace that is going away: no reason to complain or to try again.
bool is_namespace_terminating(const Error& error);

// A pod as the template says, owned by `owner`, named by the server. Strings of the tree point into the template.
Value pod_from_template(const OwnerKind& kind, const Object& owner, const schema::AnyView& pod_template, Arena& arena);

class PodControl {
 public:
  PodControl(Environment& environment, const OwnerKind& kind, const Object& owner)
      : environment_(environment), kind_(kind), owner_(owner) {}

  // `pod` is a tree as pod_from_template() makes it. The error is told as an event too.
  Result<ObjectRef> create(Value pod);
  // What is gone already is no error.
  Result<void> remove(const Object& pod);

 private:
  Environment& environment_;
  const OwnerKind& kind_;
  const Object& owner_;
};

// Runs `one` up to `count` times in batches of 1, 2, 4 ... and stops after a batch that had a failure, so that a hundred pods that a quota refuses are not a
// hundred refusals.
struct Batch {
  int succeeded = 0;
  std::optional<Error> error;  // the first
};
Batch slow_start(int count, const std::function<Result<void>(int index)>& one);

// How much at most is made or removed in one go.
inline constexpr int kBurst = 500;

// Rewrites the status of `object` as `change` says, where that makes a difference; returns the object as it then is. The status is there as a tree,
// made if it was missing.
Result<ObjectRef> write_status(client::Api& api, const client::Resource& resource, const ObjectRef& object,
                               const std::function<void(Value status, Arena& arena)>& change);

}  // namespace sampan::controllers
