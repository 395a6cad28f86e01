// What an expression may name: variables, functions, and structs with their fields.
#pragma once
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cel/value.h"

namespace sampan::cel {

// Computes a call. The arguments are of the overload's types (a member's target first); an argument that is dyn in the declaration can be anything.
using Function = Maybe<Value> (*)(std::span<const Value> arguments);
// What a call costs at run time; the evaluator's budget is counted in it.
using Cost = uint64_t (*)(std::span<const Value> arguments, const Value& result);

struct Overload {
  std::string_view id;           // "add_int64": as in cel-go
  std::vector<Type> parameters;  // a member's target first
  Type result;
  bool member = false;
  Function call = nullptr;       // null: the evaluator does it itself (&&, ||, ?:, index, ...)
  Cost cost = nullptr;           // null: 1
};

struct FunctionDeclaration {
  std::string name;  // "size", "_+_", "math.greatest"
  std::vector<Overload> overloads;
};

struct Field {
  std::string name;
  Type type;
};

class Environment {
 public:
  // The functions of Kubernetes 1.36: the standard ones and all libraries. Made once.
  static const Environment& kubernetes();

  // A copy that has more; it refers to this one, which must outlive it.
  Environment extend() const { return Environment(this); }
  void declare(FunctionDeclaration function);             // overloads of a name that is known are added to it
  void declare(std::string_view variable, Type type);
  void declare_struct(std::string_view name, std::vector<Field> fields);
  void declare_field(std::string_view structure, Field field);  // of one that was declared here
  // Where structs are declared, upstream's checker knows two more types, by their short names: duration and timestamp. No program may use them.
  void declare_short_names();
  // `root` and every "root.x.y" are structs that may have any field, of any type.
  void declare_open_structs(std::string_view root) { open_root_ = root; }

  // Expressions may say cel.bind(name, value, expression).
  void allow_bindings() { bindings_ = true; }

  std::optional<Type> variable(std::string_view name) const;
  const FunctionDeclaration* function(std::string_view name) const;
  const Field* field(std::string_view structure, std::string_view name) const;
  bool has_struct(std::string_view name) const;
  bool has_bindings() const { return bindings_ || (below_ && below_->has_bindings()); }

 private:
  explicit Environment(const Environment* below) : below_(below) {}
  bool is_open(std::string_view structure) const;
  const Environment* below_ = nullptr;
  bool bindings_ = false;
  std::map<std::string, FunctionDeclaration, std::less<>> functions_;
  std::map<std::string, Type, std::less<>> variables_;
  std::map<std::string, std::map<std::string, Field, std::less<>>, std::less<>> structs_;
  std::string open_root_;
};

}  // namespace sampan::cel
