// Operators, and the tree that comes of them.
#include "cel/parse.h"

#include <algorithm>

#include "base/text.h"
#include "cel/code_points.h"
#include "cel/macros.h"
#include "cel/parser.h"

namespace sampan::cel {
namespace {

constexpr size_t kCodePointsMax = 100'000;
constexpr int kDepthMax = 250;  // of operators, members and choices within each other

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

}  // namespace

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
  auto expanded = expand({name, target ? target->node : nullptr, nodes, at, bindings_}, expression_);
  if (!expanded) {
    complain(expanded.error().at, expanded.error().message);
    return {nothing(expanded.error().at).node, depth};
  }
  if (*expanded) return {*expanded, depth};
  Node& node = add(Node::Kind::Call, at);
  node.name = std::move(name);
  node.target = target ? target->node : nullptr;
  node.arguments = std::move(nodes);
  return {&node, depth};
}

Part Parser::expr(Tokens follow, State state) {
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
Part Parser::logical(Rule rule, Token token, Tokens follow, State state) {
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

Part Parser::relation(int precedence, Tokens follow, State state) {
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

Part Parser::calc(int precedence, Tokens follow, State state) {
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

Part Parser::unary(Tokens follow, State state) {
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

std::expected<Expression, Issues> parse(std::string text, bool bindings) { return Parser(std::move(text), bindings).parse(); }

}  // namespace sampan::cel
