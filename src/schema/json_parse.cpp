// The JSON parser: one pass over the text, straight into the arena. Its errors are those of Go's encoding/json, which checks the whole
// text before it decodes any: so the first syntax error in the text wins here too.
#include "base/text.h"
#include "schema/json.h"
#include "schema/scan.h"
#include "schema/schema.h"

namespace sampan::schema {

namespace {

constexpr uint32_t kScanMax = 24;           // keys that are compared one by one; above, they are hashed
constexpr size_t kDuplicatesMax = 100;      // as upstream

// Where the parser is, for the paths of duplicate keys. Lives in the frames of the recursion.
struct Place {
  const Place* parent;
  std::string_view key;
  uint32_t index = 0;
  bool list = false;
};

void append_path(std::string& out, const Place* place) {
  if (!place) return;
  append_path(out, place->parent);
  if (place->list)
    append(out, "[", place->index, "]");
  else
    append(out, out.empty() ? "" : ".", place->key);
}

// Open addressing over the keys of one big object, so that a hostile one costs no quadratic time.
class KeyIndex {
 public:
  // The position of `key` among `members`, or where it will be (then it is entered).
  uint32_t find_or_add(std::string_view key, std::span<const Member> members) {
    if (2 * (members.size() + 1) > slots_.size()) rebuild(members);
    uint32_t mask = static_cast<uint32_t>(slots_.size()) - 1;
    uint32_t at = field_hash(key) & mask;
    for (; slots_[at]; at = (at + 1) & mask)
      if (members[slots_[at] - 1].name == key) return slots_[at] - 1;
    slots_[at] = static_cast<uint32_t>(members.size()) + 1;
    return static_cast<uint32_t>(members.size());
  }

 private:
  void rebuild(std::span<const Member> members) {
    slots_.assign(std::max<size_t>(128, 2 * slots_.size()), 0);
    uint32_t mask = static_cast<uint32_t>(slots_.size()) - 1;
    for (uint32_t i = 0; i < members.size(); i++) {
      uint32_t at = field_hash(members[i].name) & mask;
      while (slots_[at]) at = (at + 1) & mask;
      slots_[at] = i + 1;
    }
  }
  std::vector<uint32_t> slots_;
};

// The members and items of what is not closed yet. Kept between calls: growing them is most of a small parse's cost.
struct Stacks {
  std::vector<Member> members;
  std::vector<Value> items;
};

class Parser {
 public:
  Parser(std::string_view text, Arena& arena, std::vector<DuplicateKey>* duplicates, int depth_max, Stacks& stacks)
      : at_(text.data()), end_(text.data() + text.size()), arena_(arena), duplicates_(duplicates), depth_left_(depth_max),
        members_(stacks.members), items_(stacks.items) {}

  std::string problem;

  bool document(Value& out) {
    if (!value(out, nullptr)) return false;
    skip_space();
    return at_ == end_ || bad("after top-level value");
  }

 private:
  // Go's words for a character where it does not belong. At the end of the text Go's scanner is fed one space to see whether the
  // value was complete, and that space is what it complains of inside a literal.
  bool bad(std::string_view where) {
    char c = at_ < end_ ? *at_ : ' ';
    problem = "invalid character ";
    auto byte = static_cast<unsigned char>(c);
    if (c == '\'')
      problem += "'\\''";
    else if (c == '"')
      problem += "'\"'";
    else if (byte >= 0x80)
      append_latin(byte);
    else {
      std::string text = quoted({&c, 1});
      append(problem, "'", std::string_view(text).substr(1, text.size() - 2), "'");
    }
    append(problem, " ", where);
    return false;
  }
  // Go takes the byte for a code point.
  void append_latin(unsigned char byte) {
    constexpr char digits[] = "0123456789abcdef";
    if (byte <= 0xa0 || byte == 0xad) {
      append(problem, "'\\u00", digits[byte >> 4], digits[byte & 15], "'");
      return;
    }
    append(problem, "'", static_cast<char>(0xc0 | byte >> 6), static_cast<char>(0x80 | (byte & 0x3f)), "'");
  }
  bool cut_off() {
    problem = "unexpected end of JSON input";
    return false;
  }
  bool unexpected(std::string_view where) {
    if (at_ == end_) return cut_off();
    return bad(where);
  }

  static bool is_space(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }
  void skip_space() {
    while (at_ < end_ && is_space(*at_)) at_++;
  }

  bool value(Value& out, const Place* place) {
    skip_space();
    if (at_ == end_) return cut_off();
    switch (*at_) {
      case '{': return object(out, place);
      case '[': return list(out, place);
      case '"': {
        std::string_view text;
        if (!string(text)) return false;
        out = Value(text);
        return true;
      }
      case 't': out = true; return literal("true");
      case 'f': out = false; return literal("false");
      case 'n': out = Value::null(); return literal("null");
      default:
        if (*at_ == '-' || (*at_ >= '0' && *at_ <= '9')) return number(out);
        return bad("looking for beginning of value");
    }
  }

  bool literal(std::string_view word) {
    if (static_cast<size_t>(end_ - at_) >= word.size() && std::memcmp(at_, word.data(), word.size()) == 0) {
      at_ += word.size();
      return true;
    }
    for (char c : word) {
      if (at_ == end_ || *at_ != c) return bad(concat("in literal ", word, " (expecting '", c, "')"));
      at_++;
    }
    return true;
  }

  bool digit() const { return at_ < end_ && *at_ >= '0' && *at_ <= '9'; }

  bool number(Value& out) {
    const char* start = at_;
    bool negative = *at_ == '-';
    if (negative) at_++;
    if (!digit()) return bad("in numeric literal");
    uint64_t magnitude = 0;
    const char* digits = at_;
    if (*at_ == '0')
      at_++;
    else
      for (; digit(); at_++) magnitude = magnitude * 10 + static_cast<uint64_t>(*at_ - '0');
    bool whole = at_ - digits <= 18;  // fits int64 whatever the digits are
    bool dot = at_ < end_ && *at_ == '.';
    if (dot) {
      at_++;
      if (!digit()) return bad("after decimal point in numeric literal");
      while (digit()) at_++;
    }
    bool exponent = at_ < end_ && (*at_ == 'e' || *at_ == 'E');
    if (exponent) {
      at_++;
      if (at_ < end_ && (*at_ == '+' || *at_ == '-')) at_++;
      if (!digit()) return bad("in exponent of numeric literal");
      while (digit()) at_++;
    }
    if (whole && !dot && !exponent) {
      auto number = static_cast<int64_t>(magnitude);
      out = negative ? -number : number;
      return true;
    }
    return slow_number(start, dot || exponent, out);
  }

  bool slow_number(const char* start, bool real, Value& out) {
    int64_t number;
    if (!real && parse_int(std::string_view(start, static_cast<size_t>(at_ - start)), number)) {
      out = number;
      return true;
    }
    double value = 0;
    auto result = std::from_chars(start, at_, value);
    if (result.ec == std::errc::result_out_of_range) value = std::strtod(std::string(start, at_).c_str(), nullptr);
    if (value > 1.7976931348623157e308 || value < -1.7976931348623157e308) {
      problem = concat("json: cannot unmarshal number ", std::string_view(start, static_cast<size_t>(at_ - start)),
                       " into Go value of type float64");
      return false;
    }
    out = value;
    return true;
  }

  // At the opening quote.
  bool string(std::string_view& out) {
    const char* start = ++at_;
    bool high = false;
    at_ = scan::string_end(at_, end_, high);
    if (at_ < end_ && *at_ == '"') [[likely]] {
      out = {start, static_cast<size_t>(at_ - start)};
      if (high && !scan::valid_utf8(start, at_)) [[unlikely]] return unescape(start, at_++, true, out);
      at_++;
      return true;
    }
    while (true) {
      if (at_ == end_) return cut_off();
      if (*at_ == '"') break;
      if (*at_ != '\\') return bad("in string literal");
      if (!escape()) return false;
      at_ = scan::string_end(at_, end_, high);
    }
    bool replace = high && !scan::valid_utf8(start, at_);
    return unescape(start, at_++, replace, out);
  }

  // Steps over one escape sequence.
  bool escape() {
    at_++;
    if (at_ == end_) return bad("in string escape code");
    switch (*at_) {
      case 'b': case 'f': case 'n': case 'r': case 't': case '\\': case '/': case '"': at_++; return true;
      case 'u': break;
      default: return bad("in string escape code");
    }
    at_++;
    for (int i = 0; i < 4; i++, at_++)
      if (at_ == end_ || hex_digit(*at_) < 0) return bad("in \\u hexadecimal character escape");
    return true;
  }

  static int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
  }
  static uint32_t hex4(const char* at) {
    uint32_t code = 0;
    for (int i = 0; i < 4; i++) code = code << 4 | static_cast<uint32_t>(hex_digit(at[i]));
    return code;
  }

  static char* put_utf8(char* to, uint32_t code) {
    if (code < 0x80) {
      *to++ = static_cast<char>(code);
    } else if (code < 0x800) {
      *to++ = static_cast<char>(0xc0 | code >> 6);
      *to++ = static_cast<char>(0x80 | (code & 0x3f));
    } else if (code < 0x10000) {
      *to++ = static_cast<char>(0xe0 | code >> 12);
      *to++ = static_cast<char>(0x80 | (code >> 6 & 0x3f));
      *to++ = static_cast<char>(0x80 | (code & 0x3f));
    } else {
      *to++ = static_cast<char>(0xf0 | code >> 18);
      *to++ = static_cast<char>(0x80 | (code >> 12 & 0x3f));
      *to++ = static_cast<char>(0x80 | (code >> 6 & 0x3f));
      *to++ = static_cast<char>(0x80 | (code & 0x3f));
    }
    return to;
  }

  // The code point of the \u escape at `from` (behind the u), and of its second half if it is a pair; alone, a half is U+FFFD.
  static uint32_t code_point(const char*& from, const char* end) {
    uint32_t code = hex4(from);
    from += 4;
    if (code < 0xd800 || code > 0xdfff) return code;
    if (code < 0xdc00 && end - from >= 6 && from[0] == '\\' && from[1] == 'u') {
      uint32_t low = hex4(from + 2);
      if (low >= 0xdc00 && low <= 0xdfff) {
        from += 6;
        return 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
      }
    }
    return 0xfffd;
  }

  // Escapes only shrink; a byte that is no UTF-8 becomes three.
  bool unescape(const char* from, const char* end, bool replace, std::string_view& out) {
    char* to = arena_.allocate_array<char>(static_cast<size_t>(end - from) * (replace ? 3 : 1));
    char* start = to;
    while (from < end) {
      if (*from != '\\') {
        if (replace) {
          unsigned length = scan::utf8_length(from, end);
          if (length == 0) {
            to = put_utf8(to, 0xfffd);
            from++;
          } else {
            std::memcpy(to, from, length);
            to += length;
            from += length;
          }
          continue;
        }
        auto next = static_cast<const char*>(std::memchr(from, '\\', static_cast<size_t>(end - from)));
        size_t run = static_cast<size_t>((next ? next : end) - from);
        std::memcpy(to, from, run);
        to += run;
        from += run;
        continue;
      }
      from++;
      switch (char c = *from++) {
        case 'b': *to++ = '\b'; break;
        case 'f': *to++ = '\f'; break;
        case 'n': *to++ = '\n'; break;
        case 'r': *to++ = '\r'; break;
        case 't': *to++ = '\t'; break;
        case 'u': to = put_utf8(to, code_point(from, end)); break;
        default: *to++ = c;
      }
    }
    out = {start, static_cast<size_t>(to - start)};
    return true;
  }

  bool enter() {
    if (depth_left_-- > 0) return true;
    return bad("exceeded max depth");
  }

  bool list(Value& out, const Place* parent) {
    if (!enter()) return false;
    at_++;
    Place place{parent, {}, 0, true};
    size_t base = items_.size();
    skip_space();
    if (at_ < end_ && *at_ == ']') {
      at_++;
    } else {
      while (true) {
        Value item;
        if (!value(item, &place)) return false;
        items_.push_back(item);
        place.index++;
        skip_space();
        if (at_ == end_) return cut_off();
        if (*at_ == ']') break;
        if (*at_ != ',') return bad("after array element");
        at_++;
      }
      at_++;
    }
    out = Value::list_of(arena_, std::span(items_).subspan(base));
    items_.resize(base);
    depth_left_++;
    return true;
  }

  bool object(Value& out, const Place* parent) {
    if (!enter()) return false;
    at_++;
    Place place{parent, {}};
    size_t base = members_.size();
    uint64_t seen = 0;  // a bit for the look of each key: most keys are told apart by it
    std::unique_ptr<KeyIndex> index;
    skip_space();
    if (at_ < end_ && *at_ == '}') {
      at_++;
    } else {
      while (true) {
        skip_space();
        if (at_ == end_ || *at_ != '"') return unexpected("looking for beginning of object key string");
        if (!string(place.key)) return false;
        uint32_t position = position_of(place, base, seen, index);
        skip_space();
        if (at_ == end_ || *at_ != ':') return unexpected("after object key");
        at_++;
        if (base + position == members_.size()) members_.push_back({place.key, {}});
        Value value_of_key;
        if (!value(value_of_key, &place)) return false;
        members_[base + position].value = value_of_key;
        skip_space();
        if (at_ == end_) return cut_off();
        if (*at_ == '}') break;
        if (*at_ != ',') return bad("after object key:value pair");
        at_++;
      }
      at_++;
    }
    out = Value::object_of(arena_, std::span(members_).subspan(base));
    members_.resize(base);
    depth_left_++;
    return true;
  }

  // Where the key's value goes among the members of this object: a repeated key's new value takes the place of the old one.
  uint32_t position_of(const Place& place, size_t base, uint64_t& seen, std::unique_ptr<KeyIndex>& index) {
    std::string_view key = place.key;
    auto count = static_cast<uint32_t>(members_.size() - base);
    uint32_t position = count;
    if (count >= kScanMax) {
      if (!index) index = std::make_unique<KeyIndex>();
      position = index->find_or_add(key, std::span(members_).subspan(base));
    } else {
      unsigned look = static_cast<unsigned>(key.size());
      if (!key.empty()) look += 5u * static_cast<unsigned char>(key[0]) + 11u * static_cast<unsigned char>(key.back());
      uint64_t bit = uint64_t{1} << (look & 63);
      if (seen & bit)
        for (position = 0; position < count && members_[base + position].name != key;) position++;
      seen |= bit;
    }
    if (position < count) report_duplicate(place);
    return position;
  }

  void report_duplicate(const Place& place) {
    if (!duplicates_ || duplicates_->size() >= kDuplicatesMax) return;
    std::string path;
    append_path(path, &place);
    auto same = [&](const DuplicateKey& known) { return known.path == path; };
    if (std::none_of(duplicates_->begin(), duplicates_->end(), same)) duplicates_->push_back({std::move(path), at_});
  }

  const char* at_;
  const char* const end_;
  Arena& arena_;
  std::vector<DuplicateKey>* duplicates_;
  int depth_left_;
  std::vector<Member>& members_;
  std::vector<Value>& items_;
};

}  // namespace

Result<Value> parse_json(std::string_view text, Arena& arena, std::vector<DuplicateKey>* duplicates, JsonLimits limits) {
  // Text of 4 GiB could not be addressed by a Value; nobody accepts a body of that size.
  if (text.size() > UINT32_MAX) return fail(bad_request("the JSON text is too large"));
  thread_local Stacks stacks;
  stacks.members.clear();
  stacks.items.clear();
  constexpr size_t kKeep = 1 << 14;  // one huge document must not pin its size for good
  if (stacks.members.capacity() > kKeep) std::vector<Member>().swap(stacks.members);
  if (stacks.items.capacity() > kKeep) std::vector<Value>().swap(stacks.items);
  Parser parser(text, arena, duplicates, limits.depth_max, stacks);
  Value value;
  if (!parser.document(value)) return fail(bad_request(std::move(parser.problem)));
  return value;
}

}  // namespace sampan::schema
