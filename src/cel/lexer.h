// The words of an expression.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sampan::cel {

// In the order in which messages list what they expected.
enum class Token : uint8_t {
  End, Equals, Differs, In, Less, LessOrEqual, GreaterOrEqual, Greater, And, Or, LeftBracket, RightBracket, LeftBrace, RightBrace, LeftParen,
  RightParen, Dot, Comma, Minus, Not, Question, Colon, Plus, Star, Slash, Percent, True, False, Null, Blank, Comment, Float, Int, Uint, String,
  Bytes, Identifier, QuotedIdentifier,
};

std::string_view shown(Token token);  // in messages: "'=='", "IDENTIFIER"

struct Word {
  Token token;
  int32_t at;         // in code points
  std::string text;   // as it stands there
};

struct LexicalError {
  int32_t at;
  std::string message;
  size_t before;  // the place, among all words, of the one that follows
};

struct Words {
  std::vector<Word> all;        // with blanks and comments; the last is End
  std::vector<size_t> visible;  // the others' places in all
  std::vector<LexicalError> errors;
};

Words read_words(std::string_view text);

}  // namespace sampan::cel
