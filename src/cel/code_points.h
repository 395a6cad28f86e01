// Text as code points: places in expressions are counted in them.
#pragma once
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sampan::cel {

inline constexpr char32_t kNoCodePoint = 0xFFFD;  // stands for each byte that is not of UTF-8

// Takes the first code point off a text that is not empty.
char32_t take_code_point(std::string_view& text);
std::vector<char32_t> decode(std::string_view text);
void append_code_point(std::string& out, char32_t point);
std::string encode(std::span<const char32_t> points);

}  // namespace sampan::cel
