#include "devices/constraints.h"

#include "base/text.h"

namespace sampan::devices {

namespace {

bool same_value(const AnyView& a, const AnyView& b) {
  for (auto kind : {"string", "int", "bool", "version"})
    if (auto value = a[kind]; value.present()) return b[kind].present() && value.equals(b[kind]);
  return false;
}

bool has_value(const AnyView& attribute) {
  for (auto kind : {"string", "int", "bool", "version"})
    if (attribute[kind].present()) return true;
  return false;
}

}  // namespace

AnyView attribute_of(const Device& device, std::string_view name) {
  auto attributes = device.view["attributes"];
  if (auto found = attributes[name]; found.present()) return found;
  size_t slash = name.find('/');
  if (slash == name.npos || name.substr(0, slash) != device.slice->driver) return {};
  return attributes[name.substr(slash + 1)];
}

Constraint::Constraint(const AnyView& constraint) : same_(constraint["matchAttribute"].present()), different_(!same_ && constraint["distinctAttribute"].present()) {
  attribute_ = constraint[same_ ? "matchAttribute" : "distinctAttribute"].as_string();
  auto requests = constraint["requests"];
  for (uint32_t i = 0; i < requests.size(); i++) requests_.push_back(requests.item(i).as_string());
}

bool Constraint::applies_to(std::string_view request, std::string_view choice) const {
  if (requests_.empty()) return true;
  return std::any_of(requests_.begin(), requests_.end(), [&](auto name) { return name == request || (!choice.empty() && name == concat(request, "/", choice)); });
}

bool Constraint::add(std::string_view request, std::string_view choice, const Device& device) {
  if (!applies_to(request, choice)) return true;
  auto value = attribute_of(device, attribute_);
  if (!value.present()) return false;
  if (!values_.empty() && !has_value(value)) return false;
  auto is_same = [&](auto& other) { return same_value(value, other); };
  bool good = same_ ? values_.empty() || is_same(values_.front()) : std::none_of(values_.begin(), values_.end(), is_same);
  if (good) values_.push_back(value);
  return good;
}

void Constraint::remove(std::string_view request, std::string_view choice) {
  if (applies_to(request, choice)) values_.pop_back();
}

}  // namespace sampan::devices
