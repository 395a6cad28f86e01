#include "schema/object.h"

#include <new>

#include "base/check.h"

namespace sampan::schema {

IntOrString int_or_string_at(const char* base, uint32_t at) {
  IntOrString value;
  if (at == 0) return value;
  value.is_string = base[at] == 1;
  if (value.is_string)
    value.text = flat::string_at(base, at + 1);
  else
    value.number = static_cast<int32_t>(flat::u32_at(base, at + 1));
  return value;
}

uint32_t find_key(const char* base, uint32_t at, std::string_view key, bool& found) {
  found = false;
  if (at == 0) return 0;
  uint32_t low = 0, high = flat::u32_at(base, at);
  while (low < high) {
    uint32_t middle = (low + high) / 2;
    int order = flat::string_at(base, flat::u32_at(base, at + 4 + 8 * middle)).compare(key);
    if (order == 0) {
      found = true;
      return flat::u32_at(base, at + 8 + 8 * middle);
    }
    if (order < 0)
      low = middle + 1;
    else
      high = middle;
  }
  return 0;
}

int64_t AnyView::as_int() const {
  if (!present_) return 0;
  if (kind() == Kind::Int32) return static_cast<int32_t>(slot_);
  return flat::i64_at(base_, slot_);
}

AnyView AnyView::field_of(const Type& type, unsigned index) const {
  uint32_t slot;
  if (!present_ || !flat::field_slot(base_, slot_, index, (type.fields.size() + 31) / 32, slot)) return {};
  return AnyView(type.fields[index].type, base_, slot);
}

AnyView AnyView::operator[](std::string_view name) const {
  if (!present_) return {};
  if (kind() == Kind::Map) {
    bool found;
    uint32_t slot = find_key(base_, slot_, name, found);
    return found ? AnyView(type_->element, base_, slot) : AnyView();
  }
  if (kind() != Kind::Struct) return {};
  const Field* field = type_->find(name);
  return field ? this->field(type_->index_of(field)) : AnyView();
}

uint32_t AnyView::size() const {
  if (!present_ || slot_ == 0 || (kind() != Kind::List && kind() != Kind::Map)) return 0;
  return flat::u32_at(base_, slot_);
}

AnyView AnyView::item(uint32_t index) const {
  return AnyView(type_->element, base_, flat::u32_at(base_, slot_ + 4 + 4 * index));
}
std::string_view AnyView::key(uint32_t index) const {
  return flat::string_at(base_, flat::u32_at(base_, slot_ + 4 + 8 * index));
}
AnyView AnyView::value(uint32_t index) const {
  return AnyView(type_->element, base_, flat::u32_at(base_, slot_ + 8 + 8 * index));
}

bool AnyView::equals(const AnyView& other) const {
  if (present_ != other.present_) return false;
  if (!present_) return true;
  if (type_ != other.type_) return false;
  switch (kind()) {
    case Kind::Bool:
    case Kind::Int32: return slot_ == other.slot_;
    case Kind::Int64:
    case Kind::Time:
    case Kind::MicroTime:
    case Kind::Duration: return as_int() == other.as_int();
    case Kind::Double: return as_double() == other.as_double();
    case Kind::String:
    case Kind::Bytes:
    case Kind::Quantity:
    case Kind::Raw: return as_string() == other.as_string();
    case Kind::IntOrString: return as_int_or_string() == other.as_int_or_string();
    case Kind::Struct:
      for (unsigned i = 0; i < type_->fields.size(); i++)
        if (!field(i).equals(other.field(i))) return false;
      return true;
    case Kind::List:
      if (size() != other.size()) return false;
      for (uint32_t i = 0; i < size(); i++)
        if (!item(i).equals(other.item(i))) return false;
      return true;
    case Kind::Map:
      if (size() != other.size()) return false;
      for (uint32_t i = 0; i < size(); i++)
        if (key(i) != other.key(i) || !value(i).equals(other.value(i))) return false;
      return true;
  }
  return false;
}

Ref<Object> Object::make(const Type& type, std::string_view data, uint32_t root, int64_t revision) {
  void* memory = ::operator new(sizeof(Object) + data.size());
  auto object = new (memory) Object();
  object->type_ = &type;
  object->size_ = static_cast<uint32_t>(data.size());
  object->root_ = root;
  object->revision_ = revision;
  std::memcpy(reinterpret_cast<char*>(object + 1), data.data(), data.size());
  return Ref<Object>(object);
}

Ref<Object> Object::with_revision(int64_t revision) const { return make(*type_, {data(), size_}, root_, revision); }

void Object::dispose() const {
  this->~Object();
  ::operator delete(const_cast<Object*>(this));
}

}  // namespace sampan::schema
