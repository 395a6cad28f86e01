// What the walkers over typed trees share.
#pragma once
#include "schema/apply/typed.h"

namespace sampan::schema {

enum class Shape : uint8_t { Scalar, List, Map };  // Map: structs as well

// A null is of any shape; without a type it counts as a map. Raw content that is a type of its own (RawExtension) is
// one leaf; only where a schema says nothing at all does the shape follow from the value.
inline Shape shape_of(const Type* type, Value value) {
  if (!type) {
    if (value.is_list()) return Shape::List;
    return value.is_object() || value.is_missing() ? Shape::Map : Shape::Scalar;
  }
  if (type->kind == Kind::List) return Shape::List;
  return type->kind == Kind::Struct || type->kind == Kind::Map ? Shape::Map : Shape::Scalar;
}

// A type at one place of use.
struct Use {
  const Type* type = nullptr;  // null: no schema
  bool atomic = false;

  Use() = default;
  explicit Use(const Type* t, bool atomic_here = false)
      : type(t && t->kind == Kind::Raw && t->name.empty() ? nullptr : t) {
    atomic = atomic_here || (type && type->atomic);
    if (type && type->kind == Kind::List) atomic = type->list_type == ListType::Atomic;
  }
  static Use of(const Field& field) {
    Use use(field.type, field.is(Field::AtomicHere));
    if (field.is(Field::GranularHere)) use.atomic = false;
    return use;
  }
  bool atomic_list() const { return !type || type->kind != Kind::List || atomic; }
  bool atomic_map() const { return type && atomic; }
  const Field* field(std::string_view name) const {
    return type && type->kind == Kind::Struct ? type->find(name) : nullptr;
  }
  Use member(std::string_view name) const {
    if (const Field* f = field(name)) return of(*f);
    return Use(type && type->kind == Kind::Map ? type->element : nullptr);
  }
  Use item() const { return Use(type && type->kind == Kind::List ? type->element : nullptr); }
};

}  // namespace sampan::schema
