// LimitRange: bounds and defaults for what containers, pods and claims of a namespace may ask for.
#include "base/text.h"
#include "registry/core/pod_rules.h"
#include "registry/core/resource_names.h"

namespace sampan::registry {

namespace core_limit_range {

void copy_missing(Value to, Value from) {
  for (const auto& member : from.members())
    if (!to.has(member.name)) to.set(member.name, member.value);
}

void defaults(Value object, std::string_view) {
  for (Value item : object["spec"]["limits"].items()) {
    if (!item.is_object()) continue;
    for (auto field : {"max", "min", "default", "defaultRequest", "maxLimitRequestRatio"})
      if (item[field].is_object()) core::round_resources(item[field]);
    if (item["type"].as_string() != "Container") continue;
    // A default limit follows from the maximum, a default request from the default limit or else from the minimum.
    copy_missing(item.ensure_object("default"), item["max"]);
    copy_missing(item.ensure_object("defaultRequest"), item["default"]);
    copy_missing(item["defaultRequest"], item["min"]);
  }
}

struct Quantities {
  std::optional<Quantity> min, max, limit, request, ratio;
};

std::optional<Quantity> quantity_of(const schema::AnyView& list, std::string_view name) {
  auto value = list[name];
  if (!value.present()) return {};
  return Quantity::stored(value.as_string());
}

void compare_ratio(const At& ratios, std::string_view name, const Quantities& q) {
  auto text = q.ratio->text();
  auto path = ratios.path().key(name);
  if (*q.ratio < Quantity(1)) ratios.errors().invalid(path, text, concat("ratio ", text, " is less than 1"));
  if (!q.min || !q.max) return;
  double ratio = static_cast<double>(q.ratio->value()), min = static_cast<double>(q.min->value()), max = static_cast<double>(q.max->value());
  constexpr int64_t kMilliValueMax = INT64_MAX / 1000;
  if (q.ratio->value() < kMilliValueMax && q.min->value() < kMilliValueMax && q.max->value() < kMilliValueMax) {
    ratio = static_cast<double>(q.ratio->milli_value()) / 1000;
    min = static_cast<double>(q.min->milli_value());
    max = static_cast<double>(q.max->milli_value());
  }
  if (ratio <= max / min) return;
  char limit[64];
  snprintf(limit, sizeof limit, "%f", max / min);
  ratios.errors().invalid(path, text, concat("ratio ", text, " is greater than max/min = ", limit));
}

void compare(const At& item, std::string_view name, const Quantities& q) {
  FieldErrors& errors = item.errors();
  auto complain = [&](std::string_view list, const Quantity& shown, std::string_view what, const Quantity& a, std::string_view than,
                      const Quantity& b) {
    auto path = item.path().child(list);
    errors.invalid(path.key(name), shown.text(), concat(what, " value ", a.text(), " is greater than ", than, " value ", b.text()));
  };
  if (q.min && q.max && *q.min > *q.max) complain("min", *q.min, "min", *q.min, "max", *q.max);
  if (q.request && q.min && *q.min > *q.request) complain("defaultRequest", *q.request, "min", *q.min, "default request", *q.request);
  if (q.request && q.max && *q.request > *q.max) complain("defaultRequest", *q.request, "default request", *q.request, "max", *q.max);
  if (q.request && q.limit && *q.request > *q.limit)
    complain("defaultRequest", *q.request, "default request", *q.request, "default limit", *q.limit);
  if (q.limit && q.min && *q.min > *q.limit) complain("default", *q.min, "min", *q.min, "default", *q.limit);
  if (q.limit && q.max && *q.limit > *q.max) complain("default", *q.max, "default", *q.limit, "max", *q.max);
  if (q.ratio) compare_ratio(item["maxLimitRequestRatio"], name, q);
  if (!is_overcommit_allowed(name) && q.limit && q.request && !(*q.limit == *q.request)) {
    auto path = item.path().child("defaultRequest");
    errors.invalid(path.key(name), q.request->text(),
                   concat("default value ", q.limit->text(), " must equal to defaultRequest value ", q.request->text(), " in ", name));
  }
}

void validate_type(const At& type) {
  Complaints complaints;
  check_qualified_name(type.text(), complaints);
  for (const auto& complaint : complaints) type.invalid(Shown::named(type.text()), complaint);
  if (!complaints.empty() || type.text().find('/') != std::string_view::npos) return;
  if (type.text() != "Pod" && type.text() != "Container" && type.text() != "PersistentVolumeClaim")
    type.invalid(Shown::named(type.text()), "must be a standard limit type or fully qualified");
}

void validate_item(const At& item) {
  auto type = item["type"].text();
  std::set<std::string_view> names;
  auto take_names = [&](std::string_view field) {
    At list = item[field];
    for (uint32_t i = 0; i < list.size(); i++) {
      if (type == "Pod" || type == "Container")
        core::require_container_resource_name(list.map_value(i), list.key(i));
      else
        core::require_resource_name(list.map_value(i), list.key(i));
      names.insert(list.key(i));
    }
  };
  take_names("max");
  take_names("min");
  if (type == "Pod") {
    for (auto field : {"default", "defaultRequest"})
      if (item[field].size() > 0) item[field].forbidden("may not be specified when `type` is 'Pod'");
  } else {
    take_names("default");
    take_names("defaultRequest");
  }
  if (type == "PersistentVolumeClaim" && !item["min"]["storage"].present() && !item["max"]["storage"].present())
    item["limits"].required("either minimum or maximum storage value is required, but neither was provided");
  take_names("maxLimitRequestRatio");
  auto value = item.value();
  for (auto name : names) {
    Quantities q{quantity_of(value["min"], name), quantity_of(value["max"], name), {}, {}, quantity_of(value["maxLimitRequestRatio"], name)};
    if (type != "Pod") {
      q.limit = quantity_of(value["default"], name);
      q.request = quantity_of(value["defaultRequest"], name);
    }
    compare(item, name, q);
  }
}

void validate(const Object& object, FieldErrors& errors) {
  Path spec("spec");
  At limits(object["spec"]["limits"], spec.child("limits"), errors);
  for (uint32_t i = 0; i < limits.size(); i++) {
    At item = limits.item(i);
    At type = item["type"];
    validate_type(type);
    for (uint32_t j = 0; j < i; j++)
      if (limits.value().item(j)["type"].as_string() == type.text()) {
        type.duplicate();
        break;
      }
    validate_item(item);
  }
}

}  // namespace core_limit_range

extern const Rules kLimitRangeRules{
    .group = "",
    .kind = "LimitRange",
    .defaults = core_limit_range::defaults,
    .validate = core_limit_range::validate,
    .update_checks_metadata = false,
    .update_checks_whole = true,
    .named_by_uuid = true,
    .has_generation = false,
    .create_on_update = true,
};

}  // namespace sampan::registry
