// What every rule of the grammar does with the words: expects one, notices that the next one cannot be, tells it once and goes on behind it. The
// words of the messages, and whether a second error is told, are those of ANTLR's default strategy, which users of CEL know.
#pragma once
#include <array>
#include <cstdint>
#include <set>
#include <source_location>
#include <string>
#include <vector>

#include "cel/issues.h"
#include "cel/lexer.h"

namespace sampan::cel {

// A set of tokens; and whether the rule may end here, so that what follows is up to whoever called it.
using Tokens = uint64_t;
template <class... T>
constexpr Tokens tokens(T... token) {
  return ((Tokens{1} << static_cast<unsigned>(token)) | ...);
}
inline constexpr Tokens kLeave = Tokens{1} << 63;

// Where in the grammar, and so in its code, the reader is.
using State = std::source_location;

class Syntax {
 public:
  enum class Rule : uint8_t { Start, Expr, Or, And, Relation, Calc, Unary, Member, Primary, ExprList, ListInit, FieldList, OptField, MapList, Name, OptExpr, Literal };
  // Before a choice or an optional part, or at the end of a turn of a loop: how a word that cannot follow is dealt with differs.
  enum class At : uint8_t { Choice, LoopEnd };

  Syntax(std::string_view text, Issues& issues) : words_(read_words(text)), issues_(issues) {}

  bool aborted() const { return aborted_; }
  const Word& word(size_t ahead = 0);  // 0: the next one
  Token next(size_t ahead = 0) { return word(ahead).token; }
  bool is_next(Tokens set) { return (tokens(next()) & set) != 0; }

  // A rule called from a place where `follow` may follow it. False from the body: an error was noticed; words are skipped until one that some
  // caller can go on with.
  template <class Body>
  void rule(Rule rule, Tokens follow, Body body, State state = State::current()) {
    size_t entered = follows_.size();
    follows_.push_back(follow);
    if (deeper(rule)) {
      if (!body()) recover();
      --depths_[static_cast<size_t>(rule)];
    }
    follows_.resize(entered);
    at_state(state);
  }
  // The next word must be this one; `after` may follow it in the rule. Sets *matched if there is one, though perhaps made up.
  bool match(Token token, Tokens after, Word* matched = nullptr, State state = State::current());
  bool match_any(Tokens set, Tokens after, Word* matched = nullptr, State state = State::current());
  bool sync(At kind, Tokens set, State state = State::current());
  // No alternative fits the words from the next one to the one `ahead` of it. Always false.
  bool no_alternative(size_t ahead, State state = State::current());

  void abort(std::string message);  // without a place; nothing more is read

 private:
  static constexpr size_t kNowhere = SIZE_MAX;
  using StateKey = std::pair<std::string_view, uint32_t>;
  void at_state(const State& state) { state_ = {state.file_name(), state.line()}; }
  bool deeper(Rule rule);
  Tokens resolved(Tokens set) const;
  Tokens recovery_set() const;
  void report(const Word& word, std::string message);
  void report_unwanted(Tokens expected);
  bool mismatch(Tokens expected);
  bool delete_one(Tokens expected);
  bool may_recover();
  void recover();
  void skip_until(Tokens set, size_t limit);
  bool skip_one(size_t& limit);
  void consume();
  void matched();
  std::string text_between(size_t from, size_t to);

  Words words_;
  Issues& issues_;
  size_t at_ = 0;  // among the visible words
  size_t errors_told_ = 0;  // of the lexer's
  int reports_ = 0;
  StateKey state_;
  std::vector<Tokens> follows_;
  std::array<int, 17> depths_{};
  bool recovering_ = false;  // an error was told, and no word has fitted since
  bool aborted_ = false;
  int recoveries_ = 0;
  size_t last_error_at_ = kNowhere;
  std::set<StateKey> last_error_states_;
};

}  // namespace sampan::cel
