#include "apiserver/audit/policy.h"

#include "base/log.h"
#include "base/names.h"
#include "base/text.h"
#include "registry/field_errors.h"
#include "schema/yaml.h"

namespace sampan::apiserver {

using registry::FieldErrors;
using registry::Path;
using registry::Shown;
using schema::Value;

namespace {

constexpr std::string_view kLevels[] = {"None", "Metadata", "Request", "RequestResponse"};
constexpr std::string_view kStages[] = {"RequestReceived", "ResponseStarted", "ResponseComplete", "Panic"};

bool lists(const std::vector<std::string>& list, std::string_view text) { return std::find(list.begin(), list.end(), text) != list.end(); }

bool path_fits(std::string_view pattern, std::string_view path) {
  if (pattern == "*" || pattern == path) return true;
  return pattern.ends_with('*') && path.starts_with(pattern.substr(0, pattern.find_last_not_of('*') + 1));
}

// "pods", "pods/log", "pods/*" (subresources), "*/scale", "*".
bool resource_fits(std::string_view pattern, const RequestInfo& request) {
  if (pattern == "*") return true;
  auto slash = pattern.find('/');
  if (slash == std::string_view::npos) return request.subresource.empty() && pattern == request.resource;
  auto resource = pattern.substr(0, slash), subresource = pattern.substr(slash + 1);
  if (subresource == "*") return resource == request.resource;
  return !request.subresource.empty() && subresource == request.subresource && (resource == "*" || resource == request.resource);
}

bool fits_resources(const AuditRule::Resources& rule, const RequestInfo& request) {
  if (rule.group != "*" && rule.group != request.group) return false;
  if (rule.resources.empty()) return true;
  if (!rule.names.empty() && !lists(rule.names, request.name)) return false;
  return std::any_of(rule.resources.begin(), rule.resources.end(), [&](const auto& pattern) { return resource_fits(pattern, request); });
}

// ---- reading ----

std::vector<std::string> texts_of(Value list) {
  std::vector<std::string> texts;
  for (Value item : list.items()) texts.emplace_back(item.as_string());
  return texts;
}

void note_unknown(Value object, std::string_view where, std::initializer_list<std::string_view> known, std::vector<std::string>& problems) {
  for (const auto& member : object.members())
    if (std::find(known.begin(), known.end(), member.name) == known.end())
      problems.push_back(concat("unknown field \"", where, where.empty() ? "" : ".", member.name, "\""));
}

uint8_t read_stages(Value list, const Path& path, FieldErrors& errors) {
  uint8_t stages = 0;
  for (uint32_t i = 0; i < list.size(); i++) {
    auto text = list.at(i).as_string();
    auto known = std::find(std::begin(kStages), std::end(kStages), text);
    if (known == std::end(kStages))
      errors.invalid(path.index(i), text, "allowed stages are RequestReceived,ResponseStarted,ResponseComplete,Panic");
    else
      stages |= static_cast<uint8_t>(1u << (known - std::begin(kStages)));
  }
  return stages;
}

void read_level(Value value, const Path& path, AuditLevel& level, FieldErrors& errors) {
  auto text = value.as_string();
  auto known = std::find(std::begin(kLevels), std::end(kLevels), text);
  if (text.empty())
    errors.required(path, "");
  else if (known == std::end(kLevels))
    errors.not_supported(path, text, kLevels);
  else
    level = static_cast<AuditLevel>(known - std::begin(kLevels));
}

void check_paths(const std::vector<std::string>& paths, const Path& at, FieldErrors& errors) {
  for (uint32_t i = 0; i < paths.size(); i++) {
    const auto& path = paths[i];
    if (path == "*") continue;
    if (!path.starts_with('/')) errors.invalid(at.index(i), path, "non-resource URL rules must begin with a '/' character");
    if (auto star = path.find('*'); star != std::string::npos && star + 1 != path.size())
      errors.invalid(at.index(i), path, "non-resource URL wildcards '*' must be the final character of the rule");
  }
}

AuditRule::Resources read_resources(Value tree, const Path& at, FieldErrors& errors) {
  AuditRule::Resources out{std::string(tree["group"].as_string()), texts_of(tree["resources"]), texts_of(tree["resourceNames"])};
  Complaints complaints;
  if (!out.group.empty() && out.group != "*") check_dns1123_subdomain(out.group, complaints);
  if (!complaints.empty()) errors.invalid(at.child("group"), out.group, join(complaints, ","));
  if (!out.names.empty() && out.resources.empty())
    errors.invalid(at.child("resourceNames"), Shown::texts(out.names), "using resourceNames requires at least one resource");
  return out;
}

AuditRule read_rule(Value tree, const Path& at, FieldErrors& errors, std::vector<std::string>& problems) {
  note_unknown(tree, at.text(),
               {"level", "users", "userGroups", "verbs", "resources", "namespaces", "nonResourceURLs", "omitStages", "omitManagedFields"}, problems);
  AuditRule rule;
  read_level(tree["level"], at.child("level"), rule.level, errors);
  rule.users = texts_of(tree["users"]);
  rule.groups = texts_of(tree["userGroups"]);
  rule.verbs = texts_of(tree["verbs"]);
  rule.name_spaces = texts_of(tree["namespaces"]);
  rule.paths = texts_of(tree["nonResourceURLs"]);
  auto paths = at.child("nonResourceURLs"), resources = at.child("resources");
  check_paths(rule.paths, paths, errors);
  for (Value item : tree["resources"].items()) {
    note_unknown(item, resources.text(), {"group", "resources", "resourceNames"}, problems);
    rule.resources.push_back(read_resources(item, resources, errors));
  }
  rule.omitted_stages = read_stages(tree["omitStages"], at.child("omitStages"), errors);
  if (Value omit = tree["omitManagedFields"]; omit.is_bool()) rule.omit_managed_fields = omit.as_bool();
  if (!rule.paths.empty() && (!rule.resources.empty() || !rule.name_spaces.empty()))
    errors.invalid(paths, Shown::texts(rule.paths), "rules cannot apply to both regular resources and non-resource URLs");
  return rule;
}

}  // namespace

std::string_view name_of(AuditLevel level) { return kLevels[static_cast<size_t>(level)]; }
std::string_view name_of(AuditStage stage) { return kStages[static_cast<size_t>(stage)]; }

bool AuditRule::fits(const User* user, const RequestInfo& request) const {
  if (!users.empty() && !(user && lists(users, user->name))) return false;
  auto wanted = [&](std::string_view group) { return user && user->in(group); };
  if (!groups.empty() && std::none_of(groups.begin(), groups.end(), wanted)) return false;
  if (!verbs.empty() && !lists(verbs, request.verb)) return false;
  if (!name_spaces.empty() || !resources.empty()) {
    if (!request.is_resource) return false;
    if (!name_spaces.empty() && !lists(name_spaces, request.name_space)) return false;
    return resources.empty() || std::any_of(resources.begin(), resources.end(), [&](const auto& rule) { return fits_resources(rule, request); });
  }
  if (paths.empty()) return true;
  return !request.is_resource && std::any_of(paths.begin(), paths.end(), [&](const auto& path) { return path_fits(path, request.path); });
}

AuditVerdict AuditPolicy::judge(const User* user, const RequestInfo& request) const {
  for (const AuditRule& rule : rules_)
    if (rule.fits(user, request))
      return {rule.level, static_cast<uint8_t>(rule.omitted_stages | omitted_stages_), rule.omit_managed_fields.value_or(omit_managed_fields_)};
  return {AuditLevel::None, omitted_stages_, omit_managed_fields_};
}

Result<AuditPolicy> AuditPolicy::read(std::string_view text) {
  Arena arena;
  std::vector<std::string> problems;
  auto documents = schema::parse_yaml(text, arena, {.first_only = true}, &problems);
  if (!documents) return fail(bad_request(concat("failed decoding: ", documents.error().message())));
  Value tree = documents->empty() ? Value() : documents->front();
  auto version = tree["apiVersion"].as_string(), kind = tree["kind"].as_string();
  if (version != "audit.k8s.io/v1" || kind != "Policy")
    return fail(bad_request(concat("failed decoding: no kind ", quoted(kind), " is registered for version ", quoted(version))));
  note_unknown(tree, "", {"apiVersion", "kind", "metadata", "rules", "omitStages", "omitManagedFields"}, problems);

  AuditPolicy policy;
  FieldErrors errors;
  policy.omitted_stages_ = read_stages(tree["omitStages"], Path("omitStages"), errors);
  policy.omit_managed_fields_ = tree["omitManagedFields"].as_bool();
  auto rules = tree["rules"].items();
  for (uint32_t i = 0; i < rules.size(); i++) policy.rules_.push_back(read_rule(rules[i], Path("rules").index(i), errors, problems));
  if (!problems.empty()) LOG_WARNING("Audit policy contains errors, falling back to lenient decoding: strict decoding error: ", join(problems, ", "));
  if (!errors.empty()) return fail(bad_request(errors.text()));
  if (policy.rules_.empty()) return fail(bad_request("loaded illegal policy with 0 rules"));
  return policy;
}

}  // namespace sampan::apiserver
