// A MutatingAdmissionPolicy made ready: how it changes an object.
#pragma once
#include "apiserver/admission/policies/policy.h"

namespace sampan::apiserver {

class MutatingPolicy : public Policy {
 public:
  explicit MutatingPolicy(const schema::Object& object);

  struct Mutation {
    cel::Program program;
    bool is_patch;  // a list of JSONPatch; else an Object to be merged
  };
  const std::vector<Mutation>& mutations() const { return mutations_; }
  bool looks_again = false;

  // The object as it is to be, still to be held against its type. `inputs` tells of the object as it is. The error is told to the client.
  std::expected<schema::Value, std::string> mutate(const Mutation& mutation, const cel::admission::Inputs& inputs, const Target& target, Arena& arena) const;

 private:
  std::vector<Mutation> mutations_;
};

}  // namespace sampan::apiserver
