// Text to words: at each place the longest word that fits, of two as long the one that is named first in the grammar.
#include "cel/lexer.h"

#include <optional>

#include "base/text.h"
#include "cel/code_points.h"

namespace sampan::cel {
namespace {

constexpr std::string_view kShown[] = {
    "<EOF>", "'=='", "'!='", "'in'", "'<'", "'<='", "'>='", "'>'", "'&&'", "'||'", "'['", "']'", "'{'", "'}'", "'('", "')'", "'.'", "','", "'-'",
    "'!'", "'?'", "':'", "'+'", "'*'", "'/'", "'%'", "'true'", "'false'", "'null'", "WHITESPACE", "COMMENT", "NUM_FLOAT", "NUM_INT", "NUM_UINT",
    "STRING", "BYTES", "IDENTIFIER", "ESC_IDENTIFIER",
};

bool is_digit(char32_t c) { return c >= '0' && c <= '9'; }
bool is_letter(char32_t c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_hex(char32_t c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }
bool is_blank(char32_t c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\f'; }
bool is_quote(char32_t c) { return c == '"' || c == '\''; }

class Lexer {
 public:
  explicit Lexer(std::string_view text) : points_(decode(text)) {}

  Words read() && {
    while (at_ < points_.size()) step();
    add(Token::End, at_);
    words_.all.back().text = "<EOF>";
    return std::move(words_);
  }

 private:
  // What stands somewhere; past the end nothing that fits anything.
  char32_t peek(size_t at) const { return at < points_.size() ? points_[at] : U'\uffff'; }
  bool starts(size_t at, char32_t c) const { return at < points_.size() && points_[at] == c; }

  void add(Token token, size_t end) {
    if (token != Token::Blank && token != Token::Comment) words_.visible.push_back(words_.all.size());
    words_.all.push_back({token, static_cast<int32_t>(at_), text(at_, end)});
    at_ = end;
  }
  std::string text(size_t from, size_t to) const { return encode(std::span(points_).subspan(from, std::min(to, points_.size()) - from)); }

  // Nothing fits: the text up to and with the character that fits no word is told and left out.
  void fail(size_t stop) {
    words_.errors.push_back({static_cast<int32_t>(at_), concat("token recognition error at: '", text(at_, stop + 1), "'"), words_.all.size()});
    at_ = std::min(stop + 1, points_.size());
  }

  void step() {
    char32_t c = peek(at_);
    if (is_blank(c)) return blank();
    if (is_digit(c) || (c == '.' && is_digit(peek(at_ + 1)))) return number();
    if (is_quote(c)) return quoted_text();
    if (c == '`') return quoted_identifier();
    if (is_letter(c) || c == '_') return word();
    sign(c);
  }

  void blank() {
    size_t end = at_;
    while (end < points_.size() && is_blank(points_[end])) ++end;
    add(Token::Blank, end);
  }

  size_t digits(size_t at) const {
    while (is_digit(peek(at))) ++at;
    return at;
  }
  // The end of an exponent, or where it would have begun.
  size_t exponent(size_t at) const {
    if (peek(at) != 'e' && peek(at) != 'E') return at;
    size_t first = at + 1;
    if (peek(first) == '+' || peek(first) == '-') ++first;
    return is_digit(peek(first)) ? digits(first) : at;
  }

  void number() {
    if (peek(at_) == '0' && peek(at_ + 1) == 'x' && is_hex(peek(at_ + 2))) {
      size_t end = at_ + 2;
      while (is_hex(peek(end))) ++end;
      return whole_number(end);
    }
    size_t whole = digits(at_);
    size_t end = whole;
    if (peek(end) == '.' && is_digit(peek(end + 1))) end = digits(end + 1);
    end = exponent(end);
    return end == whole ? whole_number(end) : add(Token::Float, end);
  }
  void whole_number(size_t end) {
    if (peek(end) == 'u' || peek(end) == 'U') return add(Token::Uint, end + 1);
    add(Token::Int, end);
  }

  struct Scan {
    bool complete;
    size_t end;  // behind the closing quotes, or where it went wrong
  };
  // How long an escape is, 0 if it is none; then `wrong` is the character that does not fit.
  size_t escape(size_t at, size_t& wrong) const {
    char32_t c = peek(at + 1);
    size_t digits = c == 'x' || c == 'X' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : 0;
    if (c >= '0' && c <= '3') {
      for (size_t i = 2; i < 4; ++i)
        if (peek(at + i) < '0' || peek(at + i) > '7') return wrong = at + i, 0;
      return 4;
    }
    for (size_t i = 0; i < digits; ++i)
      if (!is_hex(peek(at + 2 + i))) return wrong = at + 2 + i, 0;
    if (digits) return 2 + digits;
    if (c < 0x80 && std::string_view("abfnrtv\"'\\?`").find(static_cast<char>(c)) != std::string_view::npos) return 2;
    return wrong = at + 1, 0;
  }

  Scan scan_text(size_t at, bool raw, size_t quotes) const {
    char32_t quote = peek(at);
    at += quotes;
    while (at < points_.size()) {
      char32_t c = points_[at];
      if (c == quote && (quotes == 1 || (peek(at + 1) == quote && peek(at + 2) == quote))) return {true, at + quotes};
      if (quotes == 1 && (c == '\n' || c == '\r')) return {false, at};
      if (c == '\\' && !raw) {
        size_t wrong = at;
        size_t length = escape(at, wrong);
        if (!length) return {false, wrong};
        at += length;
      } else {
        ++at;
      }
    }
    return {false, at};
  }
  // The text whose quote stands at a place, in three quotes if it can be.
  Scan scan_quoted(size_t at, bool raw) const {
    if (starts(at + 1, points_[at]) && starts(at + 2, points_[at]))
      if (Scan scan = scan_text(at, raw, 3); scan.complete) return scan;
    return scan_text(at, raw, 1);
  }

  void quoted_text() {
    Scan scan = scan_quoted(at_, false);
    return scan.complete ? add(Token::String, scan.end) : fail(scan.end);
  }

  void quoted_identifier() {
    size_t end = at_ + 1;
    auto fits = [](char32_t c) { return is_letter(c) || is_digit(c) || c == '_' || c == '.' || c == '-' || c == '/' || c == ' '; };
    while (fits(peek(end))) ++end;
    return end > at_ + 1 && starts(end, '`') ? add(Token::QuotedIdentifier, end + 1) : fail(end);
  }

  // r"...", b"...", br"..." are texts; anything else that begins with a letter is a name.
  bool prefixed_text() {
    size_t quote = at_;
    bool bytes = peek(quote) == 'b' || peek(quote) == 'B';
    if (bytes) ++quote;
    bool raw = peek(quote) == 'r' || peek(quote) == 'R';
    if (raw) ++quote;
    if (quote == at_ || !is_quote(peek(quote))) return false;
    Scan scan = scan_quoted(quote, raw);
    if (scan.complete) add(bytes ? Token::Bytes : Token::String, scan.end);
    return scan.complete;
  }

  void word() {
    if (prefixed_text()) return;
    size_t end = at_;
    while (is_letter(peek(end)) || is_digit(peek(end)) || peek(end) == '_') ++end;
    std::string name = text(at_, end);
    add(name == "in" ? Token::In : name == "true" ? Token::True : name == "false" ? Token::False : name == "null" ? Token::Null : Token::Identifier, end);
  }

  void sign(char32_t c) {
    if (c == '/' && peek(at_ + 1) == '/') {
      size_t end = at_;
      while (end < points_.size() && points_[end] != '\n') ++end;
      return add(Token::Comment, end);
    }
    static constexpr std::pair<std::string_view, Token> kPairs[] = {{"==", Token::Equals},      {"!=", Token::Differs}, {"<=", Token::LessOrEqual},
                                                                    {">=", Token::GreaterOrEqual}, {"&&", Token::And},  {"||", Token::Or}};
    for (auto [text, token] : kPairs)
      if (c == static_cast<char32_t>(text[0]) && peek(at_ + 1) == static_cast<char32_t>(text[1])) return add(token, at_ + 2);
    static constexpr std::string_view kSigns = "<>[]{}().,-!?:+*/%";
    static constexpr Token kTokens[] = {Token::Less,  Token::Greater, Token::LeftBracket, Token::RightBracket, Token::LeftBrace, Token::RightBrace,
                                        Token::LeftParen, Token::RightParen, Token::Dot,  Token::Comma,        Token::Minus,     Token::Not,
                                        Token::Question,  Token::Colon,      Token::Plus, Token::Star,         Token::Slash,     Token::Percent};
    size_t found = c < 0x80 ? kSigns.find(static_cast<char>(c)) : std::string_view::npos;
    if (found != std::string_view::npos) return add(kTokens[found], at_ + 1);
    fail(c == '=' || c == '&' || c == '|' ? at_ + 1 : at_);
  }

  std::vector<char32_t> points_;
  size_t at_ = 0;
  Words words_;
};

}  // namespace

std::string_view shown(Token token) { return kShown[static_cast<size_t>(token)]; }

Words read_words(std::string_view text) { return Lexer(text).read(); }

}  // namespace sampan::cel
