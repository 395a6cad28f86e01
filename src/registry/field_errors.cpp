#include "registry/field_errors.h"

#include "base/text.h"
#include "schema/json.h"

namespace sampan::registry {

Shown::Shown(std::string_view text) : text_(quoted(text)) {}
Shown::Shown(int64_t value) : text_(concat(value)) {}
Shown::Shown(bool value) : text_(value ? "true" : "false") {}
Shown::Shown(const schema::IntOrString& value) : text_(value.is_string ? quoted(value.text) : concat(value.number)) {}
Shown::Shown(const schema::AnyView& value) {
  if (!value.present())
    text_ = "null";
  else
    schema::write_json(text_, value);
}
Shown Shown::raw(std::string text) {
  Shown shown;
  shown.text_ = std::move(text);
  return shown;
}

void FieldErrors::required(const Path& path, std::string_view detail) {
  causes_.push_back({"FieldValueRequired", detail.empty() ? "Required value" : concat("Required value: ", detail), path.text()});
}
void FieldErrors::invalid(const Path& path, const Shown& value, std::string_view detail) {
  auto message = concat("Invalid value: ", value.text());
  if (!detail.empty()) append(message, ": ", detail);
  causes_.push_back({"FieldValueInvalid", std::move(message), path.text()});
}
void FieldErrors::not_supported(const Path& path, const Shown& value, std::span<const std::string_view> supported) {
  auto message = concat("Unsupported value: ", value.text());
  for (size_t i = 0; i < supported.size(); i++) append(message, i ? ", " : ": supported values: ", quoted(supported[i]));
  causes_.push_back({"FieldValueNotSupported", std::move(message), path.text()});
}
void FieldErrors::duplicate(const Path& path, const Shown& value) {
  causes_.push_back({"FieldValueDuplicate", concat("Duplicate value: ", value.text()), path.text()});
}
void FieldErrors::forbidden(const Path& path, std::string_view detail) {
  causes_.push_back({"FieldValueForbidden", detail.empty() ? "Forbidden" : concat("Forbidden: ", detail), path.text()});
}
void FieldErrors::not_found(const Path& path, const Shown& value) {
  causes_.push_back({"FieldValueNotFound", concat("Not found: ", value.text()), path.text()});
}
void FieldErrors::too_long(const Path& path, int64_t bytes_max) {
  causes_.push_back({"FieldValueTooLong", concat("Too long: may not be more than ", bytes_max, " bytes"), path.text()});
}
void FieldErrors::too_many(const Path& path, int64_t actual, int64_t items_max) {
  causes_.push_back({"FieldValueTooMany",
                     concat("Too many: ", actual, ": must have at most ", items_max, items_max == 1 ? " item" : " items"), path.text()});
}
void FieldErrors::type_invalid(const Path& path, const Shown& value, std::string_view detail) {
  auto message = concat("Invalid value: ", value.text());
  if (!detail.empty()) append(message, ": ", detail);
  causes_.push_back({"FieldValueTypeInvalid", std::move(message), path.text()});
}
void FieldErrors::internal(const Path& path, std::string_view detail) {
  causes_.push_back({"InternalError", concat("Internal error: ", detail), path.text()});
}

Error FieldErrors::to_error(std::string_view group, std::string_view kind, std::string_view name) && {
  std::vector<std::string> lines;
  for (const Cause& cause : causes_) {
    auto line = concat(cause.field, ": ", cause.message);
    // Upstream's aggregate shows each message once.
    if (std::find(lines.begin(), lines.end(), line) == lines.end()) lines.push_back(std::move(line));
  }
  auto what = group.empty() ? std::string(kind) : concat(kind, ".", group);
  auto list = lines.size() == 1 ? lines[0] : concat("[", join(lines, ", "), "]");
  Error error = Error(Reason::Invalid, concat(what, " ", quoted(name), " is invalid: ", list)).about(group, kind, name);
  error.edit().causes = std::move(causes_);
  return error;
}

}  // namespace sampan::registry
