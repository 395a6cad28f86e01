// Kubernetes' feature gates: which names --feature-gates knows, and what may be set. A gate that nothing here looks at is accepted all the
// same, so that the flags of an existing cluster work.
#pragma once
#include <map>
#include <span>
#include <string>
#include <string_view>

#include "base/status.h"

namespace sampan::cmd {

struct FeatureGate {
  enum class Stage : uint8_t { Alpha, Beta, Stable, Deprecated };
  std::string_view name;
  Stage stage;
  bool on_by_default;
  bool locked;
};

std::span<const FeatureGate> feature_gates();

// "A=true,kube:B=false". AllAlpha and AllBeta set all others of their stage that are not set by name.
Result<void> set_feature_gates(std::string_view text, std::map<std::string, bool, std::less<>>& gates);

}  // namespace sampan::cmd
