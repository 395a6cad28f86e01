// Formats against the types of what they show, in the words in which formatting itself would fail.
#include "cel/check_format.h"

#include "base/text.h"

namespace sampan::cel {

namespace {

using Kind = Type::Kind;

struct Clause {
  char letter;
  std::string_view complaint;  // ", was given TYPE" follows
  std::initializer_list<Kind> kinds;
};

constexpr auto kStrings = {Kind::List,   Kind::Map,       Kind::Int,   Kind::Uint,     Kind::Double, Kind::Bool,
                           Kind::String, Kind::Timestamp, Kind::Bytes, Kind::Duration, Kind::Type,   Kind::Null};
constexpr auto kIntegers = {Kind::Int, Kind::Uint};
constexpr auto kNumbers = {Kind::Double, Kind::String};  // "NaN" and "Infinity" are texts
constexpr auto kBits = {Kind::Int, Kind::Uint, Kind::Bool};
constexpr auto kHex = {Kind::Int, Kind::Uint, Kind::String, Kind::Bytes};

constexpr Clause kClauses[] = {
    {'s', "string clause can only be used on strings, bools, bytes, ints, doubles, maps, lists, types, durations, and timestamps", kStrings},
    {'d', "decimal clause can only be used on integers", kIntegers},
    {'f', "fixed-point clause can only be used on doubles", kNumbers},
    {'e', "scientific clause can only be used on doubles", kNumbers},
    {'b', "only integers and bools can be formatted as binary", kBits},
    {'x', "only integers, byte buffers, and strings can be formatted as hex", kHex},
    {'X', "only integers, byte buffers, and strings can be formatted as hex", kHex},
    {'o', "octal clause can only be used on integers", kIntegers},
};

class FormatChecker {
 public:
  FormatChecker(const Checked& checked, const Node& call, Issues& issues)
      : checked_(checked), call_(call), issues_(issues), format_(call.target->literal.as_text()), items_(call.arguments[0]->arguments) {}

  void run() {
    size_t used = 0;
    while (!format_.empty()) {
      if (!format_.starts_with('%')) {
        format_.remove_prefix(1);
      } else if (format_.starts_with("%%")) {
        format_.remove_prefix(2);
      } else {
        if (format_.size() == 1) return report("unexpected end of string");
        if (used >= items_.size()) return report(concat("index ", used, " out of range"));
        format_.remove_prefix(1);
        if (!take_clause(*items_[used++])) return;
      }
    }
    if (items_.size() > used) report(concat("too many arguments supplied to string.format (expected ", used, ", got ", items_.size(), ")"));
  }

 private:
  void report(std::string message) { issues_.add(call_.at, std::move(message)); }
  bool refuse(std::string_view why) {
    report(concat("could not parse formatting clause: ", why));
    return false;
  }

  bool take_precision() {
    if (!format_.starts_with('.')) return true;
    format_.remove_prefix(1);
    const size_t size = format_.find_first_not_of("0123456789");
    if (size == std::string_view::npos) return refuse("error while parsing precision: could not find end of precision specifier");
    const std::string_view digits = format_.substr(0, size);
    format_.remove_prefix(size);
    int64_t precision;
    if (parse_int(digits, precision)) return true;
    return refuse(concat("error while parsing precision: error while converting precision to integer: strconv.Atoi: parsing ", quoted(digits),
                         digits.empty() ? ": invalid syntax" : ": value out of range"));
  }

  bool take_clause(const Node& item) {
    if (!take_precision()) return false;
    const char letter = format_[0];
    format_.remove_prefix(1);
    for (const Clause& clause : kClauses) {
      if (clause.letter != letter) continue;
      const Node* misfit = letter == 's' ? misfit_of_string(item) : fits(item, clause.kinds) ? nullptr : &item;
      if (!misfit) return true;
      issues_.add(misfit->at, concat("error during formatting: ", clause.complaint, ", was given ", checked_.types[misfit->id].name()));
      return false;
    }
    const auto byte = static_cast<unsigned char>(letter);  // is taken for a code point
    const std::string shown = byte < 0x80 ? std::string(1, letter) : std::string{static_cast<char>(0xC0 | byte >> 6), static_cast<char>(0x80 | (byte & 0x3F))};
    return refuse(concat("unrecognized formatting clause \"", shown, "\""));
  }

  bool fits(const Node& item, std::initializer_list<Kind> kinds) const {
    const Type& type = checked_.types[item.id];
    return type.is(Kind::Dyn) || std::find(kinds.begin(), kinds.end(), type.kind()) != kinds.end();
  }

  // Lists and maps that are written out are shown with what is in them.
  const Node* misfit_of_string(const Node& item) const {
    if (!fits(item, kStrings)) return &item;
    for (const Node* each : item.kind == Node::Kind::List ? item.arguments : std::vector<const Node*>())
      if (const Node* misfit = misfit_of_string(*each)) return misfit;
    for (const MapEntry& entry : item.entries) {
      if (const Node* misfit = misfit_of_string(*entry.key)) return misfit;
      if (const Node* misfit = misfit_of_string(*entry.value)) return misfit;
    }
    return nullptr;
  }

  const Checked& checked_;
  const Node& call_;
  Issues& issues_;
  std::string_view format_;
  const std::vector<const Node*>& items_;
};

}  // namespace

void check_format(const Checked& checked, const Node& call, Issues& issues) {
  if (call.name != "format" || !call.target || call.arguments.size() != 1) return;
  if (call.target->kind != Node::Kind::Literal || !call.target->literal.is(Value::Kind::String) || call.arguments[0]->kind != Node::Kind::List) return;
  const auto& overloads = checked.overloads[call.id];
  if (std::none_of(overloads.begin(), overloads.end(), [](const Overload* overload) { return overload->id == "string_format"; })) return;
  FormatChecker(checked, call, issues).run();
}

}  // namespace sampan::cel
