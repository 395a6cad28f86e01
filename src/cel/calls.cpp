// Overloads are chosen by what values are; upstream's ways of saying that none fits, and of pricing it, depend on how a function is implemented there.
#include "cel/calls.h"

#include <algorithm>

#include "base/text.h"
#include "cel/expression.h"
#include "cel/library/support.h"

namespace sampan::cel {
namespace {

constexpr uint32_t kinds(std::initializer_list<Value::Kind> of) {
  uint32_t set = 0;
  for (Value::Kind kind : of) set |= 1u << static_cast<unsigned>(kind);
  return set;
}

// Operators upstream ask their first operand to do it; these can. Other functions look for an overload.
std::optional<uint32_t> kinds_that_can(std::string_view operation) {
  using enum Value::Kind;
  constexpr uint32_t kNumbers = kinds({Int, Uint, Double}), kTimes = kinds({Duration, Timestamp}), kTexts = kinds({String, Bytes});
  constexpr uint32_t kAsked = kTimes | kinds({String});  // they answer anything, if only with no
  if (operation == op::kAdd) return kAsked | kNumbers | kTexts | kinds({List});
  if (operation == op::kSubtract) return kAsked | kNumbers;
  if (operation == op::kMultiply || operation == op::kDivide) return kAsked | kNumbers;
  if (operation == op::kModulo) return kAsked | kinds({Int, Uint});
  if (operation == op::kNegate) return kAsked | kinds({Int, Double, Bool});
  if (operation == op::kLess || operation == op::kLessOrEqual || operation == op::kGreater || operation == op::kGreaterOrEqual)
    return kAsked | kNumbers | kTexts | kinds({Bool});
  if (operation == "size") return kAsked | kTexts | kinds({List, Map});
  static constexpr std::string_view kOthers[] = {op::kNot, op::kIn, "matches", "type", "startsWith", "endsWith", "contains", "find", "findAll"};
  if (std::ranges::find(kOthers, operation) != std::end(kOthers)) return ~0u;
  return std::nullopt;
}

// A value of a type, as large as the one that is there in its place.
std::optional<Value> stand_in(const Type& type, uint64_t size) {
  if (type.is_dynamic() || type.is(Type::Kind::Parameter)) return Value();
  if (type.is(Type::Kind::String)) return Value::string(std::string(size, ' '));
  if (type.is(Type::Kind::Bytes)) return Value::bytes(std::string(size, ' '));
  if (type.is(Type::Kind::List)) return Value::list(std::vector<Value>(size));
  if (type.is(Type::Kind::Int)) return Value::integer(0);
  return std::nullopt;
}

bool fits(const Type& type, const Value& value) {
  using V = Value::Kind;
  switch (type.kind()) {
    case Type::Kind::Dyn:
    case Type::Kind::Any:
    case Type::Kind::Error:
    case Type::Kind::Parameter: return true;
    case Type::Kind::Null: return value.is(V::Null);
    case Type::Kind::Bool: return value.is(V::Bool);
    case Type::Kind::Int: return value.is(V::Int);
    case Type::Kind::Uint: return value.is(V::Uint);
    case Type::Kind::Double: return value.is(V::Double);
    case Type::Kind::String: return value.is(V::String);
    case Type::Kind::Bytes: return value.is(V::Bytes);
    case Type::Kind::Duration: return value.is(V::Duration);
    case Type::Kind::Timestamp: return value.is(V::Timestamp);
    // Of a list and a map upstream looks at the first item, too; but not at one that is a list, as flatten() wants it.
    case Type::Kind::List: {
      if (!value.is(V::List)) return false;
      const Type item = type.parameter(0);
      return item.is(Type::Kind::List) || value.as_list().size() == 0 || fits(item, value.as_list().at(0));
    }
    case Type::Kind::Map: return value.is(V::Map);
    case Type::Kind::Type: return value.is(V::Type);
    case Type::Kind::Struct:
    case Type::Kind::Opaque:
      if (type.is_optional()) return value.is(V::Optional);
      return (value.is(V::Struct) || value.is(V::Opaque)) && value.type().name() == type.name();
  }
  return false;
}

}  // namespace

bool fits(const Overload& overload, std::span<const Value> arguments) {
  if (overload.parameters.size() != arguments.size()) return false;
  for (size_t i = 0; i < arguments.size(); ++i)
    if (!fits(overload.parameters[i], arguments[i])) return false;
  return true;
}

bool is_priced_by_overload(std::string_view name) {
  static constexpr std::string_view kNames[] = {op::kLess, op::kLessOrEqual, op::kGreater, op::kGreaterOrEqual, op::kAdd, op::kIn, "string", "bytes", "sort",
                                                "flatten", "@sortByAssociatedKeys"};
  return std::ranges::find(kNames, name) != std::end(kNames);
}

bool takes_pattern(std::string_view name) { return name == "matches" || name == "find" || name == "findAll"; }

bool is_conversion(std::string_view name) {
  static constexpr std::string_view kNames[] = {"bool", "bytes", "double", "duration", "dyn", "int", "string", "timestamp", "type", "uint"};
  return std::ranges::find(kNames, name) != std::end(kNames);
}

std::unexpected<Failure> no_overload_of(std::string_view function, std::span<const Value> arguments) {
  if (auto able = kinds_that_can(function)) {
    if (*able >> static_cast<unsigned>(arguments[0].kind()) & 1) return no_such_overload();
    return failed(concat("no such overload: ", function));
  }
  std::string types;
  for (const Value& argument : arguments) append(types, types.empty() ? "" : ", ", argument.type().name());
  return failed(concat("no such overload: ", function, "(", types, ")"));
}

bool is_key(const Value& value) {
  using enum Value::Kind;
  return kinds({String, Int, Uint, Double, Bool}) >> static_cast<unsigned>(value.kind()) & 1;
}

std::string implementation_of(const Value& value) {
  static constexpr std::string_view kNames[] = {"types.Null",     "types.Bool",      "types.Int",      "types.Uint",     "types.Double",
                                                "types.String",   "types.Bytes",     "types.Duration", "types.Timestamp", "*types.baseList",
                                                "*types.baseMap", "",                "",               "*types.Type",    "*types.Optional"};
  std::string_view name = kNames[static_cast<size_t>(value.kind())];
  if (!name.empty()) return std::string(name);
  std::string type(value.type().name());
  return concat("cel", type.substr(std::min(type.size(), type.rfind('.'))));
}

bool asks_its_operand(std::string_view function) { return kinds_that_can(function).has_value(); }

uint64_t cost_of_failed_call(std::span<const Overload* const> overloads, std::span<const Value> arguments) {
  if (overloads.size() != 1 || !overloads[0]->cost || overloads[0]->parameters.size() != arguments.size()) return 1;
  std::vector<Value> instead;
  for (size_t i = 0; i < arguments.size(); ++i) {
    const Type& type = overloads[0]->parameters[i];
    auto value = fits(type, arguments[i]) ? arguments[i] : stand_in(type, library::size_of(arguments[i]));
    if (!value) return 1;
    instead.push_back(std::move(*value));
  }
  return overloads[0]->cost(instead, Value());
}

}  // namespace sampan::cel
