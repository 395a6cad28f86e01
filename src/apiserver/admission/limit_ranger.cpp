// LimitRanger: containers without requests and limits get those of the namespace's limit ranges, and none may go beyond them.
#include <cstdio>

#include "apiserver/admission/plugin.h"
#include "apiserver/admission/pod_amounts.h"
#include "base/text.h"

namespace sampan::apiserver {

using schema::AnyView;
using schema::Object;
using schema::Quantity;
using schema::Value;

namespace {

constexpr int64_t kMilliValueMax = INT64_MAX / 1000;

// One demand of a limit range ("max" cpu of each "Container") held against what something asks for.
struct Demand {
  std::string_view type, resource;
  Quantity enforced;
  const Amounts& requests;
  const Amounts& limits;
  std::vector<std::string>& complaints;

  const Quantity* request() const { return find(requests); }
  const Quantity* limit() const { return find(limits); }
  const Quantity* find(const Amounts& amounts) const {
    auto found = amounts.find(resource);
    return found == amounts.end() ? nullptr : &found->second;
  }
  // Fractions count unless that is more than an int64 holds.
  int scale() const {
    for (const Quantity* amount : {request(), limit(), &enforced})
      if (amount && amount->value() > kMilliValueMax) return 0;
    return -3;
  }
  int64_t number(const Quantity* amount) const { return amount ? amount->scaled(scale()) : 0; }
  void complain(std::string_view bound, std::string_view what) const {
    complaints.push_back(concat(bound, " ", resource, " usage per ", type, " is ", enforced.text(), what));
  }
};

std::string but(std::string_view what, const Quantity& amount) { return concat(", but ", what, " is ", amount.text()); }

void check_min(const Demand& demand) {
  const Quantity *request = demand.request(), *limit = demand.limit();
  int64_t least = demand.number(&demand.enforced);
  if (!request) return demand.complain("minimum", ".  No request is specified");
  if (demand.number(request) < least) return demand.complain("minimum", but("request", *request));
  if (limit && demand.number(limit) < least) demand.complain("minimum", but("limit", *limit));
}

void check_max(const Demand& demand) {
  const Quantity *request = demand.request(), *limit = demand.limit();
  int64_t most = demand.number(&demand.enforced);
  if (!limit) return demand.complain("maximum", ".  No limit is specified");
  if (demand.number(limit) > most) return demand.complain("maximum", but("limit", *limit));
  if (request && demand.number(request) > most) demand.complain("maximum", but("request", *request));
}

void check_max_request(const Demand& demand) {
  const Quantity* request = demand.request();
  if (!request) return demand.complain("maximum", ".  No request is specified");
  if (demand.number(request) > demand.number(&demand.enforced)) demand.complain("maximum", but("request", *request));
}

void check_ratio(const Demand& demand) {
  const Quantity *request = demand.request(), *limit = demand.limit();
  auto complain = [&](std::string_view why) {
    demand.complaints.push_back(
        concat(demand.resource, " max limit to request ratio per ", demand.type, " is ", demand.enforced.text(), ", but ", why));
  };
  if (demand.number(request) == 0) return complain("no request is specified or request is 0");
  if (demand.number(limit) == 0) return complain("no limit is specified or limit is 0");
  double ratio = static_cast<double>(demand.number(limit)) / static_cast<double>(demand.number(request));
  bool fine = demand.enforced.value() <= kMilliValueMax;
  double most = static_cast<double>(fine ? demand.enforced.milli_value() : demand.enforced.value());
  if ((fine ? ratio * 1000 : ratio) <= most) return;
  char shown[400];
  std::snprintf(shown, sizeof shown, "provided ratio is %f", ratio);
  complain(shown);
}

void check_each(const AnyView& bounds, std::string_view type, const Amounts& requests, const Amounts& limits,
                std::vector<std::string>& complaints, void (*check)(const Demand&)) {
  for (uint32_t i = 0; bounds.present() && i < bounds.size(); i++)
    check({type, bounds.key(i), Quantity::stored(bounds.value(i).as_string()), requests, limits, complaints});
}

void check_bounds(const AnyView& item, const Amounts& requests, const Amounts& limits, std::vector<std::string>& complaints) {
  auto type = item["type"].as_string();
  check_each(item["min"], type, requests, limits, complaints, check_min);
  check_each(item["max"], type, requests, limits, complaints, check_max);
  check_each(item["maxLimitRequestRatio"], type, requests, limits, complaints, check_ratio);
}

void check_pod(const AnyView& item, const AnyView& spec, std::vector<std::string>& complaints) {
  auto type = item["type"].as_string();
  if (type == "Pod") return check_bounds(item, pod_amounts(spec, "requests"), pod_amounts(spec, "limits"), complaints);
  if (type != "Container") return;
  for (std::string_view list : {"containers", "initContainers"}) {
    AnyView containers = spec[list];
    for (uint32_t i = 0; i < containers.size(); i++) {
      AnyView resources = containers.item(i)["resources"];
      check_bounds(item, amounts_of(resources["requests"]), amounts_of(resources["limits"]), complaints);
    }
  }
}

void check_claim(const AnyView& item, const AnyView& spec, std::vector<std::string>& complaints) {
  auto type = item["type"].as_string();
  if (type != "PersistentVolumeClaim") return;
  Amounts requests = amounts_of(spec["resources"]["requests"]), none;
  check_each(item["min"], type, requests, none, complaints, check_min);
  check_each(item["max"], type, requests, none, complaints, check_max_request);
}

// Sets what the container does not say; gives the names of what was set, sorted.
std::vector<std::string> fill(Value container, std::string_view which, const Amounts& defaults) {
  std::vector<std::string> set;
  Arena& arena = container.arena();
  for (const auto& [resource, amount] : defaults) {
    if (container["resources"][which].has(resource)) continue;
    container.ensure_object("resources").ensure_object(which).set_copy(resource, arena.copy(amount.text()));
    set.push_back(resource);
  }
  return set;
}

void fill_pod(Value pod, const AnyView& items) {
  Amounts requests, limits;
  for (uint32_t i = 0; i < items.size(); i++) {
    if (items.item(i)["type"].as_string() != "Container") continue;
    for (auto& [resource, amount] : amounts_of(items.item(i)["defaultRequest"])) requests.insert_or_assign(resource, amount);
    for (auto& [resource, amount] : amounts_of(items.item(i)["default"])) limits.insert_or_assign(resource, amount);
  }
  std::vector<std::string> notes;
  auto fill_list = [&](std::string_view list, std::string_view what) {
    for (Value container : pod["spec"][list].items()) {
      auto name = container["name"].as_string();
      auto set_limits = fill(container, "limits", limits), set_requests = fill(container, "requests", requests);
      if (!set_requests.empty()) notes.push_back(concat(join(set_requests, ", "), " request for ", what, " ", name));
      if (!set_limits.empty()) notes.push_back(concat(join(set_limits, ", "), " limit for ", what, " ", name));
    }
  };
  fill_list("containers", "container");
  fill_list("initContainers", "init container");
  if (notes.empty()) return;
  pod.ensure_object("metadata")
      .ensure_object("annotations")
      .set("kubernetes.io/limit-ranger", pod.arena().copy(concat("LimitRanger plugin set: ", join(notes, "; "))));
}

class LimitRanger final : public AdmissionPlugin {
 public:
  explicit LimitRanger(Catalog& catalog) : ranges_(*catalog.store_of("", "limitranges")) {}
  std::string_view name() const override { return "LimitRanger"; }

  Result<void> mutate(const Attributes& attributes, Value object, const Object* old) override {
    if (!limits_pods(attributes) || is_condemned(old)) return {};
    each_object(ranges_, attributes.info.name_space, [&](const Object& range) {
      fill_pod(object, range["spec"]["limits"]);
      return true;
    });
    return {};
  }

  Result<void> validate(const Attributes& attributes, const Object* object, const Object* old) override {
    bool writes = attributes.operation == Operation::Create || attributes.operation == Operation::Update;
    bool is_claim = writes && is_about(attributes, "", "persistentvolumeclaims");
    if ((!is_claim && !limits_pods(attributes)) || is_condemned(old)) return {};
    std::vector<std::string> complaints;
    each_object(ranges_, attributes.info.name_space, [&](const Object& range) {
      AnyView items = range["spec"]["limits"];
      for (uint32_t i = 0; i < items.size(); i++) (is_claim ? check_claim : check_pod)(items.item(i), (*object)["spec"], complaints);
      return complaints.empty();  // the first range that is not kept speaks for all
    });
    if (complaints.empty()) return {};
    return fail(refusal(attributes, *object, one_text(complaints)));
  }

 private:
  // Containers change only where pods are made and resized.
  static bool limits_pods(const Attributes& attributes) {
    const RequestInfo& info = attributes.info;
    if (attributes.operation == Operation::Create) return is_about(attributes, "", "pods");
    return attributes.operation == Operation::Update && info.resource == "pods" && info.group.empty() && info.subresource == "resize";
  }
  static bool is_condemned(const Object* old) { return old && (*old)["metadata"]["deletionTimestamp"].present(); }

  registry::ObjectStore& ranges_;
};

}  // namespace

std::unique_ptr<AdmissionPlugin> limit_ranger(Catalog& catalog) { return std::make_unique<LimitRanger>(catalog); }

}  // namespace sampan::apiserver
