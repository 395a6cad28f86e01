// What the generated editors (api/core_v1_edit.h ...) stand on: a Value that is known to be an object of one type.
//
// An editor is a handle, like Value. An absent one reads as zero and must not be written to: ensure_x() of the parent makes it.
#pragma once
#include "schema/value.h"

namespace sampan::schema {

struct Edit {
  Value value;

  Edit() = default;
  explicit Edit(Value v) : value(v) {}
  bool present() const { return value.is_object(); }
  explicit operator bool() const { return present(); }
  void clear(const char* field) const { value.remove(field); }  // of the field's JSON name

 protected:
  void put(const char* field, Value v) const { value.set(field, v); }
  void put_text(const char* field, std::string_view text) const { value.set(field, value.arena().copy(text)); }
  void put_time(const char* field, int64_t seconds) const;             // as Object's Time
  void put_micro_time(const char* field, int64_t microseconds) const;  // as Object's MicroTime
};

template <class T>
struct ListEdit {
  Value value;

  ListEdit() = default;
  explicit ListEdit(Value v) : value(v) {}
  uint32_t size() const { return value.size(); }
  bool empty() const { return size() == 0; }
  T operator[](uint32_t i) const { return T(value.at(i)); }
  T add() const {  // a new item at the end
    Value item = Value::object(value.arena());
    value.push(item);
    return T(item);
  }
  struct Iterator {
    const ListEdit* list;
    uint32_t i;
    T operator*() const { return (*list)[i]; }
    Iterator& operator++() {
      i++;
      return *this;
    }
    bool operator!=(const Iterator& other) const { return i != other.i; }
  };
  Iterator begin() const { return {this, 0}; }
  Iterator end() const { return {this, size()}; }
};

}  // namespace sampan::schema
