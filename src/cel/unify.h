// Which types fit each other, and what type parameters stand for so that they do: cel-go's rules, so that what it accepts is accepted.
#pragma once
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "cel/type.h"

namespace sampan::cel {

class Bindings {
 public:
  // May something of type `from` stand where `to` is wanted? (For most types the question is the same both ways.) If so, parameters in either are bound.
  bool fits(const Type& to, const Type& from);
  bool fit(std::span<const Type> to, std::span<const Type> from);

  // The type with what its parameters stand for.
  enum class Unbound { Kept, Dynamic };
  Type substituted(const Type& type, Unbound unbound) const;
  void bind(const Type& parameter, Type type);

  Type fresh_parameter() { return Type::parameter("_var" + std::to_string(fresh_++)); }

 private:
  struct Change {
    std::string name;
    std::optional<Type> before;
  };
  template <class Attempt>
  bool attempt(Attempt&& attempt);
  const Type* find(const Type& type) const;
  bool assignable(const Type& a, const Type& b);
  bool assignable(std::span<const Type> a, std::span<const Type> b);
  struct Substitution {
    bool valid, known;
  };
  Substitution stands_for(const Type& type, const Type& parameter);
  bool occurs(const Type& parameter, const Type& within) const;

  std::map<std::string, Type, std::less<>> bound_;
  std::vector<Change> changes_;  // of the attempt that goes on
  size_t fresh_ = 0;
};

// The one of two types that fit each other that says less.
const Type& more_general(const Type& a, const Type& b);

}  // namespace sampan::cel
