#include "registry/admissionregistration/match.h"

#include "base/text.h"
#include "registry/columns.h"

namespace sampan::registry::admission {

void default_rule(Value rule) {
  if (rule.is_object() && rule["scope"].is_missing()) rule.set("scope", "*");
}

void default_match(Value match) {
  if (match["matchPolicy"].is_missing()) match.set("matchPolicy", "Equivalent");
  match.ensure_object("namespaceSelector");
  match.ensure_object("objectSelector");
}

void default_match_resources(Value resources) {
  if (!resources.is_object()) return;
  default_match(resources);
  for (auto field : {"resourceRules", "excludeResourceRules"})
    for (Value rule : resources[field].items()) default_rule(rule);
}

namespace {

// A list that is just "*", or things of which none is empty.
void validate_wildcard_list(const At& list, std::string_view others, bool items_may_be_empty) {
  if (list.size() == 0) return list.required();
  if (list.size() > 1 && has_item(list.value(), "*")) list.invalid(concat("if '*' is present, must not specify other ", others));
  for (uint32_t i = 0; i < list.size() && !items_may_be_empty; i++)
    if (list.item(i).text().empty()) list.item(i).required();
}

void validate_resources(const At& list) {
  if (list.size() == 0) list.required();
  std::vector<std::string_view> with_any_subresource, of_any_resource;
  auto has = [](const auto& names, std::string_view name) { return std::find(names.begin(), names.end(), name) != names.end(); };
  bool single = false, all = false, plain = false;
  for (uint32_t i = 0; i < list.size(); i++) {
    At item = list.item(i);
    auto text = item.text();
    if (text.empty()) {
      item.required();
      continue;
    }
    all |= text == "*/*";
    single |= text == "*";
    auto slash = text.find('/');
    if (slash == std::string_view::npos) {
      plain = text != "*";
      continue;
    }
    auto resource = text.substr(0, slash), subresource = text.substr(slash + 1);
    if (has(with_any_subresource, resource)) item.invalid(concat("if '", resource, "/*' is present, must not specify ", text));
    if (has(of_any_resource, subresource)) item.invalid(concat("if '*/", subresource, "' is present, must not specify ", text));
    if (subresource == "*") with_any_subresource.push_back(resource);
    if (resource == "*") of_any_resource.push_back(subresource);
  }
  if (list.size() > 1 && all) list.invalid("if '*/*' is present, must not specify other resources");
  if (single && plain) list.invalid("if '*' is present, must not specify other resources without subresources");
}

void validate_named_rule(const At& rule) {
  At names = rule["resourceNames"];
  for (uint32_t i = 0; i < names.size(); i++) {
    At name = names.item(i);
    name.must_be(check_path_segment);
    for (uint32_t j = 0; j < i; j++)
      if (names.value().item(j).as_string() == name.text()) {
        name.duplicate();
        break;
      }
  }
  validate_rule(rule);
}

}  // namespace

void validate_rule(const At& rule) {
  At operations = rule["operations"];
  validate_wildcard_list(operations, "operations", true);
  for (uint32_t i = 0; i < operations.size(); i++) operations.item(i).one_of({"*", "CONNECT", "CREATE", "DELETE", "UPDATE"});
  validate_wildcard_list(rule["apiGroups"], "API groups", true);
  validate_wildcard_list(rule["apiVersions"], "API versions", false);
  validate_resources(rule["resources"]);
  if (rule["scope"].present()) rule["scope"].one_of({"*", "Cluster", "Namespaced"});
}

void validate_match_resources(const At& resources) {
  if (!resources.present()) return;
  At policy = resources["matchPolicy"];
  policy.present() ? void(policy.one_of({"Equivalent", "Exact"})) : policy.required();
  for (auto field : {"namespaceSelector", "objectSelector"}) {
    At selector = resources[field];
    selector.present() ? validate_label_selector(selector.errors(), selector.path(), selector.value()) : selector.required();
  }
  for (auto field : {"resourceRules", "excludeResourceRules"}) {
    At rules = resources[field];
    for (uint32_t i = 0; i < rules.size(); i++) validate_named_rule(rules.item(i));
  }
}

void forbid_deletions(const At& resources) {
  At rules = resources["resourceRules"];
  At complained = rules["operations"];  // without the rule's index
  for (uint32_t i = 0; i < rules.size(); i++) {
    auto operations = rules.value().item(i)["operations"];
    for (uint32_t j = 0; j < operations.size(); j++) {
      auto operation = operations.item(j).as_string();
      static constexpr std::string_view kMutable[] = {"*", "CONNECT", "CREATE", "UPDATE"};
      if (std::find(std::begin(kMutable), std::end(kMutable), operation) == std::end(kMutable))
        resources.errors().not_supported(complained.path(), Shown(operation), kMutable);
    }
  }
}

bool is_blank(std::string_view text) { return trim(text).empty(); }

void require_program(const At& at, const cel::Program& program, std::string_view shown) {
  if (program.checked) return;
  const auto& refusal = program.checked.error();
  refusal.internal ? at.errors().internal(at.path(), refusal.reason) : at.invalid(Shown(shown), refusal.reason);
}

void validate_match_conditions(const At& conditions, bool params) {
  constexpr uint32_t kConditionsMax = 64;
  static const cel::Type kResults[] = {cel::Type::Kind::Bool};
  cel::admission::Compiler compiler(cel::admission::Compiler::Composition::None);
  if (conditions.size() > kConditionsMax) conditions.errors().too_many(conditions.path(), conditions.size(), kConditionsMax);
  for (uint32_t i = 0; i < conditions.size(); i++) {
    At condition = conditions.item(i);
    At name = condition["name"], expression = condition["expression"];
    auto text = trim(expression.text());
    text.empty() ? expression.required() : require_program(expression, compiler.compile(std::string(text), {.params = params, .authorizer = true}, kResults));
    if (name.empty()) {
      name.required();
      continue;
    }
    name.must_be(check_qualified_name);
    for (uint32_t j = 0; j < i; j++)
      if (conditions.value().item(j)["name"].as_string() == name.text()) {
        name.duplicate();
        break;
      }
  }
}

namespace {

void validate_param_version(const At& at) {
  auto text = at.text();
  if (text.empty()) return at.required();
  if (std::count(text.begin(), text.end(), '/') > 1) return at.invalid(concat("unexpected GroupVersion string: ", text));
  auto slash = text.find('/');
  auto group = slash == std::string_view::npos ? std::string_view() : text.substr(0, slash);
  auto version = slash == std::string_view::npos ? text : text.substr(slash + 1);
  Complaints complaints;
  if (!group.empty()) check_dns1123_subdomain(group, complaints);
  if (!complaints.empty()) at.invalid(Shown(group), join(complaints, ","));
  if (version.empty()) return at.invalid("version must be specified");
  complaints.clear();
  check_dns1035_label(version, complaints);
  if (!complaints.empty()) at.invalid(Shown(version), join(complaints, ","));
}

}  // namespace

void validate_param_kind(const At& param) {
  if (!param.present()) return;
  validate_param_version(param["apiVersion"]);
  At kind = param["kind"];
  if (kind.empty()) return kind.required();
  Complaints complaints;
  check_dns1035_label(to_lower(kind.text()), complaints);
  if (!complaints.empty()) kind.invalid(concat("may have mixed case, but should otherwise match: ", join(complaints, ",")));
}

void validate_param_ref(const At& ref) {
  constexpr std::string_view kExclusive = "name and selector are mutually exclusive";
  if (!ref.present()) return;
  At name = ref["name"], selector = ref["selector"], action = ref["parameterNotFoundAction"];
  if (!name.empty()) {
    name.must_be(check_path_segment);
    if (selector.present()) name.forbidden(kExclusive);
  }
  if (selector.present()) {
    validate_label_selector(ref.errors(), selector.path(), selector.value());
    if (!name.empty()) selector.forbidden(kExclusive);
  }
  if (name.empty() && !selector.present()) ref.required("one of name or selector must be specified");
  action.empty() ? action.required() : void(action.one_of({"Deny", "Allow"}));
}

void warn_of_static_name(const Object& object, const Object*, Warnings& out) {
  constexpr std::string_view kStatic = ".static.k8s.io";
  if (name_of(object).ends_with(kStatic))
    out.push_back(concat("metadata.name: names ending with ", quoted(kStatic),
                         " are reserved for static manifest-based configurations and cannot be managed via the API"));
}

}  // namespace sampan::registry::admission
