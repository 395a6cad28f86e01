// The evaluation of one expression, while it lasts.
#pragma once
#include <unordered_map>

#include "cel/evaluate.h"

namespace sampan::cel {

// The names of a loop, while it turns.
struct Scope {
  const Scope* outer;
  const Loop& loop;
  std::optional<Maybe<Value>> accumulator;  // made when it is first asked for
  Value first, second;
  bool finished = false;  // only the accumulator is left
};

enum class Access : uint8_t { Get, IfPresent, Test };

class Evaluator {
 public:
  Evaluator(const Checked& checked, const Activation& variables, uint64_t cost_max);
  Maybe<Value> evaluate(const Node& node);
  uint64_t cost() const { return cost_; }

 private:
  enum class Constant : uint8_t { Unknown, No, Yes };

  bool is_attribute(const Node& node) const;
  bool begins_with_choice(const Node& node) const;
  Maybe<Value> resolve(const Node& node);
  Maybe<Value> operand(const Node& node);
  Maybe<Value> identifier(const Node& node, std::string_view name);
  Maybe<Value> into(const Node& target, const Node* key_node, const Value& key, Access access);
  Maybe<std::optional<Value>> qualify(const Value& value, const Value& key, Access access);
  Maybe<Value> choice(const Node& node);
  Maybe<Value> logical(const Node& node, bool decided_by);
  Maybe<Value> optional_or(const Node& node, bool value_of);
  Maybe<Value> call(const Node& node);
  Maybe<Value> strict_call(const Node& node);
  Maybe<Value> dispatch(const Node& node, std::span<const Value> arguments, uint64_t& cost);
  std::string_view function_of(const Node& node) const;
  std::optional<Value> grow(const Node& node, std::span<const Value> arguments);
  Maybe<Value> list(const Node& node);
  Maybe<Value> map(const Node& node);
  Maybe<Value> structure(const Node& node);
  Maybe<Value> loop(const Node& node);
  void turns(Scope& scope, const Value& range);
  bool turn(Scope& scope);
  const Value* constant(const Node& node);
  bool make_constant(const Node& node);
  const Value* constant_set(const Node& node);
  bool is_type_name(const Node& node) const;

  void charge(uint64_t cost) {
    if (exhausted_) return;
    cost_ += cost;
    exhausted_ = cost_ > cost_max_;
  }
  static std::unexpected<Failure> out_of_budget() { return std::unexpected(Failure{"operation cancelled: actual cost limit exceeded", true}); }
  Maybe<Value> paid(Maybe<Value> value) const { return exhausted_ ? Maybe<Value>(out_of_budget()) : std::move(value); }

  const Checked& checked_;
  const Activation& variables_;
  uint64_t cost_max_;
  uint64_t number_;  // of this evaluation, among all
  uint64_t cost_ = 0;
  bool exhausted_ = false;
  bool optional_ = false;  // the operand that was last looked at: an optional where a way begins, or behind a step that may lead nowhere
  const Scope* scope_ = nullptr;
  std::vector<Constant> constant_;  // by node id
  std::unordered_map<uint32_t, Value> constants_;
};

}  // namespace sampan::cel
