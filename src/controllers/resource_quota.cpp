// Counts anew what a namespace uses of its quotas, when something goes or changes its size, when a quota changes, and every so often. What comes is
// charged by admission before it is stored.
#include "base/text.h"
#include "controllers/controllers.h"
#include "controllers/tree.h"
#include "registry/quota_usage.h"

namespace sampan::controllers {

namespace {

constexpr int64_t kRecountUs = 5 * 60 * 1'000'000ll;

using registry::QuotaUsage;

bool is_core(const client::Resource& resource, std::string_view name) { return resource.group.empty() && resource.resource == name; }

bool has_ended(const Object& pod) {
  auto phase = pod["status"]["phase"].as_string();
  return phase == "Succeeded" || phase == "Failed";
}

// The change may give something back.
bool frees(const client::Resource& resource, const Change& change) {
  if (!change.object) return true;
  if (!change.previous) return false;
  const Object &now = *change.object, &before = *change.previous;
  if (is_core(resource, "pods")) return has_ended(now) != has_ended(before) || !now["spec"]["containers"].equals(before["spec"]["containers"]);
  if (is_core(resource, "services"))
    return !now["spec"]["type"].equals(before["spec"]["type"]) || now["spec"]["ports"].size() != before["spec"]["ports"].size();
  return is_core(resource, "persistentvolumeclaims") &&
         (!now["spec"].equals(before["spec"]) || !now["status"]["allocatedResources"].equals(before["status"]["allocatedResources"]));
}

class ResourceQuotas final : public Controller {
 public:
  explicit ResourceQuotas(Environment& environment) : environment_(environment) {}

  void watch(Watches& watches) override {
    quotas_ = &watches.on("", "resourcequotas", [](const Change& change, const Watches::Enqueue& enqueue) {
      if (!change.object) return;
      const Object& now = *change.object;
      if (!change.previous || !now["spec"].equals((*change.previous)["spec"]) || !now["status"]["hard"].equals(now["spec"]["hard"]))
        enqueue(key_of(now));
    });
    watches.every(kRecountUs, "all");
    auto resources = environment_.api.resources();
    if (!resources) return;
    for (const auto* resource : *resources) {
      constexpr uint16_t kNeeded = schema::Create | schema::Delete | schema::List_ | schema::Watch;
      if (!resource->namespaced || resource->resource == "events" || (resource->verbs & kNeeded) != kNeeded) continue;
      counted_.push_back(&watches.on(resource->group, resource->resource, [this, resource](const Change& change, const Watches::Enqueue& enqueue) {
        if (!frees(*resource, change)) return;
        quotas_->snapshot().each(concat(namespace_of(change.any()), "/"), {}, [&](std::string_view key, const ObjectRef& quota) {
          if (!names_for(*resource, *quota).empty()) enqueue(key);
          return true;
        });
      }));
    }
  }

  Result<Again> reconcile(const Key& key) override {
    if (!key.name_space.empty()) {
      auto quota = quotas_->find(key.name_space, key.name);
      if (quota) TRY(count(*quota));
      return Again::never();
    }
    Result<void> result;
    for (const auto& quota : quotas_->all())
      if (auto counted = count(*quota); !counted) result = std::move(counted);
    if (!result) return fail(std::move(result).error());
    return Again::never();
  }

 private:
  static std::vector<std::string> names_for(const client::Resource& resource, const Object& quota) {
    return registry::quota_names_of(resource.group, resource.resource, registry::names_in(quota["spec"]["hard"]));
  }

  QuotaUsage usage_of(const Object& quota) const {
    QuotaUsage used;
    // What nobody counts here (a kind that is not served) keeps what was said of it.
    for (const auto& name : registry::names_in(quota["spec"]["hard"]))
      used.emplace(name, schema::Quantity::stored(quota["status"]["used"][name].as_string()));
    for (auto* informer : counted_) {
      const auto& resource = informer->resource();
      auto names = names_for(resource, quota);
      for (const auto& name : names) used.insert_or_assign(name, schema::Quantity());
      if (names.empty()) continue;
      informer->snapshot().each(concat(namespace_of(quota), "/"), {}, [&](std::string_view, const ObjectRef& object) {
        if (!registry::is_in_quota_scope(resource.group, resource.resource, quota["spec"], *object)) return true;
        auto own = registry::quota_usage_of(resource.group, resource.resource, *object, environment_.now_seconds());
        for (const auto& name : names)
          if (auto found = own.find(name); found != own.end()) used.find(name)->second += found->second;
        return true;
      });
    }
    return used;
  }

  static bool is_same(const QuotaUsage& used, const AnyView& said) {
    if (said.size() != used.size()) return false;
    for (const auto& [name, amount] : used)
      if (!said[name].present() || schema::Quantity::stored(said[name].as_string()) != amount) return false;
    return true;
  }

  Result<void> count(const Object& quota) {
    auto used = usage_of(quota);
    AnyView hard = quota["spec"]["hard"], status = quota["status"];
    if (status["hard"].present() && status["used"].present() && hard.equals(status["hard"]) && is_same(used, status["used"])) return {};
    Arena arena;
    Value tree = schema::thaw(quota, arena);
    Value amounts = Value::object(arena);
    for (const auto& [name, amount] : used) amounts.set_copy(name, text_in(arena, amount.text()));
    Value hard_tree = hard.present() ? schema::thaw(hard, arena) : Value::object(arena);
    tree.set("status", tree_of(arena, {{"hard", hard_tree}, {"used", amounts}}));
    auto written = environment_.api.update_status(quotas_->resource(), tree);
    if (!written && !written.error().is(Reason::NotFound)) return fail(std::move(written).error());
    return {};
  }

  Environment& environment_;
  Informer* quotas_ = nullptr;
  std::vector<Informer*> counted_;
};

}  // namespace

std::unique_ptr<Controller> make_resource_quota(Environment& environment) { return std::make_unique<ResourceQuotas>(environment); }

}  // namespace sampan::controllers
