// An expression made ready: parsed, checked, of the type that is wanted, its constants sound. Or why it is not, in the words of upstream's validation.
#pragma once
#include "cel/check.h"

namespace sampan::cel {

struct Refusal {
  std::string reason;     // "compilation failed: ERROR: <input>:1:5: ..."
  bool internal = false;  // upstream calls it an internal error
};

struct Program {
  std::string text;
  std::expected<Checked, Refusal> checked;
};

// The value must be of one of the types; of any, if there are none.
Program make_program(std::string text, const Environment& environment, std::span<const Type> results);

}  // namespace sampan::cel
