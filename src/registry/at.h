// A value, where it is, and where complaints about it go: what rules are written with.
//
//   if (at["name"].empty()) at["name"].required();
//   At ports = at["ports"];
//   for (uint32_t i = 0; i < ports.size(); i++) { At port = ports.item(i); ... }
//
// As with paths, a child borrows its parent: `at["a"]["b"]` is for use within one expression, a named child needs a named parent.
#pragma once
#include <initializer_list>
#include <span>
#include <string_view>

#include "registry/field_errors.h"
#include "registry/field_path.h"
#include "registry/names.h"
#include "schema/object.h"

namespace sampan::registry {

class At {
 public:
  At(const schema::AnyView& value, const Path& path, FieldErrors& errors) : value_(value), path_(path), errors_(errors) {}
  At(const At&) = delete;
  At& operator=(const At&) = delete;

  At operator[](std::string_view name) const { return At(value_[name], path_.child(name), errors_); }
  At item(uint32_t i) const { return At(value_.item(i), path_.index(i), errors_); }
  At map_value(uint32_t i) const { return At(value_.value(i), path_.key(value_.key(i)), errors_); }
  // The same value complained about somewhere else.
  At under(std::string_view name) const { return At(value_, path_.child(name), errors_); }

  const schema::AnyView& value() const { return value_; }
  const Path& path() const { return path_; }
  FieldErrors& errors() const { return errors_; }

  bool present() const { return value_.present(); }
  std::string_view text() const { return value_.as_string(); }
  int64_t number() const { return value_.as_int(); }
  bool truth() const { return value_.present() && value_.as_bool(); }
  uint32_t size() const { return value_.size(); }
  // Of text, lists and maps.
  bool empty() const;
  std::string_view key(uint32_t i) const { return value_.key(i); }

  void required(std::string_view detail = {}) const { errors_.required(path_, detail); }
  void forbidden(std::string_view detail) const { errors_.forbidden(path_, detail); }
  void invalid(std::string_view detail) const { errors_.invalid(path_, shown(), detail); }
  void invalid(const Shown& shown, std::string_view detail) const { errors_.invalid(path_, shown, detail); }
  // As upstream's internal type shows it.
  Shown internal() const { return Shown::internal(value_, errors_.sent_at(path_)); }
  void duplicate() const { errors_.duplicate(path_, Shown(text())); }
  void not_found() const { errors_.not_found(path_, Shown(text())); }
  // Of an enumeration, which in Go is a type of its own.
  void not_supported(std::initializer_list<std::string_view> supported) const {
    errors_.not_supported(path_, Shown::named(text()), {supported.begin(), supported.size()});
  }
  void too_long(int64_t bytes_max) const { errors_.too_long(path_, bytes_max); }

  // Text held against a form; text of a fixed set (complains unless it is one of them); numbers.
  void must_be(void (*form)(std::string_view, Complaints&)) const;
  bool one_of(std::initializer_list<std::string_view> supported) const;
  void not_negative() const { require_non_negative(errors_, path_, number()); }

 private:
  Shown shown() const;
  schema::AnyView value_;
  Path path_;
  FieldErrors& errors_;
};

}  // namespace sampan::registry
