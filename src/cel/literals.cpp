// Numbers and texts as expressions write them.
#include "cel/literals.h"

#include <charconv>
#include <cmath>

#include "cel/code_points.h"

namespace sampan::cel {
namespace {

std::unexpected<std::string> wrong(std::string_view message) { return std::unexpected(std::string(message)); }

template <class T>
bool read_whole(std::string_view text, T& out) {
  bool negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);
  int base = text.starts_with("0x") ? 16 : 10;
  if (base == 16) text.remove_prefix(2);
  std::string digits = negative ? "-" : "";
  digits += text;
  auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), out, base);
  return error == std::errc() && end == digits.data() + digits.size();
}

// Reads the escapes of a text.
class Unescape {
 public:
  Unescape(std::string_view text, bool bytes) : text_(text), bytes_(bytes) {}

  std::expected<std::string, std::string> read() && {
    while (!text_.empty()) {
      if (text_[0] != '\\') {
        size_t plain = std::min(text_.find('\\'), text_.size());
        out_ += text_.substr(0, plain);
        text_.remove_prefix(plain);
      } else if (std::string_view message = escape(); !message.empty()) {
        return wrong(message);
      }
    }
    return std::move(out_);
  }

 private:
  static constexpr std::string_view kUnable = "unable to unescape string";

  // What is wrong with it; nothing if it is read.
  std::string_view escape() {
    if (text_.size() < 2) return "unable to unescape string, found '\\' as last character";
    char kind = text_[1];
    text_.remove_prefix(2);
    static constexpr std::string_view kPlain = "abfnrtv\\'\"`?", kMeant = "\a\b\f\n\r\t\v\\'\"`?";
    if (size_t found = kPlain.find(kind); found != std::string_view::npos) {
      out_ += kMeant[found];
      return {};
    }
    switch (kind) {
      case 'x': case 'X': return number(text_, 2, 16, kUnable);
      case 'u': return bytes_ ? kUnable : number(text_, 4, 16, kUnable);
      case 'U': return bytes_ ? kUnable : number(text_, 8, 16, kUnable);
      case '0': case '1': case '2': case '3': {
        std::string digits(1, kind);
        digits += text_.substr(0, 2);
        text_.remove_prefix(digits.size() - 1);
        std::string_view rest = digits;
        return number(rest, 3, 8, "unable to unescape octal sequence in string");
      }
      default: return kUnable;
    }
  }

  std::string_view number(std::string_view& from, size_t digits, int base, std::string_view message) {
    uint32_t point = 0;
    if (from.size() < digits) return message;
    auto [end, error] = std::from_chars(from.data(), from.data() + digits, point, base);
    if (error != std::errc() || end != from.data() + digits) return message;
    from.remove_prefix(digits);
    if (bytes_) {
      out_ += static_cast<char>(point);
      return {};
    }
    if (point > 0x10FFFF || (point >= 0xD800 && point < 0xE000)) return "invalid unicode code point";
    append_code_point(out_, point);
    return {};
  }

  std::string_view text_;
  bool bytes_;
  std::string out_;
};

std::string with_plain_line_ends(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\r') {
      out += text[i];
    } else {
      out += '\n';
      if (i + 1 < text.size() && text[i + 1] == '\n') ++i;
    }
  }
  return out;
}

std::expected<std::string, std::string> unquote(std::string_view quoted, bool bytes) {
  std::string normal = with_plain_line_ends(quoted);
  std::string_view text = normal;
  bool raw = text.starts_with('r') || text.starts_with('R');
  if (raw) text.remove_prefix(1);
  size_t quotes = text.size() >= 6 && (text.starts_with("'''") || text.starts_with("\"\"\"")) ? 3 : 1;
  text = text.substr(quotes, text.size() - 2 * quotes);
  if (raw) return std::string(text);
  return Unescape(text, bytes).read();
}

}  // namespace

std::expected<Value, std::string> read_int(std::string_view text) {
  int64_t value = 0;
  if (!read_whole(text, value)) return wrong("invalid int literal");
  return Value::integer(value);
}

std::expected<Value, std::string> read_uint(std::string_view text) {
  uint64_t value = 0;
  if (!read_whole(text.substr(0, text.size() - 1), value)) return wrong("invalid uint literal");
  return Value::uinteger(value);
}

std::expected<Value, std::string> read_double(std::string_view text) {
  double value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  // Too small to be told from zero is zero; too large is an error.
  if (error == std::errc::result_out_of_range && std::abs(std::strtod(std::string(text).c_str(), nullptr)) < 1) return Value::number(text[0] == '-' ? -0.0 : 0.0);
  if (error != std::errc()) return wrong("invalid double literal");
  return Value::number(value);
}

std::expected<Value, std::string> read_string(std::string_view text) {
  auto read = unquote(text, false);
  if (!read) return wrong(read.error());
  return Value::string(std::move(*read));
}

std::expected<Value, std::string> read_bytes(std::string_view text) {
  auto read = unquote(text.substr(1), true);
  if (!read) return wrong(read.error());
  return Value::bytes(std::move(*read));
}

}  // namespace sampan::cel
