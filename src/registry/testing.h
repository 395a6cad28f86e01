// Helpers for the tests of kinds. JSON may be written with single quotes, so that it reads well in C++:
//
//   EXPECT_EQ(errors_of(kThingRules, *make("v1", "Thing", "{'spec': {}}")), Errors{"spec.name: Required value"});
#pragma once
#include <gtest/gtest.h>

#include "base/check.h"
#include "base/text.h"
#include "registry/rules.h"
#include "schema/conform.h"
#include "schema/json.h"
#include "schema/object.h"

namespace sampan::registry::testing {

using schema::ObjectRef;
using Errors = std::vector<std::string>;
using Cells = std::vector<std::string>;

inline const schema::Type& type_of(std::string_view api_version, std::string_view kind) {
  auto slash = api_version.find('/');
  auto group = slash == std::string_view::npos ? std::string_view() : api_version.substr(0, slash);
  const schema::Type* type = schema::builtin_kind(group, api_version.substr(slash + 1), kind);
  check(type != nullptr);
  return *type;
}

// The tree of a JSON text, which must parse.
inline Value tree(Arena& arena, std::string_view json) {
  std::string text(json);
  for (char& c : text)
    if (c == '\'') c = '"';
  auto value = schema::parse_json(arena.copy(text), arena);
  if (!value) ADD_FAILURE() << value.error().message() << " in " << text;
  check(value.has_value());
  return *value;
}

inline ObjectRef frozen(Value value, const schema::Type& type) {
  schema::Conformance found;
  auto conformed = schema::conform(value, type, found);
  if (!conformed) ADD_FAILURE() << conformed.error().message();
  for (const auto& unknown : found.unknown_fields) ADD_FAILURE() << unknown;
  auto object = schema::freeze(value, type);
  if (!object) ADD_FAILURE() << object.error().message();
  check(object.has_value());
  return *object;
}

// An object of a built-in kind; the text must conform.
inline ObjectRef make(std::string_view api_version, std::string_view kind, std::string_view json) {
  Arena arena;
  return frozen(tree(arena, json), type_of(api_version, kind));
}

inline std::string_view version_of(std::string_view api_version) { return api_version.substr(api_version.rfind('/') + 1); }

// The same after the kind's defaults.
inline ObjectRef make_defaulted(const Rules& rules, std::string_view api_version, std::string_view json) {
  Arena arena;
  Value value = tree(arena, json);
  if (rules.defaults) rules.defaults(value, version_of(api_version));
  return frozen(value, type_of(api_version, rules.kind));
}

inline std::string json_of(Value value) {
  std::string out;
  schema::write_json(out, value);
  for (char& c : out)
    if (c == '"') c = '\'';
  return out;
}

// JSON (single quotes) after the kind's defaults.
inline std::string defaulted(const Rules& rules, std::string_view json, std::string_view version = "v1") {
  Arena arena;
  Value value = tree(arena, json);
  rules.defaults(value, version);
  return json_of(value);
}

// "path: message", sorted.
inline Errors texts_of(const FieldErrors& errors) {
  Errors out;
  for (const auto& cause : errors.causes()) out.push_back(concat(cause.field, ": ", cause.message));
  std::sort(out.begin(), out.end());
  return out;
}

inline Errors errors_of(const Rules& rules, const Object& object) {
  FieldErrors errors;
  rules.validate(object, errors);
  return texts_of(errors);
}

inline Errors update_errors_of(const Rules& rules, const Object& object, const Object& old) {
  FieldErrors errors;
  rules.validate_update(object, old, errors);
  return texts_of(errors);
}

inline Errors subresource_errors_of(const Rules& rules, std::string_view subresource, const Object& object, const Object& old) {
  FieldErrors errors;
  rules.validate_subresource(subresource, object, old, errors);
  return texts_of(errors);
}

inline Warnings warnings_of(const Rules& rules, const Object& object, const Object* old = nullptr) {
  Warnings out;
  rules.warnings(object, old, out);
  return out;
}

class Cellar : public Row {
 public:
  explicit Cellar(int64_t now) : now_(now) {}
  void text(std::string_view cell) override { cells.emplace_back(cell); }
  void number(int64_t cell) override { cells.push_back(concat(cell)); }
  void boolean(bool cell) override { cells.emplace_back(cell ? "true" : "false"); }
  void null() override { cells.emplace_back("null"); }
  void age(int64_t seconds) override { cells.push_back(seconds ? concat("age:", seconds) : "<unknown>"); }
  int64_t now_seconds() const override { return now_; }
  Cells cells;

 private:
  int64_t now_;
};

// The cells of the object's row as text: ages as "age:<seconds>". There must be as many as columns.
inline Cells cells_of(const Rules& rules, const Object& object, int64_t now_seconds = 0) {
  Cellar cellar(now_seconds);
  rules.row(object, cellar);
  EXPECT_EQ(cellar.cells.size(), rules.columns.size());
  return cellar.cells;
}

}  // namespace sampan::registry::testing
