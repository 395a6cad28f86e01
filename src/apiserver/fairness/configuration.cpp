#include "apiserver/fairness/configuration.h"

#include "apiserver/fairness/dealer.h"
#include "base/check.h"
#include "base/text.h"
#include "registry/flowcontrol/standard_objects.h"
#include "schema/conform.h"

namespace sampan::apiserver::fairness {

using schema::AnyView;
using schema::Object;

namespace {

constexpr std::string_view kAccountPrefix = "system:serviceaccount:";

int number_or(const AnyView& value, int preset) { return value.present() ? static_cast<int>(value.as_int()) : preset; }

Words words_of(const AnyView& list) {
  Words words;
  for (uint32_t i = 0; list.present() && i < list.size(); i++) words.words.emplace_back(list.item(i).as_string());
  words.all = words.words.size() == 1 && words.words[0] == "*";
  return words;
}

FlowSubject subject_of(const AnyView& subject) {
  using Kind = FlowSubject::Kind;
  auto kind = subject["kind"].as_string();
  auto name_of = [&](std::string_view field) { return subject[field].present() ? subject[field]["name"].as_string() : std::string_view(); };
  if (kind == "User" || kind == "Group") {
    auto name = name_of(kind == "User" ? "user" : "group");
    if (name.empty()) return {};
    if (name == "*") return {Kind::Anybody, {}};
    return {kind == "User" ? Kind::User : Kind::Group, std::string(name)};
  }
  auto account = subject["serviceAccount"];
  if (kind != "ServiceAccount" || !account.present()) return {};
  auto name = account["name"].as_string(), name_space = account["namespace"].as_string();
  if (name == "*") return {Kind::AccountsOf, concat(kAccountPrefix, name_space, ":")};
  return {Kind::User, concat(kAccountPrefix, name_space, ":", name)};
}

FlowRule rule_of(const AnyView& rule) {
  FlowRule out;
  auto each = [](const AnyView& list, auto visit) {
    for (uint32_t i = 0; list.present() && i < list.size(); i++) visit(list.item(i));
  };
  each(rule["subjects"], [&](const AnyView& it) { out.subjects.push_back(subject_of(it)); });
  each(rule["resourceRules"], [&](const AnyView& it) {
    out.resources.push_back({words_of(it["verbs"]), words_of(it["apiGroups"]), words_of(it["resources"]), words_of(it["namespaces"]),
                             it["clusterScope"].present() && it["clusterScope"].as_bool()});
  });
  each(rule["nonResourceRules"], [&](const AnyView& it) { out.paths.push_back({words_of(it["verbs"]), words_of(it["nonResourceURLs"])}); });
  return out;
}

// "pods", or "pods/status".
bool names_resource(const Words& resources, const RequestInfo& info) {
  if (resources.all) return true;
  for (std::string_view word : resources.words) {
    if (info.subresource.empty() ? word == info.resource
                                 : word.size() == info.resource.size() + 1 + info.subresource.size() && word.starts_with(info.resource) &&
                                       word[info.resource.size()] == '/' && word.ends_with(info.subresource))
      return true;
  }
  return false;
}

template <class Standard>
schema::ObjectRef standard_object(const Standard& standard, std::string_view kind) {
  const auto* type = schema::builtin_kind("flowcontrol.apiserver.k8s.io", "v1", kind);
  Arena arena;
  schema::Value object = schema::Value::object(arena);
  object.ensure_object("metadata").set("name", standard.name);
  object.set("spec", registry::flowcontrol::spec_of(standard, arena));
  auto frozen = schema::freeze(object, *type);
  check(frozen.has_value());
  return *frozen;
}

}  // namespace

bool FlowSubject::matches(const User& user) const {
  switch (kind) {
    case Kind::User: return user.name == name;
    case Kind::Group: return std::find(user.groups.begin(), user.groups.end(), name) != user.groups.end();
    case Kind::AccountsOf: return user.name.starts_with(name);
    case Kind::Anybody: return true;
    case Kind::Nobody: return false;
  }
  return false;
}

bool FlowResourceRule::matches(const RequestInfo& info) const {
  if (!verbs.has(info.verb) || !names_resource(resources, info) || !groups.has(info.group)) return false;
  return info.name_space.empty() ? cluster_scope : namespaces.has(info.name_space);
}

bool FlowPathRule::matches(const RequestInfo& info) const {
  if (!verbs.has(info.verb)) return false;
  if (paths.all) return true;
  // "/healthz" is for what is below it, too.
  return std::any_of(paths.words.begin(), paths.words.end(), [&](std::string_view path) {
    if (path == info.path) return true;
    if (path.ends_with('*')) path.remove_suffix(1);
    if (path.ends_with('/')) path.remove_suffix(1);
    return info.path.size() > path.size() && info.path.starts_with(path) && info.path[path.size()] == '/';
  });
}

bool FlowRule::matches(const User& user, const RequestInfo& info) const {
  if (std::none_of(subjects.begin(), subjects.end(), [&](const FlowSubject& subject) { return subject.matches(user); })) return false;
  if (info.is_resource) return std::any_of(resources.begin(), resources.end(), [&](const auto& rule) { return rule.matches(info); });
  return std::any_of(paths.begin(), paths.end(), [&](const auto& rule) { return rule.matches(info); });
}

bool SchemaConfiguration::matches(const User& user, const RequestInfo& info) const {
  return std::any_of(rules.begin(), rules.end(), [&](const FlowRule& rule) { return rule.matches(user, info); });
}

std::string_view SchemaConfiguration::distinguish(const User& user, const RequestInfo& info) const {
  switch (distinguisher) {
    case Distinguisher::None: return {};
    case Distinguisher::ByUser: return user.name;
    case Distinguisher::ByNamespace: return info.name_space;
  }
  return {};
}

std::optional<LevelConfiguration> level_configuration(const Object& object) {
  LevelConfiguration level;
  level.name = object["metadata"]["name"].as_string();
  level.uid = object["metadata"]["uid"].as_string();
  auto spec = object["spec"], limited = spec["limited"], exempt = spec["exempt"];
  level.exempt = spec["type"].as_string() == "Exempt";
  // No level changes between exempt and not.
  if (level.exempt != exempt.present() || level.exempt == limited.present() || level.exempt != (level.name == registry::flowcontrol::kExempt))
    return std::nullopt;
  const auto& limits = level.exempt ? exempt : limited;
  level.shares = number_or(limits["nominalConcurrencyShares"], level.exempt ? 0 : 30);
  level.lendable_percent = number_or(limits["lendablePercent"], 0);
  if (level.exempt) return level;
  if (auto percent = limited["borrowingLimitPercent"]; percent.present()) level.borrowing_limit_percent = static_cast<int>(percent.as_int());
  auto response = limited["limitResponse"], queuing = response["queuing"];
  if ((response["type"].as_string() == "Reject") == queuing.present()) return std::nullopt;
  if (!queuing.present()) return level;
  level.queues = number_or(queuing["queues"], 64);
  level.hand_size = number_or(queuing["handSize"], 8);
  level.queue_length = number_or(queuing["queueLengthLimit"], 50);
  if (level.queues < 1 || level.hand_size < 1 || level.hand_size > std::min(level.queues, kHandMax) ||
      entropy_bits(level.queues, level.hand_size) > kEntropyBits)
    return std::nullopt;
  return level;
}

SchemaConfiguration schema_configuration(const Object& object) {
  SchemaConfiguration schema;
  schema.name = object["metadata"]["name"].as_string();
  schema.uid = object["metadata"]["uid"].as_string();
  auto spec = object["spec"];
  schema.level = spec["priorityLevelConfiguration"]["name"].as_string();
  schema.precedence = number_or(spec["matchingPrecedence"], 1000);
  if (auto method = spec["distinguisherMethod"]; method.present())
    schema.distinguisher = method["type"].as_string() == "ByUser" ? Distinguisher::ByUser : Distinguisher::ByNamespace;
  auto rules = spec["rules"];
  for (uint32_t i = 0; rules.present() && i < rules.size(); i++) schema.rules.push_back(rule_of(rules.item(i)));
  return schema;
}

std::vector<LevelConfiguration> mandatory_levels() {
  std::vector<LevelConfiguration> levels;
  for (const auto& standard : registry::flowcontrol::standard_levels()) {
    if (!standard.mandatory) continue;
    auto object = standard_object(standard, "PriorityLevelConfiguration");
    levels.push_back(*level_configuration(*object));
  }
  return levels;
}

std::vector<SchemaConfiguration> mandatory_schemas() {
  std::vector<SchemaConfiguration> schemas;
  for (const auto& standard : registry::flowcontrol::standard_schemas()) {
    if (!standard.mandatory) continue;
    auto object = standard_object(standard, "FlowSchema");
    schemas.push_back(schema_configuration(*object));
  }
  return schemas;
}

}  // namespace sampan::apiserver::fairness
