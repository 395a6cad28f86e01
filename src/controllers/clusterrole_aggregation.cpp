// Aggregated cluster roles have the rules of all roles that their selectors find, in the order of the roles' names, each rule once.
#include <set>

#include "controllers/controllers.h"
#include "controllers/tree.h"
#include "schema/label_selector.h"

namespace sampan::controllers {

namespace {

class ClusterRoleAggregation final : public Controller {
 public:
  explicit ClusterRoleAggregation(Environment& environment) : environment_(environment) {}

  void watch(Watches& watches) override {
    // One role may change the rules of any.
    roles_ = &watches.on("rbac.authorization.k8s.io", "clusterroles", [this](const Change&, const Watches::Enqueue& enqueue) {
      for (const auto& role : roles_->all())
        if ((*role)["aggregationRule"].present()) enqueue(name_of(*role));
    });
  }

  Result<Again> reconcile(const Key& key) override {
    auto role = roles_->find({}, key.name);
    if (!role || !(*role)["aggregationRule"].present()) return Again::never();
    std::map<std::string, ObjectRef, std::less<>> found;
    for (AnyView view : each((*role)["aggregationRule"]["clusterRoleSelectors"])) {
      auto selector = TRY(schema::LabelSelector::from(view));
      for (const auto& other : roles_->all())
        if (name_of(*other) != key.name && selector.matches(*other)) found.emplace(name_of(*other), other);
    }
    std::vector<AnyView> rules;
    for (const auto& [name, other] : found)
      for (AnyView rule : each((*other)["rules"])) {
        bool known = false;
        for (const AnyView& one : rules) known |= one.equals(rule);
        if (!known) rules.push_back(rule);
      }
    AnyView has = (*role)["rules"];
    bool same = has.size() == rules.size();
    for (uint32_t i = 0; same && i < rules.size(); i++) same = has.item(i).equals(rules[i]);
    if (same) return Again::never();
    Arena arena;
    Value tree = schema::thaw(*role, arena), list = Value::list(arena);
    for (const AnyView& rule : rules) list.push(schema::thaw(rule, arena));
    tree.set("rules", list);
    auto written = environment_.api.update(roles_->resource(), tree);
    if (!written && !written.error().is(Reason::NotFound)) return fail(std::move(written).error());
    return Again::never();
  }

 private:
  Environment& environment_;
  Informer* roles_ = nullptr;
};

}  // namespace

std::unique_ptr<Controller> make_clusterrole_aggregation(Environment& environment) { return std::make_unique<ClusterRoleAggregation>(environment); }

}  // namespace sampan::controllers
