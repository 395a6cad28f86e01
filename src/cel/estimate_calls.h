// What calls can cost, by function and overload.
#pragma once
#include "cel/estimate.h"

namespace sampan::cel {

// An argument of a call.
struct Operand {
  const Node* node = nullptr;
  Type type;
  std::optional<std::vector<std::string>> path;  // none: it comes from no variable
  std::optional<Range> size;
};

struct CallEstimate {
  Range cost;                 // without the arguments'
  std::optional<Range> size;  // of the result
};

inline constexpr Range kUnknownSize{0, UINT64_MAX};

// Of Kubernetes' and cel-go's functions with a cost of their own; none: the language's own, see estimate.cpp. `target` is null if the function is no member.
std::optional<CallEstimate> estimate_library_call(std::string_view function, std::string_view overload, const Operand* target, std::span<const Operand> arguments,
                                                  const SizeEstimator& sizes);

}  // namespace sampan::cel
