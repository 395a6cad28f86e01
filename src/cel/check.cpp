// The checker: cel-go's type inference with the settings of Kubernetes.
#include "cel/check.h"

#include "base/text.h"
#include "cel/check_literals.h"
#include "cel/parse.h"
#include "cel/unify.h"

namespace sampan::cel {

namespace {

using Kind = Type::Kind;

// Types are trees, and an expression can double one at every step ([x].map(y, {y: y}).map(...)).
constexpr size_t kPartsOfTypeMax = 4096;
// What macros use in several places is complained about in each; nested ones could go on for ever.
constexpr size_t kIssuesMax = 10'000;

class Checker {
 public:
  Checker(Expression expression, const Environment& environment) : environment_(environment), checked_{std::move(expression), {}, {}, {}} {
    const size_t count = checked_.expression.count();
    checked_.types.resize(count);
    checked_.overloads.resize(count);
    checked_.names.resize(count);
    visits_.resize(count);
  }

  std::expected<Checked, Issues> run() {
    visit(checked_.expression.root());
    if (!issues_.empty()) return std::unexpected(std::move(issues_));
    for (Type& type : checked_.types) type = bindings_.substituted(type, Bindings::Unbound::Dynamic);
    check_literals(checked_, issues_);
    if (!issues_.empty()) return std::unexpected(std::move(issues_));
    return std::move(checked_);
  }

 private:
  enum class Visit : uint8_t { Never, Failed, Good };
  struct Variable {
    std::string name;
    Type type;
  };
  struct Name {
    std::string name;
    Type type;
  };

  void visit(const Node& node);
  void visit_kind(const Node& node);
  void visit_identifier(const Node& node);
  void visit_select(const Node& node);
  void visit_call(const Node& node);
  void visit_list(const Node& node);
  void visit_map(const Node& node);
  void visit_struct(const Node& node);
  void visit_field(const FieldEntry& entry, std::string_view structure);
  void visit_loop(const Node& node);
  void visit_optional_select(const Node& node);
  Type selected(const Node& node, const Node& operand, std::string_view field, bool optional);
  void resolve(const Node& node, const FunctionDeclaration& function, const Node* target);
  bool resolve_logical(const Node& node);
  std::optional<Type> match(const Overload& overload, std::span<const Type> arguments);
  Type unwrapped(const Node& item);
  Type join(const std::optional<Type>& before, const Type& type);
  std::optional<Type> field_type(int32_t at, std::string_view structure, std::string_view field);

  const Type& type_of(const Node& node) const { return checked_.types[node.id]; }
  Type bound(const Type& type) const { return bindings_.substituted(type, Bindings::Unbound::Kept); }
  void set_type(const Node& node, Type type);
  std::optional<Name> lookup(std::string_view name) const;
  void report(int32_t at, std::string message) { issues_.add(at, std::move(message)); }
  void report_undeclared(const Node& node, std::string_view name) {
    report(node.at, concat("undeclared reference to '", name, "' (in container '')"));
  }
  void report_mismatch(const Node& node, const Type& wanted, const Type& found) {
    report(node.at, concat("expected type '", wanted.text(), "' but found '", found.text(), "'"));
  }

  const Environment& environment_;
  Checked checked_;
  Issues issues_;
  Bindings bindings_;
  std::vector<Variable> scope_;  // of loops, innermost last
  std::vector<Visit> visits_;
};

// "a.b.c" of identifiers and selects; none if it is anything else.
std::optional<std::string> qualified_name(const Node& node) {
  if (node.kind == Node::Kind::Identifier) return node.name;
  if (node.kind != Node::Kind::Select || node.tests_presence) return {};
  auto prefix = qualified_name(*node.target);
  if (prefix) append(*prefix, ".", node.name);
  return prefix;
}

size_t parts_of(const Type& type, size_t most) {
  size_t parts = 1;
  for (const Type& part : type.parameters()) {
    if (parts > most) break;
    parts += parts_of(part, most - parts);
  }
  return parts;
}

// An absolute name may begin with a dot.
std::string_view absolute(std::string_view name) { return name.starts_with('.') ? name.substr(1) : name; }

void Checker::set_type(const Node& node, Type type) {
  if (parts_of(type, kPartsOfTypeMax) > kPartsOfTypeMax) {
    report(node.at, "type of expression is too large");
    type = Kind::Error;
  }
  checked_.types[node.id] = std::move(type);
}

std::optional<Checker::Name> Checker::lookup(std::string_view name) const {
  name = absolute(name);
  for (auto variable = scope_.rbegin(); variable != scope_.rend(); ++variable)
    if (variable->name == name) return Name{variable->name, variable->type};
  if (auto type = environment_.variable(name)) return Name{std::string(name), std::move(*type)};
  if (environment_.has_struct(name)) return Name{std::string(name), Type::type_of(Type::structure(name))};
  return {};
}

// Macros use an expression in several places, and nested ones would double the work at every level: what was found good once is good.
void Checker::visit(const Node& node) {
  if (visits_[node.id] == Visit::Good || issues_.count() >= kIssuesMax) return;
  const size_t before = issues_.count();
  visit_kind(node);
  visits_[node.id] = issues_.count() == before ? Visit::Good : Visit::Failed;
}

void Checker::visit_kind(const Node& node) {
  switch (node.kind) {
    case Node::Kind::Literal: return set_type(node, node.literal.type());
    case Node::Kind::Identifier: return visit_identifier(node);
    case Node::Kind::Select: return visit_select(node);
    case Node::Kind::Call: return visit_call(node);
    case Node::Kind::List: return visit_list(node);
    case Node::Kind::Map: return visit_map(node);
    case Node::Kind::Struct: return visit_struct(node);
    case Node::Kind::Loop: return visit_loop(node);
  }
}

void Checker::visit_identifier(const Node& node) {
  auto name = lookup(node.name);
  if (!name) {
    set_type(node, Kind::Error);
    return report_undeclared(node, node.name);
  }
  set_type(node, std::move(name->type));
  checked_.names[node.id] = std::move(name->name);
}

void Checker::visit_select(const Node& node) {
  if (const auto qualified = qualified_name(node)) {
    if (auto name = lookup(*qualified)) {
      set_type(node, std::move(name->type));
      checked_.names[node.id] = std::move(name->name);
      return;
    }
  }
  Type type = selected(node, *node.target, node.name, false);
  set_type(node, node.tests_presence ? Type(Kind::Bool) : bound(type));
}

void Checker::visit_optional_select(const Node& node) {
  if (node.arguments.size() != 2 || node.target)
    return report(node.at, concat("unsupported optional field selection: incorrect signature.", node.target ? " member call with" : "",
                                  " argument count: ", node.arguments.size()));
  const Node& field = *node.arguments[1];
  if (field.kind != Node::Kind::Literal || !field.literal.is(Value::Kind::String))
    return report(field.at, "unsupported optional field selection: not a name");
  set_type(node, bound(selected(node, *node.arguments[0], field.literal.as_text(), true)));
  set_type(field, Kind::String);
}

// The type of operand.field; of an optional operand it is optional too.
Type Checker::selected(const Node& node, const Node& operand, std::string_view field, bool optional) {
  visit(operand);
  Type from = bound(type_of(operand));
  if (from.is_optional()) {
    from = from.parameter(0);
    optional = true;
  }
  Type type = Kind::Error;
  switch (from.kind()) {
    case Kind::Map: type = from.parameter(1); break;
    case Kind::Struct:
      if (auto found = field_type(node.at, from.name(), field)) type = std::move(*found);
      break;
    case Kind::Parameter:
      bindings_.fits(Type(), from);
      type = Type();
      break;
    default:
      if (!from.is_dynamic()) report(node.at, concat("type '", from.text(), "' does not support field selection"));
      type = Type();
  }
  return optional ? Type::optional(std::move(type)) : type;
}

std::optional<Type> Checker::field_type(int32_t at, std::string_view structure, std::string_view field) {
  if (!environment_.has_struct(structure)) {
    report(at, concat("unexpected failed resolution of '", structure, "'"));
    return {};
  }
  if (const Field* found = environment_.field(structure, field)) return found->type;
  report(at, concat("undefined field '", field, "'"));
  return {};
}

void Checker::visit_call(const Node& node) {
  if (node.name == op::kOptionalSelect) return visit_optional_select(node);
  for (const Node* argument : node.arguments) visit(*argument);
  if (node.target) {
    // a.b.c(): the function a.b.c, else c of a.b.
    if (const auto prefix = qualified_name(*node.target))
      if (const auto* function = environment_.function(absolute(concat(*prefix, ".", node.name)))) {
        checked_.names[node.id] = function->name;
        return resolve(node, *function, nullptr);
      }
    visit(*node.target);
  }
  const FunctionDeclaration* function = environment_.function(absolute(node.name));
  if (function) return resolve(node, *function, node.target);
  set_type(node, Kind::Error);
  report_undeclared(node, node.name);
}

// Operands of && and || are told one by one.
bool Checker::resolve_logical(const Node& node) {
  bool good = true;
  for (const Node* argument : node.arguments) {
    if (bindings_.fits(type_of(*argument), Kind::Bool)) continue;
    report_mismatch(*argument, Kind::Bool, type_of(*argument));
    good = false;
  }
  return good;
}

// The result's type if the overload accepts the arguments.
std::optional<Type> Checker::match(const Overload& overload, std::span<const Type> arguments) {
  if (overload.parameters.size() != arguments.size()) return {};
  // Type parameters of a declaration are fresh ones in every call.
  Bindings fresh;
  auto rename = [&](auto& self, const Type& type) -> void {
    if (type.is(Kind::Parameter)) {
      if (fresh.substituted(type, Bindings::Unbound::Kept) == type) fresh.bind(type, bindings_.fresh_parameter());
    }
    for (const Type& part : type.parameters()) self(self, part);
  };
  for (const Type& parameter : overload.parameters) rename(rename, parameter);
  rename(rename, overload.result);
  std::vector<Type> parameters;
  for (const Type& parameter : overload.parameters) parameters.push_back(fresh.substituted(parameter, Bindings::Unbound::Kept));
  if (!bindings_.fit(arguments, parameters)) return {};
  return bound(fresh.substituted(overload.result, Bindings::Unbound::Kept));
}

void Checker::resolve(const Node& node, const FunctionDeclaration& function, const Node* target) {
  std::vector<Type> arguments;
  if (target) arguments.push_back(type_of(*target));
  for (const Node* argument : node.arguments) arguments.push_back(type_of(*argument));

  std::optional<Type> result;
  auto& fitting = checked_.overloads[node.id];
  fitting.clear();
  for (const Overload& overload : function.overloads) {
    if (overload.member != (target != nullptr)) continue;
    if (function.name == op::kAnd || function.name == op::kOr) {
      fitting.push_back(&overload);
      return set_type(node, resolve_logical(node) ? Kind::Bool : Kind::Error);
    }
    auto type = match(overload, arguments);
    if (!type) continue;
    fitting.push_back(&overload);
    if (!result)
      result = std::move(type);
    else if (!result->is_dyn() && *type != *result)
      result = Type();
  }
  if (result) return set_type(node, std::move(*result));

  std::string signature = target ? concat(bindings_.substituted(arguments[0], Bindings::Unbound::Dynamic).text(), ".(") : "(";
  for (size_t i = target ? 1 : 0; i < arguments.size(); ++i)
    append(signature, i > (target ? 1U : 0U) ? ", " : "", bindings_.substituted(arguments[i], Bindings::Unbound::Dynamic).text());
  report(node.at, concat("found no matching overload for '", function.name, "' applied to '", signature, ")'"));
  set_type(node, Kind::Error);
}

// Of [?x] and {?k: x}.
Type Checker::unwrapped(const Node& item) {
  const Type& type = type_of(item);
  if (type.is_optional()) return type.parameter(0);
  if (!type.is_dyn()) report_mismatch(item, Type::optional(type), type);
  return type;
}

// Items of several types make a list of dyn; whether that is welcome is asked later (check_literals.h).
Type Checker::join(const std::optional<Type>& before, const Type& type) {
  if (!before) return type;
  return bindings_.fits(*before, type) ? more_general(*before, type) : Type();
}

void Checker::visit_list(const Node& node) {
  std::optional<Type> items;
  for (uint32_t i = 0; i < node.arguments.size(); ++i) {
    const Node& item = *node.arguments[i];
    visit(item);
    const bool optional = std::binary_search(node.optional_items.begin(), node.optional_items.end(), i);
    items = join(items, optional ? unwrapped(item) : type_of(item));
  }
  set_type(node, Type::list(items ? *items : bindings_.fresh_parameter()));
}

void Checker::visit_map(const Node& node) {
  std::optional<Type> keys, values;
  for (const MapEntry& entry : node.entries) {
    visit(*entry.key);
    keys = join(keys, type_of(*entry.key));
    visit(*entry.value);
    values = join(values, entry.optional ? unwrapped(*entry.value) : type_of(*entry.value));
  }
  if (!keys) {
    keys = bindings_.fresh_parameter();
    values = bindings_.fresh_parameter();
  }
  set_type(node, Type::map(std::move(*keys), std::move(*values)));
}

void Checker::visit_struct(const Node& node) {
  const auto name = lookup(node.name);
  if (!name) {
    set_type(node, Kind::Error);
    return report_undeclared(node, node.name);
  }
  checked_.names[node.id] = name->name;
  Type type = Kind::Error;
  if (!name->type.is(Kind::Type)) {
    if (!name->type.is(Kind::Error)) report(node.at, concat("'", name->type.name(), "' is not a type"));
  } else if (name->type.parameter(0).is(Kind::Struct)) {
    type = name->type.parameter(0);
  } else {
    report(node.at, concat("'", name->type.parameter(0).name(), "' is not a message type"));
  }
  const std::string structure(type.is(Kind::Struct) ? type.name() : std::string_view(name->name));
  set_type(node, std::move(type));
  for (const FieldEntry& entry : node.fields) visit_field(entry, structure);
}

void Checker::visit_field(const FieldEntry& entry, std::string_view structure) {
  visit(*entry.value);
  const Type declared = field_type(entry.at, structure, entry.field).value_or(Kind::Error);
  const Type given = entry.optional ? unwrapped(*entry.value) : type_of(*entry.value);
  if (!bindings_.fits(declared, given))
    report(entry.at, concat("expected type of field '", entry.field, "' is '", declared.text(), "' but provided type is '", given.text(), "'"));
}

void Checker::visit_loop(const Node& node) {
  const Loop& loop = node.loop;
  visit(*loop.range);
  visit(*loop.initial);
  const Type range = bound(type_of(*loop.range));
  const Type accumulated = type_of(*loop.initial);
  const size_t outer = scope_.size();
  scope_.push_back({loop.accumulator, accumulated});

  const bool two = !loop.second_variable.empty();
  Type first = Kind::Error, second = Kind::Error;
  switch (range.kind()) {
    case Kind::List:
      first = two ? Type(Kind::Int) : range.parameter(0);
      second = range.parameter(0);
      break;
    case Kind::Map:
      first = range.parameter(0);
      second = range.parameter(1);
      break;
    case Kind::Dyn:
    case Kind::Error:
    case Kind::Parameter:
      bindings_.fits(Type(), range);
      first = second = Type();
      break;
    default:
      report(loop.range->at, concat("expression of type '", range.text(), "' cannot be range of a comprehension (must be list, map, or dynamic)"));
  }
  scope_.push_back({loop.variable, std::move(first)});
  if (two) scope_.push_back({loop.second_variable, std::move(second)});
  visit(*loop.condition);
  if (!bindings_.fits(Kind::Bool, type_of(*loop.condition))) report_mismatch(*loop.condition, Kind::Bool, type_of(*loop.condition));
  visit(*loop.step);
  if (!bindings_.fits(accumulated, type_of(*loop.step))) report_mismatch(*loop.step, accumulated, type_of(*loop.step));
  scope_.resize(outer + 1);
  visit(*loop.result);
  scope_.resize(outer);
  set_type(node, bound(type_of(*loop.result)));
}

}  // namespace

std::expected<Checked, Issues> check_types(Expression expression, const Environment& environment) {
  return Checker(std::move(expression), environment).run();
}

std::expected<Checked, Issues> compile(std::string text, const Environment& environment) {
  auto expression = parse(std::move(text), environment.has_bindings());
  if (!expression) return std::unexpected(std::move(expression.error()));
  return check_types(std::move(*expression), environment);
}

}  // namespace sampan::cel
