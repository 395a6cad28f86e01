// Operands: names, calls, literals, lists, maps, structs, and the ways into them.
#include <algorithm>

#include "base/text.h"
#include "cel/literals.h"
#include "cel/parser.h"

namespace sampan::cel {
namespace {

constexpr std::string_view kNoQuotes = "unsupported syntax: '`'";

bool is_reserved(std::string_view name) {
  static constexpr std::string_view kReserved[] = {"as",   "break", "const", "continue",  "else", "false",  "for",  "function", "if",   "import", "in",
                                                   "let",  "loop",  "package", "namespace", "null", "return", "true", "var",      "void", "while"};
  return std::ranges::find(kReserved, name) != std::end(kReserved);
}

}  // namespace

Part Parser::member(Tokens follow, State state) {
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

Part Parser::primary(Tokens follow, State state) {
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

Part Parser::opt_expr(bool& optional, Tokens follow, State state) {
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
void Parser::quoted_name(Tokens follow, Word& name, bool& named, State state) {
  syntax_.rule(Rule::Name, follow, [&] {
    if (!syntax_.sync(At::Choice, kName)) return false;
    if (!syntax_.is_next(kName)) return syntax_.no_alternative(0);
    named = syntax_.match(syntax_.next(), kLeave, &name);
    return named;
  }, state);
}

Part Parser::literal(Tokens follow, State state) {
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

}  // namespace sampan::cel
