#include "cel/admission/kinds.h"

#include "base/text.h"

namespace sampan::cel::admission {

namespace {

using Kind = Type::Kind;

constexpr std::string_view kReserved[] = {"true", "false", "null",   "in",   "as",      "break",     "const",  "continue", "else", "for",
                                          "function", "if", "import", "let", "loop", "package", "namespace", "return", "var", "void", "while"};

// As an identifier, if the name can be one.
std::optional<std::string> escaped(std::string_view name) {
  std::string out;
  for (size_t i = 0; i < name.size(); i++) {
    const char c = name[i];
    if (c == '-')
      out += "__dash__";
    else if (c == '.')
      out += "__dot__";
    else if (c == '/')
      out += "__slash__";
    else if (name.substr(i, 2) == "__")
      out += "__underscores__", i++;
    else if (c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9' && i > 0))
      out += c;
    else
      return {};
  }
  return out;
}

class Declarer {
 public:
  explicit Declarer(Environment& to) : to_(to) {}

  Type declare_struct(const schema::Type& type, const std::string& name) {
    to_.declare_struct(name, {});
    const bool is_within_itself = std::find(around_.begin(), around_.end(), &type) != around_.end();
    around_.push_back(&type);
    for (const schema::Field& field : is_within_itself ? std::span<const schema::Field>() : type.fields) {
      auto identifier = escaped(field.name);
      if (!identifier) continue;
      // Such a word may be written as it is where nothing but a field can be meant.
      if (std::find(std::begin(kReserved), std::end(kReserved), field.name) != std::end(kReserved)) identifier = concat("__", field.name, "__");
      auto known = type_of(*field.type, concat(name, ".", *identifier));
      if (!known) continue;
      if (*identifier != field.name && escaped(field.name) == field.name) to_.declare_field(name, {std::string(field.name), *known});
      to_.declare_field(name, {std::move(*identifier), std::move(*known)});
    }
    around_.pop_back();
    return Type::structure(name);
  }

 private:
  std::optional<Type> type_of(const schema::Type& type, const std::string& name) {
    using Shape = schema::Kind;
    switch (type.kind) {
      case Shape::String:
      case Shape::Duration: return Kind::String;
      case Shape::Bool: return Kind::Bool;
      case Shape::Int32:
      case Shape::Int64: return Kind::Int;
      case Shape::Double: return Kind::Double;
      case Shape::Bytes: return Kind::Bytes;
      case Shape::Time:
      case Shape::MicroTime: return Kind::Timestamp;
      case Shape::IntOrString: return Type();
      case Shape::Quantity: return {};
      case Shape::Raw:
        if (type.wire != schema::Wire::RawMessage || type.name.ends_with(".JSON")) return {};
        to_.declare_struct(name, {});
        return Type::structure(name);
      case Shape::Struct: return declare_struct(type, name);
      case Shape::List:
        if (auto item = type_of(*type.element, concat(name, ".@idx"))) return Type::list(std::move(*item));
        return {};
      case Shape::Map:
        if (auto value = type_of(*type.element, concat(name, ".@elem"))) return Type::map(Kind::String, std::move(*value));
        return {};
    }
    return {};
  }

  Environment& to_;
  std::vector<const schema::Type*> around_;
};

}  // namespace

Type declare_kind(Environment& to, const schema::Type& kind, const std::string& name) { return Declarer(to).declare_struct(kind, name); }

}  // namespace sampan::cel::admission
