// When a webhook is asked about rights at all: conditions in CEL on the SubjectAccessReview that it would get.
#pragma once
#include "apiserver/identity.h"
#include "cel/program.h"
#include "schema/value.h"

namespace sampan::apiserver {

// Of --authorization-config: `request` is the review's spec, and the value must be a bool.
cel::Program match_condition(std::string text);

class MatchConditions {
 public:
  explicit MatchConditions(std::vector<cel::Program> conditions) : conditions_(std::move(conditions)) {}

  bool empty() const { return conditions_.empty(); }
  enum class Outcome : uint8_t { Met, Excluded, Failed };
  // All of them must be true; one that is false decides, whatever else fails. `error` tells of those that failed.
  Outcome judge(const User& user, const RequestInfo& request, std::string& error) const;

 private:
  std::vector<cel::Program> conditions_;  // all of them good
};

}  // namespace sampan::apiserver
