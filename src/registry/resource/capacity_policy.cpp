// What parts of a device's capacity can be asked for, where several claims share it.
#include "base/text.h"
#include "registry/resource/devices.h"
#include "schema/quantity.h"

namespace sampan::registry::resource {

using schema::Quantity;

namespace {

Quantity quantity_of(const At& at) { return Quantity::stored(at.text()); }

void validate_values(const At& values, const Quantity& wanted, const Quantity& capacity) {
  constexpr uint32_t kValuesMax = 10;
  bool found = false;
  for (uint32_t i = 1; i < values.size(); i++) {
    At value = values.item(i);
    if (quantity_of(values.item(i - 1)) > quantity_of(value)) value.invalid(Shown(value.text()), "values must be sorted in ascending order");
  }
  validate_list(values, kValuesMax, [&](const At& value) {
    auto option = quantity_of(value);
    if (option > capacity) value.invalid(Shown(value.text()), concat("option is larger than capacity value: ", capacity.text()));
    found |= option == wanted;
  });
  for (uint32_t i = 0; i < values.size() && values.size() <= kValuesMax; i++)
    for (uint32_t j = 0; j < i; j++)
      if (auto value = quantity_of(values.item(i)).value(); value == quantity_of(values.item(j)).value()) {
        values.errors().duplicate(values.item(i).path(), Shown(concat(value)));
        break;
      }
  if (!found) values.invalid(Shown(wanted.text()), "default value is not valid according to the requestPolicy");
}

void validate_step(const At& step, const Quantity& value, const Quantity& min) {
  auto size = quantity_of(step);
  // Wide, for any two numbers have a difference there, and any two of those a remainder.
  if (__int128 above = static_cast<__int128>(value.value()) - min.value(); size.value() != 0 && above % size.value() != 0)
    step.invalid(Shown(value.text()), concat("value is not a multiple of a given step (", size.text(), ") from (", min.text(), ")"));
}

void validate_range(const At& range, const Quantity& wanted, const Quantity& capacity) {
  At min_at = range["min"], max_at = range["max"], step = range["step"];
  if (!min_at.present()) return min_at.required("required when validRange is defined");
  auto min = quantity_of(min_at), max = quantity_of(max_at);
  if (min > capacity) min_at.invalid(Shown(min.text()), concat("min is larger than capacity value: ", capacity.text()));
  if (wanted < min) min_at.invalid(Shown(wanted.text()), concat("default is less than min: ", min.text()));
  if (max_at.present()) {
    if (min > max) max_at.invalid(Shown(min.text()), concat("min is larger than max: ", max.text()));
    if (max > capacity) max_at.invalid(Shown(max.text()), concat("max is larger than capacity value: ", capacity.text()));
    if (wanted > max) max_at.invalid(Shown(wanted.text()), concat("default is more than max: ", max.text()));
  }
  if (!step.present()) return;
  auto one = min;
  one += quantity_of(step);
  if (one > capacity) step.invalid(Shown(step.text()), concat("one step ", one.text(), " is larger than capacity value: ", capacity.text()));
  validate_step(step, wanted, min);
  if (max_at.present()) validate_step(step, max, min);
}

}  // namespace

void validate_capacity_policy(const At& capacity) {
  At policy = capacity["requestPolicy"];
  At values = policy["validValues"], range = policy["validRange"], standard = policy["default"];
  if (!policy.present()) return;
  bool has_values = values.size() > 0;
  if (has_values && range.present())
    return policy.forbidden("exactly one policy can be specified, cannot specify \"validValues\" and \"validRange\" at the same time");
  if (!has_values && !range.present()) return;
  if (!standard.present()) return standard.required(has_values ? "required when validValues is defined" : "required when validRange is defined");
  auto wanted = quantity_of(standard), most = quantity_of(capacity["value"]);
  has_values ? validate_values(values, wanted, most) : validate_range(range, wanted, most);
}

}  // namespace sampan::registry::resource
