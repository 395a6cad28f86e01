// Literals that could never work.
#include "cel/check_literals.h"

#include "base/text.h"
#include "cel/check_format.h"
#include "cel/library/patterns.h"

namespace sampan::cel {

namespace {

// The same type, but for the names of type parameters (there are none left after the check).
void expect_same(Issues& issues, const Node& node, const Type& wanted, const Type& found) {
  if (wanted != found) issues.add(node.at, concat("expected type '", wanted.text(), "' but found '", found.text(), "'"));
}

class LiteralChecker {
 public:
  LiteralChecker(const Checked& checked, Issues& issues) : checked_(checked), issues_(issues), good_(checked.expression.count()) {}

  // What macros use in several places is complained about in each of them; what is good is looked at once.
  void visit(const Node* node) {
    constexpr size_t kIssuesMax = 10'000;
    if (!node || good_[node->id] || issues_.count() >= kIssuesMax) return;
    const size_t before = issues_.count();
    if (node->kind == Node::Kind::Call) check_call(*node);
    if (node->kind == Node::Kind::List && formats_ == 0) check_list(*node);
    if (node->kind == Node::Kind::Map && formats_ == 0) check_map(*node);
    visit_parts(*node);
    good_[node->id] = issues_.count() == before && formats_ == 0;
  }

 private:
  void visit_parts(const Node& node) {
    const bool formats = node.kind == Node::Kind::Call && node.name == "format";
    formats_ += formats;
    visit(node.target);
    for (const Node* argument : node.arguments) visit(argument);
    for (const MapEntry& entry : node.entries) {
      visit(entry.key);
      visit(entry.value);
    }
    for (const FieldEntry& entry : node.fields) visit(entry.value);
    const Loop& loop = node.loop;
    for (const Node* part : {loop.range, loop.initial, loop.condition, loop.step, loop.result}) visit(part);
    formats_ -= formats;
  }

  Type type_of(const Node& node, bool optional) const {
    const Type& type = checked_.types[node.id];
    return optional ? type.parameter(0) : type;
  }

  void check_call(const Node& call) {
    check_format(checked_, call, issues_);
    const bool is_pattern = call.name == "matches";
    if (!is_pattern && call.name != "duration" && call.name != "timestamp") return;
    if (call.arguments.empty() || call.arguments[0]->kind != Node::Kind::Literal) return;
    const Node& argument = *call.arguments[0];
    // Upstream looks at the first argument, also of matches(text, pattern).
    const bool good = is_pattern ? library::compiled(argument.literal.as_text()).has_value() : converts(call, argument.literal);
    if (!good) issues_.add(argument.at, concat("invalid ", call.name, " argument"));
  }

  bool converts(const Node& call, const Value& argument) const {
    const auto& overloads = checked_.overloads[call.id];
    // null passes for a duration, but is none.
    return overloads.size() == 1 && overloads[0]->parameters[0] == argument.type() && overloads[0]->call({&argument, 1});
  }

  void check_list(const Node& list) {
    std::optional<Type> wanted;
    for (uint32_t i = 0; i < list.arguments.size(); ++i) {
      const bool optional = std::binary_search(list.optional_items.begin(), list.optional_items.end(), i);
      const Type type = type_of(*list.arguments[i], optional);
      if (!wanted)
        wanted = type;
      else if (*wanted != type)
        return expect_same(issues_, *list.arguments[i], *wanted, type);
    }
  }

  void check_map(const Node& map) {
    if (map.entries.empty()) return;
    const MapEntry& first = map.entries[0];
    const Type keys = type_of(*first.key, false), values = type_of(*first.value, first.optional);
    for (const MapEntry& entry : map.entries) {
      expect_same(issues_, *entry.key, keys, type_of(*entry.key, false));
      expect_same(issues_, *entry.value, values, type_of(*entry.value, entry.optional));
    }
  }

  const Checked& checked_;
  Issues& issues_;
  std::vector<bool> good_;
  int formats_ = 0;  // calls of format() around: it may be given a list of anything
};

}  // namespace

void check_literals(const Checked& checked, Issues& issues) { LiteralChecker(checked, issues).visit(&checked.expression.root()); }

}  // namespace sampan::cel
