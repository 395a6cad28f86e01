#include "apiserver/access/rbac.h"

#include "apiserver/admission/plugin.h"
#include "base/text.h"

namespace sampan::apiserver {

using schema::Object;
using schema::ObjectRef;

namespace {

constexpr std::string_view kGroup = "rbac.authorization.k8s.io";

std::string subject_key(std::string_view name_space, char kind, std::string_view name) {
  std::string key;
  key.reserve(name_space.size() + 2 + name.size());
  key += name_space;
  key += '\0';
  key += kind;
  key += name;
  return key;
}

}  // namespace

struct Rbac::Binding {
  ObjectRef object;
  std::string key;         // in its cache
  std::string name_space;  // "" for cluster role bindings
  std::string role_kind, role_name;
  std::vector<std::string> subjects;  // keys of the index
};

struct Rbac::Source {
  store::Cache* cache = nullptr;
  bool is_role = false, namespaced = false;
  std::unique_ptr<store::EventStream> stream;
};

Rbac::Rbac(Catalog& catalog) {
  struct Kind {
    std::string_view resource;
    bool is_role, namespaced;
  };
  for (const Kind& kind : {Kind{"clusterroles", true, false}, {"roles", true, true}, {"clusterrolebindings", false, false}, {"rolebindings", false, true}}) {
    auto* store = catalog.store_of(kGroup, kind.resource);
    if (!store) continue;  // switched off: nobody has rights by it
    auto source = std::make_unique<Source>();
    source->cache = &store->cache();
    source->is_role = kind.is_role;
    source->namespaced = kind.namespaced;
    sources_.push_back(std::move(source));
  }
}

Rbac::~Rbac() = default;

void Rbac::load(Source& source) {
  std::vector<std::string> dropped;
  if (source.is_role) {
    std::erase_if(roles_, [&](const auto& entry) { return (entry.first[0] != '/') == source.namespaced; });
  } else {
    for (auto& [key, list] : bindings_) {
      bool ours = (key[0] != '\0') == source.namespaced;
      if (ours) dropped.push_back(key);
    }
    for (const auto& key : dropped) bindings_.erase(key);
  }
  source.stream.reset();
  auto [snapshot, stream] = source.cache->snapshot_and_events();
  source.stream = std::move(stream);
  source.stream->on_wake([this] { behind_.store(true, std::memory_order_release); });
  snapshot.each({}, {}, [&](std::string_view key, const ObjectRef& object) {
    change(source, key, nullptr, object);
    return true;
  });
}

void Rbac::follow() {
  if (!behind_.load(std::memory_order_acquire)) return;
  std::unique_lock lock(mutex_);
  if (!behind_.exchange(false)) return;
  for (auto& source : sources_) {
    if (!source->stream) load(*source);
    while (true) {
      while (auto event = source->stream->next())
        change(*source, event->key, event->previous.get(), event->type == store::Event::Type::Deleted ? nullptr : event->object);
      if (!source->stream->error()) break;
      load(*source);  // too much has happened since
      if (source->stream->error()) break;
    }
  }
}

void Rbac::change(const Source& source, std::string_view key, const Object* old, const ObjectRef& object) {
  if (source.is_role) {
    auto name = source.namespaced ? std::string(key) : concat("/", key);
    if (object)
      roles_[name] = std::make_shared<const PolicyRules>(policy_rules((*object)["rules"]));
    else
      roles_.erase(name);
    return;
  }
  auto binding_of = [&](const ObjectRef& of) {
    auto binding = std::make_shared<Binding>();
    binding->object = of;
    binding->key = key;
    if (source.namespaced) binding->name_space = key.substr(0, key.find('/'));
    auto role = (*of)["roleRef"];
    binding->role_kind = role["kind"].as_string();
    binding->role_name = role["name"].as_string();
    auto subjects = (*of)["subjects"];
    for (uint32_t i = 0; subjects.present() && i < subjects.size(); i++) {
      auto subject = subjects.item(i);
      auto kind = subject["kind"].as_string(), name = subject["name"].as_string(), space = subject["namespace"].as_string();
      if (space.empty()) space = binding->name_space;
      std::string subject_name;
      if (kind == "User" || kind == "Group") subject_name = subject_key(binding->name_space, kind[0], name);
      if (kind == "ServiceAccount" && !space.empty())
        subject_name = subject_key(binding->name_space, 'U', concat("system:serviceaccount:", space, ":", name));
      binding->subjects.push_back(std::move(subject_name));  // also the empty ones, so that places stay
    }
    return binding;
  };
  if (old) index(*binding_of(ObjectRef(old)), nullptr);
  if (object) {
    auto binding = binding_of(object);
    index(*binding, binding);
  }
}

void Rbac::index(const Binding& binding, const BindingRef& add) {
  for (const auto& subject : binding.subjects) {
    if (subject.empty()) continue;
    if (add) {
      bindings_[subject][binding.key] = add;
      continue;
    }
    auto at = bindings_.find(subject);
    if (at == bindings_.end()) continue;
    at->second.erase(binding.key);
    if (at->second.empty()) bindings_.erase(at);
  }
}

const PolicyRules* Rbac::role_of(std::string_view kind, std::string_view name, std::string_view name_space, std::string& problem) const {
  bool cluster = kind == "ClusterRole";
  if (!cluster && kind != "Role") {
    problem = concat("unsupported role reference kind: ", quoted(kind));
    return nullptr;
  }
  auto at = roles_.find(concat(cluster ? std::string_view() : name_space, "/", name));
  if (at != roles_.end()) return at->second.get();
  problem = concat(cluster ? "clusterrole." : "role.", kGroup, " ", quoted(name), " not found");
  return nullptr;
}

bool Rbac::visit_subject(const std::string& key, std::vector<const Binding*>& seen, const Visit& visit) {
  auto at = bindings_.find(key);
  if (at == bindings_.end()) return true;
  for (const auto& [name, binding] : at->second) {
    if (std::find(seen.begin(), seen.end(), binding.get()) != seen.end()) continue;
    seen.push_back(binding.get());
    std::string problem;
    auto* rules = role_of(binding->role_kind, binding->role_name, binding->name_space, problem);
    auto subject = std::find(binding->subjects.begin(), binding->subjects.end(), key) - binding->subjects.begin();
    if (!visit(*binding, static_cast<uint32_t>(subject), rules, problem)) return false;
  }
  return true;
}

void Rbac::visit(const User& user, std::string_view name_space, const Visit& visit) {
  follow();
  std::shared_lock lock(mutex_);
  std::vector<const Binding*> seen;
  auto in = [&](std::string_view space) {
    if (!visit_subject(subject_key(space, 'U', user.name), seen, visit)) return false;
    return std::all_of(user.groups.begin(), user.groups.end(),
                       [&](const auto& group) { return visit_subject(subject_key(space, 'G', group), seen, visit); });
  };
  if (in({}) && !name_space.empty()) in(name_space);
}

std::string Rbac::reason_of(const Binding& binding, uint32_t index) {
  auto subject = (*binding.object)["subjects"].item(index);
  auto kind = subject["kind"].as_string(), space = subject["namespace"].as_string();
  auto name = (*binding.object)["metadata"]["name"].as_string();
  std::string who(subject["name"].as_string());
  if (kind == "ServiceAccount") append(who, "/", space.empty() ? std::string_view(binding.name_space) : space);
  bool cluster = binding.name_space.empty();
  return concat("RBAC: allowed by ", cluster ? "ClusterRoleBinding " : "RoleBinding ",
                quoted(cluster ? std::string(name) : concat(name, "/", binding.name_space)), " of ", binding.role_kind, " ",
                quoted(binding.role_name), " to ", kind, " ", quoted(who));
}

Decision Rbac::authorize(const User& user, const RequestInfo& request, std::string& reason) {
  std::vector<std::string> problems;
  bool allowed = false;
  visit(user, request.name_space,
        [&](const Binding& binding, uint32_t subject, const PolicyRules* rules, const std::string& problem) {
          if (!rules) {
            problems.push_back(problem);
            return true;
          }
          allowed = std::any_of(rules->begin(), rules->end(), [&](const auto& rule) { return rule.allows(request); });
          if (allowed) reason = reason_of(binding, subject);
          return !allowed;
        });
  if (allowed) return Decision::Allow;
  if (!problems.empty()) reason = concat("RBAC: ", one_text(problems));
  return Decision::NoOpinion;
}

PolicyRules Rbac::held_by(const User& user, std::string_view name_space, std::vector<std::string>& problems) {
  PolicyRules held;
  visit(user, name_space,
        [&](const Binding&, uint32_t, const PolicyRules* rules, const std::string& problem) {
          if (rules)
            held.insert(held.end(), rules->begin(), rules->end());
          else
            problems.push_back(problem);
          return true;
        });
  return held;
}

void Rbac::rules_for(const User& user, std::string_view name_space, SubjectRules& out) {
  std::vector<std::string> problems;
  auto held = held_by(user, name_space, problems);
  out.rules.insert(out.rules.end(), held.begin(), held.end());
  if (problems.empty()) return;
  out.problems.push_back(one_text(problems));
}

Result<PolicyRules> Rbac::rules_of(std::string_view role_kind, std::string_view role_name, std::string_view name_space) {
  follow();
  std::shared_lock lock(mutex_);
  std::string problem;
  if (auto* rules = role_of(role_kind, role_name, name_space, problem)) return *rules;
  bool cluster = role_kind == "ClusterRole";
  if (!cluster && role_kind != "Role") return fail(internal_error(problem));
  return fail(not_found(kGroup, cluster ? "clusterroles" : "roles", role_name));
}

}  // namespace sampan::apiserver
