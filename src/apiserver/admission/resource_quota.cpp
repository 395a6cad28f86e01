// ResourceQuota: nothing is made that would take more of a namespace than its quotas give. What a write uses is added to the quota's status before the
// object is written, with compare-and-swap, so that no two writers share the last of it. What is freed, and what was added for writes that then failed,
// the quota controller finds when it counts.
#include "apiserver/admission/plugin.h"
#include "base/text.h"
#include "registry/quota_usage.h"
#include "schema/apply/apply.h"

namespace sampan::apiserver {

using registry::QuotaUsage;
using schema::AnyView;
using schema::Object;
using schema::ObjectRef;
using schema::Quantity;
using schema::Value;

namespace {

constexpr std::string_view kUncounted[] = {"events", "bindings", "localsubjectaccessreviews"};

std::string shown(const QuotaUsage& usage) {
  std::string text;
  for (const auto& [name, amount] : usage) append(text, text.empty() ? "" : ",", name, "=", amount.text());
  return text;
}

QuotaUsage amounts(const AnyView& list) {
  QuotaUsage usage;
  for (uint32_t i = 0; list.present() && i < list.size(); i++) usage.emplace(list.key(i), Quantity::stored(list.value(i).as_string()));
  return usage;
}

// Those of the names that have an amount.
QuotaUsage of_names(const QuotaUsage& usage, const std::vector<std::string>& names) {
  QuotaUsage some;
  for (const auto& name : names)
    if (auto at = usage.find(name); at != usage.end()) some.insert(*at);
  return some;
}

// What the change uses more than before; nothing is less than zero.
QuotaUsage growth(QuotaUsage now, const QuotaUsage& before) {
  for (auto& [name, amount] : now)
    if (auto at = before.find(name); at != before.end()) amount -= at->second;
  std::erase_if(now, [](const auto& entry) { return entry.second.sign() <= 0; });
  return now;
}

class ResourceQuota final : public AdmissionPlugin {
 public:
  ResourceQuota(Catalog& catalog, Clock& clock) : served_(*catalog.find("", "resourcequotas")), quotas_(*served_.store), clock_(clock) {}
  std::string_view name() const override { return "ResourceQuota"; }

  Result<void> validate(const Attributes& attributes, const Object* object, const Object* old) override {
    const RequestInfo& info = attributes.info;
    if (info.name_space.empty() || !object || !concerns(attributes, *object, old)) return {};
    if (info.group.empty() && info.resource == "namespaces") return {};
    std::vector<ObjectRef> there;
    quotas_.cache().snapshot().each(concat(info.name_space, "/"), {}, [&](std::string_view, const ObjectRef& quota) {
      there.push_back(quota);
      return true;
    });
    std::vector<ObjectRef> touched;
    for (const auto& quota : there)
      if (!TRY(added(attributes, *quota, *object, old)).empty()) touched.push_back(quota);
    if (attributes.dry_run) return {};
    for (const auto& quota : touched) TRY(charge(attributes, *quota, *object, old));
    return {};
  }

 private:
  // Does the write change what is counted?
  static bool concerns(const Attributes& attributes, const Object& object, const Object* old) {
    const RequestInfo& info = attributes.info;
    bool creates = attributes.operation == Operation::Create, updates = attributes.operation == Operation::Update;
    if (std::find(std::begin(kUncounted), std::end(kUncounted), info.resource) != std::end(kUncounted)) return false;
    bool core = info.group.empty();
    if (core && info.resource == "pods") {
      if (info.subresource == "resize") return updates;
      if (!info.subresource.empty()) return false;
      auto ends = [](const Object& pod) { return pod["spec"]["activeDeadlineSeconds"].present(); };
      return creates || (updates && old && ends(object) != ends(*old));
    }
    if (core && info.resource == "persistentvolumeclaims" && info.subresource == "status") {
      AnyView now = object["status"]["allocatedResources"], before = old ? (*old)["status"]["allocatedResources"] : AnyView();
      return updates && (now.present() != before.present() || (now.present() && !now.equals(before)));
    }
    if (!info.subresource.empty()) return false;
    bool measured = (core && (info.resource == "services" || info.resource == "persistentvolumeclaims")) ||
                    (info.group == "resource.k8s.io" && info.resource == "resourceclaims");
    return creates || (updates && measured);
  }

  // What the write adds to the quota's use; a refusal if that is too much. Empty: it is none of the quota's business.
  Result<QuotaUsage> added(const Attributes& attributes, const Object& quota, const Object& object, const Object* old) {
    const RequestInfo& info = attributes.info;
    AnyView hard_view = quota["status"]["hard"];
    auto names = registry::quota_names_of(info.group, info.resource, registry::names_in(hard_view));
    if (names.empty() || !registry::is_in_quota_scope(info.group, info.resource, quota["spec"], object)) return QuotaUsage();
    auto quota_name = quota["metadata"]["name"].as_string();
    if (info.group.empty() && info.resource == "pods")
      if (auto missing = registry::missing_for_quota(object, names); !missing.empty())
        return fail(refusal(attributes, object, concat("failed quota: ", quota_name, ": ", missing)));
    auto hard = amounts(hard_view), used = amounts(quota["status"]["used"]);
    if (of_names(used, names).size() != of_names(hard, names).size()) {
      std::sort(names.begin(), names.end());
      return fail(refusal(attributes, object, concat("status unknown for quota: ", quota_name, ", resources: ", join(names, ","))));
    }
    int64_t now_s = clock_.now_us() / 1'000'000;
    auto usage = registry::quota_usage_of(info.group, info.resource, object, now_s);
    QuotaUsage before;
    if (old && registry::is_in_quota_scope(info.group, info.resource, quota["spec"], *old))
      before = registry::quota_usage_of(info.group, info.resource, *old, now_s);
    TRY(not_negative(attributes, object, usage));
    auto more = of_names(growth(std::move(usage), before), registry::names_in(hard_view));
    if (info.subresource != "status") TRY(not_too_much(attributes, object, quota_name, more, used, hard));
    return more;
  }

  static Result<void> not_negative(const Attributes& attributes, const Object& object, const QuotaUsage& usage) {
    std::vector<std::string> negative;
    for (const auto& [name, amount] : usage)
      if (amount.sign() < 0) negative.push_back(name);
    if (negative.empty()) return {};
    return fail(refusal(attributes, object, concat("quota usage is negative for resource(s): ", join(negative, ","))));
  }

  static Result<void> not_too_much(const Attributes& attributes, const Object& object, std::string_view quota_name, const QuotaUsage& more,
                                   const QuotaUsage& used, const QuotaUsage& hard) {
    std::vector<std::string> exceeded;
    for (const auto& [name, amount] : more) {
      Quantity sum;
      if (auto at = used.find(name); at != used.end()) sum = at->second;
      sum += amount;
      if (sum > hard.find(name)->second) exceeded.push_back(name);
    }
    if (exceeded.empty()) return {};
    return fail(refusal(attributes, object,
                        concat("exceeded quota: ", quota_name, ", requested: ", shown(of_names(more, exceeded)), ", used: ",
                               shown(of_names(used, exceeded)), ", limited: ", shown(of_names(hard, exceeded)))));
  }

  // Judges anew what is there now, and takes it.
  Result<void> charge(const Attributes& attributes, const Object& quota, const Object& object, const Object* old) {
    auto produce = [&](const ObjectRef& current, Arena& arena) -> Result<Value> {
      if (!current) return fail(not_found("", "resourcequotas", quota["metadata"]["name"].as_string()));
      auto more = TRY(added(attributes, *current, object, old));
      Value tree = schema::thaw(*current, arena);
      auto used = amounts((*current)["status"]["used"]);
      Value list = tree.ensure_object("status").ensure_object("used");
      for (const auto& [name, amount] : more) {
        used[name] += amount;
        list.set(arena.copy(name), arena.copy(used[name].text()));
      }
      schema::FieldManager manager;
      manager.name = "kube-apiserver";
      manager.subresource = "status";
      manager.api_version = "v1";
      manager.now_seconds = clock_.now_us() / 1'000'000;
      TRY(schema::update_managed_fields(tree, current.get(), *served_.resource->type, manager));
      return tree;
    };
    registry::Preconditions same;
    same.uid = quota["metadata"]["uid"].as_string();
    registry::WriteOptions options;
    options.subresource = "status";
    auto metadata = quota["metadata"];
    auto charged = quotas_.update(metadata["namespace"].as_string(), metadata["name"].as_string(), produce, same, false, options);
    if (charged || charged.error().is(Reason::NotFound)) return {};  // a quota that is gone limits nothing
    return fail(std::move(charged).error());
  }

  const Served& served_;
  registry::ObjectStore& quotas_;
  Clock& clock_;
};

}  // namespace

std::unique_ptr<AdmissionPlugin> resource_quota(Catalog& catalog, Clock& clock) { return std::make_unique<ResourceQuota>(catalog, clock); }

}  // namespace sampan::apiserver
