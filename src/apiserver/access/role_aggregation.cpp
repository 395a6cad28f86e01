#include "apiserver/access/role_aggregation.h"

#include "base/log.h"
#include "base/watchman.h"
#include "registry/selectors.h"
#include "schema/apply/apply.h"
#include "schema/conform.h"

namespace sampan::apiserver {

using schema::Object;
using schema::ObjectRef;
using schema::Value;

namespace {

constexpr std::string_view kGroup = "rbac.authorization.k8s.io";
constexpr int64_t kRetry_us = 1'000'000;

std::string_view name_of(const Object& role) { return role["metadata"]["name"].as_string(); }

// With texts of its own, for the roles that it comes from may go before the arena does.
Value rule_copy(const schema::AnyView& rule, Arena& arena) {
  Value copy = Value::object(arena);
  for (std::string_view member : {"verbs", "apiGroups", "resources", "resourceNames", "nonResourceURLs"}) {
    auto list = rule[member];
    for (uint32_t i = 0; list.present() && i < list.size(); i++) copy.ensure_list(member).push(arena.copy(list.item(i).as_string()));
  }
  return copy;
}

// As upstream's controller does it, by apply.
Result<void> write_rules(Catalog& catalog, Clock& clock, std::string_view name) {
  const Served* served = catalog.find(kGroup, "clusterroles");
  auto api_version = served->api_version();
  auto produce = [&](const ObjectRef& current, Arena& arena) -> Result<Value> {
    if (!current) return fail(not_found(kGroup, "clusterroles", name));  // deleted meanwhile
    auto rules = aggregated_rules(*current, served->store->cache().snapshot(), arena);
    if (!rules) return schema::thaw(*current, arena);
    Value applied = Value::object(arena);
    applied.set("apiVersion", std::string_view(api_version));
    applied.set("kind", "ClusterRole");
    applied.ensure_object("metadata").set("name", arena.copy(name));
    applied.set("rules", *rules);
    schema::FieldManager manager;
    manager.name = "clusterrole-aggregation-controller";
    manager.api_version = std::string_view(api_version);
    manager.now_seconds = clock.now_us() / 1'000'000;
    Value object = TRY(schema::apply(current.get(), applied, *served->resource->type, manager, true, arena));
    schema::Conformance found;
    TRY(schema::conform(object, *served->resource->type, found));
    return object;
  };
  auto outcome = served->store->update({}, name, produce, {}, false, {});
  if (!outcome && !outcome.error().is(Reason::NotFound)) return fail(std::move(outcome).error());
  return {};
}

class Keeper final : public RoleAggregation {
 public:
  Keeper(Catalog& catalog, Clock& clock) : catalog_(catalog), clock_(clock) { watchman_.start(); }

 private:
  int64_t look() {
    auto* roles = catalog_.store_of(kGroup, "clusterroles");
    if (!stream_ || stream_->error()) stream_ = roles->cache().snapshot_and_events().second;
    while (stream_->next()) {
    }
    // Once more whenever a role changes; the next changes call from here on.
    stream_->on_wake([this] { watchman_.wake(); });
    auto done = aggregate_roles(catalog_, clock_);
    if (done) return Watchman::kUntilWoken;
    LOG_WARNING("aggregate cluster roles, trying again: ", done.error().message());
    return kRetry_us;
  }

  Catalog& catalog_;
  Clock& clock_;
  std::unique_ptr<store::EventStream> stream_;
  Watchman watchman_{[this](bool) { return look(); }};
};

}  // namespace

std::optional<Value> aggregated_rules(const Object& role, const store::Snapshot& cluster_roles, Arena& arena) {
  auto selectors = role["aggregationRule"]["clusterRoleSelectors"];
  if (!selectors.present() || selectors.size() == 0) return std::nullopt;
  Value rules = Value::list(arena);
  for (uint32_t i = 0; i < selectors.size(); i++) {
    auto selector = registry::LabelSelector::from(selectors.item(i));
    if (!selector) continue;
    cluster_roles.each({}, {}, [&](std::string_view, const ObjectRef& other) {
      if (name_of(*other) == name_of(role) || !selector->matches(*other)) return true;
      auto parts = (*other)["rules"];
      for (uint32_t k = 0; parts.present() && k < parts.size(); k++) {
        Value rule = rule_copy(parts.item(k), arena);
        auto items = rules.items();
        if (std::none_of(items.begin(), items.end(), [&](const Value& it) { return it.equals(rule); })) rules.push(rule);
      }
      return true;
    });
  }
  Value have = Value::list(arena);
  auto old = role["rules"];
  for (uint32_t k = 0; old.present() && k < old.size(); k++) have.push(rule_copy(old.item(k), arena));
  if (have.equals(rules)) return std::nullopt;
  return rules;
}

Result<void> aggregate_roles(Catalog& catalog, Clock& clock) {
  auto* roles = catalog.store_of(kGroup, "clusterroles");
  if (!roles) return {};
  bool changed = true;
  // Aggregated roles may gather aggregated ones.
  for (int round = 0; changed && round < 10; round++) {
    changed = false;
    auto snapshot = roles->cache().snapshot();
    std::vector<std::string> names;
    snapshot.each({}, {}, [&](std::string_view name, const ObjectRef& role) {
      Arena arena;
      if (aggregated_rules(*role, snapshot, arena)) names.emplace_back(name);
      return true;
    });
    for (const auto& name : names) TRY(write_rules(catalog, clock, name));
    changed = !names.empty();
  }
  return {};
}

std::unique_ptr<RoleAggregation> RoleAggregation::start(Catalog& catalog, Clock& clock) {
  if (!catalog.store_of(kGroup, "clusterroles")) return nullptr;
  return std::make_unique<Keeper>(catalog, clock);
}

}  // namespace sampan::apiserver
