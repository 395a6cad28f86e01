// FlowSchema: which priority level a request belongs to.
#include "base/text.h"
#include "registry/columns.h"
#include "registry/flowcontrol/conditions.h"
#include "registry/flowcontrol/standard_objects.h"
#include "registry/keep_metadata.h"

namespace sampan::registry {

namespace flow_schema {

constexpr int64_t kDefaultPrecedence = 1000, kPrecedenceMax = 10000;

void defaults(Value object, std::string_view) {
  Value spec = object.ensure_object("spec");
  if (spec["matchingPrecedence"].as_int() == 0) spec.set("matchingPrecedence", kDefaultPrecedence);
}

bool has_wildcard(const At& list) { return has_item(list.value(), "*"); }

// A list that is either just "*" or any number of other things. True if it is the latter, to be looked at closer.
bool validate_wildcard(const At& list, std::string_view missing, std::string_view others) {
  if (list.size() == 0) {
    list.required(missing);
    return false;
  }
  if (!has_wildcard(list)) return true;
  if (list.size() > 1) list.invalid(concat("if '*' is present, must not specify other ", others));
  return false;
}

void validate_verbs(const At& verbs) {
  static constexpr std::string_view kVerbs[] = {"create", "delete", "deletecollection", "get", "list", "patch", "proxy", "update", "watch"};
  if (!validate_wildcard(verbs, "verbs must contain at least one value", "verbs")) return;
  for (uint32_t i = 0; i < verbs.size(); i++)
    if (std::find(std::begin(kVerbs), std::end(kVerbs), verbs.value().item(i).as_string()) == std::end(kVerbs))
      return verbs.errors().not_supported(verbs.path(), Shown(verbs.value()), kVerbs);
}

void validate_url(const At& url) {
  auto text = url.text();
  if (text.empty()) return url.invalid(Shown(""), "must not be empty");
  if (text == "/") return;
  if (text[0] != '/') return url.invalid("must start with slash");
  if (text.find(' ') != std::string_view::npos) return url.invalid("must not contain white-space");
  if (text.find("//") != std::string_view::npos) return url.invalid("must not contain double slash");
  auto stars = std::count(text.begin(), text.end(), '*');
  if (stars > 1 || (stars == 1 && !text.ends_with("/*"))) url.invalid("wildcard can only do suffix matching");
}

void validate_non_resource_rule(const At& rule) {
  validate_verbs(rule["verbs"]);
  At urls = rule["nonResourceURLs"];
  if (!validate_wildcard(urls, "nonResourceURLs must contain at least one value", "non-resource URLs")) return;
  for (uint32_t i = 0; i < urls.size(); i++) validate_url(urls.item(i));
}

void validate_resource_rule(const At& rule) {
  validate_verbs(rule["verbs"]);
  validate_wildcard(rule["apiGroups"], "resource rules must supply at least one api group", "api groups");
  validate_wildcard(rule["resources"], "resource rules must supply at least one resource", "resources");
  At namespaces = rule["namespaces"];
  if (namespaces.size() == 0 && rule["clusterScope"].truth()) return;
  if (!validate_wildcard(namespaces, "resource rules that are not cluster scoped must supply at least one namespace", "namespaces")) return;
  for (uint32_t i = 0; i < namespaces.size(); i++) {
    At name = namespaces.item(i);
    Complaints complaints;
    check_dns1123_label(name.text(), complaints);
    for (const auto& complaint : complaints)
      name.invalid(Shown(name.text()), concat("each member of this list must be '*' or a DNS-1123 label; ", complaint));
  }
}

void validate_account(const At& account) {
  At name = account["name"], name_space = account["namespace"];
  if (name.empty())
    name.required();
  else if (name.text() != "*")
    name.must_be(check_dns1123_subdomain);
  if (name_space.empty())
    name_space.required("must specify namespace for service account");
  else
    name_space.must_be(check_dns1123_label);
}

void validate_subject(const At& subject) {
  struct Form {
    std::string_view kind, field;
  };
  static constexpr Form kForms[] = {{"ServiceAccount", "serviceAccount"}, {"User", "user"}, {"Group", "group"}};
  At kind = subject["kind"];
  if (std::none_of(std::begin(kForms), std::end(kForms), [&](const Form& form) { return form.kind == kind.text(); }))
    return kind.not_supported({"Group", "ServiceAccount", "User"});
  for (auto [form, field] : kForms) {
    At content = subject[field];
    if (form != kind.text()) {
      if (content.present()) content.forbidden(concat(field, " is forbidden when subject kind is not '", form, "'"));
    } else if (!content.present()) {
      content.required(concat(field, " is required when subject kind is '", form, "'"));
    } else if (form == "ServiceAccount") {
      validate_account(content);
    } else if (content["name"].empty()) {
      content["name"].required();
    }
  }
}

void validate_rule(const At& rule) {
  At subjects = rule["subjects"], resources = rule["resourceRules"], others = rule["nonResourceRules"];
  if (subjects.size() == 0) subjects.required("subjects must contain at least one value");
  for (uint32_t i = 0; i < subjects.size(); i++) validate_subject(subjects.item(i));
  if (resources.size() == 0 && others.size() == 0) rule.required("at least one of resourceRules and nonResourceRules has to be non-empty");
  for (uint32_t i = 0; i < resources.size(); i++) validate_resource_rule(resources.item(i));
  for (uint32_t i = 0; i < others.size(); i++) validate_non_resource_rule(others.item(i));
}

void validate_spec(const At& spec, std::string_view name) {
  At precedence = spec["matchingPrecedence"], method = spec["distinguisherMethod"], level = spec["priorityLevelConfiguration"];
  int64_t value = precedence.number();
  if (value <= 0) precedence.invalid(Shown(value), "must be a positive value");
  if (value > kPrecedenceMax) precedence.invalid(concat("must not be greater than ", kPrecedenceMax));
  if (value == 1 && name != flowcontrol::kExempt) precedence.invalid("only the schema named 'exempt' may have matchingPrecedence 1");
  if (auto type = method["type"].text(); method.present() && type != "ByNamespace" && type != "ByUser") {
    static constexpr std::string_view kMethods[] = {"ByNamespace", "ByUser"};
    spec.errors().not_supported(method["type"].path(), Shown::internal(method.value()), kMethods);
  }
  if (At level_name = level["name"]; level_name.empty())
    level_name.required("must reference a priority level");
  else
    level_name.must_be(check_dns1123_subdomain);
  At rules = spec["rules"];
  for (uint32_t i = 0; i < rules.size(); i++) validate_rule(rules.item(i));
}

void validate_mandatory(const Object& object, FieldErrors& errors) {
  for (const auto& standard : flowcontrol::standard_schemas()) {
    if (!standard.mandatory || standard.name != name_of(object)) continue;
    Arena arena;
    Value wanted = Value::object(arena);
    wanted.set("spec", flowcontrol::spec_of(standard, arena));
    auto frozen = schema::freeze(wanted, object.type());
    if (!frozen || !(**frozen)["spec"].equals(object["spec"]))
      errors.invalid(Path("spec"), Shown::internal(object["spec"]), concat("spec of '", standard.name, "' must equal the fixed value"));
  }
}

void validate(const Object& object, FieldErrors& errors) {
  Path path("spec");
  validate_spec(At(object["spec"], path, errors), name_of(object));
  validate_mandatory(object, errors);
  flowcontrol::validate_status(object, errors);
}

void validate_update(const Object& object, const Object&, FieldErrors& errors) { validate(object, errors); }
void validate_subresource(std::string_view, const Object& object, const Object&, FieldErrors& errors) {
  flowcontrol::validate_status(object, errors);
}

constexpr Column kColumns[] = {
    kNameColumn,
    {"PriorityLevel", "string", "", "`name` is the name of the priority level configuration being referenced Required."},
    {"MatchingPrecedence", "string", "",
     "`matchingPrecedence` is used to choose among the FlowSchemas that match a given request. The chosen FlowSchema is among those with the "
     "numerically lowest (which we take to be logically highest) MatchingPrecedence.  Each MatchingPrecedence value must be ranged in [1,10000]. "
     "Note that if the precedence is not specified, it will be set to 1000 as default."},
    {"DistinguisherMethod", "string", "",
     "`distinguisherMethod` defines how to compute the flow distinguisher for requests that match this schema. `nil` specifies that the "
     "distinguisher is disabled and thus will always be the empty string."},
    kAgeColumn,
    {"MissingPL", "string", "", "references a broken or non-existent PriorityLevelConfiguration"},
};

void row(const Object& object, Row& row) {
  auto spec = object["spec"], conditions = object["status"]["conditions"];
  name_cell(object, row);
  row.text(spec["priorityLevelConfiguration"]["name"].as_string());
  row.number(spec["matchingPrecedence"].as_int());
  auto method = spec["distinguisherMethod"];
  row.text(method.present() ? method["type"].as_string() : "<none>");
  age_cell(object, row);
  std::string_view dangling = "?";
  for (uint32_t i = conditions.size(); i-- > 0;)
    if (conditions.item(i)["type"].as_string() == "Dangling") dangling = conditions.item(i)["status"].as_string();
  row.text(dangling);
}

}  // namespace flow_schema

extern const Rules kFlowSchemaRules{
    .group = "flowcontrol.apiserver.k8s.io",
    .kind = "FlowSchema",
    .defaults = flow_schema::defaults,
    .prepare_update = keep_metadata_in_status,
    .validate = flow_schema::validate,
    .validate_update = flow_schema::validate_update,
    .validate_subresource = flow_schema::validate_subresource,
    .update_checks_metadata = false,
    .update_checks_whole = true,
    .columns = flow_schema::kColumns,
    .row = flow_schema::row,
    .status_reset_fields = flowcontrol::kStatusReset,
};

}  // namespace sampan::registry
