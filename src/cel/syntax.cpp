// Reading words against expectations, and what happens if they are not met: leave one word out if the one behind it fits, take one as given if the
// next fits behind it, else give the rule up and skip to where a caller can go on.
#include "cel/syntax.h"

#include "base/text.h"

namespace sampan::cel {
namespace {

constexpr int kDepthMax = 250;        // of one rule within itself
constexpr int kReportsMax = 100;
constexpr int kRecoveriesMax = 30;
constexpr size_t kSkippedMax = 256;   // words that one recovery leaves out

std::string quoted_word(std::string_view text) {
  std::string out = "'";
  for (char c : text) {
    if (c == '\t') out += "\\t";
    else if (c == '\n') out += "\\n";
    else if (c == '\r') out += "\\r";
    else out += c;
  }
  return out + "'";
}

std::string shown_set(Tokens set) {
  std::string out;
  int count = 0;
  for (unsigned i = 0; i <= static_cast<unsigned>(Token::QuotedIdentifier); ++i) {
    if (!(set & Tokens{1} << i)) continue;
    if (count++) out += ", ";
    out += shown(static_cast<Token>(i));
  }
  return count == 1 ? out : concat("{", out, "}");
}

}  // namespace

const Word& Syntax::word(size_t ahead) {
  size_t last = words_.visible.size() - 1;
  size_t place = words_.visible[aborted_ ? last : std::min(at_ + ahead, last)];
  while (errors_told_ < words_.errors.size() && words_.errors[errors_told_].before <= place && !aborted_) {
    const LexicalError& error = words_.errors[errors_told_++];
    report({Token::End, error.at, ""}, error.message);
  }
  return words_.all[place];
}

Tokens Syntax::resolved(Tokens set) const {
  for (size_t i = follows_.size(); i-- > 0 && (set & kLeave);) set = (set & ~kLeave) | follows_[i];
  return set & kLeave ? (set & ~kLeave) | tokens(Token::End) : set;
}

Tokens Syntax::recovery_set() const {
  Tokens set = 0;
  for (size_t i = 1; i < follows_.size(); ++i) set |= follows_[i];
  return set & ~kLeave;
}

void Syntax::abort(std::string message) {
  if (!aborted_) issues_.add(-1, std::move(message));
  aborted_ = true;
}

bool Syntax::deeper(Rule rule) {
  if (aborted_) return false;
  if (++depths_[static_cast<size_t>(rule)] <= kDepthMax) return true;
  --depths_[static_cast<size_t>(rule)];
  abort(concat("expression recursion limit exceeded: ", kDepthMax));
  return false;
}

void Syntax::report(const Word& word, std::string message) {
  if (aborted_) return;
  if (reports_++ < kReportsMax) {
    issues_.add(word.at, concat("Syntax error: ", message));
    return;
  }
  issues_.add(word.at, concat("Syntax error: More than ", kReportsMax, " syntax errors"));
  aborted_ = true;
}

void Syntax::report_unwanted(Tokens expected) {
  if (recovering_) return;
  recovering_ = true;
  report(word(), concat("extraneous input ", quoted_word(word().text), " expecting ", shown_set(expected)));
}

bool Syntax::mismatch(Tokens expected) {
  if (recovering_ || aborted_) return false;
  recovering_ = true;
  report(word(), concat("mismatched input ", quoted_word(word().text), " expecting ", shown_set(expected)));
  return false;
}

bool Syntax::no_alternative(size_t ahead, State state) {
  at_state(state);
  if (recovering_ || aborted_) return false;
  recovering_ = true;
  const Word& wrong = word(ahead);
  std::string text = next() == Token::End ? "<EOF>" : text_between(at_, at_ + ahead);
  // A reserved word behind a dot has always been told in other words.
  std::string_view last = text.empty() ? std::string_view() : std::string_view(text).substr(1);
  bool reserved = last == "true" || last == "false" || last == "null";
  report(wrong, reserved ? concat("mismatched input '", last, "' expecting IDENTIFIER") : concat("no viable alternative at input ", quoted_word(text)));
  return false;
}

std::string Syntax::text_between(size_t from, size_t to) {
  std::string out;
  size_t last = words_.visible[std::min(to, words_.visible.size() - 1)];
  for (size_t i = words_.visible[from]; i <= last && words_.all[i].token != Token::End; ++i) out += words_.all[i].text;
  return out;
}

void Syntax::consume() {
  if (next() != Token::End) ++at_;
}

void Syntax::matched() {
  recovering_ = false;
  last_error_at_ = kNowhere;
  last_error_states_.clear();
}

bool Syntax::match(Token token, Tokens after, Word* out, State state) { return match_any(tokens(token), after, out, state); }

bool Syntax::match_any(Tokens set, Tokens after, Word* out, State state) {
  at_state(state);
  if (aborted_) return false;
  if (!is_next(set)) {
    if (!may_recover()) return false;
    size_t limit = kSkippedMax;
    if (tokens(next(1)) & set) {
      report_unwanted(set);
      if (!skip_one(limit)) return false;
      matched();
      if (out) *out = word();
      return skip_one(limit);
    }
    if (is_next(resolved(after))) {
      if (!recovering_) {
        recovering_ = true;
        report(word(), concat("missing ", shown_set(set), " at ", quoted_word(word().text)));
      }
      if (out) *out = {static_cast<Token>(__builtin_ctzll(set)), word().at, ""};
      return !aborted_;
    }
    return mismatch(set);
  }
  matched();
  if (out) *out = word();
  consume();
  return true;
}

// Leaves a word out if the one behind it is expected.
bool Syntax::delete_one(Tokens expected) {
  if (!(tokens(next(1)) & expected)) return false;
  report_unwanted(expected);
  consume();
  matched();
  return !aborted_;
}

bool Syntax::sync(At kind, Tokens set, State state) {
  at_state(state);
  if (aborted_) return false;
  if (recovering_ || (set & kLeave) || is_next(set)) return true;
  if (kind == At::Choice) return delete_one(set) || mismatch(set);
  report_unwanted(set);
  skip_until(set | recovery_set(), kNowhere);
  return !aborted_;
}

bool Syntax::may_recover() {
  if (recoveries_++ < kRecoveriesMax) return true;
  report(word(), concat("error recovery attempt limit exceeded: ", kRecoveriesMax));
  aborted_ = true;
  return false;
}

bool Syntax::skip_one(size_t& limit) {
  if (limit == 0) {
    abort(concat("error recovery token lookahead limit exceeded: ", kSkippedMax));
    return false;
  }
  --limit;
  consume();
  return true;
}

void Syntax::skip_until(Tokens set, size_t limit) {
  while (next() != Token::End && !is_next(set))
    if (!skip_one(limit)) return;
}

void Syntax::recover() {
  if (aborted_ || !may_recover()) return;
  size_t limit = kSkippedMax;
  // A second time at the same place: something must be left out, or it would never end.
  if (last_error_at_ == at_ && last_error_states_.contains(state_) && !skip_one(limit)) return;
  last_error_at_ = at_;
  last_error_states_.insert(state_);
  skip_until(recovery_set(), limit);
}

}  // namespace sampan::cel
