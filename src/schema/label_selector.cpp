#include "schema/label_selector.h"

#include "base/check.h"
#include "base/names.h"
#include "base/text.h"

namespace sampan::schema {

namespace {

constexpr std::string_view kBinaryOperators = "in, notin, =, ==, !=, gt, lt";

// As strconv.ParseInt(text, 10, 64): a sign of either kind is allowed.
bool parse_number(std::string_view text, int64_t& out) {
  if (text.starts_with('+')) {
    text.remove_prefix(1);
    if (text.starts_with('-')) return false;
  }
  return parse_int(text, out);
}

enum class Token : uint8_t {
  End, ClosedParenthesis, Comma, Not, DoubleEquals, Equals, GreaterThan, Identifier, In, LessThan, NotEquals, NotIn, OpenParenthesis,
};

struct Scanned {
  Token token = Token::End;
  std::string_view text;
};

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }
bool is_special(char c) { return c == '=' || c == '!' || c == '(' || c == ')' || c == ',' || c == '>' || c == '<'; }

// One token at a time. A zero byte ends the text.
class Lexer {
 public:
  explicit Lexer(std::string_view text) : text_(text.substr(0, text.find('\0'))) {}

  Scanned next() {
    while (!text_.empty() && is_space(text_[0])) text_.remove_prefix(1);
    if (text_.empty()) return {};
    struct Special {
      std::string_view text;
      Token token;
    };
    static constexpr Special kSpecials[] = {
        {"==", Token::DoubleEquals}, {"!=", Token::NotEquals}, {"=", Token::Equals}, {"!", Token::Not}, {">", Token::GreaterThan},
        {"<", Token::LessThan}, {"(", Token::OpenParenthesis}, {")", Token::ClosedParenthesis}, {",", Token::Comma},
    };
    for (auto& special : kSpecials)
      if (text_.starts_with(special.text)) return {special.token, take(special.text.size())};
    size_t size = 0;
    while (size < text_.size() && !is_space(text_[size]) && !is_special(text_[size])) size++;
    auto word = take(size);
    if (word == "in") return {Token::In, word};
    if (word == "notin") return {Token::NotIn, word};
    return {Token::Identifier, word};
  }

 private:
  std::string_view take(size_t size) {
    auto piece = text_.substr(0, size);
    text_.remove_prefix(size);
    return piece;
  }
  std::string_view text_;
};

std::unexpected<Error> found(std::string_view what, std::string_view expected) {
  return fail(bad_request(concat("found '", what, "', expected: ", expected)));
}

std::string invalid(std::string_view path, std::string_view value, std::string_view detail) {
  return concat(path, ": Invalid value: ", quoted(value), ": ", detail);
}

}  // namespace

// The grammar has one token of lookahead. "in" and "notin" are operators only where an operator may stand.
class LabelParser {
 public:
  using Requirement = LabelSelector::Requirement;
  using Operator = LabelSelector::Operator;
  explicit LabelParser(std::string_view text) : lexer_(text), next_(lexer_.next()) {}

  Result<LabelSelector> parse() {
    LabelSelector selector;
    if (peek() == Token::End) return selector;
    if (!starts_requirement()) return found(next_.text, "!, identifier, or 'end of string'");
    while (true) {
      auto parsed = requirement();
      if (!parsed) return fail(std::move(parsed).error().context("unable to parse requirement"));
      selector.requirements_.push_back(*std::move(parsed));
      auto after = consume();
      if (after.token == Token::End) break;
      if (after.token != Token::Comma) return found(after.text, "',' or 'end of string'");
      if (!starts_requirement()) return found(next_.text, "identifier after ','");
    }
    selector.sort();
    return selector;
  }

 private:
  Token peek() const {
    bool word = next_.token == Token::In || next_.token == Token::NotIn;
    return word ? Token::Identifier : next_.token;
  }
  Scanned consume() {
    Scanned taken{peek(), next_.text};
    next_ = lexer_.next();
    return taken;
  }
  bool starts_requirement() const { return peek() == Token::Identifier || peek() == Token::Not; }

  Result<Requirement> requirement() {
    Requirement requirement;
    auto key = consume();
    bool negated = key.token == Token::Not;
    if (negated) key = consume();
    if (key.token != Token::Identifier) return found(key.text, "identifier");
    Complaints bad;
    check_qualified_name(key.text, bad);
    if (!bad.empty()) return fail(bad_request(invalid("<nil>", key.text, join(bad, "; "))));
    requirement.key = key.text;
    requirement.op = negated ? Operator::DoesNotExist : Operator::Exists;
    if (negated || peek() == Token::End || peek() == Token::Comma) return requirement;

    requirement.op = TRY(binary());
    bool set = requirement.op == Operator::In || requirement.op == Operator::NotIn;
    requirement.values = set ? TRY(values()) : TRY(exact_value());
    auto complaint = LabelSelector::complaints(requirement);
    if (!complaint.empty()) return fail(bad_request(std::move(complaint)));
    return requirement;
  }

  Result<Operator> binary() {
    auto taken = next_;  // not consume(): here "in" is an operator
    consume();
    switch (taken.token) {
      case Token::In: return Operator::In;
      case Token::NotIn: return Operator::NotIn;
      case Token::Equals: return Operator::Equals;
      case Token::DoubleEquals: return Operator::DoubleEquals;
      case Token::NotEquals: return Operator::NotEquals;
      case Token::GreaterThan: return Operator::GreaterThan;
      case Token::LessThan: return Operator::LessThan;
      case Token::End: case Token::ClosedParenthesis: case Token::Comma: case Token::Not: case Token::Identifier:
      case Token::OpenParenthesis: break;
    }
    return found(taken.text, kBinaryOperators);
  }

  // (x,y,z), where values may be empty: "(,a)" has "" and "a".
  Result<std::vector<std::string>> values() {
    auto open = consume();
    if (open.token != Token::OpenParenthesis) return fail(bad_request(concat("found '", open.text, "' expected: '('")));
    std::vector<std::string> values;
    if (peek() == Token::ClosedParenthesis) {
      consume();
      values.emplace_back();
      return values;
    }
    if (peek() != Token::Identifier && peek() != Token::Comma) return found(next_.text, "',', ')' or identifier");
    while (peek() != Token::ClosedParenthesis) {
      auto taken = consume();
      if (taken.token == Token::Identifier) {
        values.emplace_back(taken.text);
        if (peek() != Token::Comma && peek() != Token::ClosedParenthesis) return found(next_.text, "',' or ')'");
      } else if (taken.token == Token::Comma) {
        if (values.empty()) values.emplace_back();
        if (peek() == Token::ClosedParenthesis || peek() == Token::Comma) values.emplace_back();
      } else {
        return found(taken.text, "',', or identifier");
      }
    }
    consume();
    std::sort(values.begin(), values.end());
    values.erase(std::unique(values.begin(), values.end()), values.end());
    return values;
  }

  Result<std::vector<std::string>> exact_value() {
    if (peek() == Token::End || peek() == Token::Comma) return std::vector<std::string>{""};
    auto taken = consume();
    if (taken.token != Token::Identifier) return found(taken.text, "identifier");
    return std::vector<std::string>{std::string(taken.text)};
  }

  Lexer lexer_;
  Scanned next_;
};

LabelSelector LabelSelector::nothing() {
  LabelSelector selector;
  selector.nothing_ = true;
  return selector;
}

Result<LabelSelector> LabelSelector::parse(std::string_view text) { return LabelParser(text).parse(); }

std::string LabelSelector::complaints(Requirement& requirement) {
  std::vector<std::string> all;
  auto add = [&](std::string complaint) {
    if (std::find(all.begin(), all.end(), complaint) == all.end()) all.push_back(std::move(complaint));
  };
  Complaints bad;
  check_qualified_name(requirement.key, bad);
  if (!bad.empty()) add(invalid("key", requirement.key, join(bad, "; ")));
  auto& values = requirement.values;
  bool set = requirement.op == Operator::In || requirement.op == Operator::NotIn;
  bool existence = requirement.op == Operator::Exists || requirement.op == Operator::DoesNotExist;
  if (set && values.empty()) add("values: Invalid value: []: for 'in', 'notin' operators, values set can't be empty");
  if (existence && !values.empty()) {
    std::vector<std::string> shown;
    for (auto& value : values) shown.push_back(quoted(value));
    add(concat("values: Invalid value: [", join(shown, ","), "]: values set must be empty for exists and does not exist"));
  }
  if (requirement.op == Operator::GreaterThan || requirement.op == Operator::LessThan)
    for (size_t i = 0; i < values.size(); i++)
      if (!parse_number(values[i], requirement.number))
        add(invalid(concat("values[", i, "]"), values[i], "for 'Gt', 'Lt' operators, the value must be an integer"));
  for (size_t i = 0; i < values.size(); i++) {
    bad.clear();
    check_label_value(values[i], bad);
    if (!bad.empty()) add(invalid(concat("values[", i, "][", requirement.key, "]"), values[i], join(bad, "; ")));
  }
  if (all.size() <= 1) return all.empty() ? std::string() : all[0];
  return concat("[", join(all, ", "), "]");
}

void LabelSelector::sort() {
  std::stable_sort(requirements_.begin(), requirements_.end(), [](auto& a, auto& b) { return a.key < b.key; });
}

LabelSelector LabelSelector::from_map(const AnyView& labels) {
  if (labels.size() == 0) return nothing();
  LabelSelector selector;
  for (uint32_t i = 0; i < labels.size(); i++) {
    Requirement requirement{.key = std::string(labels.key(i)), .op = Operator::Equals};
    requirement.values.emplace_back(labels.value(i).as_string());
    selector.requirements_.push_back(std::move(requirement));
  }
  selector.sort();
  return selector;
}

Result<LabelSelector> LabelSelector::from(const AnyView& view) {
  if (!view.present()) return nothing();
  auto labels = view["matchLabels"];
  LabelSelector selector;
  if (labels.size()) selector = from_map(labels);
  for (auto& requirement : selector.requirements_)
    if (auto complaint = complaints(requirement); !complaint.empty()) return fail(bad_request(std::move(complaint)));
  auto expressions = view["matchExpressions"];
  for (uint32_t i = 0; i < expressions.size(); i++) {
    auto expression = expressions.item(i);
    auto name = expression["operator"].as_string();
    if (name == "Gt" || name == "Lt") return fail(bad_request(concat(quoted(name), " is not a valid label selector operator")));
    std::vector<std::string> values;
    auto given = expression["values"];
    for (uint32_t j = 0; j < given.size(); j++) values.emplace_back(given.item(j).as_string());
    TRY(selector.require(expression["key"].as_string(), name, std::move(values)));
  }
  selector.sort();
  return selector;
}

Result<void> LabelSelector::require(std::string_view key, std::string_view name, std::vector<std::string> values) {
  Requirement requirement{.key = std::string(key), .values = std::move(values)};
  if (name == "In") requirement.op = Operator::In;
  else if (name == "NotIn") requirement.op = Operator::NotIn;
  else if (name == "Exists") requirement.op = Operator::Exists;
  else if (name == "DoesNotExist") requirement.op = Operator::DoesNotExist;
  else if (name == "Gt") requirement.op = Operator::GreaterThan;
  else if (name == "Lt") requirement.op = Operator::LessThan;
  else return fail(bad_request(concat(quoted(name), " is not a valid label selector operator")));
  if ((name == "Gt" || name == "Lt") && requirement.values.size() != 1)
    return fail(bad_request("values: Invalid value: for 'Gt', 'Lt' operators, exactly one value is required"));
  auto complaint = complaints(requirement);
  if (!complaint.empty()) return fail(bad_request(std::move(complaint)));
  std::sort(requirement.values.begin(), requirement.values.end());
  requirements_.push_back(std::move(requirement));
  sort();
  return {};
}

void LabelSelector::also(const LabelSelector& other) {
  nothing_ |= other.nothing_;
  for (auto& requirement : other.requirements_) {
    bool known = std::any_of(requirements_.begin(), requirements_.end(), [&](auto& own) {
      return own.key == requirement.key && own.op == requirement.op && own.values == requirement.values;
    });
    if (!known) requirements_.push_back(requirement);
  }
  sort();
}

std::optional<std::pair<std::string_view, std::string_view>> LabelSelector::pinned() const {
  for (auto& requirement : requirements_) {
    bool one_of = requirement.op == Operator::Equals || requirement.op == Operator::DoubleEquals || requirement.op == Operator::In;
    if (one_of && requirement.values.size() == 1) return std::pair<std::string_view, std::string_view>(requirement.key, requirement.values[0]);
  }
  return {};
}

bool LabelSelector::Requirement::matches(const Labels& labels) const {
  auto label = labels.get(key);
  auto among = [&] {
    for (auto& one : values)
      if (one == *label) return true;
    return false;
  };
  switch (op) {
    case Operator::Equals: case Operator::DoubleEquals: case Operator::In: return label && among();
    case Operator::NotEquals: case Operator::NotIn: return !label || !among();
    case Operator::Exists: return label.has_value();
    case Operator::DoesNotExist: return !label.has_value();
    case Operator::GreaterThan: case Operator::LessThan: {
      int64_t value;
      if (!label || !parse_number(*label, value)) return false;
      return op == Operator::GreaterThan ? value > number : value < number;
    }
  }
  return false;
}

bool LabelSelector::matches(const Labels& labels) const {
  if (nothing_) return false;
  for (auto& requirement : requirements_)
    if (!requirement.matches(labels)) return false;
  return true;
}

bool LabelSelector::matches(const AnyView& labels) const { return matches(labels.as<Labels>()); }

bool LabelSelector::matches(const Object& object) const {
  if (nothing_ || requirements_.empty()) return !nothing_;
  return matches(object["metadata"]["labels"]);
}

std::vector<LabelSelector::Term> LabelSelector::terms() const {
  auto name_of = [](Operator op) -> std::string_view {
    switch (op) {
      case Operator::Equals:
      case Operator::DoubleEquals:
      case Operator::In: return "In";
      case Operator::NotEquals:
      case Operator::NotIn: return "NotIn";
      case Operator::Exists: return "Exists";
      case Operator::DoesNotExist: return "DoesNotExist";
      case Operator::GreaterThan: return "Gt";
      case Operator::LessThan: return "Lt";
    }
    return {};
  };
  std::vector<Term> out;
  for (const auto& it : requirements_) out.push_back({it.key, name_of(it.op), it.values});
  return out;
}

std::string LabelSelector::text() const {
  std::string out;
  for (auto& requirement : requirements_) {
    if (!out.empty()) out += ',';
    if (requirement.op == Operator::DoesNotExist) out += '!';
    out += requirement.key;
    switch (requirement.op) {
      case Operator::Equals: out += "="; break;
      case Operator::DoubleEquals: out += "=="; break;
      case Operator::NotEquals: out += "!="; break;
      case Operator::In: out += " in ("; break;
      case Operator::NotIn: out += " notin ("; break;
      case Operator::GreaterThan: out += ">"; break;
      case Operator::LessThan: out += "<"; break;
      case Operator::Exists: case Operator::DoesNotExist: break;
    }
    out += join(requirement.values, ",");
    if (requirement.op == Operator::In || requirement.op == Operator::NotIn) out += ')';
  }
  return out;
}

}  // namespace sampan::schema
