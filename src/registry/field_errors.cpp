#include "registry/field_errors.h"

#include "base/aggregate.h"
#include "base/text.h"
#include "registry/internal_form.h"
#include "schema/json.h"

namespace sampan::registry {

using schema::AnyView;
using schema::Field;
using schema::Kind;

// ---- how values are shown ----

Shown::Shown(std::string_view text) : text_(quoted(text)) {}
Shown::Shown(int64_t value) : text_(concat(value)) {}
Shown::Shown(bool value) : text_(value ? "true" : "false") {}
Shown::Shown(const schema::IntOrString& value) : text_(value.is_string ? named(value.text).text_ : concat(value.number)) {}
Shown::Shown(const AnyView& value) {
  absent_ = !value.present();
  if (absent_)
    text_ = "null";
  else
    schema::write_json(text_, value);
}

Shown Shown::raw(std::string text) {
  Shown shown;
  shown.text_ = std::move(text);
  return shown;
}

Shown Shown::omitted() {
  Shown shown;
  shown.omitted_ = true;
  return shown;
}

Shown Shown::named(std::string_view text) {
  Shown shown;
  schema::write_json_string(shown.text_, text);
  return shown;
}

Shown Shown::texts(std::span<const std::string> list) {
  Shown shown = raw("[");
  for (const auto& text : list) {
    if (shown.text_.size() > 1) shown.text_ += ',';
    schema::write_json_string(shown.text_, text);
  }
  shown.text_ += ']';
  return shown;
}

Shown Shown::internal(const AnyView& value, schema::Value sent) {
  return value.present() ? raw(internal_form(value, Layout::Compact, sent)) : Shown(value);
}

Shown Shown::field(const AnyView& parent, std::string_view name, const AnyView& value) {
  if (value.present()) return value.kind() == Kind::String ? Shown(value.as_string()) : Shown(value);
  const Field* field = parent.present() && parent.kind() == Kind::Struct ? parent.type().find(name) : nullptr;
  Shown zero = raw(field ? internal_zero(*field) : "null");
  zero.absent_ = zero.text_ == "null";
  return zero;
}

Shown Shown::internal_field(const AnyView& parent, std::string_view name) {
  auto value = parent[name];
  return value.present() ? internal(value) : field(parent, name, value);
}

// ---- the errors ----

schema::Value FieldErrors::sent_at(const Path& path) const {
  schema::Value value = sent_;
  std::string text = path.text();
  std::string_view rest = text;
  while (!rest.empty() && !value.is_missing()) {
    if (rest[0] == '[') {
      auto end = std::min(rest.find(']'), rest.size());
      auto key = rest.substr(1, end - 1);
      uint32_t index = 0;
      if (!value.is_list())
        value = value[key];
      else
        value = parse_int(key, index) && index < value.size() ? value.at(index) : schema::Value();
      rest.remove_prefix(std::min(end + 1, rest.size()));
    } else {
      if (rest[0] == '.') rest.remove_prefix(1);
      auto name = rest.substr(0, rest.find_first_of(".["));
      value = value[name];
      rest.remove_prefix(name.size());
    }
  }
  return value;
}

Shown FieldErrors::as_sent(const Path& path, Shown shown) const {
  if (auto text = empty_text(sent_at(path)); !text.empty()) shown.text_ = text;
  shown.absent_ = false;
  return shown;
}

Shown FieldErrors::shown(const Path& path, const AnyView& value) const { return value.present() ? Shown(value) : as_sent(path, Shown(value)); }

void FieldErrors::add(std::string_view reason, const Path& path, std::string_view what, const Shown* value, std::string_view detail) {
  std::string message(what);
  if (value && !value->omitted_) append(message, ": ", value->absent_ ? as_sent(path, *value).text() : value->text());
  if (!detail.empty()) append(message, ": ", detail);
  causes_.push_back({std::string(reason), std::move(message), path.text()});
}

void FieldErrors::required(const Path& path, std::string_view detail) {
  add("FieldValueRequired", path, "Required value", nullptr, detail);
}
void FieldErrors::invalid(const Path& path, const Shown& value, std::string_view detail) {
  add("FieldValueInvalid", path, "Invalid value", &value, detail);
}
void FieldErrors::not_supported(const Path& path, const Shown& value, std::span<const std::string_view> supported) {
  std::string detail;
  for (auto text : supported) append(detail, detail.empty() ? "supported values: " : ", ", quoted(text));
  add("FieldValueNotSupported", path, "Unsupported value", &value, detail);
}
void FieldErrors::duplicate(const Path& path, const Shown& value, std::string_view detail) {
  add("FieldValueDuplicate", path, "Duplicate value", &value, detail);
}
void FieldErrors::forbidden(const Path& path, std::string_view detail) {
  add("FieldValueForbidden", path, "Forbidden", nullptr, detail);
}
void FieldErrors::not_found(const Path& path, const Shown& value) { add("FieldValueNotFound", path, "Not found", &value, {}); }

void FieldErrors::too_long(const Path& path, int64_t bytes_max) {
  add("FieldValueTooLong", path, "Too long", nullptr,
      bytes_max < 0 ? "value is too long" : concat("may not be more than ", bytes_max, bytes_max == 1 ? " byte" : " bytes"));
}
void FieldErrors::too_long_characters(const Path& path, int64_t characters_max) {
  add("FieldValueTooLong", path, "Too long", nullptr,
      concat("may not be more than ", characters_max, characters_max == 1 ? " character" : " characters"));
}
void FieldErrors::too_short(const Path& path, int64_t characters_min) {
  add("FieldValueTooShort", path, "Too short", nullptr,
      concat("must be at least ", characters_min, characters_min == 1 ? " character" : " characters"));
}
void FieldErrors::too_many(const Path& path, int64_t actual, int64_t items_max) {
  Shown shown = actual < 0 ? Shown::omitted() : Shown(actual);
  add("FieldValueTooMany", path, "Too many", &shown,
      items_max < 0 ? "has too many items" : concat("must have at most ", items_max, items_max == 1 ? " item" : " items"));
}
void FieldErrors::too_few(const Path& path, int64_t actual, int64_t items_min) {
  Shown shown = actual < 0 ? Shown::omitted() : Shown(actual);
  add("FieldValueTooFew", path, "Too few", &shown, concat("must have at least ", items_min, items_min == 1 ? " item" : " items"));
}
void FieldErrors::type_invalid(const Path& path, const Shown& value, std::string_view detail) {
  add("FieldValueTypeInvalid", path, "Invalid value", &value, detail);
}
void FieldErrors::internal(const Path& path, std::string_view detail) {
  add("InternalError", path, "Internal error", nullptr, detail);
}

void FieldErrors::take(FieldErrors&& other) {
  for (auto& cause : other.causes_) causes_.push_back(std::move(cause));
  other.causes_.clear();
}

std::string FieldErrors::text() const {
  std::vector<std::string> lines;
  for (const Cause& cause : causes_) lines.push_back(concat(cause.field, ": ", cause.message));
  return aggregated(lines);
}

Error FieldErrors::to_error(std::string_view group, std::string_view kind, std::string_view name) && {
  // The message tells each complaint once, the causes as often as it was found.
  auto what = group.empty() ? std::string(kind) : concat(kind, ".", group);
  auto message = concat(what, " ", quoted(name), " is invalid");
  if (!causes_.empty()) append(message, ": ", text());
  Error error = Error(Reason::Invalid, std::move(message)).about(group, kind, name);
  error.edit().causes = std::move(causes_);
  return error;
}

}  // namespace sampan::registry
