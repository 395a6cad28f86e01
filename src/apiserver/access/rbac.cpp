#include "apiserver/access/rbac.h"

#include "apiserver/admission/plugin.h"
#include "base/text.h"

namespace sampan::apiserver {

using schema::Object;
using schema::ObjectRef;

namespace {

constexpr std::string_view kGroup = "rbac.authorization.k8s.io";

void put_subject_key(std::string& key, std::string_view name_space, char kind, std::string_view name) {
  key.assign(name_space);
  key += '\0';
  key += kind;
  key += name;
}

std::string subject_key(std::string_view name_space, char kind, std::string_view name) {
  std::string key;
  put_subject_key(key, name_space, kind, name);
  return key;
}

std::string role_key(std::string_view kind, std::string_view name, std::string_view name_space) {
  return kind == "ClusterRole" ? concat("/", name) : concat(name_space, "/", name);
}

Error no_such_kind(std::string_view kind) { return internal_error(concat("unsupported role reference kind: ", quoted(kind))); }

bool is_role_kind(std::string_view kind) { return kind == "ClusterRole" || kind == "Role"; }

}  // namespace

struct Rbac::Binding {
  ObjectRef object;
  std::string key;         // in its cache
  std::string name_space;  // "" for cluster role bindings
  std::string role;        // its key; "" where the kind is none of ours
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
    if (is_role_kind(role["kind"].as_string())) binding->role = role_key(role["kind"].as_string(), role["name"].as_string(), binding->name_space);
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

const PolicyRules* Rbac::role_of(const std::string& key) const {
  auto at = roles_.find(key);
  return at == roles_.end() ? nullptr : at->second.get();
}

std::string Rbac::problem_of(const Binding& binding) {
  auto role = (*binding.object)["roleRef"];
  auto kind = role["kind"].as_string();
  if (!is_role_kind(kind)) return no_such_kind(kind).message();
  return concat(kind == "ClusterRole" ? "clusterrole." : "role.", kGroup, " ", quoted(role["name"].as_string()), " not found");
}

bool Rbac::visit_subject(const std::string& key, std::vector<const Binding*>& seen, const Visit& visit) {
  auto at = bindings_.find(key);
  if (at == bindings_.end()) return true;
  for (const auto& [name, binding] : at->second) {
    if (std::find(seen.begin(), seen.end(), binding.get()) != seen.end()) continue;
    seen.push_back(binding.get());
    auto subject = std::find(binding->subjects.begin(), binding->subjects.end(), key) - binding->subjects.begin();
    if (!visit(*binding, static_cast<uint32_t>(subject), role_of(binding->role))) return false;
  }
  return true;
}

void Rbac::visit(const User& user, std::string_view name_space, const Visit& visit) {
  follow();
  std::shared_lock lock(mutex_);
  std::vector<const Binding*> seen;
  seen.reserve(16);
  std::string key;  // one block of memory for all that is looked up
  key.reserve(128);
  auto visit_named = [&](std::string_view space, char kind, std::string_view name) {
    put_subject_key(key, space, kind, name);
    return visit_subject(key, seen, visit);
  };
  auto in = [&](std::string_view space) {
    return visit_named(space, 'U', user.name) &&
           std::all_of(user.groups.begin(), user.groups.end(), [&](const auto& group) { return visit_named(space, 'G', group); });
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
  auto role = (*binding.object)["roleRef"];
  return concat("RBAC: allowed by ", cluster ? "ClusterRoleBinding " : "RoleBinding ",
                quoted(cluster ? std::string(name) : concat(name, "/", binding.name_space)), " of ", role["kind"].as_string(), " ",
                quoted(role["name"].as_string()), " to ", kind, " ", quoted(who));
}

Decision Rbac::authorize(const User& user, const RequestInfo& request, std::string& reason) {
  std::vector<std::string> problems;
  bool allowed = false;
  auto ask = [&](const Binding& binding, uint32_t subject, const PolicyRules* rules) {
    if (!rules) {
      problems.push_back(problem_of(binding));
      return true;
    }
    allowed = std::any_of(rules->begin(), rules->end(), [&](const auto& rule) { return rule.allows(request); });
    if (allowed) reason = reason_of(binding, subject);
    return !allowed;
  };
  visit(user, request.name_space, std::ref(ask));  // by reference: it is not copied into memory of its own
  if (allowed) return Decision::Allow;
  if (!problems.empty()) reason = concat("RBAC: ", one_text(problems));
  return Decision::NoOpinion;
}

PolicyRules Rbac::held_by(const User& user, std::string_view name_space, std::vector<std::string>& problems) {
  PolicyRules held;
  visit(user, name_space,
        [&](const Binding& binding, uint32_t, const PolicyRules* rules) {
          if (rules)
            held.insert(held.end(), rules->begin(), rules->end());
          else
            problems.push_back(problem_of(binding));
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
  if (!is_role_kind(role_kind)) return fail(no_such_kind(role_kind));
  if (auto* rules = role_of(role_key(role_kind, role_name, name_space))) return *rules;
  return fail(not_found(kGroup, role_kind == "ClusterRole" ? "clusterroles" : "roles", role_name));
}

}  // namespace sampan::apiserver
