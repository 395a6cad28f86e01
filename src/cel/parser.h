// The reader of expressions: one function for every rule of the grammar. Those that begin a rule take what may follow it.
#pragma once
#include "cel/parse.h"
#include "cel/syntax.h"

namespace sampan::cel {

using Rule = Syntax::Rule;
using At = Syntax::At;

inline constexpr Tokens kNumbers = tokens(Token::Int, Token::Float);
inline constexpr Tokens kLiteral = kNumbers | tokens(Token::Minus, Token::Uint, Token::String, Token::Bytes, Token::True, Token::False, Token::Null);
inline constexpr Tokens kMember = kLiteral | tokens(Token::Dot, Token::Identifier, Token::LeftParen, Token::LeftBracket, Token::LeftBrace);
inline constexpr Tokens kExpr = kMember | tokens(Token::Not);
inline constexpr Tokens kOptExpr = kExpr | tokens(Token::Question);
inline constexpr Tokens kName = tokens(Token::Identifier, Token::QuotedIdentifier);
inline constexpr Tokens kOptField = kName | tokens(Token::Question);
inline constexpr Tokens kRelations = tokens(Token::Less, Token::LessOrEqual, Token::GreaterOrEqual, Token::Greater, Token::Equals, Token::Differs, Token::In);
inline constexpr Tokens kProducts = tokens(Token::Star, Token::Slash, Token::Percent);
inline constexpr Tokens kSums = tokens(Token::Plus, Token::Minus);
inline constexpr Tokens kSuffixes = tokens(Token::Dot, Token::LeftBracket);

// A piece of the tree; how deep it nests. A piece that could not be read has a node that is nothing in particular.
struct Part {
  const Node* node = nullptr;
  int depth = 0;
};

class Parser {
 public:
  Parser(std::string text, bool bindings) : syntax_(text, issues_), expression_(std::move(text)), bindings_(bindings) {}
  std::expected<Expression, Issues> parse() &&;

 private:
  Part expr(Tokens follow, State state = State::current());
  Part logical(Rule rule, Token token, Tokens follow, State state = State::current());
  Part logical_term(Rule rule, Tokens follow);
  Part relation(int precedence, Tokens follow, State state = State::current());
  Part calc(int precedence, Tokens follow, State state = State::current());
  Part unary(Tokens follow, State state = State::current());
  Part member(Tokens follow, State state = State::current());
  Part primary(Tokens follow, State state = State::current());
  Part literal(Tokens follow, State state = State::current());
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
  void quoted_name(Tokens follow, Word& name, bool& named, State state = State::current());
  Part opt_expr(bool& optional, Tokens follow, State state = State::current());
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
  bool bindings_;
  std::vector<Issue> meaning_;  // issues of what is grammatical
};

}  // namespace sampan::cel
