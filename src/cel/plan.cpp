// Constants that fail: conversions of literals, patterns, and keys that are none.
#include "cel/plan.h"

#include "base/text.h"
#include "cel/calls.h"
#include "cel/library/patterns.h"

namespace sampan::cel {

namespace {

class Planner {
 public:
  explicit Planner(const Checked& checked) : checked_(checked), constants_(checked.expression.count()), visited_(checked.expression.count()) {}

  std::optional<Failure> run() {
    visit(&checked_.expression.root());
    return std::move(failure_);
  }

 private:
  void visit(const Node* node) {
    if (!node || failure_ || visited_[node->id]) return;
    visited_[node->id] = true;
    visit_parts(*node);
    if (failure_) return;
    switch (node->kind) {
      case Node::Kind::Literal: constants_[node->id] = node->literal; break;
      case Node::Kind::List: visit_list(*node); break;
      case Node::Kind::Map: visit_map(*node); break;
      case Node::Kind::Call: visit_call(*node); break;
      case Node::Kind::Identifier:
      case Node::Kind::Select: visit_name(*node); break;
      case Node::Kind::Struct:
      case Node::Kind::Loop: break;
    }
  }

  void visit_parts(const Node& node) {
    visit(node.target);
    for (const Node* argument : node.arguments) visit(argument);
    for (const MapEntry& entry : node.entries) {
      visit(entry.key);
      visit(entry.value);
    }
    for (const FieldEntry& field : node.fields) visit(field.value);
    const Loop& loop = node.loop;
    visit(loop.initial);
    visit(loop.range);
    for (const Node* part : {loop.condition, loop.step, loop.result}) visit(part);
  }

  // What holds a type is taken for the name of one, also a variable of a loop. Of structs, and of the short names that the checker knows, there are none.
  void visit_name(const Node& node) {
    const std::string& name = checked_.names[node.id];
    const Type& type = checked_.types[node.id];
    if (name.empty() || !type.is(Type::Kind::Type)) return;
    const Type named = type.parameter(0);
    if (named.name() == name && !named.is(Type::Kind::Struct))
      constants_[node.id] = Value::type(named);
    else
      failure_ = Failure{concat("reference to undefined type: ", name)};
  }

  void visit_list(const Node& node) {
    std::vector<Value> items;
    for (const Node* item : node.arguments) {
      if (!constants_[item->id]) return;
      items.push_back(*constants_[item->id]);
    }
    if (node.optional_items.empty()) constants_[node.id] = Value::list(std::move(items));
  }

  // What is in it cannot matter: no conversion takes a map but type() and dyn(), and no map is a key.
  void visit_map(const Node& node) {
    for (const MapEntry& entry : node.entries)
      if (entry.optional || !constants_[entry.key->id] || !constants_[entry.value->id]) return;
    constants_[node.id] = Value::map(std::vector<std::pair<Value, Value>>());
  }

  void visit_call(const Node& node) {
    const size_t pattern = node.target ? 0 : 1;
    const bool finds = node.target && (node.name == "find" || node.name == "findAll") && !node.arguments.empty();
    if (finds || (node.name == "matches" && node.arguments.size() == pattern + 1)) {
      const auto& text = constants_[node.arguments[pattern]->id];
      if (!text || !text->is(Value::Kind::String)) return;
      if (const auto compiled = library::compiled(text->as_text()); !compiled) failure_ = Failure{compiled.error()};
      return;
    }
    if ((node.name == op::kIndex || node.name == op::kOptionalIndex) && node.arguments.size() == 2) {
      const auto& key = constants_[node.arguments[1]->id];
      if (key && !is_key(*key)) failure_ = Failure{concat("invalid qualifier type: ", implementation_of(*key))};
      return;
    }
    if (!is_conversion(node.name) || node.target || node.arguments.size() != 1) return;
    if (const auto& argument = constants_[node.arguments[0]->id]) constants_[node.id] = converted(node, *argument);
  }

  std::optional<Value> converted(const Node& node, const Value& argument) {
    for (const Overload* overload : checked_.overloads[node.id]) {
      const Type& wanted = overload->parameters[0];
      if (!wanted.is(Type::Kind::Parameter) && wanted.kind() != argument.type().kind()) continue;
      auto value = overload->call({&argument, 1});
      if (value) return std::move(*value);
      failure_ = std::move(value.error());
      return {};
    }
    failure_ = Failure{concat("no such overload: ", node.name, "(", argument.type().name(), ")")};
    return {};
  }

  const Checked& checked_;
  std::optional<Failure> failure_;
  std::vector<std::optional<Value>> constants_;  // by node id
  std::vector<bool> visited_;
};

}  // namespace

std::optional<Failure> planning_failure(const Checked& checked) { return Planner(checked).run(); }

}  // namespace sampan::cel
