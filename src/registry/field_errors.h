// What validation finds: field errors with upstream's types and texts, which become the causes and the message of an Invalid Status.
#pragma once
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "registry/field_path.h"
#include "schema/object.h"

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
  static Shown null() { return raw("null"); }
  const std::string& text() const { return text_; }

 private:
  Shown() = default;
  std::string text_;
};

class FieldErrors {
 public:
  void required(const Path& path, std::string_view detail);                        // "<path>: Required value: <detail>"
  void invalid(const Path& path, const Shown& value, std::string_view detail);     // "<path>: Invalid value: <value>: <detail>"
  void not_supported(const Path& path, const Shown& value, std::span<const std::string_view> supported);
  void duplicate(const Path& path, const Shown& value);
  void forbidden(const Path& path, std::string_view detail);
  void not_found(const Path& path, const Shown& value);
  void too_long(const Path& path, int64_t bytes_max);
  void too_many(const Path& path, int64_t actual, int64_t items_max);
  void type_invalid(const Path& path, const Shown& value, std::string_view detail);
  void internal(const Path& path, std::string_view detail);

  bool empty() const { return causes_.empty(); }
  size_t size() const { return causes_.size(); }
  const std::vector<Cause>& causes() const { return causes_; }

  // "Pod \"x\" is invalid: [..., ...]" with all causes; `group` and `kind` of the object ("apps", "Deployment").
  Error to_error(std::string_view group, std::string_view kind, std::string_view name) &&;

 private:
  std::vector<Cause> causes_;
};

}  // namespace sampan::registry
