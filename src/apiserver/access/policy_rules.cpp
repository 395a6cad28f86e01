#include "apiserver/access/policy_rules.h"

#include "base/text.h"

namespace sampan::apiserver {

namespace {

using Texts = std::vector<std::string>;

bool has(const Texts& set, std::string_view text) {
  for (const auto& item : set)
    if (item == text) return true;
  return false;
}
bool has_or_all(const Texts& set, std::string_view text) {
  for (const auto& item : set)
    if (item == "*" || item == text) return true;
  return false;
}

bool has_resource(const Texts& set, const RequestInfo& request) {
  const auto &resource = request.resource, &sub = request.subresource;
  for (const auto& item : set) {
    if (item == "*") return true;
    if (sub.empty()) {
      if (item == resource) return true;
      continue;
    }
    auto slash = item.find('/');
    if (slash == std::string::npos) continue;
    std::string_view head = std::string_view(item).substr(0, slash), tail = std::string_view(item).substr(slash + 1);
    if (tail == sub && (head == resource || head == "*")) return true;
  }
  return false;
}

// "/api/*" matches what begins with "/api/".
bool url_matches(std::string_view pattern, std::string_view url) {
  if (pattern == "*" || pattern == url) return true;
  if (!pattern.ends_with('*')) return false;
  while (pattern.ends_with('*')) pattern.remove_suffix(1);
  return url.starts_with(pattern);
}

bool covers_resource(const Texts& held, std::string_view resource) {
  if (has_or_all(held, resource)) return true;
  auto slash = resource.find('/');
  return slash != std::string_view::npos && has(held, concat("*", resource.substr(slash)));
}

// `atom` has one of each at most.
bool covers(const PolicyRule& held, const PolicyRule& atom) {
  auto each = [](const Texts& wanted, auto test) { return std::all_of(wanted.begin(), wanted.end(), test); };
  return each(atom.verbs, [&](const auto& it) { return has_or_all(held.verbs, it); }) &&
         each(atom.groups, [&](const auto& it) { return has_or_all(held.groups, it); }) &&
         each(atom.resources, [&](const auto& it) { return covers_resource(held.resources, it); }) &&
         (held.names.empty() || (!atom.names.empty() && each(atom.names, [&](const auto& it) { return has(held.names, it); }))) &&
         each(atom.urls, [&](const auto& it) {
           return std::any_of(held.urls.begin(), held.urls.end(), [&](const auto& pattern) { return url_matches(pattern, it); });
         });
}

void add_atoms(const PolicyRule& rule, PolicyRules& out) {
  for (const auto& group : rule.groups)
    for (const auto& resource : rule.resources)
      for (const auto& verb : rule.verbs) {
        if (rule.names.empty()) out.push_back({.verbs = {verb}, .groups = {group}, .resources = {resource}});
        for (const auto& name : rule.names) out.push_back({.verbs = {verb}, .groups = {group}, .resources = {resource}, .names = {name}});
      }
  for (const auto& url : rule.urls)
    for (const auto& verb : rule.verbs) out.push_back({.verbs = {verb}, .urls = {url}});
}

std::string description(const PolicyRule& rule) {
  std::string text = "{";
  auto part = [&](std::string_view name, const Texts& list) {
    if (!list.empty()) append(text, text.size() > 1 ? ", " : "", name, ":", quoted_list(list));
  };
  part("APIGroups", rule.groups);
  part("Resources", rule.resources);
  part("NonResourceURLs", rule.urls);
  part("ResourceNames", rule.names);
  part("Verbs", rule.verbs);
  return text + "}";
}

Texts texts(const schema::AnyView& list) {
  Texts out;
  out.reserve(list.size());
  for (uint32_t i = 0; i < list.size(); i++) out.emplace_back(list.item(i).as_string());
  return out;
}

}  // namespace

std::string quoted_list(const Texts& list) {
  std::string text = "[";
  for (const auto& item : list) append(text, text.size() > 1 ? " " : "", quoted(item));
  return text + "]";
}

bool PolicyRule::allows(const RequestInfo& request) const {
  if (!has_or_all(verbs, request.verb)) return false;
  if (!request.is_resource) return std::any_of(urls.begin(), urls.end(), [&](const auto& it) { return url_matches(it, request.path); });
  return has_or_all(groups, request.group) && has_resource(resources, request) && (names.empty() || has(names, request.name));
}

PolicyRules policy_rules(const schema::AnyView& rules) {
  PolicyRules out;
  if (!rules.present()) return out;
  for (uint32_t i = 0; i < rules.size(); i++) {
    auto rule = rules.item(i);
    auto list = [&](std::string_view name) {
      auto view = rule[name];
      return view.present() ? texts(view) : Texts();
    };
    out.push_back({list("verbs"), list("apiGroups"), list("resources"), list("resourceNames"), list("nonResourceURLs")});
  }
  return out;
}

PolicyRules not_covered(const PolicyRules& held, const PolicyRules& wanted) {
  PolicyRules atoms, missing;
  for (const auto& rule : wanted) add_atoms(rule, atoms);
  for (auto& atom : atoms)
    if (std::none_of(held.begin(), held.end(), [&](const auto& rule) { return covers(rule, atom); })) missing.push_back(std::move(atom));
  return missing;
}

std::vector<std::string> descriptions(const PolicyRules& atoms) {
  PolicyRules compact;
  for (const auto& atom : atoms) {
    auto same = std::find_if(compact.begin(), compact.end(), [&](const auto& it) {
      return atom.urls.empty() && it.urls.empty() && it.groups == atom.groups && it.resources == atom.resources && it.names == atom.names;
    });
    if (same == compact.end())
      compact.push_back(atom);
    else
      same->verbs.insert(same->verbs.end(), atom.verbs.begin(), atom.verbs.end());
  }
  std::vector<std::string> texts;
  for (const auto& rule : compact) texts.push_back(description(rule));
  std::sort(texts.begin(), texts.end());
  texts.erase(std::unique(texts.begin(), texts.end()), texts.end());
  return texts;
}

}  // namespace sampan::apiserver
