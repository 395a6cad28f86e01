#include "apiserver/admission/matching.h"

#include "base/text.h"

namespace sampan::apiserver {

using schema::AnyView;
using schema::LabelSelector;
using schema::ObjectRef;

namespace {

std::vector<std::string> texts_of(const AnyView& list) {
  std::vector<std::string> texts;
  for (uint32_t i = 0; i < list.size(); i++) texts.emplace_back(list.item(i).as_string());
  return texts;
}

bool has(const std::vector<std::string>& list, std::string_view text) {
  return std::any_of(list.begin(), list.end(), [&](const auto& item) { return item == "*" || item == text; });
}

bool names_resource(std::string_view rule, std::string_view resource, std::string_view subresource) {
  auto slash = rule.find('/');
  auto main = rule.substr(0, slash), sub = slash == rule.npos ? std::string_view() : rule.substr(slash + 1);
  return (main == "*" || main == resource) && (sub == "*" || sub == subresource);
}

// Absent selectors have been made empty ones by the defaults.
Result<LabelSelector> selector_of(const AnyView& view) { return view.present() ? LabelSelector::from(view) : LabelSelector(); }

}  // namespace

bool ResourceRule::matches(const Attributes& attributes, const Target& target) const {
  bool is_namespace = target.group.empty() && target.resource == "namespaces";
  bool in_cluster = is_namespace || attributes.info.name_space.empty();
  if (scope == Scope::Namespaced && in_cluster) return false;
  if (scope == Scope::Cluster && !in_cluster) return false;
  if (!has(operations, operation_text(attributes.operation)) || !has(groups, target.group) || !has(versions, target.version)) return false;
  if (!names.empty() && std::find(names.begin(), names.end(), attributes.info.name) == names.end()) return false;
  return std::any_of(resources.begin(), resources.end(),
                     [&](const auto& rule) { return names_resource(rule, target.resource, attributes.info.subresource); });
}

std::vector<ResourceRule> resource_rules(const AnyView& list) {
  std::vector<ResourceRule> rules;
  for (uint32_t i = 0; i < list.size(); i++) {
    AnyView item = list.item(i);
    ResourceRule rule{texts_of(item["operations"]), texts_of(item["apiGroups"]), texts_of(item["apiVersions"]), texts_of(item["resources"]), texts_of(item["resourceNames"])};
    auto scope = item["scope"].as_string();
    rule.scope = scope == "Cluster" ? ResourceRule::Scope::Cluster : scope == "Namespaced" ? ResourceRule::Scope::Namespaced : ResourceRule::Scope::Any;
    rules.push_back(std::move(rule));
  }
  return rules;
}

Matching::Matching(const AnyView& holder, const AnyView& rules, const AnyView& excluded, WithoutRules without)
    : rules_(resource_rules(rules)),
      excluded_(resource_rules(excluded)),
      namespaces_(selector_of(holder["namespaceSelector"])),
      objects_(selector_of(holder["objectSelector"])),
      equivalents_(holder["matchPolicy"].as_string() != "Exact"),
      everything_(rules_.empty() && without == WithoutRules::Everything) {}

std::optional<Target> Matching::match_rules(const std::vector<ResourceRule>& rules, const Attributes& attributes, const Catalog& catalog) const {
  Target own = target_of(attributes);
  for (const auto& rule : rules)
    if (rule.matches(attributes, own)) return own;
  if (!equivalents_ || rules.empty()) return std::nullopt;
  auto others = equivalents_of(attributes, catalog);
  for (const auto& rule : rules)
    for (const auto& other : others)
      if (rule.matches(attributes, other)) return other;
  return std::nullopt;
}

Result<bool> Matching::match_namespace(const Attributes& attributes, Seen& seen, Catalog& catalog) const {
  auto name = namespace_of(attributes);
  const RequestInfo& info = attributes.info;
  bool is_namespace = info.resource == "namespaces";
  if (name.empty() && !is_namespace) return true;  // what is in no namespace is never exempt
  if (!namespaces_) return fail(internal_error(namespaces_.error().message()));
  if (namespaces_->empty()) return true;
  bool writes = attributes.operation == Operation::Create || attributes.operation == Operation::Update;
  ObjectRef of;
  if (is_namespace && info.subresource.empty() && writes)
    of = TRY(seen.object());
  else
    of = TRY(catalog.store_of("", "namespaces")->get("", name));
  return namespaces_->matches(*of);
}

Result<bool> Matching::match_object(Seen& seen) const {
  if (!objects_) return fail(internal_error(objects_.error().message()));
  if (objects_->empty()) return true;
  ObjectRef object = TRY(seen.object());
  return (object && (*object)["metadata"].present() && objects_->matches(*object)) || (seen.old() && objects_->matches(*seen.old()));
}

// Rules come first, for they cost the least; whom they do not mean, errors in selectors do not concern.
Result<std::optional<Target>> Matching::match(const Attributes& attributes, Seen& seen, Catalog& catalog) const {
  auto target = everything_ ? std::optional(target_of(attributes)) : match_rules(rules_, attributes, catalog);
  if (!target || match_rules(excluded_, attributes, catalog)) return std::nullopt;
  auto of_namespace = match_namespace(attributes, seen, catalog);
  if (of_namespace && !*of_namespace) return std::nullopt;
  auto of_object = match_object(seen);
  if (of_object && !*of_object) return std::nullopt;
  TRY(std::move(of_namespace));
  TRY(std::move(of_object));
  return target;
}

namespace {

bool is_policy(const RequestInfo& info) {
  static constexpr std::string_view kResources[] = {"validatingadmissionpolicies", "validatingadmissionpolicybindings", "mutatingadmissionpolicies",
                                                    "mutatingadmissionpolicybindings"};
  return info.group == "admissionregistration.k8s.io" && std::find(std::begin(kResources), std::end(kResources), info.resource) != std::end(kResources);
}

}  // namespace

bool is_beyond_webhooks(const Attributes& attributes) {
  const RequestInfo& info = attributes.info;
  return is_policy(info) ||
         (info.group == "admissionregistration.k8s.io" && (info.resource == "validatingwebhookconfigurations" || info.resource == "mutatingwebhookconfigurations"));
}

bool is_beyond_policies(const Attributes& attributes) {
  const RequestInfo& info = attributes.info;
  return is_policy(info) || ((info.group == "authentication.k8s.io" || info.group == "authorization.k8s.io") && info.resource.ends_with("reviews"));
}

}  // namespace sampan::apiserver
