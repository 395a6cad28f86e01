// What validation finds: field errors with upstream's types and texts, which become the causes and the message of an Invalid Status.
#pragma once
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "registry/field_path.h"
#include "schema/object.h"
#include "schema/value.h"

namespace sampan::registry {

// A value as an error shows it: text in quotes, numbers and booleans plain, anything else as its JSON.
class Shown {
 public:
  Shown(std::string_view text);
  Shown(const char* text) : Shown(std::string_view(text)) {}
  Shown(const std::string& text) : Shown(std::string_view(text)) {}
  Shown(int value) : Shown(static_cast<int64_t>(value)) {}
  Shown(int64_t value);
  Shown(uint32_t value) : Shown(static_cast<int64_t>(value)) {}
  Shown(bool value);
  Shown(const schema::IntOrString& value);
  Shown(const schema::AnyView& value);
  static Shown raw(std::string text);  // already as it is to be shown
  static Shown omitted();              // the value is not shown at all
  // Text of a type that is more than a string in Go (a protocol, a phase): shown as JSON, where <, > and & are escaped.
  static Shown named(std::string_view text);
  // A field by its name: what is absent is shown as the zero value that its type has in Go ("", 0, null of a pointer or a list).
  static Shown field(const schema::AnyView& parent, std::string_view name, const schema::AnyView& value);
  // A struct that upstream shows by its internal type, which has no JSON names: {"Key":"a","Value":"","TimeAdded":null}.
  static Shown internal(const schema::AnyView& value, schema::Value sent = {});
  static Shown internal_field(const schema::AnyView& parent, std::string_view name);  // zero if absent
  static Shown texts(std::span<const std::string> list);  // ["a","b"]
  static Shown null() { return raw("null"); }
  const std::string& text() const { return text_; }

 private:
  Shown() = default;
  std::string text_;
  bool omitted_ = false;
  bool absent_ = false;  // shown as null, though it may have been sent as something empty
  friend class FieldErrors;
};

class FieldErrors {
 public:
  // The tree of the object that is looked at: messages tell from it what was sent empty and what not at all, which are the same in an object. It
  // must outlive the looking.
  void set_sent(schema::Value tree) { sent_ = tree; }
  schema::Value sent_at(const Path& path) const;
  // What an absent value was sent as, else the value.
  Shown shown(const Path& path, const schema::AnyView& value) const;

  void required(const Path& path, std::string_view detail);                        // "<path>: Required value: <detail>"
  void invalid(const Path& path, const Shown& value, std::string_view detail);     // "<path>: Invalid value: <value>: <detail>"
  void not_supported(const Path& path, const Shown& value, std::span<const std::string_view> supported);
  void duplicate(const Path& path, const Shown& value, std::string_view detail = {});
  void forbidden(const Path& path, std::string_view detail);
  void not_found(const Path& path, const Shown& value);
  void too_long(const Path& path, int64_t bytes_max);
  void too_long_characters(const Path& path, int64_t characters_max);
  void too_short(const Path& path, int64_t characters_min);
  void too_many(const Path& path, int64_t actual, int64_t items_max);  // actual < 0: not shown
  void too_few(const Path& path, int64_t actual, int64_t items_min);
  void type_invalid(const Path& path, const Shown& value, std::string_view detail);
  void internal(const Path& path, std::string_view detail);

  bool empty() const { return causes_.empty(); }
  size_t size() const { return causes_.size(); }
  const std::vector<Cause>& causes() const { return causes_; }
  std::string text() const;  // "PATH: ...", or of several "[..., ...]", each complaint once
  // All of another, as they are.
  void take(FieldErrors&& other);

  // "Pod \"x\" is invalid: [..., ...]" with all causes; `group` and `kind` of the object ("apps", "Deployment").
  Error to_error(std::string_view group, std::string_view kind, std::string_view name) &&;

 private:
  void add(std::string_view reason, const Path& path, std::string_view what, const Shown* value, std::string_view detail);
  Shown as_sent(const Path& path, Shown shown) const;
  std::vector<Cause> causes_;
  schema::Value sent_;
};

}  // namespace sampan::registry
