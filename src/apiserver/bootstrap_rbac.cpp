// Reads the roles and bindings that a cluster starts with (bootstrap_rbac_policy.cpp). The lines are
//
//   role [NAMESPACE/]NAME [to=ROLE] [gathers=ROLE]       to: its rights go to that aggregated role, which gathers them
//     VERBS RESOURCES [@GROUPS] [=NAMES]                 its rules; without groups of the core group, "core" among others
//     VERBS url:PATHS
//   binding [NAMESPACE/]NAME [role=ROLE] WHO...          of the role of the same name; group=, user=, account=NAMESPACE/NAME
//
// with commas in lists. A role or binding without a namespace is a ClusterRole or ClusterRoleBinding.
#include "apiserver/bootstrap_rbac.h"

#include "apiserver/access/policy_rules.h"
#include "apiserver/bootstrap.h"
#include "base/check.h"
#include "base/text.h"

namespace sampan::apiserver {

using schema::Value;

namespace {

constexpr std::string_view kGroup = "rbac.authorization.k8s.io";
constexpr std::string_view kAggregate = "rbac.authorization.k8s.io/aggregate-to-";

// Cuts off and returns what is before the separator: everything, if there is none.
std::string_view cut(std::string_view& text, char separator) {
  auto end = text.find(separator);
  auto head = text.substr(0, end);
  text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
  return head;
}

struct Entry {
  std::string_view name_space, name;
  std::vector<std::string_view> words;  // behind the name
  std::vector<std::string_view> rules;
};

Entry read_entry(std::string_view line) {
  Entry entry;
  auto words = split(line, ' ');
  check(words.size() >= 2);
  entry.name = words[1];
  if (auto slash = entry.name.find('/'); slash != std::string_view::npos) {
    entry.name_space = entry.name.substr(0, slash);
    entry.name = entry.name.substr(slash + 1);
  }
  entry.words.assign(words.begin() + 2, words.end());
  return entry;
}

void add_list(Value object, std::string_view member, std::string_view items) {
  Value list = object.ensure_list(member);
  for (auto item : split(items, ',')) list.push(item == "core" ? "" : item);
}

void add_rule(Value rules, std::string_view line) {
  Value rule = Value::object(rules.arena());
  add_list(rule, "verbs", cut(line, ' '));
  rules.push(rule);
  auto what = cut(line, ' ');
  if (what.starts_with("url:")) return add_list(rule, "nonResourceURLs", what.substr(4));
  add_list(rule, "apiGroups", line.starts_with('@') ? cut(line, ' ').substr(1) : "core");
  add_list(rule, "resources", what);
  if (line.starts_with('=')) add_list(rule, "resourceNames", line.substr(1));
}

void mark_standard(Value object) {
  object["metadata"].ensure_object("labels").set("kubernetes.io/bootstrapping", "rbac-defaults");
  object["metadata"].ensure_object("annotations").set("rbac.authorization.kubernetes.io/autoupdate", "true");
}

void fill_role(Value object, Arena& arena, const Entry& entry) {
  mark_standard(object);
  for (auto word : entry.words) {
    auto kind = cut(word, '=');
    auto label = arena.copy(concat(kAggregate, word));
    if (kind == "to") {
      object["metadata"]["labels"].set(label, "true");
    } else {
      Value selector = Value::object(arena);
      selector.ensure_object("matchLabels").set(label, "true");
      object.ensure_object("aggregationRule").ensure_list("clusterRoleSelectors").push(selector);
    }
  }
  if (entry.rules.empty()) return;
  Value rules = object.ensure_list("rules");
  for (auto rule : entry.rules) add_rule(rules, rule);
}

void fill_binding(Value object, Arena& arena, const Entry& entry) {
  mark_standard(object);
  Value role = object.ensure_object("roleRef");
  role.set("apiGroup", kGroup);
  role.set("kind", entry.name_space.empty() ? "ClusterRole" : "Role");
  role.set("name", entry.name);
  for (auto word : entry.words) {
    auto kind = cut(word, '=');
    if (kind == "role") {
      role.set("name", word);
      continue;
    }
    Value subject = Value::object(arena);
    if (kind == "account") {
      subject.set("kind", "ServiceAccount");
      subject.set("namespace", cut(word, '/'));
    } else {
      subject.set("kind", kind == "group" ? "Group" : "User");
    }
    subject.set("name", word);
    object.ensure_list("subjects").push(subject);
  }
}

// ---- keeping them so ----

bool is_left_alone(Value current) { return current["metadata"]["annotations"]["rbac.authorization.kubernetes.io/autoupdate"].as_string() == "false"; }

// What is there already keeps its value.
bool add_missing(Value current, Value wanted, std::string_view map) {
  bool changed = false;
  for (const auto& member : wanted["metadata"][map].members()) {
    if (current["metadata"][map].has(member.name)) continue;
    current.ensure_object("metadata").ensure_object(map).set(member.name, member.value);
    changed = true;
  }
  return changed;
}

PolicyRules rules_of(Value role) {
  auto list = [](Value texts) {
    std::vector<std::string> out;
    for (Value text : texts.items()) out.emplace_back(text.as_string());
    return out;
  };
  PolicyRules rules;
  for (Value rule : role["rules"].items())
    rules.push_back({list(rule["verbs"]), list(rule["apiGroups"]), list(rule["resources"]), list(rule["resourceNames"]), list(rule["nonResourceURLs"])});
  return rules;
}

Value rule_tree(const PolicyRule& rule, Arena& arena) {
  Value tree = Value::object(arena);
  auto set = [&](std::string_view member, const std::vector<std::string>& texts) {
    for (const auto& text : texts) tree.ensure_list(member).push(arena.copy(text));
  };
  set("verbs", rule.verbs);
  set("apiGroups", rule.groups);
  set("resources", rule.resources);
  set("resourceNames", rule.names);
  set("nonResourceURLs", rule.urls);
  return tree;
}

// Rights that were taken from a standard role come back; what was added to it stays.
bool reconcile_role(Value current, Value wanted) {
  if (is_left_alone(current)) return false;
  bool labels = add_missing(current, wanted, "labels"), annotations = add_missing(current, wanted, "annotations");
  bool changed = labels || annotations;
  for (const auto& rule : not_covered(rules_of(current), rules_of(wanted))) {
    current.ensure_list("rules").push(rule_tree(rule, current.arena()));
    changed = true;
  }
  Value have = current["aggregationRule"], want = wanted["aggregationRule"];
  if (want.is_object() == have.is_object()) {
    for (Value selector : want["clusterRoleSelectors"].items()) {
      auto items = have["clusterRoleSelectors"].items();
      if (std::any_of(items.begin(), items.end(), [&](const Value& it) { return it.equals(selector); })) continue;
      have.ensure_list("clusterRoleSelectors").push(selector);
      changed = true;
    }
    return changed;
  }
  if (want.is_object())
    current.set("aggregationRule", want);
  else
    current.remove("aggregationRule");
  return true;
}

bool reconcile_binding(Value current, Value wanted) {
  if (is_left_alone(current)) return false;
  bool labels = add_missing(current, wanted, "labels"), annotations = add_missing(current, wanted, "annotations");
  bool changed = labels || annotations;
  for (Value subject : wanted["subjects"].items()) {
    auto items = current["subjects"].items();
    auto same = [&](const Value& it) {
      return it["kind"].as_string() == subject["kind"].as_string() && it["name"].as_string() == subject["name"].as_string() &&
             it["namespace"].as_string() == subject["namespace"].as_string();
    };
    if (std::any_of(items.begin(), items.end(), same)) continue;
    if (subject["kind"].as_string() != "ServiceAccount") subject.set("apiGroup", kGroup);
    current.ensure_list("subjects").push(subject);
    changed = true;
  }
  return changed;
}

// The role that is bound cannot be changed.
bool binds_another(Value current, Value wanted) { return !is_left_alone(current) && !current["roleRef"].equals(wanted["roleRef"]); }

void add_entry(const Entry& entry, bool is_role, StandardObjects& out) {
  std::string_view resource = is_role ? (entry.name_space.empty() ? "clusterroles" : "roles")
                                      : (entry.name_space.empty() ? "clusterrolebindings" : "rolebindings");
  out.push_back({kGroup, resource, std::string(entry.name_space), std::string(entry.name), [entry, is_role](Value object, Arena& arena) {
                   is_role ? fill_role(object, arena, entry) : fill_binding(object, arena, entry);
                 }});
  out.back().reconcile = is_role ? reconcile_role : reconcile_binding;
  if (!is_role) out.back().must_replace = binds_another;
}

}  // namespace

PolicyRules standard_rules(std::string_view cluster_role) {
  StandardObjects all;
  add_rbac(all);
  for (const auto& it : all) {
    if (it.resource != "clusterroles" || it.name != cluster_role) continue;
    Arena arena;
    Value role = Value::object(arena);
    role.ensure_object("metadata");
    it.fill(role, arena);
    return rules_of(role);
  }
  return {};
}

void add_usage_reader(StandardObjects& out) {
  out.push_back({kGroup, "clusterroles", "", "system:aggregated-metrics-reader", [](Value object, Arena& arena) {
                   Value labels = object["metadata"].ensure_object("labels");
                   for (std::string_view role : {"admin", "edit", "view"}) labels.set(arena.copy(concat(kAggregate, role)), "true");
                   add_rule(object.ensure_list("rules"), "get,list,watch pods,nodes @metrics.k8s.io");
                 }});
}

void add_rbac(StandardObjects& out) {
  Entry entry;
  bool is_role = false;
  for (auto line : split(rbac_policy(), '\n')) {
    if (line.starts_with("  ")) {
      entry.rules.push_back(line.substr(2));
      continue;
    }
    if (!entry.name.empty()) add_entry(entry, is_role, out);
    entry = line.empty() ? Entry() : read_entry(line);
    is_role = line.starts_with("role ");
  }
}

}  // namespace sampan::apiserver
