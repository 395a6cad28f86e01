// Types that fit each other, and bindings of type parameters.
#include "cel/unify.h"

namespace sampan::cel {

namespace {

using Kind = Type::Kind;

// Where null may stand. cel-go keeps this from its first checker; wrappers of primitives, the other nullable types, do not occur here.
bool is_nullable(const Type& type) {
  switch (type.kind()) {
    case Kind::Null:
    case Kind::Opaque:
    case Kind::Struct:
    case Kind::Duration:
    case Kind::Timestamp: return true;
    default: return false;
  }
}

bool says_less_or_equal(const Type& a, const Type& b) {
  if (a.is_dyn() || a.is(Kind::Parameter)) return true;
  if (b.is_dyn() || b.is(Kind::Parameter)) return false;
  if (a.kind() != b.kind()) return false;
  switch (a.kind()) {
    case Kind::Opaque:
    case Kind::List:
    case Kind::Map: {
      if (a.name() != b.name()) return false;
      const auto mine = a.parameters(), theirs = b.parameters();
      return std::equal(mine.begin(), mine.end(), theirs.begin(), theirs.end(), says_less_or_equal);
    }
    case Kind::Type: return true;
    default: return a == b;
  }
}

}  // namespace

const Type& more_general(const Type& a, const Type& b) { return says_less_or_equal(a, b) ? a : b; }

// Bindings of an attempt that fails are taken back.
template <class Attempt>
bool Bindings::attempt(Attempt&& attempt) {
  changes_.clear();
  if (attempt()) return true;
  for (; !changes_.empty(); changes_.pop_back()) {
    Change& change = changes_.back();
    if (change.before)
      bound_.insert_or_assign(std::move(change.name), std::move(*change.before));
    else
      bound_.erase(change.name);
  }
  return false;
}

bool Bindings::fits(const Type& to, const Type& from) {
  return attempt([&] { return assignable(to, from); });
}

bool Bindings::fit(std::span<const Type> to, std::span<const Type> from) {
  return attempt([&] { return assignable(to, from); });
}

const Type* Bindings::find(const Type& type) const {
  if (!type.is(Kind::Parameter)) return nullptr;
  const auto found = bound_.find(type.name());
  return found == bound_.end() ? nullptr : &found->second;
}

void Bindings::bind(const Type& parameter, Type type) {
  std::string name(parameter.name());
  const Type* before = find(parameter);
  changes_.push_back({name, before ? std::optional(*before) : std::nullopt});
  bound_.insert_or_assign(std::move(name), std::move(type));
}

bool Bindings::assignable(std::span<const Type> a, std::span<const Type> b) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i)
    if (!assignable(a[i], b[i])) return false;
  return true;
}

bool Bindings::assignable(const Type& a, const Type& b) {
  if (b.is(Kind::Parameter)) {
    const Substitution substitution = stands_for(a, b);
    if (substitution.valid) return true;
    if (substitution.known) return false;
    // The other way round, then.
  }
  if (a.is(Kind::Parameter)) return stands_for(b, a).valid;
  if (a.is_dynamic() || b.is_dynamic()) return true;
  if (a.is(Kind::Null)) return is_nullable(b);
  if (b.is(Kind::Null)) return is_nullable(a);
  if (a.kind() != b.kind()) return false;
  switch (a.kind()) {
    case Kind::Type: return true;
    case Kind::Opaque:
    case Kind::List:
    case Kind::Map: return a.name() == b.name() && assignable(a.parameters(), b.parameters());
    default: return a.name() == b.name();
  }
}

// Whether `parameter` can stand for `type`, and whether it stood for something before.
Bindings::Substitution Bindings::stands_for(const Type& type, const Type& parameter) {
  if (type == parameter) return {true, true};
  if (const Type* bound = find(parameter)) {
    const Type known = *bound;
    if (type == known) return {true, true};
    if (!assignable(type, known)) return {false, true};
    const Type& general = more_general(type, known);
    if (!occurs(parameter, general)) bind(parameter, general);
    return {true, true};
  }
  if (occurs(parameter, type)) return {false, false};
  bind(parameter, type);
  return {true, false};
}

bool Bindings::occurs(const Type& parameter, const Type& within) const {
  if (parameter == within) return true;
  if (within.is(Kind::Parameter)) {
    const Type* bound = find(within);
    return bound && occurs(parameter, *bound);
  }
  for (const Type& part : within.parameters())
    if (occurs(parameter, part)) return true;
  return false;
}

Type Bindings::substituted(const Type& type, Unbound unbound) const {
  if (type.is(Kind::Parameter)) {
    if (const Type* bound = find(type)) return substituted(*bound, unbound);
    return unbound == Unbound::Dynamic ? Type() : type;
  }
  if (type.parameters().empty()) return type;
  std::vector<Type> parts;
  bool same = true;
  for (const Type& part : type.parameters()) {
    parts.push_back(substituted(part, unbound));
    same = same && parts.back() == part;
  }
  if (same) return type;
  switch (type.kind()) {
    case Kind::List: return Type::list(std::move(parts[0]));
    case Kind::Map: return Type::map(std::move(parts[0]), std::move(parts[1]));
    case Kind::Type: return Type::type_of(std::move(parts[0]));
    default: return Type::opaque(type.name(), std::move(parts));
  }
}

}  // namespace sampan::cel
