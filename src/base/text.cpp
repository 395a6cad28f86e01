#include "base/text.h"

namespace sampan {

void Piece::print_signed(int64_t number) {
  auto end = std::to_chars(digits_, digits_ + sizeof digits_, number).ptr;
  text_ = {digits_, static_cast<size_t>(end - digits_)};
}

void Piece::print_unsigned(uint64_t number) {
  auto end = std::to_chars(digits_, digits_ + sizeof digits_, number).ptr;
  text_ = {digits_, static_cast<size_t>(end - digits_)};
}

void append_pieces(std::string& out, std::initializer_list<const Piece*> pieces) {
  size_t size = out.size();
  for (auto piece : pieces) size += piece->text().size();
  if (size > out.capacity()) out.reserve(std::max(size, 2 * out.capacity()));
  for (auto piece : pieces) out.append(piece->text());
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (true) {
    auto at = text.find(separator);
    parts.push_back(text.substr(0, at));
    if (at == std::string_view::npos) return parts;
    text.remove_prefix(at + 1);
  }
}

std::string join(const std::vector<std::string>& parts, std::string_view separator) {
  std::string out;
  for (size_t i = 0; i < parts.size(); i++) {
    if (i) out += separator;
    out += parts[i];
  }
  return out;
}

std::string_view trim(std::string_view text) {
  constexpr std::string_view blank = " \t\r\n";
  auto first = text.find_first_not_of(blank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(blank) - first + 1);
}

std::string to_lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c += 'a' - 'A';
  return out;
}

bool iequals(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  for (size_t i = 0; i < a.size(); i++)
    if (lower(a[i]) != lower(b[i])) return false;
  return true;
}

namespace {

// The bytes of the UTF-8 character at the beginning of the text; 0 if there is none.
size_t character_size(std::string_view text) {
  auto byte = [&](size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u; };
  auto follows = [&](size_t i) { return (byte(i) & 0xc0) == 0x80; };
  unsigned first = byte(0);
  if (first < 0x80) return 1;
  if (first >= 0xc2 && first < 0xe0) return follows(1) ? 2 : 0;
  if (first >= 0xe0 && first < 0xf0) {
    bool short_form = first == 0xe0 && byte(1) < 0xa0, surrogate = first == 0xed && byte(1) >= 0xa0;
    return follows(1) && follows(2) && !short_form && !surrogate ? 3 : 0;
  }
  bool in_range = first >= 0xf0 && first < 0xf5 && !(first == 0xf0 && byte(1) < 0x90) && !(first == 0xf4 && byte(1) >= 0x90);
  return in_range && follows(1) && follows(2) && follows(3) ? 4 : 0;
}

}  // namespace

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (size_t i = 0; i < text.size(); i++) {
    unsigned char c = text[i];
    switch (c) {
      case '"': out += "\\\""; break;
      case '\\': out += "\\\\"; break;
      case '\a': out += "\\a"; break;
      case '\b': out += "\\b"; break;
      case '\f': out += "\\f"; break;
      case '\n': out += "\\n"; break;
      case '\r': out += "\\r"; break;
      case '\t': out += "\\t"; break;
      case '\v': out += "\\v"; break;
      default:
        constexpr char hex[] = "0123456789abcdef";
        if (size_t size = character_size(text.substr(i)); size > 1) {
          unsigned char next = static_cast<unsigned char>(text[i + 1]);
          if (c == 0xc2 && next < 0xa0) {  // a control character
            append(out, "\\u00", std::string_view(&hex[next >> 4], 1), std::string_view(&hex[next & 15], 1));
            i++;
            continue;
          }
          out += text.substr(i, size);
          i += size - 1;
        } else if (c < 0x20 || c >= 0x7f) {
          out += "\\x";
          out += hex[c >> 4];
          out += hex[c & 15];
        } else {
          out += static_cast<char>(c);
        }
    }
  }
  return out += '"';
}

template <class T>
bool parse_int(std::string_view text, T& out) {
  if (text.empty()) return false;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc() && end == text.data() + text.size();
}
template bool parse_int(std::string_view, int32_t&);
template bool parse_int(std::string_view, uint32_t&);
template bool parse_int(std::string_view, int64_t&);
template bool parse_int(std::string_view, uint64_t&);
template bool parse_int(std::string_view, uint16_t&);

}  // namespace sampan
