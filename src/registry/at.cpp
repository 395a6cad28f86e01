#include "registry/at.h"

namespace sampan::registry {

bool At::empty() const {
  if (!value_.present()) return true;
  switch (value_.kind()) {
    case schema::Kind::List:
    case schema::Kind::Map: return value_.size() == 0;
    case schema::Kind::String:
    case schema::Kind::Bytes:
    case schema::Kind::Quantity:
    case schema::Kind::Raw: return value_.as_string().empty();
    default: return false;
  }
}

Shown At::shown() const {
  return value_.present() && value_.kind() == schema::Kind::String ? Shown(value_.as_string()) : Shown(value_);
}

void At::must_be(void (*form)(std::string_view, Complaints&)) const {
  Complaints complaints;
  form(text(), complaints);
  for (auto& complaint : complaints) errors_.invalid(path_, Shown(text()), complaint);
}

bool At::one_of(std::initializer_list<std::string_view> supported) const {
  for (auto value : supported)
    if (value == text()) return true;
  not_supported(supported);
  return false;
}

}  // namespace sampan::registry
