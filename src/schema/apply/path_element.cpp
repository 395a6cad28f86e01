// The order and the text of path elements.
#include "schema/apply/path_element.h"

#include "base/text.h"
#include "schema/json.h"
#include "schema/patch/go_print.h"

namespace sampan::schema {

namespace {

template <class T>
int three_way(T a, T b) {
  return a < b ? -1 : b < a ? 1 : 0;
}

int rank(Value value) {
  switch (value.type()) {
    case Value::Type::Int:
    case Value::Type::Double:
      return 0;
    case Value::Type::String:
      return 1;
    case Value::Type::Bool:
      return 2;
    case Value::Type::List:
      return 3;
    case Value::Type::Object:
      return 4;
    case Value::Type::Null:
      return 5;
    case Value::Type::Absent:
      return 6;
  }
  return 6;
}

int compare_objects(Value a, Value b) {
  auto sorted = [](Value object) {
    std::vector<Member> members(object.members().begin(), object.members().end());
    std::sort(members.begin(), members.end(), [](const Member& x, const Member& y) { return x.name < y.name; });
    return members;
  };
  std::vector<Member> left = sorted(a), right = sorted(b);
  for (size_t i = 0; i < left.size() && i < right.size(); i++) {
    if (int order = left[i].name.compare(right[i].name)) return order;
    if (int order = compare_values(left[i].value, right[i].value)) return order;
  }
  return three_way(left.size(), right.size());
}

void append_scalar(std::string& out, Value value) {
  if (value.is_string())
    out += quoted(value.as_string());
  else if (value.is_null())
    out += "null";
  else
    append_go_value(out, value);
}

}  // namespace

int compare_values(Value a, Value b) {
  if (int order = three_way(rank(a), rank(b))) return order;
  switch (a.type()) {
    case Value::Type::Int:
      if (b.is_int()) return three_way(a.as_int(), b.as_int());
      [[fallthrough]];
    case Value::Type::Double:
      return three_way(a.as_double(), b.as_double());
    case Value::Type::String:
      return a.as_string().compare(b.as_string());
    case Value::Type::Bool:
      return three_way(a.as_bool(), b.as_bool());
    case Value::Type::List:
      for (uint32_t i = 0; i < a.size() && i < b.size(); i++)
        if (int order = compare_values(a.at(i), b.at(i))) return order;
      return three_way(a.size(), b.size());
    case Value::Type::Object:
      return compare_objects(a, b);
    case Value::Type::Null:
    case Value::Type::Absent:
      return 0;
  }
  return 0;
}

int compare(const PathElement& a, const PathElement& b) {
  if (a.kind != b.kind) return a.kind < b.kind ? -1 : 1;
  switch (a.kind) {
    case PathElement::Kind::Field:
      return a.name.compare(b.name);
    case PathElement::Kind::Key:
      for (uint32_t i = 0; i < a.size && i < b.size; i++) {
        if (int order = a.keys[i].name.compare(b.keys[i].name)) return order;
        if (int order = compare_values(a.keys[i].value, b.keys[i].value)) return order;
      }
      return three_way(a.size, b.size);
    case PathElement::Kind::Value:
      return compare_values(a.value, b.value);
    case PathElement::Kind::Index:
      return three_way(a.index, b.index);
  }
  return 0;
}

void append_element(std::string& out, const PathElement& element) {
  switch (element.kind) {
    case PathElement::Kind::Field:
      return append(out, "f:", element.name);
    case PathElement::Kind::Key:
      out += "k:{";
      for (uint32_t i = 0; i < element.size; i++) {
        if (i) out += ',';
        write_json_string(out, element.keys[i].name);
        out += ':';
        write_json(out, element.keys[i].value);
      }
      out += '}';
      return;
    case PathElement::Kind::Value:
      out += "v:";
      return write_json(out, element.value);
    case PathElement::Kind::Index:
      return append(out, "i:", element.index);
  }
}

void append_path_element(std::string& out, const PathElement& element) {
  switch (element.kind) {
    case PathElement::Kind::Field:
      return append(out, ".", element.name);
    case PathElement::Kind::Key:
      for (uint32_t i = 0; i < element.size; i++) {
        append(out, i ? "," : "[", element.keys[i].name, "=");
        append_scalar(out, element.keys[i].value);
      }
      out += element.size ? "]" : "[]";
      return;
    case PathElement::Kind::Value:
      out += "[=";
      append_scalar(out, element.value);
      out += ']';
      return;
    case PathElement::Kind::Index:
      return append(out, "[", element.index, "]");
  }
}

ElementRead read_element(std::string_view text, Arena& arena, PathElement& element) {
  if (text.size() < 2 || text[1] != ':') return ElementRead::Bad;
  std::string_view rest = text.substr(2);
  element = {};
  switch (text[0]) {
    case 'f':
      element.name = rest;
      return ElementRead::Good;
    case 'i':
      element.kind = PathElement::Kind::Index;
      return parse_int(rest, element.index) ? ElementRead::Good : ElementRead::Bad;
    case 'v':
    case 'k':
      break;
    default:
      return ElementRead::Unknown;
  }
  auto parsed = parse_json(rest, arena);
  if (!parsed) return ElementRead::Bad;
  if (text[0] == 'v') {
    element.kind = PathElement::Kind::Value;
    element.value = *parsed;
    return ElementRead::Good;
  }
  if (!parsed->is_object()) return ElementRead::Bad;
  auto keys = arena.allocate_array<KeyField>(parsed->size());
  uint32_t size = 0;
  for (const Member& member : parsed->members()) new (&keys[size++]) KeyField{member.name, member.value};
  std::sort(keys, keys + size, [](const KeyField& a, const KeyField& b) { return a.name < b.name; });
  element.kind = PathElement::Kind::Key;
  element.keys = keys;
  element.size = size;
  return ElementRead::Good;
}

}  // namespace sampan::schema
