// The macros of Kubernetes' CEL. What they become is seen in what an expression costs, so it is the same as everywhere.
#include "cel/macros.h"

#include <functional>

#include "base/text.h"

namespace sampan::cel {
namespace {

constexpr std::string_view kAccumulator = "@result", kFormerAccumulator = "__result__", kUnused = "#unused", kSortInput = "@__sortBy_input__";
constexpr std::string_view kMapInsert = "cel.@mapInsert", kOptionalOf = "optional.of", kOptionalNone = "optional.none";

using Expanded = std::expected<const Node*, Issue>;

// Makes nodes that all stand where the macro stands.
class Maker {
 public:
  Maker(Expression& expression, int32_t at) : expression_(expression), at_(at) {}

  const Node* literal(Value value) {
    Node& node = add(Node::Kind::Literal);
    node.literal = std::move(value);
    return &node;
  }
  const Node* identifier(std::string_view name) {
    Node& node = add(Node::Kind::Identifier);
    node.name = name;
    return &node;
  }
  const Node* accumulator() { return identifier(kAccumulator); }
  const Node* list(std::initializer_list<const Node*> items) {
    Node& node = add(Node::Kind::List);
    node.arguments = items;
    return &node;
  }
  const Node* empty_map() { return &add(Node::Kind::Map); }
  const Node* call(std::string_view function, std::initializer_list<const Node*> arguments) { return member_call(function, nullptr, arguments); }
  const Node* member_call(std::string_view function, const Node* target, std::initializer_list<const Node*> arguments) {
    Node& node = add(Node::Kind::Call);
    node.name = function;
    node.target = target;
    node.arguments = arguments;
    return &node;
  }
  const Node* presence(const Node& select) {
    Node& node = add(Node::Kind::Select);
    node.target = select.target;
    node.name = select.name;
    node.tests_presence = true;
    return &node;
  }
  const Node* loop(Loop loop) {
    Node& node = add(Node::Kind::Loop);
    node.loop = std::move(loop);
    return &node;
  }
  // A value under a name: a loop that never turns.
  const Node* bind(std::string_view name, const Node* value, const Node* result) {
    Loop loop;
    loop.variable = kUnused;
    loop.range = list({});
    loop.accumulator = name;
    loop.initial = value;
    loop.condition = literal(Value::boolean(false));
    loop.step = identifier(name);
    loop.result = result;
    return this->loop(std::move(loop));
  }
  const Node* copy(const Node* original);

 private:
  Node& add(Node::Kind kind) { return expression_.add(kind, at_); }
  Expression& expression_;
  int32_t at_;
};

const Node* Maker::copy(const Node* original) {
  if (!original || expression_.count() > kNodesMax) return original;
  Node& made = expression_.add(original->kind, original->at);
  uint32_t id = made.id;
  made = *original;
  made.id = id;
  made.target = copy(original->target);
  for (const Node*& argument : made.arguments) argument = copy(argument);
  for (MapEntry& entry : made.entries) {
    entry.key = copy(entry.key);
    entry.value = copy(entry.value);
  }
  for (FieldEntry& field : made.fields) field.value = copy(field.value);
  Loop& loop = made.loop;
  for (const Node** part : {&loop.range, &loop.initial, &loop.condition, &loop.step, &loop.result}) *part = copy(*part);
  return &made;
}

std::unexpected<Issue> wrong(const Node* argument, std::string message) { return std::unexpected(Issue{argument->at, std::move(message)}); }

bool overwrites_accumulator(const Node& variable) { return variable.name == kAccumulator || variable.name == kFormerAccumulator; }

// The one or two variables of a loop, checked.
std::expected<Loop, Issue> variables(const MacroCall& call, bool second, std::string_view complaint) {
  Loop loop;
  loop.range = call.target;
  loop.accumulator = kAccumulator;
  for (size_t i = 0; i <= (second ? 1 : 0); ++i)
    if (call.arguments[i]->kind != Node::Kind::Identifier) return wrong(call.arguments[i], std::string(complaint));
  loop.variable = call.arguments[0]->name;
  if (second) loop.second_variable = call.arguments[1]->name;
  if (second && loop.variable == loop.second_variable) return wrong(call.arguments[1], concat("duplicate variable name: ", loop.variable));
  for (size_t i = 0; i <= (second ? 1 : 0); ++i)
    if (overwrites_accumulator(*call.arguments[i])) return wrong(call.arguments[i], "iteration variable overwrites accumulator variable");
  return loop;
}

Expanded quantifier(const MacroCall& call, Maker& make, bool second) {
  auto loop = variables(call, second, "argument must be a simple name");
  if (!loop) return std::unexpected(loop.error());
  const Node* predicate = call.arguments.back();
  if (call.name == "all") {
    loop->initial = make.literal(Value::boolean(true));
    loop->condition = make.call(op::kNotStrictlyFalse, {make.accumulator()});
    loop->step = make.call(op::kAnd, {make.accumulator(), predicate});
    loop->result = make.accumulator();
  } else if (call.name == "exists") {
    loop->initial = make.literal(Value::boolean(false));
    loop->condition = make.call(op::kNotStrictlyFalse, {make.call(op::kNot, {make.accumulator()})});
    loop->step = make.call(op::kOr, {make.accumulator(), predicate});
    loop->result = make.accumulator();
  } else {
    const Node* one_more = make.call(op::kAdd, {make.accumulator(), make.literal(Value::integer(1))});
    loop->initial = make.literal(Value::integer(0));
    loop->condition = make.literal(Value::boolean(true));
    loop->step = make.call(op::kConditional, {predicate, one_more, make.accumulator()});
    loop->result = make.call(op::kEquals, {make.accumulator(), make.literal(Value::integer(1))});
  }
  return make.loop(std::move(*loop));
}

// Loops that gather: the step may depend on a filter.
Expanded gather(Loop loop, Maker& make, const Node* initial, const Node* filter, const Node* step) {
  loop.initial = initial;
  loop.condition = make.literal(Value::boolean(true));
  loop.step = filter ? make.call(op::kConditional, {filter, step, make.accumulator()}) : step;
  loop.result = make.accumulator();
  return make.loop(std::move(loop));
}

Expanded list_of(const MacroCall& call, Maker& make, bool second, std::string_view complaint) {
  auto loop = variables(call, second, complaint);
  if (!loop) return std::unexpected(loop.error());
  size_t plain = second ? 3 : 2;
  bool filters = call.name == "filter";
  const Node* filter = filters ? call.arguments[1] : call.arguments.size() > plain ? call.arguments[plain - 1] : nullptr;
  const Node* item = filters ? call.arguments[0] : call.arguments.back();
  const Node* initial = make.list({});
  return gather(std::move(*loop), make, initial, filter, make.call(op::kAdd, {make.accumulator(), make.list({item})}));
}

Expanded map_of(const MacroCall& call, Maker& make) {
  auto loop = variables(call, true, "argument must be a simple name");
  if (!loop) return std::unexpected(loop.error());
  const Node* filter = call.arguments.size() == 4 ? call.arguments[2] : nullptr;
  const Node* value = call.arguments.back();
  const Node* step = call.name == "transformMap" ? make.call(kMapInsert, {make.accumulator(), make.identifier(loop->variable), value})
                                                 : make.call(kMapInsert, {make.accumulator(), value});
  return gather(std::move(*loop), make, make.empty_map(), filter, step);
}

Expanded has(const MacroCall& call, Maker& make) {
  const Node* argument = call.arguments[0];
  if (argument->kind != Node::Kind::Select) return wrong(argument, "invalid argument to has() macro");
  return make.presence(*argument);
}

Expanded with_optional(const MacroCall& call, Maker& make) {
  const Node* variable = call.arguments[0];
  if (variable->kind != Node::Kind::Identifier) return wrong(variable, concat(call.name, "() variable name must be a simple identifier"));
  const Node* present = make.member_call("hasValue", call.target, {});
  const Node* mapped = make.bind(variable->name, make.member_call("value", make.copy(call.target), {}), call.arguments[1]);
  if (call.name == "optMap") mapped = make.call(kOptionalOf, {mapped});
  return make.call(op::kConditional, {present, mapped, make.call(kOptionalNone, {})});
}

Expanded bind(const MacroCall& call, Maker& make) {
  const Node* variable = call.arguments[0];
  if (variable->kind != Node::Kind::Identifier) return wrong(variable, "cel.bind() variable names must be simple identifiers");
  return make.bind(variable->name, call.arguments[1], call.arguments[2]);
}

Expanded sort_by(const MacroCall& call, Maker& make) {
  using enum Node::Kind;
  Node::Kind kind = call.target->kind;
  if (kind != List && kind != Select && kind != Identifier && kind != Node::Kind::Loop && kind != Call)
    return wrong(call.target, "sortBy can only be applied to a list, identifier, comprehension, call or select expression");
  MacroCall keys = call;
  keys.name = "map";
  keys.target = make.identifier(kSortInput);
  Expanded mapped = list_of(keys, make, false, "argument is not an identifier");
  if (!mapped) return mapped;
  return make.bind(kSortInput, call.target, make.member_call("@sortByAssociatedKeys", make.identifier(kSortInput), {*mapped}));
}

}  // namespace

Expanded expand(const MacroCall& call, Expression& expression) {
  Maker make(expression, call.at);
  size_t count = call.arguments.size();
  auto is = [&](std::initializer_list<std::string_view> names) { return std::find(names.begin(), names.end(), call.name) != names.end(); };
  if (!call.target) return count == 1 && call.name == "has" ? has(call, make) : nullptr;
  if ((count == 2 || count == 3) && is({"all", "exists", "exists_one"})) return quantifier(call, make, count == 3);
  if (count == 3 && is({"existsOne"})) return quantifier(call, make, true);
  if ((count == 2 && is({"map", "filter"})) || (count == 3 && is({"map"}))) return list_of(call, make, false, "argument is not an identifier");
  if ((count == 3 || count == 4) && is({"transformList"})) return list_of(call, make, true, "argument must be a simple name");
  if ((count == 3 || count == 4) && is({"transformMap", "transformMapEntry"})) return map_of(call, make);
  if (count == 2 && is({"optMap", "optFlatMap"})) return with_optional(call, make);
  if (call.bindings && count == 3 && is({"bind"}) && call.target->kind == Node::Kind::Identifier && call.target->name == "cel") return bind(call, make);
  if (count == 2 && is({"sortBy"})) return sort_by(call, make);
  return nullptr;
}

}  // namespace sampan::cel
