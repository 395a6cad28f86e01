#include "apiserver/admission/pod_amounts.h"

namespace sampan::apiserver {

using schema::AnyView;
using schema::Quantity;

namespace {

void add(Amounts& sum, const Amounts& more) {
  for (const auto& [resource, amount] : more) {
    auto [place, is_new] = sum.try_emplace(resource, amount);
    if (!is_new) place->second += amount;
  }
}

void raise(Amounts& highest, const Amounts& other) {
  for (const auto& [resource, amount] : other) {
    auto [place, is_new] = highest.try_emplace(resource, amount);
    if (!is_new && amount > place->second) place->second = amount;
  }
}

}  // namespace

Amounts amounts_of(const AnyView& quantities) {
  Amounts amounts;
  if (!quantities.present()) return amounts;
  for (uint32_t i = 0; i < quantities.size(); i++) amounts.emplace(quantities.key(i), Quantity::stored(quantities.value(i).as_string()));
  return amounts;
}

Amounts pod_amounts(const AnyView& pod_spec, std::string_view which) {
  Amounts sum, sidecars, highest;
  AnyView containers = pod_spec["containers"], starters = pod_spec["initContainers"];
  for (uint32_t i = 0; i < containers.size(); i++) add(sum, amounts_of(containers.item(i)["resources"][which]));
  for (uint32_t i = 0; i < starters.size(); i++) {
    Amounts own = amounts_of(starters.item(i)["resources"][which]);
    if (starters.item(i)["restartPolicy"].as_string() == "Always") {
      add(sum, own);
      add(sidecars, own);
      raise(highest, sidecars);
      continue;
    }
    add(own, sidecars);  // those before it run beside it
    raise(highest, own);
  }
  raise(sum, highest);
  Amounts whole = amounts_of(pod_spec["resources"][which]);
  for (std::string_view resource : {"cpu", "memory"})
    if (auto said = whole.find(resource); said != whole.end()) sum.insert_or_assign(said->first, said->second);
  return sum;
}

}  // namespace sampan::apiserver
