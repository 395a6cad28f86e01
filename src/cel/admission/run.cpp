// Programs, run; variables, computed when they are asked for.
#include "cel/admission/run.h"

#include "base/text.h"
#include "cel/json_value.h"

namespace sampan::cel::admission {

namespace {

constexpr std::string_view kSpent = "validation failed due to running out of cost budget, no further validation rules will be run";

// A variable may use another that uses another, and so on. Each is evaluated on top of the one that asks for it, as long as there is stack to spare.
constexpr ptrdiff_t kStackOfVariablesMax = 1 << 20;

}  // namespace

struct PolicyRun::Variables final : Struct {
  explicit Variables(PolicyRun& r) : run(r) {}
  Type type() const override { return Type::structure(kVariables); }
  std::optional<Value> find(std::string_view field) const override {
    auto value = read(field);
    return value ? std::move(*value) : std::nullopt;
  }
  std::vector<std::string_view> fields() const override {
    std::vector<std::string_view> names;
    for (const auto& [name, _] : run.compiler_.variables()) names.push_back(name);
    return names;
  }
  Maybe<std::optional<Value>> read(std::string_view field) const override {
    auto known = values.find(field);
    if (known == values.end()) {
      if (!run.compiler_.variables().contains(field)) return std::nullopt;
      // Who asks for it while it is computed is its own cause: the name was given twice.
      known = values.emplace(std::string(field), failed(concat("composited variable ", quoted(field), " refers to itself"))).first;
      known->second = run.compute(field);
    }
    if (!known->second) return std::unexpected(known->second.error());
    return *known->second;
  }
  PolicyRun& run;
  mutable std::map<std::string, Maybe<Value>, std::less<>> values;  // a run is one thread
};

PolicyRun::PolicyRun(const Compiler& compiler, const Inputs& inputs, uint64_t budget)
    : compiler_(compiler), inputs_(inputs), budget_(budget), variables_(new Variables(*this)) {}

PolicyRun::~PolicyRun() { variables_->values.clear(); }  // one of them may be `variables`

std::optional<Maybe<Value>> PolicyRun::find(std::string_view variable) const {
  if (variable == "object") return value_of(inputs_.object);
  if (variable == "oldObject") return value_of(inputs_.old_object);
  if (variable == "params") return value_of(inputs_.params);
  if (variable == "request") return value_of(inputs_.request);
  if (variable == "namespaceObject") return value_of(inputs_.namespace_object);
  if (variable == "variables") return Value::structure(variables_);
  if (!inputs_.judge) return std::nullopt;
  if (variable == "authorizer") return authorizer_value(*inputs_.judge);
  if (variable == "authorizer.requestResource") return request_resource_value(*inputs_.judge, inputs_.resource);
  return std::nullopt;
}

Maybe<Value> PolicyRun::compute(std::string_view name) {
  const Program& program = compiler_.variables().find(name)->second;
  const std::string intro = concat("composited variable ", quoted(name), " fails to ");
  if (!program.checked) return failed(concat(intro, "compile: ", program.checked.error().reason));
  if (spent_by_variables_ > budget_) return failed(std::string(kSpent));  // and so it ends
  if (stack_ - static_cast<const char*>(__builtin_frame_address(0)) > kStackOfVariablesMax) return failed(concat(intro, "evaluate: too many variables use each other"));
  auto evaluated = cel::evaluate(*program.checked, *this);
  spent_by_variables_ += evaluated.cost;
  if (!evaluated.value) return failed(concat(intro, "evaluate: ", evaluated.value.error().message));
  return std::move(evaluated.value);
}

std::expected<Value, Mishap> PolicyRun::evaluate(const Program& program) {
  if (!program.checked) return std::unexpected(Mishap{concat("compilation error: ", program.checked.error().reason)});
  stack_ = static_cast<const char*>(__builtin_frame_address(0));
  spent_by_variables_ = 0;
  auto evaluated = cel::evaluate(*program.checked, *this);
  const uint64_t cost = evaluated.cost + spent_by_variables_;
  if (cost > budget_) {
    budget_ = 0;
    return std::unexpected(Mishap{std::string(kSpent), true});
  }
  budget_ -= cost;
  if (!evaluated.value) return std::unexpected(Mishap{concat("expression '", program.text, "' resulted in error: ", evaluated.value.error().message)});
  return std::move(*evaluated.value);
}

}  // namespace sampan::cel::admission
