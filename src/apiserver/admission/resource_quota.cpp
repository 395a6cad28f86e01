// ResourceQuota: nothing is made that would take more of a namespace than its quotas give. What a write uses is added to the quota's status before the
// object is written, with compare-and-swap, so that no two writers share the last of it. What is freed, and what was added for writes that then failed,
// the quota controller finds when it counts.
#include <set>

#include "apiserver/admission/plugin.h"
#include "apiserver/admission/settings.h"
#include "base/text.h"
#include "registry/field_errors.h"
#include "registry/quota_usage.h"
#include "schema/apply/apply.h"
#include "schema/config_file.h"

namespace sampan::apiserver {

using registry::QuotaScope;
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

// What may be used only where a quota is about it.
struct LimitedResource {
  std::string group, resource;
  std::vector<std::string> parts;  // of names of amounts
  std::vector<QuotaScope> scopes;
};

class ResourceQuota final : public AdmissionPlugin {
 public:
  ResourceQuota(std::vector<LimitedResource> limited, Catalog& catalog, Clock& clock)
      : limited_(std::move(limited)), served_(*catalog.find("", "resourcequotas")), quotas_(*served_.store), clock_(clock) {}
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
    if (there.empty() && limited_.empty()) return {};
    Arrears arrears;
    for (const auto& quota : there) TRY(note(attributes, quota, *object, arrears));
    auto usage = registry::quota_usage_of(info.group, info.resource, *object, now_s());
    TRY(not_negative(attributes, *object, usage));
    bool uses_more = false;
    for (const auto& quota : arrears.quotas) uses_more |= !growth(usage, usage_before(attributes, quota.get(), old)).empty();
    if (arrears.quotas.empty()) uses_more = !growth(usage, usage_before(attributes, nullptr, old)).empty();
    if (!uses_more) return {};
    TRY(covered(attributes, *object, usage, arrears));
    std::vector<ObjectRef> touched;
    for (const auto& quota : arrears.quotas)
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

  // What the quotas of a namespace say about an object.
  struct Arrears {
    std::vector<ObjectRef> quotas;           // that are about it
    std::set<std::string> names;             // of amounts that they are about
    std::set<std::string, std::less<>> scopes;  // that some quota is about and the object is of
  };

  int64_t now_s() const { return clock_.now_us() / 1'000'000; }

  static std::vector<std::string> names_for(const RequestInfo& info, const Object& quota) {
    return registry::quota_names_of(info.group, info.resource, registry::names_in(quota["status"]["hard"]));
  }
  static bool is_about(const RequestInfo& info, const Object& quota, const Object& object) {
    return registry::is_in_quota_scope(info.group, info.resource, quota["spec"], object);
  }

  // A refusal, if the quota is about the object and cannot tell whether there is room for it.
  Result<void> note(const Attributes& attributes, const ObjectRef& quota, const Object& object, Arrears& arrears) {
    const RequestInfo& info = attributes.info;
    if (!limited_.empty())
      for (const auto& scope : registry::quota_scopes((*quota)["spec"]))
        if (registry::is_in_scope(info.group, info.resource, scope, object)) arrears.scopes.insert(scope.name);
    auto names = names_for(info, *quota);
    if (names.empty() || !is_about(info, *quota, object)) return {};
    auto quota_name = (*quota)["metadata"]["name"].as_string();
    if (info.group.empty() && info.resource == "pods")
      if (auto missing = registry::missing_for_quota(object, names); !missing.empty())
        return fail(refusal(attributes, object, concat("failed quota: ", quota_name, ": ", missing)));
    auto hard = amounts((*quota)["status"]["hard"]), used = amounts((*quota)["status"]["used"]);
    std::sort(names.begin(), names.end());
    if (of_names(used, names).size() != of_names(hard, names).size())
      return fail(refusal(attributes, object, concat("status unknown for quota: ", quota_name, ", resources: ", join(names, ","))));
    arrears.names.insert(names.begin(), names.end());
    arrears.quotas.push_back(quota);
    return {};
  }

  // What the object used already. `quota` null: of any.
  QuotaUsage usage_before(const Attributes& attributes, const Object* quota, const Object* old) const {
    const RequestInfo& info = attributes.info;
    if (!old || (quota && !is_about(info, *quota, *old))) return {};
    return registry::quota_usage_of(info.group, info.resource, *old, now_s());
  }

  // Whether what is limited by default is covered by quotas.
  Result<void> covered(const Attributes& attributes, const Object& object, const QuotaUsage& usage, const Arrears& arrears) const {
    const RequestInfo& info = attributes.info;
    std::set<std::string> bare;
    std::string scopes;
    for (const auto& limited : limited_) {
      for (const auto& [name, amount] : usage) {
        if (limited.group != info.group || limited.resource != info.resource || amount.sign() <= 0 || arrears.names.contains(name)) continue;
        for (const auto& part : limited.parts)
          if (name.find(part) != std::string::npos) bare.insert(name);
      }
      // These count for every resource that has the scope, as upstream.
      for (const auto& scope : limited.scopes)
        if (registry::is_in_scope(info.group, info.resource, scope, object) && !arrears.scopes.contains(scope.name))
          append(scopes, scopes.empty() ? "" : " ", "{", scope.name, " ", scope.verb, " [", join(scope.values, " "), "]}");
    }
    if (!bare.empty()) return fail(refusal(attributes, object, concat("insufficient quota to consume: ", join({bare.begin(), bare.end()}, ","))));
    if (!scopes.empty()) return fail(Error(500, Reason::Unknown, concat("insufficient quota to match these scopes: [", scopes, "]")));
    return {};
  }

  // What the write adds to the use of a quota that is about it; a refusal if that is too much.
  Result<QuotaUsage> added(const Attributes& attributes, const Object& quota, const Object& object, const Object* old) {
    const RequestInfo& info = attributes.info;
    AnyView hard_view = quota["status"]["hard"];
    auto usage = registry::quota_usage_of(info.group, info.resource, object, now_s());
    auto more = of_names(growth(std::move(usage), usage_before(attributes, &quota, old)), registry::names_in(hard_view));
    if (info.subresource != "status")
      TRY(not_too_much(attributes, object, quota["metadata"]["name"].as_string(), more, amounts(quota["status"]["used"]), amounts(hard_view)));
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
      Arrears now;
      TRY(note(attributes, current, object, now));
      auto more = now.quotas.empty() ? QuotaUsage() : TRY(added(attributes, *current, object, old));
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

  const std::vector<LimitedResource> limited_;
  const Served& served_;
  registry::ObjectStore& quotas_;
  Clock& clock_;
};

constexpr std::string_view kVersions[] = {"v1"}, kOldVersions[] = {"v1beta1", "v1alpha1"};
constexpr std::string_view kType = "io.k8s.apiserver.pkg.apis.apiserver.v1.ResourceQuotaConfiguration";
constexpr schema::ConfigKind kKinds[] = {{"apiserver.config.k8s.io", "ResourceQuotaConfiguration", kVersions, kType},
                                         {"resourcequota.admission.k8s.io", "Configuration", kOldVersions, kType}};

Result<std::vector<LimitedResource>> read_limited(std::string_view settings) {
  std::vector<LimitedResource> out;
  if (settings.empty()) return out;
  Arena arena;
  Value tree = TRY(schema::read_config(settings, kKinds, arena));
  registry::FieldErrors errors;
  auto list = registry::Path("limitedResources");
  for (Value it : tree["limitedResources"].items()) {
    auto at = list.index(static_cast<uint32_t>(out.size()));
    LimitedResource limited{std::string(it["apiGroup"].as_string()), std::string(it["resource"].as_string()), texts_of(it["matchContains"]), {}};
    if (limited.resource.empty()) errors.required(at.child("resource"), "");
    for (Value scope : it["matchScopes"].items())
      limited.scopes.push_back({std::string(scope["scopeName"].as_string()), std::string(scope["operator"].as_string()), texts_of(scope["values"])});
    out.push_back(std::move(limited));
  }
  if (!errors.empty()) return fail(bad_request(errors.text()));
  return out;
}

}  // namespace

Result<std::unique_ptr<AdmissionPlugin>> resource_quota(std::string_view settings, Catalog& catalog, Clock& clock) {
  return std::make_unique<ResourceQuota>(TRY(read_limited(settings)), catalog, clock);
}

}  // namespace sampan::apiserver
