// What keeps a configuration from being applied. See typed.h.
#include "base/text.h"
#include "schema/apply/shape.h"
#include "schema/patch/go_print.h"

namespace sampan::schema {

namespace {

class Checker {
 public:
  explicit Checker(Arena& arena) : arena_(arena) {}
  void check_value(Value value, Use use, std::string& path);
  std::string message() const;

 private:
  void check_scalar(Value value, Kind kind, const std::string& path);
  void check_list(Value value, Use use, std::string& path);
  void check_map(Value value, Use use, std::string& path);
  void problem(std::string_view path, std::string_view what) {
    problems_.push_back(path.empty() ? std::string(what) : concat(path, ": ", what));
  }
  std::string shown(Value value) {
    std::string text;
    append_go_value(text, value);
    return text;
  }

  Arena& arena_;
  std::vector<std::string> problems_;
};

void Checker::check_scalar(Value value, Kind kind, const std::string& path) {
  if (value.is_missing()) return;
  switch (kind) {
    case Kind::Bool:
      if (!value.is_bool()) problem(path, concat("expected boolean, got &{", shown(value), "}"));
      return;
    case Kind::Int32:
    case Kind::Int64:
    case Kind::Double:
      if (!value.is_int() && !value.is_double())
        problem(path, concat("expected numeric (int or float), got ", go_type_name(value)));
      return;
    case Kind::IntOrString:
    case Kind::Quantity:
      if (value.is_list() || value.is_object()) problem(path, concat("expected any scalar, got &{", shown(value), "}"));
      return;
    case Kind::Raw:
      return;
    default:
      if (value.is_string()) return;
      std::string go = value.is_list() ? "[]interface {}" : value.is_object() ? "map[string]interface {}" : "";
      go += go.empty() ? shown(value) : concat("{", shown(value), "}");
      problem(path, concat("expected string, got &value.valueUnstructured{Value:", go, "}"));
  }
}

void Checker::check_list(Value value, Use use, std::string& path) {
  if (value.is_missing()) return;
  if (!value.is_list()) return problem(path, concat("expected list, got &{", shown(value), "}"));
  const size_t length = path.size();
  std::vector<PathElement> elements;
  for (uint32_t i = 0; i < value.size(); i++) {
    PathElement element{.kind = PathElement::Kind::Index, .index = i};
    if (!use.atomic_list()) {
      auto found = item_element(value.at(i), *use.type, Reading::AsText, arena_);
      if (!found) return problem(path, concat("element ", i, ": ", found.error().message()));
      element = *found;
      elements.push_back(element);
    }
    append_path_element(path, element);
    check_value(value.at(i), use.item(), path);
    path.resize(length);
  }
  std::sort(elements.begin(), elements.end(),
            [](const PathElement& a, const PathElement& b) { return compare(a, b) < 0; });
  for (size_t i = 1; i < elements.size(); i++) {
    if (compare(elements[i - 1], elements[i]) != 0) continue;
    std::string text = "duplicate entries for key ";
    append_path_element(text, elements[i]);
    problem(path, text);
  }
}

void Checker::check_map(Value value, Use use, std::string& path) {
  if (value.is_missing()) return;
  if (!value.is_object()) return problem(path, concat("expected map, got &{", shown(value), "}"));
  const size_t length = path.size();
  for (const Member& member : value.members()) {
    append(path, ".", member.name);
    if (use.type && use.type->kind == Kind::Struct && !use.field(member.name))
      problem(path, "field not declared in schema");
    else
      check_value(member.value, use.member(member.name), path);
    path.resize(length);
  }
}

void Checker::check_value(Value value, Use use, std::string& path) {
  if (!use.type) return;
  switch (shape_of(use.type, value)) {
    case Shape::Scalar:
      return check_scalar(value, use.type->kind, path);
    case Shape::List:
      return check_list(value, use, path);
    case Shape::Map:
      return check_map(value, use, path);
  }
}

std::string Checker::message() const {
  if (problems_.empty()) return {};
  if (problems_.size() == 1) return problems_[0];
  std::string text = "errors:";
  for (const std::string& problem : problems_) append(text, "\n  ", problem);
  return text;
}

}  // namespace

std::string check_config(Value tree, const Type& type, Arena& arena) {
  Checker checker(arena);
  std::string path;
  checker.check_value(tree, Use(&type), path);
  return checker.message();
}

}  // namespace sampan::schema
