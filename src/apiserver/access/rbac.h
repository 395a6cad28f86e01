// Role-based access control over the watch caches. Bindings are indexed by whom they bind and roles are kept taken apart, so that a decision looks at
// the bindings of one user, however many there are. The index follows the caches when it is asked next: who has written a binding finds it in force.
#pragma once
#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <shared_mutex>
#include <unordered_map>

#include "apiserver/access/policy_rules.h"
#include "apiserver/catalog.h"
#include "apiserver/identity.h"

namespace sampan::apiserver {

class Rbac final : public Authorizer {
 public:
  explicit Rbac(Catalog& catalog);
  ~Rbac() override;
  Decision authorize(const User& user, const RequestInfo& request, std::string& reason) override;
  void rules_for(const User& user, std::string_view name_space, SubjectRules& out) override;

  // Everything that the user may do in the namespace ("": cluster-wide), with what could not be found out.
  PolicyRules held_by(const User& user, std::string_view name_space, std::vector<std::string>& problems);
  // Of a binding in the namespace ("" for cluster role bindings).
  Result<PolicyRules> rules_of(std::string_view role_kind, std::string_view role_name, std::string_view name_space);

 private:
  struct Binding;
  using BindingRef = std::shared_ptr<const Binding>;
  using RoleRef = std::shared_ptr<const PolicyRules>;
  struct Source;

  // `visit` gives false to end. Bindings of the user, cluster-wide ones first, with the name under which one binds him.
  // `rules` are null where there is no such role: problem_of() says it.
  using Visit = std::function<bool(const Binding& binding, uint32_t subject, const PolicyRules* rules)>;
  void visit(const User& user, std::string_view name_space, const Visit& visit);
  bool visit_subject(const std::string& key, std::vector<const Binding*>& seen, const Visit& visit);
  const PolicyRules* role_of(const std::string& key) const;
  static std::string problem_of(const Binding& binding);
  static std::string reason_of(const Binding& binding, uint32_t subject);
  void follow();
  void load(Source& source);
  void change(const Source& source, std::string_view key, const schema::Object* old, const schema::ObjectRef& object);
  void index(const Binding& binding, const BindingRef& add);

  std::shared_mutex mutex_;  // guards the rest; taken for writing only when something has changed
  std::vector<std::unique_ptr<Source>> sources_;
  std::atomic<bool> behind_{true};
  std::unordered_map<std::string, RoleRef> roles_;  // "NAMESPACE/NAME", of cluster roles "/NAME"
  // By namespace ("" cluster-wide), '\0', U or G, and the name; in the order of the bindings' keys.
  std::unordered_map<std::string, std::map<std::string, BindingRef>> bindings_;
};

}  // namespace sampan::apiserver
