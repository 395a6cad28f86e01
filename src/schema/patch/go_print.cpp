// See go_print.h.
#include "schema/patch/go_print.h"

#include <cmath>

#include "base/text.h"

namespace sampan::schema {

void append_go_double(std::string& out, double number) {
  if (std::isnan(number)) return append(out, "NaN");
  if (std::isinf(number)) return append(out, number < 0 ? "-Inf" : "+Inf");
  double size = std::fabs(number);
  bool exponent = size != 0 && (size < 1e-4 || size >= 1e21);
  char text[400];
  auto end = std::to_chars(text, text + sizeof text, number,
                           exponent ? std::chars_format::scientific : std::chars_format::fixed);
  out.append(text, end.ptr);
}

void append_go_value(std::string& out, Value value) {
  switch (value.type()) {
    case Value::Type::Absent:
    case Value::Type::Null:
      return append(out, "<nil>");
    case Value::Type::Bool:
      return append(out, value.as_bool() ? "true" : "false");
    case Value::Type::Int:
      return append(out, value.as_int());
    case Value::Type::Double:
      return append_go_double(out, value.as_double());
    case Value::Type::String:
      return append(out, value.as_string());
    case Value::Type::List: {
      out += '[';
      for (uint32_t i = 0; i < value.size(); i++) {
        if (i) out += ' ';
        append_go_value(out, value.at(i));
      }
      out += ']';
      return;
    }
    case Value::Type::Object: {
      std::vector<Member> members(value.members().begin(), value.members().end());
      std::sort(members.begin(), members.end(), [](const Member& a, const Member& b) { return a.name < b.name; });
      out += "map[";
      for (size_t i = 0; i < members.size(); i++) {
        append(out, i ? " " : "", members[i].name, ':');
        append_go_value(out, members[i].value);
      }
      out += ']';
      return;
    }
  }
}

std::string_view go_type_name(Value value) {
  switch (value.type()) {
    case Value::Type::Absent:
    case Value::Type::Null:
      return "%!s(<nil>)";
    case Value::Type::Bool:
      return "bool";
    case Value::Type::Int:
      return "int64";
    case Value::Type::Double:
      return "float64";
    case Value::Type::String:
      return "string";
    case Value::Type::List:
      return "[]interface {}";
    case Value::Type::Object:
      return "map[string]interface {}";
  }
  return "";
}

std::string_view json_kind_name(Value value) {
  switch (value.type()) {
    case Value::Type::Absent:
    case Value::Type::Null:
      return "null";
    case Value::Type::Bool:
      return "bool";
    case Value::Type::Int:
    case Value::Type::Double:
      return "number";
    case Value::Type::String:
      return "string";
    case Value::Type::List:
      return "array";
    case Value::Type::Object:
      return "object";
  }
  return "";
}

}  // namespace sampan::schema
