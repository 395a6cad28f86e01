// The pod security standards: what pods of the levels "baseline" and "restricted" must not do, as of each version.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "schema/object.h"

namespace sampan::apiserver {

enum class SecurityLevel : uint8_t { Privileged, Baseline, Restricted };

constexpr int kLatestMinor = 1'000'000;  // newer than every version

struct SecurityPolicy {
  SecurityLevel level = SecurityLevel::Privileged;
  int minor = kLatestMinor;  // of v1.MINOR
  bool operator==(const SecurityPolicy&) const = default;
  std::string text() const;  // "restricted:latest"
};

// What a pod does against a policy: "hostPort", and in detail "container "c" uses hostPort 80".
struct Violation {
  std::string_view reason;
  std::string detail;
};
std::vector<Violation> violations(const SecurityPolicy& policy, const schema::AnyView& metadata, const schema::AnyView& spec);

std::string reasons_of(const std::vector<Violation>& violations);  // joined
std::string details_of(const std::vector<Violation>& violations);

}  // namespace sampan::apiserver
