// Tolerations and the spreading of pods.
#include "base/text.h"
#include "registry/core/pod_rules.h"

namespace sampan::registry {

namespace {

void validate_toleration(const At& toleration, const PodSpecOptions& options) {
  At key = toleration["key"], op = toleration["operator"], effect = toleration["effect"];
  auto value = toleration["value"].text(), kind = op.text();
  if (!key.text().empty()) key.must_be(check_qualified_name);
  if (key.text().empty() && kind != "Exists")
    op.invalid(Shown::named(kind), "operator must be Exists when `key` is empty, which means \"match all values and all keys\"");
  if (toleration["tolerationSeconds"].present() && effect.text() != "NoExecute")
    effect.invalid(Shown::named(effect.text()), "effect must be 'NoExecute' when `tolerationSeconds` is set");

  if (kind.empty() || kind == "Equal") {
    Complaints complaints;
    check_label_value(value, complaints);
    if (!complaints.empty()) op.invalid(value, join(complaints, ";"));
  } else if (kind == "Exists") {
    if (!value.empty()) op.invalid(value, "value must be empty when `operator` is 'Exists'");
  } else if (kind == "Lt" || kind == "Gt") {
    int64_t number;
    if (!options.comparing_tolerations)
      op.not_supported({"Equal", "Exists", "Lt", "Gt"});
    else if (!parse_int(value, number))
      toleration["value"].invalid(value, concat("strconv.ParseInt: parsing ", quoted(value), ": invalid syntax"));
  } else {
    op.not_supported({"Equal", "Exists"});
  }
  if (!effect.text().empty()) effect.one_of({"NoSchedule", "PreferNoSchedule", "NoExecute"});
}

// As it was before keys were merged into selectors: for objects that are older.
void validate_unmerged_keys(const At& constraint) {
  At keys = constraint["matchLabelKeys"];
  if (keys.size() == 0) return;
  AnyView selector = constraint.value()["labelSelector"];
  std::set<std::string_view> selected;
  for (uint32_t i = 0; i < selector["matchLabels"].size(); i++) selected.insert(selector["matchLabels"].key(i));
  for (uint32_t i = 0; i < selector["matchExpressions"].size(); i++)
    selected.insert(selector["matchExpressions"].item(i)["key"].as_string());
  if (!selector.present()) keys.forbidden("must not be specified when labelSelector is not set");
  for (uint32_t i = 0; i < keys.size(); i++) {
    At key = keys.item(i);
    key.must_be(check_qualified_name);
    if (selected.contains(key.text())) key.invalid("exists in both matchLabelKeys and labelSelector");
  }
}

void validate_constraint(const At& constraint, const PodSpecOptions& options) {
  At skew = constraint["maxSkew"], key = constraint["topologyKey"], action = constraint["whenUnsatisfiable"],
     domains = constraint["minDomains"], selector = constraint["labelSelector"];
  if (skew.number() <= 0) skew.invalid(skew.number(), "must be greater than zero");
  if (key.text().empty()) key.required("can not be empty");
  action.one_of({"DoNotSchedule", "ScheduleAnyway"});
  if (domains.present()) {
    if (domains.number() <= 0) domains.invalid(domains.number(), "must be greater than zero");
    if (action.text() != "DoNotSchedule")
      domains.invalid(domains.number(), concat("can only use minDomains if whenUnsatisfiable=DoNotSchedule, not ", action.text()));
  }
  for (auto policy : {"nodeAffinityPolicy", "nodeTaintsPolicy"})
    if (constraint[policy].present()) constraint[policy].one_of({"Honor", "Ignore"});
  if (options.invalid_spread_match_label_keys)
    validate_unmerged_keys(constraint);
  else
    validate_match_label_keys(constraint);
  if (!options.invalid_spread_selector) validate_label_selector(selector.errors(), selector.path(), selector.value());
}

}  // namespace

void validate_tolerations(const At& tolerations, const PodSpecOptions& options) {
  for (uint32_t i = 0; i < tolerations.size(); i++) validate_toleration(tolerations.item(i), options);
}

void validate_topology_spread(const At& constraints, const PodSpecOptions& options) {
  std::map<std::pair<std::string_view, std::string_view>, uint32_t> last;  // of each kind of constraint
  auto kind_of = [&](uint32_t i) {
    AnyView constraint = constraints.value().item(i);
    return std::pair(constraint["topologyKey"].as_string(), constraint["whenUnsatisfiable"].as_string());
  };
  for (uint32_t i = 0; i < constraints.size(); i++) last[kind_of(i)] = i;
  for (uint32_t i = 0; i < constraints.size(); i++) {
    At constraint = constraints.item(i);
    validate_constraint(constraint, options);
    auto kind = kind_of(i);
    if (last[kind] != i)
      constraint.errors().duplicate(constraint.path().child("{topologyKey, whenUnsatisfiable}"),
                                    Shown(concat("{", kind.first, ", ", kind.second, "}")));
  }
}

}  // namespace sampan::registry
