// UTF-8 to code points and back, as Go does: what is not UTF-8 is U+FFFD, byte by byte.
#include "cel/code_points.h"

#include <cstdint>

namespace sampan::cel {

char32_t take_code_point(std::string_view& text) {
  auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  uint8_t first = byte(0);
  size_t length = first < 0x80 ? 1 : first < 0xC2 ? 0 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : first < 0xF5 ? 4 : 0;
  char32_t point = length == 1 ? first : first & (0xFFu >> (length + 1));
  if (length > text.size()) length = 0;
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) {
      length = 0;
      break;
    }
    point = point << 6 | (byte(i) & 0x3F);
  }
  bool overlong = (length == 3 && point < 0x800) || (length == 4 && point < 0x10000);
  if (length == 0 || overlong || point > 0x10FFFF || (point >= 0xD800 && point < 0xE000)) {
    text.remove_prefix(1);
    return kNoCodePoint;
  }
  text.remove_prefix(length);
  return point;
}

std::vector<char32_t> decode(std::string_view text) {
  std::vector<char32_t> points;
  points.reserve(text.size());
  while (!text.empty()) points.push_back(take_code_point(text));
  return points;
}

void append_code_point(std::string& out, char32_t point) {
  if (point > 0x10FFFF || (point >= 0xD800 && point < 0xE000)) point = kNoCodePoint;
  if (point < 0x80) {
    out += static_cast<char>(point);
    return;
  }
  int more = point < 0x800 ? 1 : point < 0x10000 ? 2 : 3;
  static constexpr uint8_t kLead[] = {0, 0xC0, 0xE0, 0xF0};
  out += static_cast<char>(kLead[more] | point >> (6 * more));
  while (more-- > 0) out += static_cast<char>(0x80 | ((point >> (6 * more)) & 0x3F));
}

std::string encode(std::span<const char32_t> points) {
  std::string out;
  for (char32_t point : points) append_code_point(out, point);
  return out;
}

}  // namespace sampan::cel
