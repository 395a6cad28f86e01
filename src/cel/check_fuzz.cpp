// Any text as an expression: it is refused, or has a type, an estimate and, within a small budget, a value of that type or a failure.
#include <algorithm>

#include "base/check.h"
#include "cel/estimate.h"
#include "cel/evaluate.h"
#include "cel/plan.h"

using namespace sampan;
using namespace sampan::cel;

namespace {

using Kind = Type::Kind;

class Variables : public Activation {
 public:
  std::optional<Maybe<Value>> find(std::string_view name) const override {
    if (name == "i") return Value::integer(3);
    if (name == "s") return Value::string("text");
    if (name == "li") return Value::list({Value::integer(1), Value::integer(2)});
    if (name == "m") return Value::map({{Value::string("one"), Value::integer(1)}});
    if (name == "object") return Value::map({{Value::string("name"), Value::string("a")}, {Value::string("list"), Value::list({Value::number(1.5), Value()})}});
    return {};
  }
};

class NoSizes : public SizeEstimator {
 public:
  std::optional<Range> size_of(std::span<const std::string>) const override { return {}; }
};

const Environment& environment() {
  static const Environment made = [] {
    Environment environment = Environment::kubernetes().extend();
    environment.declare("i", Kind::Int);
    environment.declare("s", Kind::String);
    environment.declare("li", Type::list(Kind::Int));
    environment.declare("m", Type::map(Kind::String, Kind::Int));
    environment.declare("object", Type());
    return environment;
  }();
  return made;
}

bool has_parameter(const Type& type) {
  if (type.is(Kind::Parameter)) return true;
  const auto parts = type.parameters();
  return std::any_of(parts.begin(), parts.end(), has_parameter);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  const auto checked = compile(text, environment());
  if (!checked) {
    check(!checked.error().empty());
    (void)checked.error().text(text);
    return 0;
  }
  const Type type = checked->type();
  const bool names_a_type = type.is(Kind::Type);
  check(names_a_type || !has_parameter(type));
  (void)planning_failure(*checked);
  const Range cost = estimate_cost(*checked, NoSizes());
  check(cost.min <= cost.max);
  const Evaluation evaluation = evaluate(*checked, Variables(), 10'000);
  // What is no optional passes or() and orValue() as it is, upstream too, whatever the checker took it for.
  const bool passes = text.find(".or") != text.npos;
  if (evaluation.value && !evaluation.value->is(Value::Kind::Null) && !type.is_dynamic() && !passes) check(evaluation.value->type().name() == type.name());
  return 0;
}
