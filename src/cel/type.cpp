// Types: made, compared, shown.
#include "cel/type.h"

namespace sampan::cel {

namespace {

constexpr std::string_view kOptional = "optional_type";

std::string_view name_of_kind(Type::Kind kind) {
  switch (kind) {
    case Type::Kind::Dyn: return "dyn";
    case Type::Kind::Any: return "google.protobuf.Any";
    case Type::Kind::Error: return "error";
    case Type::Kind::Null: return "null_type";
    case Type::Kind::Bool: return "bool";
    case Type::Kind::Int: return "int";
    case Type::Kind::Uint: return "uint";
    case Type::Kind::Double: return "double";
    case Type::Kind::String: return "string";
    case Type::Kind::Bytes: return "bytes";
    case Type::Kind::Duration: return "google.protobuf.Duration";
    case Type::Kind::Timestamp: return "google.protobuf.Timestamp";
    case Type::Kind::List: return "list";
    case Type::Kind::Map: return "map";
    case Type::Kind::Type: return "type";
    case Type::Kind::Parameter:
    case Type::Kind::Struct:
    case Type::Kind::Opaque: break;
  }
  return "";
}

std::string with_parameters(const Type& type, std::string (Type::*shown)() const) {
  std::string out(type.name());
  if (type.parameters().empty()) return out;
  char before = '(';
  for (const Type& parameter : type.parameters()) {
    out += before;
    if (before == ',') out += ' ';
    out += (parameter.*shown)();
    before = ',';
  }
  return out + ')';
}

}  // namespace

Type::Type(Kind kind, std::string_view name, std::vector<Type> parameters)
    : kind_(kind), made_(std::make_shared<const Made>(Made{std::string(name), std::move(parameters)})) {}

Type Type::list(Type item) { return Type(Kind::List, "list", {std::move(item)}); }
Type Type::map(Type key, Type value) { return Type(Kind::Map, "map", {std::move(key), std::move(value)}); }
Type Type::type_of(Type what) { return Type(Kind::Type, "type", {std::move(what)}); }
Type Type::parameter(std::string_view name) { return Type(Kind::Parameter, name, {}); }
Type Type::structure(std::string_view name) { return Type(Kind::Struct, name, {}); }
Type Type::opaque(std::string_view name, std::vector<Type> parameters) { return Type(Kind::Opaque, name, std::move(parameters)); }
Type Type::optional(Type of) { return Type(Kind::Opaque, kOptional, {std::move(of)}); }

bool Type::is_optional() const { return kind_ == Kind::Opaque && made_->name == kOptional; }

std::string_view Type::name() const { return made_ ? std::string_view(made_->name) : name_of_kind(kind_); }

std::span<const Type> Type::parameters() const {
  if (!made_) return {};
  return made_->parameters;
}

Type Type::parameter(size_t index) const { return made_ && index < made_->parameters.size() ? made_->parameters[index] : Type(); }

bool Type::operator==(const Type& other) const {
  if (kind_ != other.kind_) return false;
  if (made_ == other.made_) return true;
  const auto mine = parameters(), theirs = other.parameters();
  return name() == other.name() && std::equal(mine.begin(), mine.end(), theirs.begin(), theirs.end());
}

std::string Type::text() const {
  switch (kind_) {
    case Kind::Any: return "any";
    case Kind::Error: return "!error!";
    case Kind::Null: return "null";
    case Kind::Duration: return "duration";
    case Kind::Timestamp: return "timestamp";
    default: return with_parameters(*this, &Type::text);
  }
}

std::string Type::full_text() const { return with_parameters(*this, &Type::full_text); }

}  // namespace sampan::cel
