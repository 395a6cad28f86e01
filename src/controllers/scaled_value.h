// "25%" of a number, or a number.
#pragma once
#include <cstdint>
#include <optional>

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
  int64_t hundredths = percent * total;
  return static_cast<int32_t>(round == Round::Up ? (hundredths + 99) / 100 : hundredths / 100);
}

}  // namespace sampan::controllers
