// The grammar, rule by rule, and the tree that comes of it.
#include "cel/parse.h"

#include <algorithm>

#include "base/text.h"
#include "cel/code_points.h"
#include "cel/literals.h"
#include "cel/macros.h"
#include "cel/syntax.h"

namespace sampan::cel {
namespace {

constexpr size_t kCodePointsMax = 100'000;
constexpr std::string_view kNoQuotes = "unsupported syntax: '`'";
constexpr int kDepthMax = 250;  // of operators, members and choices within each other

using Rule = Syntax::Rule;
using At = Syntax::At;

constexpr Tokens kNumbers = tokens(Token::Int, Token::Float);
constexpr Tokens kLiteral = kNumbers | tokens(Token::Minus, Token::Uint, Token::String, Token::Bytes, Token::True, Token::False, Token::Null);
constexpr Tokens kMember = kLiteral | tokens(Token::Dot, Token::Identifier, Token::LeftParen, Token::LeftBracket, Token::LeftBrace);
constexpr Tokens kExpr = kMember | tokens(Token::Not);
constexpr Tokens kOptExpr = kExpr | tokens(Token::Question);
constexpr Tokens kName = tokens(Token::Identifier, Token::QuotedIdentifier);
constexpr Tokens kOptField = kName | tokens(Token::Question);
constexpr Tokens kRelations = tokens(Token::Less, Token::LessOrEqual, Token::GreaterOrEqual, Token::Greater, Token::Equals, Token::Differs, Token::In);
constexpr Tokens kProducts = tokens(Token::Star, Token::Slash, Token::Percent);
constexpr Tokens kSums = tokens(Token::Plus, Token::Minus);
constexpr Tokens kSuffixes = tokens(Token::Dot, Token::LeftBracket);

std::string_view operator_of(Token token) {
  switch (token) {
    case Token::Less: return op::kLess;
    case Token::LessOrEqual: return op::kLessOrEqual;
    case Token::GreaterOrEqual: return op::kGreaterOrEqual;
    case Token::Greater: return op::kGreater;
    case Token::Equals: return op::kEquals;
    case Token::Differs: return op::kDiffers;
    case Token::In: return op::kIn;
    case Token::Star: return op::kMultiply;
    case Token::Slash: return op::kDivide;
    case Token::Percent: return op::kModulo;
    case Token::Plus: return op::kAdd;
    default: return op::kSubtract;
  }
}

bool is_reserved(std::string_view name) {
  static constexpr std::string_view kReserved[] = {"as",   "break", "const", "continue",  "else", "false",  "for",  "function", "if",   "import", "in",
                                                   "let",  "loop",  "package", "namespace", "null", "return", "true", "var",      "void", "while"};
  return std::ranges::find(kReserved, name) != std::end(kReserved);
}

// A piece of the tree; how deep it nests. A piece that could not be read has a node that is nothing in particular.
struct Part {
  const Node* node = nullptr;
  int depth = 0;
};

class Parser {
 public:
  explicit Parser(std::string text) : syntax_(text, issues_), expression_(std::move(text)) {}
  std::expected<Expression, Issues> parse() &&;

 private:
  Part expr(Tokens follow, int state = __builtin_LINE());
  Part logical(Rule rule, Token token, Tokens follow, int state = __builtin_LINE());
  Part logical_term(Rule rule, Tokens follow);
  Part relation(int precedence, Tokens follow, int state = __builtin_LINE());
  Part calc(int precedence, Tokens follow, int state = __builtin_LINE());
  Part unary(Tokens follow, int state = __builtin_LINE());
  Part member(Tokens follow, int state = __builtin_LINE());
  Part primary(Tokens follow, int state = __builtin_LINE());
  Part literal(Tokens follow, int state = __builtin_LINE());
  bool unary_body(Part& part);
  bool negation(Token token, Part& part);
  bool suffixes(Part& part);
  bool suffix(Part& part);
  bool select(Part& part);
  bool member_call(Part& part);
  bool index(Part& part);
  bool primary_body(Part& part);
  bool name_or_call(Part& part);
  bool structure(Part& part, size_t names);
  bool list(Part& part);
  bool map(Part& part);
  bool literal_body(Part& part);
  bool arguments(std::vector<Part>& parts);
  void quoted_name(Tokens follow, Word& name, bool& named, int state = __builtin_LINE());
  Part opt_expr(bool& optional, Tokens follow, int state = __builtin_LINE());
  void field_list(Node& node, int& depth, Tokens follow);
  void map_list(Node& node, int& depth, Tokens follow);

  size_t names_ahead();
  Part combine(std::span<const Part> terms, std::span<const Word> operators, std::string_view function);
  Part call(std::string_view function, int32_t at, std::initializer_list<Part> parts);
  Part call_or_macro(std::string name, int32_t at, const Part* target, std::span<const Part> arguments);
  Node& add(Node::Kind kind, int32_t at);
  Part nothing(int32_t at = 0) { return {&add(Node::Kind::Literal, at), 0}; }
  void complain(int32_t at, std::string_view message);

  Issues issues_;
  Syntax syntax_;
  Expression expression_;
  std::vector<Issue> meaning_;  // issues of what is grammatical
};

Node& Parser::add(Node::Kind kind, int32_t at) {
  if (expression_.count() > kNodesMax) syntax_.abort("expression has too many parts");
  return expression_.add(kind, at);
}

void Parser::complain(int32_t at, std::string_view message) {
  meaning_.push_back({at, std::string(message)});
}

Part Parser::call(std::string_view function, int32_t at, std::initializer_list<Part> parts) {
  Node& node = add(Node::Kind::Call, at);
  node.name = function;
  int depth = 0;
  for (const Part& part : parts) {
    node.arguments.push_back(part.node);
    depth = std::max(depth, part.depth);
  }
  return {&node, depth + 1};
}

Part Parser::call_or_macro(std::string name, int32_t at, const Part* target, std::span<const Part> arguments) {
  std::vector<const Node*> nodes;
  int depth = target ? target->depth + 1 : 0;
  for (const Part& part : arguments) {
    nodes.push_back(part.node);
    depth = std::max(depth, part.depth + (target ? 1 : 0));
  }
  auto expanded = expand({name, target ? target->node : nullptr, nodes, at}, expression_);
  if (!expanded) {
    complain(expanded.error().at, expanded.error().message);
    return {nothing().node, depth};
  }
  if (*expanded) return {*expanded, depth};
  Node& node = add(Node::Kind::Call, at);
  node.name = std::move(name);
  node.target = target ? target->node : nullptr;
  node.arguments = std::move(nodes);
  return {&node, depth};
}

Part Parser::expr(Tokens follow, int state) {
  Part part;
  syntax_.rule(Rule::Expr, follow, [&] {
    part = logical(Rule::Or, Token::Or, tokens(Token::Question) | kLeave);
    if (syntax_.next() != Token::Question) return true;
    Word question;
    if (!syntax_.match(Token::Question, kExpr, &question)) return false;
    Part yes = logical(Rule::Or, Token::Or, tokens(Token::Colon));
    bool good = syntax_.match(Token::Colon, kExpr);
    part = call(op::kConditional, question.at, {part, yes, good ? expr(kLeave) : nothing()});
    return good;
  }, state);
  return part.node ? part : nothing();
}

// a || b || c, and with && one level below: a tree that is as flat as can be.
Part Parser::logical(Rule rule, Token token, Tokens follow, int state) {
  std::vector<Part> terms;
  std::vector<Word> operators;
  syntax_.rule(rule, follow, [&] {
    Tokens next = tokens(token) | kLeave;
    terms.push_back(logical_term(rule, next));
    while (syntax_.next() == token) {
      if (!syntax_.match(token, kExpr, &operators.emplace_back())) return false;
      terms.push_back(logical_term(rule, next));
    }
    return true;
  }, state);
  if (terms.empty()) return nothing();
  return combine(terms, operators, rule == Rule::Or ? op::kOr : op::kAnd);
}

Part Parser::logical_term(Rule rule, Tokens follow) { return rule == Rule::Or ? logical(Rule::And, Token::And, follow) : relation(0, follow); }

Part Parser::combine(std::span<const Part> terms, std::span<const Word> operators, std::string_view function) {
  if (operators.empty() || terms.size() <= operators.size()) return terms[0];
  size_t middle = operators.size() / 2;
  Part left = combine(terms.first(middle + 1), operators.first(middle), function);
  Part right = combine(terms.subspan(middle + 1), operators.subspan(middle + 1), function);
  Part both = call(function, operators[middle].at, {left, right});
  return {both.node, both.depth - 1};
}

Part Parser::relation(int precedence, Tokens follow, int state) {
  Part part;
  syntax_.rule(Rule::Relation, follow, [&] {
    Tokens next = kRelations | kLeave;
    part = calc(0, next);
    bool good = true;
    while (good && precedence <= 1 && syntax_.is_next(kRelations)) {
      Word word;
      good = syntax_.match_any(kRelations, kExpr, &word);
      if (good) part = call(operator_of(word.token), word.at, {part, relation(2, next)});
    }
    return good;
  }, state);
  return part.node ? part : nothing();
}

Part Parser::calc(int precedence, Tokens follow, int state) {
  Part part;
  syntax_.rule(Rule::Calc, follow, [&] {
    Tokens next = kProducts | kSums | kLeave;
    part = unary(next);
    bool good = true;
    auto fits = [&] { return (precedence <= 2 && syntax_.is_next(kProducts)) || (precedence <= 1 && syntax_.is_next(kSums)); };
    while (good && fits()) {
      bool product = syntax_.is_next(kProducts);
      Word word;
      good = syntax_.match_any(product ? kProducts : kSums, kExpr, &word);
      if (good) part = call(operator_of(word.token), word.at, {part, calc(product ? 3 : 2, next)});
    }
    return good;
  }, state);
  return part.node ? part : nothing();
}

Part Parser::unary(Tokens follow, int state) {
  Part part;
  int32_t at = syntax_.word().at;
  syntax_.rule(Rule::Unary, follow, [&] { return unary_body(part); }, state);
  return part.node ? part : nothing(at);
}

bool Parser::unary_body(Part& part) {
  if (!syntax_.sync(At::Choice, kExpr)) return false;
  if (!syntax_.is_next(kExpr)) return syntax_.no_alternative(0);
  if (syntax_.next() == Token::Not) return negation(Token::Not, part);
  if (syntax_.next() == Token::Minus) {
    if (!(tokens(syntax_.next(1)) & kMember)) return syntax_.no_alternative(1);
    // "-1" could be a negation, too; it is a literal.
    if (!(tokens(syntax_.next(1)) & kNumbers)) return negation(Token::Minus, part);
  }
  part = member(kLeave);
  return true;
}

// !!!x or --x: two of them are none.
bool Parser::negation(Token token, Part& part) {
  Word first, word;
  size_t count = 0;
  do {
    if (!syntax_.match(token, kMember | tokens(token), count ? &word : &first)) return false;
    ++count;
    if (!syntax_.sync(At::LoopEnd, kMember | tokens(token))) return false;
    if (token == Token::Minus) {
      if (!syntax_.is_next(kMember)) return syntax_.no_alternative(0);
      if (syntax_.next() == Token::Minus && !(tokens(syntax_.next(1)) & kMember)) return syntax_.no_alternative(1);
    }
  } while (syntax_.next() == token);
  part = member(kLeave);
  if (count % 2) {
    Part negated = call(token == Token::Not ? op::kNot : op::kNegate, first.at, {part});
    part = {negated.node, part.depth};
  }
  return true;
}

Part Parser::member(Tokens follow, int state) {
  Part part;
  syntax_.rule(Rule::Member, follow, [&] {
    part = primary(kSuffixes | kLeave);
    return suffixes(part);
  }, state);
  return part.node ? part : nothing();
}

bool Parser::suffixes(Part& part) {
  while (syntax_.is_next(kSuffixes)) {
    bool call = syntax_.next(1) == Token::Identifier && syntax_.next(2) == Token::LeftParen;
    if (syntax_.next() == Token::Dot && !call && !(tokens(syntax_.next(1)) & kOptField)) return syntax_.no_alternative(1);
    if (!suffix(part)) return false;
  }
  return true;
}

bool Parser::suffix(Part& part) {
  if (syntax_.next() == Token::LeftBracket) return index(part);
  return syntax_.next(1) == Token::Identifier && syntax_.next(2) == Token::LeftParen ? member_call(part) : select(part);
}

bool Parser::select(Part& part) {
  Word dot, question, name;
  bool named = false;
  if (!syntax_.match(Token::Dot, kOptField, &dot)) return false;
  if (!syntax_.sync(At::Choice, kOptField)) return false;
  bool optional = syntax_.next() == Token::Question;
  if (optional && !syntax_.match(Token::Question, kName, &question)) return false;
  int32_t at = syntax_.word().at;
  quoted_name(kSuffixes | kLeave, name, named);
  if (!named) complain(at, "unsupported ident kind");
  else if (name.token == Token::QuotedIdentifier) complain(at, kNoQuotes);
  if (optional) {
    Node& field = add(Node::Kind::Literal, name.at);
    field.literal = Value::string(name.text);
    part = call(op::kOptionalSelect, dot.at, {part, {&field, 0}});
    return true;
  }
  if (!named) return true;
  Node& node = add(Node::Kind::Select, dot.at);
  node.target = part.node;
  node.name = name.text;
  part = {&node, part.depth + 1};
  return true;
}

bool Parser::member_call(Part& part) {
  Word name, paren;
  syntax_.match(Token::Dot, tokens(Token::Identifier));
  syntax_.match(Token::Identifier, tokens(Token::LeftParen), &name);
  syntax_.match(Token::LeftParen, kExpr | tokens(Token::RightParen), &paren);
  std::vector<Part> parts;
  bool good = arguments(parts) && syntax_.match(Token::RightParen, kSuffixes | kLeave);
  part = call_or_macro(name.text, paren.at, &part, parts);
  return good;
}

// Up to the closing parenthesis.
bool Parser::arguments(std::vector<Part>& parts) {
  if (!syntax_.sync(At::Choice, kExpr | tokens(Token::RightParen))) return false;
  if (!syntax_.is_next(kExpr)) return true;
  syntax_.rule(Rule::ExprList, tokens(Token::RightParen), [&] {
    parts.push_back(expr(tokens(Token::Comma) | kLeave));
    while (syntax_.next() == Token::Comma) {
      if (!syntax_.match(Token::Comma, kExpr)) return false;
      parts.push_back(expr(tokens(Token::Comma) | kLeave));
    }
    return true;
  });
  return true;
}

bool Parser::index(Part& part) {
  Word bracket;
  syntax_.match(Token::LeftBracket, kOptExpr, &bracket);
  bool good = syntax_.sync(At::Choice, kOptExpr);
  bool optional = good && syntax_.next() == Token::Question;
  if (optional) good = syntax_.match(Token::Question, kExpr);
  Part index = good ? expr(tokens(Token::RightBracket)) : nothing();
  part = call(optional ? op::kOptionalIndex : op::kIndex, bracket.at, {part, index});
  return good && syntax_.match(Token::RightBracket, kSuffixes | kLeave);
}

Part Parser::primary(Tokens follow, int state) {
  Part part;
  syntax_.rule(Rule::Primary, follow, [&] { return primary_body(part); }, state);
  return part.node ? part : nothing();
}

// How many names there are, in words with their dots, up to a "{"; 0 if this is not how a struct begins.
size_t Parser::names_ahead() {
  size_t ahead = syntax_.next() == Token::Dot ? 1 : 0;
  while (syntax_.next(ahead) == Token::Identifier) {
    if (syntax_.next(ahead + 1) == Token::LeftBrace) return ahead + 1;
    if (syntax_.next(ahead + 1) != Token::Dot) return 0;
    ahead += 2;
  }
  return 0;
}

bool Parser::primary_body(Part& part) {
  if (!syntax_.sync(At::Choice, kMember)) return false;
  switch (syntax_.next()) {
    case Token::LeftParen:
      syntax_.match(Token::LeftParen, kExpr);
      part = expr(tokens(Token::RightParen));
      return syntax_.match(Token::RightParen, kLeave);
    case Token::LeftBracket: return list(part);
    case Token::LeftBrace: return map(part);
    case Token::Dot:
      if (syntax_.next(1) != Token::Identifier) return syntax_.no_alternative(1);
      [[fallthrough]];
    case Token::Identifier: {
      size_t names = names_ahead();
      return names ? structure(part, names) : name_or_call(part);
    }
    default:
      if (!syntax_.is_next(kLiteral)) return syntax_.no_alternative(0);
      part = literal(kLeave);
      return true;
  }
}

bool Parser::name_or_call(Part& part) {
  Word dot, name, paren;
  bool dotted = syntax_.next() == Token::Dot;
  if (dotted) syntax_.match(Token::Dot, tokens(Token::Identifier), &dot);
  syntax_.match(Token::Identifier, tokens(Token::LeftParen) | kLeave, &name);
  bool reserved = is_reserved(name.text);
  if (reserved) complain(dotted ? dot.at : name.at, concat("reserved identifier: ", name.text));
  std::string full = dotted ? concat(".", name.text) : name.text;
  if (syntax_.next() != Token::LeftParen) {
    Node& node = add(reserved ? Node::Kind::Literal : Node::Kind::Identifier, name.at);
    node.name = std::move(full);
    part = {&node, 0};
    return true;
  }
  syntax_.match(Token::LeftParen, kExpr | tokens(Token::RightParen), &paren);
  std::vector<Part> parts;
  size_t told = meaning_.size();
  bool good = arguments(parts) && syntax_.match(Token::RightParen, kLeave);
  if (reserved) meaning_.resize(told);
  else part = call_or_macro(std::move(full), paren.at, nullptr, parts);
  return good;
}

bool Parser::structure(Part& part, size_t names) {
  Word word;
  std::string name;
  for (size_t i = 0; i < names; ++i) {
    syntax_.match(syntax_.next(), 0, &word);
    name += word.text;
  }
  syntax_.match(Token::LeftBrace, kOptField | tokens(Token::Comma, Token::RightBrace), &word);
  Node& node = add(Node::Kind::Struct, word.at);
  node.name = std::move(name);
  part = {&node, 0};
  if (!syntax_.sync(At::Choice, kOptField | tokens(Token::Comma, Token::RightBrace))) return false;
  if (syntax_.is_next(kOptField)) field_list(node, part.depth, tokens(Token::Comma, Token::RightBrace));
  if (!syntax_.sync(At::Choice, tokens(Token::Comma, Token::RightBrace))) return false;
  if (syntax_.next() == Token::Comma && !syntax_.match(Token::Comma, tokens(Token::RightBrace))) return false;
  return syntax_.match(Token::RightBrace, kLeave);
}

void Parser::field_list(Node& node, int& depth, Tokens follow) {
  int32_t begin = syntax_.word().at;
  auto one = [&] {
    FieldEntry entry;
    Word name, colon;
    bool named = false;
    syntax_.rule(Rule::OptField, tokens(Token::Colon), [&] {
      if (!syntax_.sync(At::Choice, kOptField)) return false;
      entry.optional = syntax_.next() == Token::Question;
      if (entry.optional && !syntax_.match(Token::Question, kName)) return false;
      quoted_name(kLeave, name, named);
      return true;
    });
    if (!syntax_.match(Token::Colon, kExpr, &colon)) return false;
    Part value = expr(tokens(Token::Comma) | kLeave);
    depth = std::max(depth, value.depth);
    entry.field = name.text;
    entry.at = colon.at;
    entry.value = value.node;
    if (!named) complain(begin, "unsupported ident kind");
    else if (name.token == Token::QuotedIdentifier) complain(begin, kNoQuotes);
    else node.fields.push_back(std::move(entry));
    return true;
  };
  syntax_.rule(Rule::FieldList, follow, [&] {
    if (!one()) return false;
    while (syntax_.next() == Token::Comma && (tokens(syntax_.next(1)) & kOptField))
      if (!syntax_.match(Token::Comma, kOptField) || !one()) return false;
    return true;
  });
}

Part Parser::opt_expr(bool& optional, Tokens follow, int state) {
  Part part;
  optional = false;
  syntax_.rule(Rule::OptExpr, follow, [&] {
    if (!syntax_.sync(At::Choice, kOptExpr)) return false;
    optional = syntax_.next() == Token::Question;
    if (optional && !syntax_.match(Token::Question, kExpr)) return false;
    part = expr(kLeave);
    return true;
  }, state);
  return part.node ? part : nothing();
}

bool Parser::list(Part& part) {
  constexpr Tokens kEnd = tokens(Token::Comma, Token::RightBracket);
  Word bracket;
  syntax_.match(Token::LeftBracket, kOptExpr | kEnd, &bracket);
  Node& node = add(Node::Kind::List, bracket.at);
  part = {&node, 0};
  auto one = [&] {
    bool optional = false;
    Part item = opt_expr(optional, tokens(Token::Comma) | kLeave);
    if (optional) node.optional_items.push_back(static_cast<uint32_t>(node.arguments.size()));
    node.arguments.push_back(item.node);
    part.depth = std::max(part.depth, item.depth);
  };
  if (!syntax_.sync(At::Choice, kOptExpr | kEnd)) return false;
  if (syntax_.is_next(kOptExpr)) {
    syntax_.rule(Rule::ListInit, kEnd, [&] {
      one();
      while (syntax_.next() == Token::Comma && (tokens(syntax_.next(1)) & kOptExpr)) {
        if (!syntax_.match(Token::Comma, kOptExpr)) return false;
        one();
      }
      return true;
    });
  }
  if (!syntax_.sync(At::Choice, kEnd)) return false;
  if (syntax_.next() == Token::Comma && !syntax_.match(Token::Comma, tokens(Token::RightBracket))) return false;
  return syntax_.match(Token::RightBracket, kLeave);
}

bool Parser::map(Part& part) {
  constexpr Tokens kEnd = tokens(Token::Comma, Token::RightBrace);
  Word brace;
  syntax_.match(Token::LeftBrace, kOptExpr | kEnd, &brace);
  Node& node = add(Node::Kind::Map, brace.at);
  part = {&node, 0};
  if (!syntax_.sync(At::Choice, kOptExpr | kEnd)) return false;
  if (syntax_.is_next(kOptExpr)) map_list(node, part.depth, kEnd);
  if (!syntax_.sync(At::Choice, kEnd)) return false;
  if (syntax_.next() == Token::Comma && !syntax_.match(Token::Comma, tokens(Token::RightBrace))) return false;
  return syntax_.match(Token::RightBrace, kLeave);
}

void Parser::map_list(Node& node, int& depth, Tokens follow) {
  auto one = [&] {
    MapEntry entry;
    size_t told = meaning_.size();
    Part key = opt_expr(entry.optional, tokens(Token::Colon));
    if (!syntax_.match(Token::Colon, kExpr)) {
      meaning_.resize(told);  // without a colon it is no entry
      return false;
    }
    Part value = expr(tokens(Token::Comma) | kLeave);
    depth = std::max({depth, key.depth, value.depth});
    entry.key = key.node;
    entry.value = value.node;
    node.entries.push_back(entry);
    return true;
  };
  syntax_.rule(Rule::MapList, follow, [&] {
    if (!one()) return false;
    while (syntax_.next() == Token::Comma && (tokens(syntax_.next(1)) & kOptExpr))
      if (!syntax_.match(Token::Comma, kOptExpr) || !one()) return false;
    return true;
  });
}

// The name of a field. In backquotes it could be anything, but that has to be asked for, which Kubernetes does not.
void Parser::quoted_name(Tokens follow, Word& name, bool& named, int state) {
  syntax_.rule(Rule::Name, follow, [&] {
    if (!syntax_.sync(At::Choice, kName)) return false;
    if (!syntax_.is_next(kName)) return syntax_.no_alternative(0);
    named = syntax_.match(syntax_.next(), kLeave, &name);
    return named;
  }, state);
}

Part Parser::literal(Tokens follow, int state) {
  Part part;
  syntax_.rule(Rule::Literal, follow, [&] { return literal_body(part); }, state);
  return part.node ? part : nothing();
}

bool Parser::literal_body(Part& part) {
  if (!syntax_.sync(At::Choice, kLiteral)) return false;
  bool negative = syntax_.next() == Token::Minus;
  if (negative && !(tokens(syntax_.next(1)) & kNumbers)) return syntax_.no_alternative(1);
  if (!syntax_.is_next(kLiteral)) return syntax_.no_alternative(0);
  Word sign, word;
  if (negative) syntax_.match(Token::Minus, kNumbers, &sign);
  syntax_.match(syntax_.next(), kLeave, &word);
  int32_t at = negative ? sign.at : word.at;
  std::string text = negative ? concat("-", word.text) : word.text;
  std::expected<Value, std::string> value = Value();
  switch (word.token) {
    case Token::Int: value = read_int(text); break;
    case Token::Uint: value = read_uint(text); break;
    case Token::Float: value = read_double(text); break;
    case Token::String: value = read_string(text); break;
    case Token::Bytes: value = read_bytes(text); break;
    case Token::True: value = Value::boolean(true); break;
    case Token::False: value = Value::boolean(false); break;
    default: break;
  }
  if (!value) complain(at, value.error());
  Node& node = add(Node::Kind::Literal, at);
  if (value) node.literal = std::move(*value);
  part = {&node, 0};
  return true;
}

std::expected<Expression, Issues> Parser::parse() && {
  if (size_t size = decode(expression_.text()).size(); size > kCodePointsMax) {
    issues_.add(-1, concat("expression code point size exceeds limit: size: ", size, ", limit ", kCodePointsMax));
    return std::unexpected(std::move(issues_));
  }
  Part root;
  syntax_.rule(Rule::Start, kLeave, [&] {
    root = expr(tokens(Token::End));
    return syntax_.match(Token::End, kLeave);
  });
  if (!syntax_.aborted()) {
    // What nests too deeply is not looked into.
    if (root.depth > kDepthMax) issues_.add(-1, "max recursion depth exceeded");
    else for (Issue& issue : meaning_) issues_.add(issue.at, std::move(issue.message));
  }
  if (!issues_.empty()) return std::unexpected(std::move(issues_));
  expression_.set_root(*root.node);
  return std::move(expression_);
}

}  // namespace

std::expected<Expression, Issues> parse(std::string text) { return Parser(std::move(text)).parse(); }

}  // namespace sampan::cel
