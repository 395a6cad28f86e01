// The cost of an expression before it is evaluated: every step that may be taken, loops as often as their range can be long. Sizes are followed through
// the expression: of literals, of what variables hold (by the path that leads there), of what calls make of them.
#include "cel/estimate.h"

#include <cmath>

#include "cel/estimate_calls.h"

namespace sampan::cel {

namespace {

using Kind = Type::Kind;
using Path = std::vector<std::string>;

constexpr double kTraversal = 0.1, kPattern = 0.25;
constexpr Range kListCreation{10, 10}, kMapCreation{30, 30}, kStructCreation{40, 40};

uint64_t sum(uint64_t a, uint64_t b) { return a > UINT64_MAX - b ? UINT64_MAX : a + b; }
uint64_t product(uint64_t a, uint64_t b) { return b != 0 && a > UINT64_MAX / b ? UINT64_MAX : a * b; }
uint64_t scaled_up(uint64_t value, double factor) {
  const double result = std::ceil(static_cast<double>(value) * factor);
  return result >= 18446744073709551616.0 ? UINT64_MAX : static_cast<uint64_t>(result);
}

// Of what is in a list or a map.
struct EntrySizes {
  Kind container = Kind::List;
  Range key, value;
};

struct Local {
  std::string name;
  Path path;
  std::optional<Range> size;
  std::optional<EntrySizes> entries;
};

bool is_fixed_size(const Type& type) {
  switch (type.kind()) {
    case Kind::Bool:
    case Kind::Double:
    case Kind::Duration:
    case Kind::Int:
    case Kind::Timestamp:
    case Kind::Uint: return true;
    default: return type.is_optional() && is_fixed_size(type.parameter(0));
  }
}

std::optional<Range> literal_size(const Node& node) {
  if (node.kind == Node::Kind::List) return Range::just(node.arguments.size());
  if (node.kind == Node::Kind::Map) return Range::just(node.entries.size());
  if (node.kind != Node::Kind::Literal) return {};
  const std::string_view text = node.literal.as_text();
  if (node.literal.is(Value::Kind::Bytes)) return Range::just(text.size());
  if (node.literal.is(Value::Kind::String))
    return Range::just(static_cast<uint64_t>(std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; })));
  return Range::just(1);
}

bool is_accumulator(std::string_view name) { return name == "__result__" || name == "@result"; }

class Coster {
 public:
  Coster(const Checked& checked, const SizeEstimator& sizes)
      : checked_(checked), sizes_(sizes), paths_(checked.expression.count()), sizes_known_(checked.expression.count()), entries_known_(checked.expression.count()),
        costs_(checked.expression.count()) {}

  Range cost(const Node& node);

 private:
  Range cost_kind(const Node& node);
  Range cost_identifier(const Node& node, const std::string& name);
  Range cost_select(const Node& node);
  Range cost_call(const Node& node);
  Range cost_list(const Node& node);
  Range cost_map(const Node& node);
  Range cost_loop(const Node& node);
  Range cost_binding(const Node& node);
  CallEstimate estimate_call(const Node& node, std::string_view overload, const Operand* target, std::span<const Operand> operands, std::span<const Range> costs);
  std::optional<CallEstimate> estimate_text(std::string_view overload, const Operand* target, std::span<const Operand> operands) const;
  CallEstimate estimate_sum(const Node& node, bool of_lists, std::span<const Operand> operands);
  CallEstimate estimate_conditional(const Node& node, std::span<const Operand> operands, std::span<const Range> costs);

  const Type& type_of(const Node& node) const { return checked_.types[node.id]; }
  // The variable that an identifier, or a qualified select, names; else "".
  std::string_view name_of(const Node& node) const {
    return node.kind == Node::Kind::Identifier || node.kind == Node::Kind::Select ? std::string_view(checked_.names[node.id]) : std::string_view();
  }
  const Local* local(std::string_view name) const {
    if (name.empty()) return nullptr;
    for (auto each = locals_.rbegin(); each != locals_.rend(); ++each)
      if (each->name == name) return &*each;
    return nullptr;
  }
  Path path(const Node& node) const {
    if (const Local* known = local(name_of(node))) return known->path;
    return paths_[node.id];
  }
  Path path(const Node& node, std::string_view step) const {
    Path longer = path(node);
    longer.emplace_back(step);
    return longer;
  }
  Operand operand(const Node& node);
  std::optional<Range> size(const Node& node);
  Range size_or_unknown(const Node& node) { return size(node).value_or(kUnknownSize); }
  std::optional<EntrySizes> entries(const Node& node) const;
  void push_item(const std::string& name, const Node& range, bool key, bool alone);

  const Checked& checked_;
  const SizeEstimator& sizes_;
  std::vector<Local> locals_;
  std::vector<Path> paths_;
  std::vector<std::optional<Range>> sizes_known_;
  std::vector<std::optional<EntrySizes>> entries_known_;
  std::vector<std::optional<Range>> costs_;
};

// Macros use an expression in several places: its cost is worked out once.
Range Coster::cost(const Node& node) {
  if (!costs_[node.id]) costs_[node.id] = cost_kind(node);
  return *costs_[node.id];
}

Range Coster::cost_kind(const Node& node) {
  if (const std::string_view name = name_of(node); !name.empty()) return cost_identifier(node, std::string(name));
  switch (node.kind) {
    case Node::Kind::Literal: return {};
    case Node::Kind::Identifier: return cost_identifier(node, node.name);
    case Node::Kind::Select: return cost_select(node);
    case Node::Kind::Call: return cost_call(node);
    case Node::Kind::List: return cost_list(node);
    case Node::Kind::Map: return cost_map(node);
    case Node::Kind::Struct: {
      Range total = kStructCreation;
      for (const FieldEntry& field : node.fields) total = total + cost(*field.value);
      return total;
    }
    case Node::Kind::Loop: {
      const Loop& loop = node.loop;
      const bool binds = loop.range->kind == Node::Kind::List && loop.range->arguments.empty() && loop.condition->kind == Node::Kind::Literal &&
                         loop.condition->literal.is(Value::Kind::Bool) && !loop.condition->literal.as_bool() && !is_accumulator(loop.accumulator);
      return binds ? cost_binding(node) : cost_loop(node);
    }
  }
  return {};
}

Range Coster::cost_identifier(const Node& node, const std::string& name) {
  const Local* known = local(name);
  paths_[node.id] = known ? known->path : Path{name};
  return Range::just(1);
}

// has() costs nothing but what it looks into.
Range Coster::cost_select(const Node& node) {
  const Range of_target = cost(*node.target);
  if (node.tests_presence) return of_target;
  paths_[node.id] = path(*node.target, node.name);
  switch (type_of(*node.target).kind()) {
    case Kind::Map:
    case Kind::Struct:
    case Kind::Parameter: return of_target + Range::just(1);
    default: return of_target;
  }
}

Operand Coster::operand(const Node& node) {
  Operand made{.node = &node, .type = type_of(node), .path = path(node), .size = size(node)};
  if (made.path->empty() || is_accumulator(made.path->front())) made.path.reset();
  return made;
}

std::optional<Range> Coster::size(const Node& node) {
  if (sizes_known_[node.id]) return sizes_known_[node.id];
  if (const auto literal = literal_size(node)) return literal;
  if (const Path known = path(node); !known.empty()) {
    if (const auto estimated = sizes_.size_of(known)) {
      sizes_known_[node.id] = estimated;
      return estimated;
    }
  }
  if (is_fixed_size(type_of(node))) return Range::just(1);
  const Local* variable = local(name_of(node));
  return variable ? variable->size : std::nullopt;
}

std::optional<EntrySizes> Coster::entries(const Node& node) const {
  if (entries_known_[node.id]) return entries_known_[node.id];
  const Local* variable = local(name_of(node));
  return variable ? variable->entries : std::nullopt;
}

Range Coster::cost_call(const Node& node) {
  if (node.name == "dyn" && node.arguments.size() == 1) {
    const Node& argument = *node.arguments[0];
    const Range total = Range::just(1) + cost(argument);
    if (const auto known = size(argument)) sizes_known_[node.id] = known;
    if (const auto known = entries(argument)) entries_known_[node.id] = known;
    return total;
  }
  std::vector<Operand> operands;
  std::vector<Range> costs;
  for (const Node* argument : node.arguments) {
    costs.push_back(cost(*argument));
    operands.push_back(operand(*argument));
  }
  const auto& overloads = checked_.overloads[node.id];
  // a.?b looks like a call without a target, and upstream gives it the overload's name.
  const bool optional_select = node.name == op::kOptionalSelect;
  if (overloads.empty() && !optional_select) return {};
  const bool member = !overloads.empty() && overloads[0]->member;
  Range total;
  std::optional<Operand> target;
  if (member && node.target) {
    total = cost(*node.target);
    target = operand(*node.target);
  }
  Range of_call{UINT64_MAX, 0};
  std::optional<Range> result;
  const auto consider = [&](std::string_view overload) {
    const CallEstimate estimate = estimate_call(node, overload, target ? &*target : nullptr, operands, costs);
    of_call = of_call.united(estimate.cost);
    if (estimate.size) result = result ? result->united(*estimate.size) : *estimate.size;
    if (overload == "index_list" || overload == "index_map") {
      const auto known = entries(*node.arguments[0]);
      result = known ? std::optional(known->value) : std::nullopt;
      paths_[node.id] = path(*node.arguments[0], overload == "index_list" ? "@items" : "@values");
    }
    if (!result) result = size(node);
  };
  if (optional_select) consider("select_optional_field");
  for (const Overload* overload : overloads) consider(overload->id);
  if (result) sizes_known_[node.id] = result;
  return total + of_call;
}

CallEstimate Coster::estimate_call(const Node& node, std::string_view overload, const Operand* target, std::span<const Operand> operands, std::span<const Range> costs) {
  Range of_arguments;
  for (const Range& each : costs) of_arguments = of_arguments + each;
  // A namespaced function has no target: its whole name is in front of the call.
  const std::string_view function = checked_.names[node.id].empty() ? std::string_view(node.name) : checked_.names[node.id];
  if (const auto cost = sizes_.cost_of_call(function, overload)) return {*cost + of_arguments, {}};
  if (auto known = estimate_library_call(function, overload, target, operands, sizes_)) {
    known->cost = known->cost + of_arguments;
    return *known;
  }
  if (overload == "logical_or" || overload == "logical_and") return {Range{costs[0].min, (costs[0] + costs[1]).max}, {}};
  if (overload == "conditional") return estimate_conditional(node, operands, costs);
  std::optional<CallEstimate> known;
  if (overload == "add_string" || overload == "add_bytes" || overload == "add_list")
    known = estimate_sum(node, overload == "add_list", operands);
  else
    known = estimate_text(overload, target, operands);
  if (!known) return {Range::just(1) + of_arguments, {}};
  known->cost = known->cost + of_arguments;
  return *known;
}

CallEstimate Coster::estimate_conditional(const Node& node, std::span<const Operand> operands, std::span<const Range> costs) {
  const Range size = operands[1].size.value_or(kUnknownSize).united(operands[2].size.value_or(kUnknownSize));
  const auto yes = entries(*operands[1].node), no = entries(*operands[2].node);
  if (yes && no) entries_known_[node.id] = EntrySizes{yes->container, yes->key.united(no->key), yes->value.united(no->value)};
  return {costs[0] + costs[1].united(costs[2]), size};
}

CallEstimate Coster::estimate_sum(const Node& node, bool of_lists, std::span<const Operand> operands) {
  const Range size = operands[0].size.value_or(kUnknownSize) + operands[1].size.value_or(kUnknownSize);
  const auto left = entries(*operands[0].node), right = entries(*operands[1].node);
  if (left && right) entries_known_[node.id] = EntrySizes{left->container, left->key.united(right->key), left->value.united(right->value)};
  return {of_lists ? Range::just(1) : size.scaled(kTraversal), size};
}

// Overloads of the language itself that read texts or lists.
std::optional<CallEstimate> Coster::estimate_text(std::string_view overload, const Operand* target, std::span<const Operand> operands) const {
  const auto size = [](const Operand& of) { return of.size.value_or(kUnknownSize); };
  const bool unary = operands.size() == 1;
  if (overload == "string_format" && target) return CallEstimate{size(*target).scaled(kTraversal), {}};
  if (overload == "string_to_bytes" && unary) return CallEstimate{size(operands[0]).scaled(kTraversal), Range{size(operands[0]).min, size(operands[0]).max * 4}};
  if (overload == "bytes_to_string" && unary) return CallEstimate{size(operands[0]).scaled(kTraversal), Range{size(operands[0]).min / 4, size(operands[0]).max}};
  if (overload == "strings_quote" && unary) return CallEstimate{size(operands[0]).scaled(kTraversal), Range{size(operands[0]).min + 2, size(operands[0]).max * 2 + 2}};
  if ((overload == "starts_with_string" || overload == "ends_with_string") && unary) return CallEstimate{size(operands[0]).scaled(kTraversal), {}};
  if (overload == "in_list" && operands.size() == 2) return CallEstimate{size(operands[1]).scaled(1), {}};
  if (overload == "matches_string" && target && unary)
    return CallEstimate{(size(*target) + Range::just(1)).scaled(kTraversal) * size(operands[0]).scaled(kPattern), {}};
  if (overload == "contains_string" && target && unary) return CallEstimate{size(*target).scaled(kTraversal) * size(operands[0]).scaled(kTraversal), {}};
  const bool compares_texts = (overload.starts_with("less_") || overload.starts_with("greater_")) && (overload.ends_with("_string") || overload.ends_with("_bytes"));
  if (compares_texts || overload == "equals" || overload == "not_equals") {
    const uint64_t most = std::min(size(operands[0]).max, size(operands[1]).max);
    return CallEstimate{Range{most > 0 ? 1U : 0U, most}.scaled(kTraversal), {}};
  }
  return {};
}

Range Coster::cost_list(const Node& node) {
  Range total = kListCreation;
  Range item = node.arguments.empty() ? Range{} : Range{UINT64_MAX, 0};
  for (const Node* each : node.arguments) {
    total = total + cost(*each);
    item = item.united(size_or_unknown(*each));
  }
  entries_known_[node.id] = EntrySizes{Kind::List, Range::just(1), item};
  return total;
}

Range Coster::cost_map(const Node& node) {
  Range total = kMapCreation;
  Range key = node.entries.empty() ? Range{} : Range{UINT64_MAX, 0}, value = key;
  for (const MapEntry& entry : node.entries) {
    total = total + cost(*entry.key) + cost(*entry.value);
    key = key.united(size_or_unknown(*entry.key));
    value = value.united(size_or_unknown(*entry.value));
  }
  entries_known_[node.id] = EntrySizes{Kind::Map, key, value};
  return total;
}

// The variable of a loop. Of a list a single one is the item, of a map the key.
void Coster::push_item(const std::string& name, const Node& range, bool key, bool alone) {
  const auto of = entries(range);
  const Kind container = of ? of->container : type_of(range).kind();
  const bool is_list = container == Kind::List;
  if (alone) key = !is_list;
  std::optional<Range> item;
  if (of) item = key ? of->key : of->value;
  locals_.push_back({name, path(range, key ? (is_list ? "@indices" : "@keys") : (is_list ? "@items" : "@values")), item, {}});
}

Range Coster::cost_loop(const Node& node) {
  const Loop& loop = node.loop;
  Range total = cost(*loop.range) + cost(*loop.initial);
  const size_t outer = locals_.size();
  locals_.push_back({loop.accumulator, path(*loop.initial), size(*loop.initial), entries(*loop.initial)});
  if (loop.second_variable.empty()) {
    push_item(loop.variable, *loop.range, false, true);
  } else {
    push_item(loop.variable, *loop.range, true, false);
    push_item(loop.second_variable, *loop.range, false, false);
  }
  const Range of_condition = cost(*loop.condition), of_step = cost(*loop.step);
  const auto step_entries = entries(*loop.step);
  locals_.resize(outer + 1);
  total = total + cost(*loop.result);
  locals_.resize(outer);

  const Range count = size_or_unknown(*loop.range);
  total = total + count * (of_step + of_condition);
  if (loop.initial->kind == Node::Kind::Literal) {
    sizes_known_[node.id] = size(*loop.initial);
  } else if (loop.initial->kind == Node::Kind::List || loop.initial->kind == Node::Kind::Map) {
    sizes_known_[node.id] = count;
    if (step_entries) entries_known_[node.id] = step_entries;
  }
  return total;
}

// What binds a name to a value looks like a loop over nothing.
Range Coster::cost_binding(const Node& node) {
  const Loop& loop = node.loop;
  Range total = cost(*loop.range) + cost(*loop.initial);
  locals_.push_back({loop.accumulator, path(*loop.initial), size(*loop.initial), entries(*loop.initial)});
  total = total + cost(*loop.result);
  locals_.pop_back();
  if (const auto known = size(*loop.result)) sizes_known_[node.id] = known;
  if (const auto known = entries(*loop.result)) entries_known_[node.id] = known;
  return total;
}

}  // namespace

Range Range::operator+(const Range& other) const { return {sum(min, other.min), sum(max, other.max)}; }
Range Range::operator*(const Range& other) const { return {product(min, other.min), product(max, other.max)}; }
Range Range::scaled(double factor) const { return {scaled_up(min, factor), scaled_up(max, factor)}; }
Range Range::united(const Range& other) const { return {std::min(min, other.min), std::max(max, other.max)}; }

std::optional<Range> SizeEstimator::cost_of_call(std::string_view, std::string_view) const { return {}; }

Range estimate_cost(const Checked& checked, const SizeEstimator& sizes) { return Coster(checked, sizes).cost(checked.expression.root()); }

}  // namespace sampan::cel
