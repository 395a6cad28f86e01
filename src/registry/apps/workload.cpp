#include "registry/apps/workload.h"

#include "base/text.h"
#include "registry/selectors.h"
#include "schema/json.h"

namespace sampan::registry {

void default_text(Value object, std::string_view name, std::string_view text) {
  if (object[name].as_string().empty()) object.set(name, text);
}

void default_value(Value object, std::string_view name, Value value) {
  if (object[name].is_missing()) object.set(name, value);
}

bool says_the_same(Value now, const AnyView& before, const schema::Type& type) {
  if (!now.is_object()) return !before.present();
  auto frozen = schema::freeze(now, type);
  return frozen && before.present() && (*frozen)->view().equals(before);
}

void keep_from(Value now, std::string_view name, const AnyView& before) {
  if (before.present())
    now.set(name, schema::thaw(before, now.arena()));
  else
    now.remove(name);
}

bool require_selector(const At& selector, std::string_view what, std::string_view unusable) {
  if (!selector.present()) {
    selector.required();
  } else {
    validate_label_selector(selector.errors(), selector.path(), selector.value());
    if (selector["matchLabels"].size() + selector["matchExpressions"].size() == 0)
      selector.invalid(concat("empty selector is invalid for ", what));
  }
  if (LabelSelector::from(selector.value())) return true;
  selector.invalid(unusable);
  return false;
}

void require_selected_labels(const AnyView& selector, const At& pod_template) {
  auto selects = LabelSelector::from(selector);
  if (!selects || selects->empty()) return;
  At metadata = pod_template["metadata"], labels = metadata["labels"];
  if (selects->matches(labels.value())) return;
  labels.invalid(Shown(labels.value()), "`selector` does not match template `labels`");
}

void require_endless_pods(const At& pod_template, std::string_view kind) {
  At spec = pod_template["spec"], policy = spec["restartPolicy"];
  if (policy.text() != "Always") policy.not_supported({"Always"});
  if (spec["activeDeadlineSeconds"].present())
    spec["activeDeadlineSeconds"].forbidden(concat("activeDeadlineSeconds in ", kind, " is not Supported"));
}

void require_int_or_percent(const At& at) {
  if (!at.present()) return;
  auto value = at.value().as_int_or_string();
  if (!value.is_string) return require_non_negative(at.errors(), at.path(), value.number);
  Complaints complaints;
  check_percent(value.text, complaints);
  report(at.errors(), at.path(), value.text, complaints);
}

void require_at_most_100_percent(const At& at) {
  if (!at.present()) return;
  auto value = at.value().as_int_or_string();
  Complaints complaints;
  if (value.is_string) check_percent(value.text, complaints);
  if (value.is_string && complaints.empty() && int_or_percent(at.value()) > 100) at.invalid(Shown(value), "must not be greater than 100%");
}

int64_t int_or_percent(const AnyView& view) {
  if (!view.present()) return 0;
  auto value = view.as_int_or_string();
  if (!value.is_string) return value.number;
  auto digits = value.text;
  if (digits.ends_with('%')) digits.remove_suffix(1);
  int64_t number = 0;
  return parse_int(digits, number) ? number : 0;
}

std::string internal_text(const AnyView& value, std::string_view name, std::string_view if_absent) {
  std::string out = concat("\"", name, "\":");
  if (value.present())
    schema::write_json(out, value);
  else
    out += if_absent;
  return out;
}

void require_not_negative(const At& at, std::initializer_list<std::string_view> fields) {
  for (auto field : fields) at[field].not_negative();
}

void require_at_most(const At& status, std::string_view field, std::string_view limit, std::string_view complaint) {
  if (int64_t number = status[field].number(); number > status[limit].number()) status[field].invalid(number, complaint);
}

void require_not_decremented(const At& status, const AnyView& old_status) {
  AnyView before = old_status["collisionCount"];
  At count = status["collisionCount"];
  if (before.present() && (!count.present() || count.number() < before.as_int())) count.invalid(count.number(), "cannot be decremented");
}

void warn_of_pod_host_name(const Object& object, Warnings& out) {
  Complaints complaints;
  check_dns1123_label(object["metadata"]["name"].as_string(), complaints);
  if (!complaints.empty())
    out.push_back(concat("metadata.name: this is used in Pod names and hostnames, which can result in surprising behavior; a DNS label is "
                         "recommended: [",
                         join(complaints, " "), "]"));
}

void warn_of_template(const Object& object, const Object* old, Warnings& out) {
  if (old && object["metadata"]["generation"].as_int() == (*old)["metadata"]["generation"].as_int()) return;
  Path spec("spec");
  pod_template_warnings(object["spec"]["template"], spec.child("template"), old ? (*old)["spec"]["template"] : AnyView(), out);
}

void container_cells(const AnyView& pod_template, Row& row) {
  row.text(container_names(pod_template["spec"]));
  row.text(container_images(pod_template["spec"]));
}

}  // namespace sampan::registry
