#include "devices/capacity.h"

namespace sampan::devices {

using schema::AnyView;

namespace {

Quantity quantity_of(const AnyView& text) { return Quantity::stored(text.as_string()); }

// How far above the least, in whole numbers: wide, for any two of them have a difference there.
__int128 above(const Quantity& value, const AnyView& range) { return static_cast<__int128>(value.value()) - quantity_of(range["min"]).value(); }

Quantity raised_into(const Quantity& asked, const AnyView& range) {
  auto min = quantity_of(range["min"]);
  if (asked < min) return min;
  int64_t step = range["step"].present() ? quantity_of(range["step"]).value() : 0;
  if (step <= 0) return asked;
  __int128 steps = (above(asked, range) + step - 1) / step, value = static_cast<__int128>(min.value()) + steps * step;
  return Quantity(value > INT64_MAX ? INT64_MAX : static_cast<int64_t>(value), Quantity::Format::BinarySi);
}

Quantity taken_of(const AnyView& capacity, const AnyView& asked) {
  auto policy = capacity["requestPolicy"];
  if (!asked.present()) return policy["default"].present() ? quantity_of(policy["default"]) : quantity_of(capacity["value"]);
  auto amount = quantity_of(asked);
  auto range = policy["validRange"], values = policy["validValues"];
  if (range["min"].present()) return raised_into(amount, range);
  for (uint32_t i = 0; i < values.size(); i++)
    if (auto value = quantity_of(values.item(i)); amount <= value) return value;
  return amount;
}

bool is_allowed(const Quantity& amount, const AnyView& policy) {
  if (policy["default"].present() && amount == quantity_of(policy["default"])) return true;
  auto range = policy["validRange"], values = policy["validValues"];
  if (range.present()) {
    if (range["max"].present() && amount > quantity_of(range["max"])) return false;
    int64_t step = range["step"].present() ? quantity_of(range["step"]).value() : 0;
    return step <= 0 || above(amount, range) % step == 0;
  }
  for (uint32_t i = 0; i < values.size(); i++)
    if (amount == quantity_of(values.item(i))) return true;
  return values.size() == 0;
}

void add_of(Quantity& to, const Capacity* capacity, std::string_view name) {
  if (!capacity) return;
  if (auto found = capacity->find(name); found != capacity->end()) to += found->second;
}

}  // namespace

void add(Capacity& to, const Capacity& more) {
  for (auto& [name, amount] : more) to[name] += amount;
}

void subtract(Capacity& from, const Capacity& less) {
  for (auto& [name, amount] : less)
    if (auto found = from.find(name); found != from.end()) found->second -= amount;
}

bool is_nothing(const Capacity& capacity) {
  return std::all_of(capacity.begin(), capacity.end(), [](auto& entry) { return entry.second.is_zero(); });
}

Capacity taken_by(const AnyView& asked, const AnyView& device) {
  Capacity taken;
  auto capacity = device["capacity"];
  for (uint32_t i = 0; i < capacity.size(); i++) taken[std::string(capacity.key(i))] = taken_of(capacity.value(i), asked[capacity.key(i)]);
  return taken;
}

bool has_room(const AnyView& asked, const AnyView& device, const Capacity* taken, const Capacity* being_taken) {
  auto capacity = device["capacity"];
  for (uint32_t i = 0; i < asked.size(); i++)
    if (!capacity[asked.key(i)].present()) return false;
  for (uint32_t i = 0; i < capacity.size(); i++) {
    auto name = capacity.key(i);
    auto one = capacity.value(i);
    auto amount = taken_of(one, asked[name]);
    if (!is_allowed(amount, one["requestPolicy"])) return false;
    add_of(amount, taken, name);
    add_of(amount, being_taken, name);
    if (amount > quantity_of(one["value"])) return false;
  }
  return true;
}

}  // namespace sampan::devices
