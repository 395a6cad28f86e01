// Small helpers over text. Formatting is concatenation: it is the fastest to compile and to run, and reads as well.
#pragma once
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace sampan {

// A piece of text to be concatenated: a string, or a number in decimal.
class Piece {
 public:
  Piece(std::string_view text) : text_(text) {}
  Piece(const char* text) : text_(text) {}
  Piece(const std::string& text) : text_(text) {}
  Piece(char c) : text_(digits_, 1) { digits_[0] = c; }
  template <class T>
    requires(std::is_integral_v<T> && !std::is_same_v<T, bool> && !std::is_same_v<T, char>)
  Piece(T number) {
    if constexpr (std::is_signed_v<T>)
      print_signed(number);
    else
      print_unsigned(number);
  }
  Piece(const Piece&) = delete;
  std::string_view text() const { return text_; }
  const Piece* address() const { return this; }  // of a temporary, for the length of the call it is made for

 private:
  void print_signed(int64_t number);
  void print_unsigned(uint64_t number);
  char digits_[24];
  std::string_view text_;
};

void append_pieces(std::string& out, std::initializer_list<const Piece*> pieces);

template <class... T>
std::string concat(const T&... parts) {
  std::string out;
  append_pieces(out, {Piece(parts).address()...});
  return out;
}

template <class... T>
void append(std::string& out, const T&... parts) {
  append_pieces(out, {Piece(parts).address()...});
}

std::vector<std::string_view> split(std::string_view text, char separator);
std::string join(const std::vector<std::string>& parts, std::string_view separator);
std::string_view trim(std::string_view text);  // spaces, tabs, line ends
std::string to_lower(std::string_view text);   // ASCII
bool iequals(std::string_view a, std::string_view b);
// Go's %q: double quotes, with the escapes of strconv.Quote.
std::string quoted(std::string_view text);
template <class T>
bool parse_int(std::string_view text, T& out);  // the whole text, decimal, in range

}  // namespace sampan
