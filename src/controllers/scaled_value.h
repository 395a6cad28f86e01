// "25%" of a number, or a number.
#pragma once
#include <cstdint>
#include <optional>

#include "base/held.h"
#include "base/text.h"
#include "schema/object.h"

namespace sampan::controllers {

enum class Round : uint8_t { Down, Up };

// 0 for nothing and for what is neither (validation refuses it).
inline int32_t scaled_value(const std::optional<schema::IntOrString>& value, int32_t total, Round round) {
  if (!value) return 0;
  if (!value->is_string) return value->number;
  std::string_view text = value->text;
  int64_t percent = 0;
  if (!text.ends_with('%') || !parse_int(text.substr(0, text.size() - 1), percent)) return 0;
  int64_t hundredths = multiply_held(percent, total);
  int64_t scaled = hundredths / 100 + (round == Round::Up && hundredths % 100 > 0);
  return static_cast<int32_t>(std::clamp<int64_t>(scaled, INT32_MIN, INT32_MAX));
}

}  // namespace sampan::controllers
