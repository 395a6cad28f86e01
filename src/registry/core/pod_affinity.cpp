// Affinity to nodes and to pods, and the selectors of nodes that others (volumes) have too.
#include "base/text.h"
#include "registry/core/pod_rules.h"

namespace sampan::registry {

namespace {

constexpr std::string_view kRequired = "requiredDuringSchedulingIgnoredDuringExecution";
constexpr std::string_view kPreferred = "preferredDuringSchedulingIgnoredDuringExecution";

void validate_weight(const At& weight) {
  if (weight.number() < 1 || weight.number() > 100) weight.invalid(weight.number(), "must be in the range 1-100");
}

void validate_node_expression(const At& expression, bool invalid_values_allowed) {
  At op = expression["operator"], values = expression["values"];
  auto text = op.text();
  if (text == "In" || text == "NotIn") {
    if (values.size() == 0) values.required("must be specified when `operator` is 'In' or 'NotIn'");
  } else if (text == "Exists" || text == "DoesNotExist") {
    if (values.size() > 0) values.forbidden("may not be specified when `operator` is 'Exists' or 'DoesNotExist'");
  } else if (text == "Gt" || text == "Lt") {
    if (values.size() != 1) values.required("must be specified single value when `operator` is 'Lt' or 'Gt'");
  } else {
    op.invalid(Shown::named(text), "not a valid selector operator");
  }
  expression["key"].must_be(check_qualified_name);
  for (uint32_t i = 0; i < values.size() && !invalid_values_allowed; i++) values.item(i).must_be(check_label_value);
}

void validate_node_field(const At& expression) {
  At op = expression["operator"], values = expression["values"], key = expression["key"];
  if (op.text() == "In" || op.text() == "NotIn") {
    if (values.size() != 1)
      values.required("must be only one value when `operator` is 'In' or 'NotIn' for node field selector");
  } else {
    op.invalid(Shown::named(op.text()), "not a valid selector operator");
  }
  if (key.text() != "metadata.name") return key.invalid(key.text(), "not a valid field selector key");
  for (uint32_t i = 0; i < values.size(); i++) require_name(values.item(i));
}

void validate_node_term(const At& term, bool invalid_values_allowed) {
  At expressions = term["matchExpressions"], fields = term["matchFields"];
  for (uint32_t i = 0; i < expressions.size(); i++) validate_node_expression(expressions.item(i), invalid_values_allowed);
  for (uint32_t i = 0; i < fields.size(); i++) validate_node_field(fields.item(i));
}

void validate_pod_term(const At& term, bool invalid_values_allowed) {
  validate_pod_affinity_term_selectors(term, invalid_values_allowed);
  AnyView namespaces = term.value()["namespaces"];
  for (uint32_t i = 0; i < namespaces.size(); i++)
    At(namespaces.item(i), term.path().child("namespace"), term.errors()).must_be(check_dns1123_label);
  validate_match_label_keys(term);
  At key = term["topologyKey"];
  if (key.text().empty()) key.required("can not be empty");
  key.must_be(check_qualified_name);
}

void validate_pod_affinity(const At& affinity, bool invalid_values_allowed) {
  At required = affinity[kRequired], preferred = affinity[kPreferred];
  for (uint32_t i = 0; i < required.size(); i++) validate_pod_term(required.item(i), invalid_values_allowed);
  for (uint32_t i = 0; i < preferred.size(); i++) {
    At weighted = preferred.item(i);
    validate_weight(weighted["weight"]);
    validate_pod_term(weighted["podAffinityTerm"], invalid_values_allowed);
  }
}

void validate_keys(const At& keys, const AnyView& selector) {
  if (keys.size() == 0) return;
  if (!selector.present()) return keys.forbidden("must not be specified when labelSelector is not set");
  for (uint32_t i = 0; i < keys.size(); i++) keys.item(i).must_be(check_qualified_name);
}

}  // namespace

void validate_node_selector(const At& selector, bool invalid_values_allowed) {
  At terms = selector["nodeSelectorTerms"];
  if (terms.size() == 0) return terms.required("must have at least one node selector term");
  for (uint32_t i = 0; i < terms.size(); i++) validate_node_term(terms.item(i), invalid_values_allowed);
}

void validate_pod_affinity_term_selectors(const At& term, bool invalid_values_allowed) {
  for (auto field : {"labelSelector", "namespaceSelector"}) {
    At selector = term[field];
    validate_label_selector(selector.errors(), selector.path(), selector.value(),
                            {.allow_invalid_values = invalid_values_allowed});
  }
}

// Keys whose values are taken from the pod's own labels into the selector. When a pod is created they have been merged already, so a key
// that stands in the selector before it is one that was there twice.
void validate_match_label_keys(const At& term) {
  AnyView selector = term.value()["labelSelector"];
  At match = term["matchLabelKeys"], mismatch = term["mismatchLabelKeys"];
  validate_keys(match, selector);
  validate_keys(mismatch, selector);

  std::map<std::string_view, uint32_t> index;
  for (uint32_t i = 0; i < match.size(); i++) index[match.value().item(i).as_string()] = i;
  std::set<std::string_view> seen;
  for (uint32_t i = 0; i < selector["matchLabels"].size(); i++) seen.insert(selector["matchLabels"].key(i));
  AnyView expressions = selector["matchExpressions"];
  for (uint32_t i = 0; i < expressions.size(); i++) {
    auto key = expressions.item(i)["key"].as_string();
    auto at = index.find(key);
    if (!seen.insert(key).second && at != index.end())
      term.errors().invalid(term.path().index(at->second), Shown(key), "exists in both matchLabelKeys and labelSelector");
  }

  std::set<std::string_view> unwanted;
  for (uint32_t i = 0; i < mismatch.size(); i++) unwanted.insert(mismatch.value().item(i).as_string());
  for (uint32_t i = 0; i < match.size(); i++)
    if (auto key = match.value().item(i).as_string(); unwanted.contains(key))
      match.errors().invalid(match.path().index(i), Shown(key), "exists in both matchLabelKeys and mismatchLabelKeys");
}

void validate_affinity(const At& affinity, const PodSpecOptions& options) {
  At node = affinity["nodeAffinity"];
  At required = node[kRequired], preferred = node[kPreferred];
  if (required.present()) validate_node_selector(required, options.invalid_label_value_in_required_node_affinity);
  for (uint32_t i = 0; i < preferred.size(); i++) {
    At term = preferred.item(i);
    validate_weight(term["weight"]);
    validate_node_term(term["preference"], true);
  }
  for (auto kind : {"podAffinity", "podAntiAffinity"})
    validate_pod_affinity(affinity[kind], options.invalid_label_value_in_selector);
}

}  // namespace sampan::registry
