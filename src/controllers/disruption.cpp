// Counts for every disruption budget how many of its pods are healthy and how many may go, and takes back the mark of a pod that was to be disrupted and
// was not.
//
// Keys: "NAMESPACE/NAME" of a budget; "~pod/NAMESPACE/NAME" of a pod with such a mark.
#include <map>

#include "base/encoding.h"
#include "base/text.h"
#include "controllers/controllers.h"
#include "controllers/disruption_counts.h"
#include "controllers/tree.h"
#include "schema/label_selector.h"

namespace sampan::controllers {

namespace {

constexpr std::string_view kPodPrefix = "~pod/";
constexpr int64_t kDeletionSeconds = 2 * 60, kStaleMarkSeconds = 2 * 60;

// As upstream's messages show a selector.
std::string shown(const AnyView& selector) {
  std::string labels, expressions;
  AnyView map = selector["matchLabels"];
  for (uint32_t i = 0; i < map.size(); i++) append(labels, map.key(i), ": ", map.value(i).as_string(), ",");
  for (AnyView requirement : each(selector["matchExpressions"])) {
    std::vector<std::string> values;
    for (AnyView value : each(requirement["values"])) values.emplace_back(value.as_string());
    append(expressions, "LabelSelectorRequirement{Key:", requirement["key"].as_string(), ",Operator:", requirement["operator"].as_string(),
           ",Values:[", join(values, " "), "],},");
  }
  return concat("&LabelSelector{MatchLabels:map[string]string{", labels, "},MatchExpressions:[]LabelSelectorRequirement{", expressions, "},}");
}

class Disruption final : public Controller {
 public:
  explicit Disruption(Environment& environment)
      : environment_(environment), events_(environment.api, environment.clock, environment.executor, "controllermanager") {}

  void watch(Watches& watches) override {
    budgets_ = &watches.each("policy", "poddisruptionbudgets");
    pods_ = &watches.on("", "pods", [this](const Change& change, const Watches::Enqueue& enqueue) {
      const Object& any = change.any();
      budgets_->snapshot().each(concat(namespace_of(any), "/"), {}, [&](std::string_view key, const ObjectRef& budget) {
        if ((change.object && selects(*budget, *change.object)) || (change.previous && selects(*budget, *change.previous))) enqueue(key);
        return true;
      });
      if (change.object && has_stale_mark(*change.object)) enqueue(concat(kPodPrefix, key_of(*change.object)));
    });
    for (auto [group, resource] : {std::pair<std::string_view, std::string_view>{"", "replicationcontrollers"},
                                   {"apps", "replicasets"},
                                   {"apps", "deployments"},
                                   {"apps", "statefulsets"}})
      owners_.push_back(&watches.on(group, resource, [this](const Change& change, const Watches::Enqueue& enqueue) {
        // How many pods there should be is what counts of an owner.
        if (change.object && change.previous && (*change.object)["spec"]["replicas"].equals((*change.previous)["spec"]["replicas"])) return;
        budgets_->snapshot().each(concat(namespace_of(change.any()), "/"), {}, [&](std::string_view key, const ObjectRef& budget) {
          if (selects(*budget, (*(change.object ? change.object : change.previous))["spec"]["template"]["metadata"]["labels"])) enqueue(key);
          return true;
        });
      }));
  }

  Result<Again> reconcile(const Key& key) override {
    auto text = concat(key.name_space, "/", key.name);
    if (text.starts_with(kPodPrefix)) return clear_mark(Key::of(std::string_view(text).substr(kPodPrefix.size())));
    auto budget = budgets_->find(key.name_space, key.name);
    if (!budget) return Again::never();
    auto done = count(*budget);
    if (done || done.error().is(Reason::Conflict)) return done;
    TRY(fail_safe(*budget, done.error().message()));
    return Again::never();
  }

 private:
  static bool selects(const Object& budget, const AnyView& labels) {
    auto selector = schema::LabelSelector::from(budget["spec"]["selector"]);
    return selector && selector->matches(labels);
  }
  static bool selects(const Object& budget, const Object& pod) { return selects(budget, pod["metadata"]["labels"]); }

  // ---- budgets ----

  Result<Again> count(const Object& budget) {
    auto about = client::Reference::of(budgets_->resource(), budget);
    auto selector = TRY(schema::LabelSelector::from(budget["spec"]["selector"]));
    std::vector<ObjectRef> pods;
    pods_->snapshot().each(concat(namespace_of(budget), "/"), {}, [&](std::string_view, const ObjectRef& pod) {
      if (selector.matches(*pod)) pods.push_back(pod);
      return true;
    });
    if (pods.empty()) events_.tell(about, client::kNormal, "NoPods", "No matching pods found");
    bool unmanaged = false;
    auto expected = expect(budget, pods, unmanaged);
    if (!expected) {
      events_.tell(about, client::kWarning, "CalculateExpectedPodCountFailed",
                   concat("Failed to calculate the number of expected pods: ", expected.error().message()));
      return fail(std::move(expected).error());
    }
    if (unmanaged)
      events_.tell(about, client::kWarning, "UnmanagedPods",
                   concat("Pods selected by this PodDisruptionBudget (selector: ", shown(budget["spec"]["selector"]),
                          ") were found to be unmanaged. As a result, the status of the PDB cannot be calculated correctly, which may result in "
                          "undefined behavior. To account for these pods please set \".spec.minAvailable\" field of the PDB to an integer "
                          "value."));
    BudgetCounts counts = *expected;
    int64_t now = environment_.now_seconds(), recheck = -1;
    for (const auto& pod : pods) {
      if (is_deleting(*pod)) continue;
      AnyView disrupted = budget["status"]["disruptedPods"][name_of(*pod)];
      bool on_its_way = disrupted.present() && disrupted.as_int() + kDeletionSeconds >= now;
      if (on_its_way) {
        counts.disrupted.emplace(name_of(*pod), disrupted.as_int());
        int64_t left = disrupted.as_int() + kDeletionSeconds - now;
        if (recheck < 0 || left < recheck) recheck = left;
        if (left > 0) continue;
      } else if (disrupted.present()) {
        events_.tell(client::Reference::of(pods_->resource(), *pod), client::kWarning, "NotDeleted",
                     concat("Pod was expected by PDB ", namespace_of(budget), "/", namespace_of(budget), " to be deleted but it wasn't"));
      }
      if (is_true((*pod)["status"]["conditions"], "Ready")) counts.healthy++;
    }
    TRY(write(budget, counts));
    return recheck < 0 ? Again::never() : Again::in((recheck + 1) * 1'000'000);
  }

  Result<BudgetCounts> expect(const Object& budget, const std::vector<ObjectRef>& pods, bool& unmanaged) {
    AnyView spec = budget["spec"], unavailable = spec["maxUnavailable"], available = spec["minAvailable"];
    auto count = static_cast<int64_t>(pods.size());
    BudgetCounts counts;
    bool by_scale = unavailable.present() || (available.present() && available.as_int_or_string().is_string);
    if (by_scale) count = TRY(scale_of(pods, unmanaged));
    if (unavailable.present() || available.present()) counts.expected = count;
    if (unavailable.present())
      counts.desired = std::max<int64_t>(0, count - TRY(scaled_value(unavailable.as_int_or_string(), count)));
    else if (available.present())
      counts.desired = TRY(scaled_value(available.as_int_or_string(), count));
    return counts;
  }

  // How many pods their owners want in all.
  Result<int64_t> scale_of(const std::vector<ObjectRef>& pods, bool& unmanaged) {
    std::map<std::string, int64_t> scales;
    for (const auto& pod : pods) {
      AnyView owner = controlling_owner(*pod);
      if (!owner.present()) {
        unmanaged = true;
        continue;
      }
      std::string uid(owner["uid"].as_string());
      if (scales.contains(uid)) continue;
      auto [owner_uid, replicas] = TRY(owner_scale(*pod, owner));
      scales[owner_uid] = replicas;
    }
    int64_t sum = 0;
    for (const auto& [uid, replicas] : scales) sum += replicas;
    return sum;
  }

  Result<std::pair<std::string, int64_t>> owner_scale(const Object& pod, const AnyView& owner) {
    auto none = [&] { return fail(internal_error(concat("found no controllers for pod ", quoted(name_of(pod))))); };
    auto scale = [](const Object& object) { return std::pair(std::string(uid_of(object)), object["spec"]["replicas"].as_int()); };
    auto kind = owner["kind"].as_string(), version = owner["apiVersion"].as_string();
    auto slash = version.find('/');
    auto group = slash == std::string_view::npos ? std::string_view() : version.substr(0, slash);
    for (auto* informer : owners_) {
      const auto& resource = informer->resource();
      if (resource.kind != kind || resource.group != group) continue;
      auto object = informer->find(namespace_of(pod), owner["name"].as_string());
      if (!object || uid_of(*object) != owner["uid"].as_string()) return none();
      AnyView above = controlling_owner(*object);
      if (kind != "ReplicaSet" || above["kind"].as_string() != "Deployment") return scale(*object);
      auto deployment = owners_[2]->find(namespace_of(pod), above["name"].as_string());
      if (!deployment || uid_of(*deployment) != above["uid"].as_string()) return none();
      return scale(*deployment);
    }
    for (const auto* resource : TRY(environment_.api.resources())) {
      if (resource->group != group || resource->kind != kind) continue;
      bool scales = false;
      for (const auto& sub : resource->subresources) scales |= sub.name == "scale";
      if (!scales)
        return fail(internal_error(concat(resource->resource, group.empty() ? "" : ".", group, " does not implement the scale subresource")));
      auto object = TRY(environment_.api.get(*resource, namespace_of(pod), owner["name"].as_string()));
      if (uid_of(*object) == owner["uid"].as_string()) return scale(*object);
    }
    return none();
  }

  Result<void> write(const Object& budget, const BudgetCounts& counts) {
    if (is_up_to_date(budget, counts)) return {};
    Arena arena;
    Value tree = schema::thaw(budget, arena);
    write_counts(tree, counts, environment_.now_seconds());
    auto written = environment_.api.update_status(budgets_->resource(), tree);
    if (!written && !written.error().is(Reason::NotFound)) return fail(std::move(written).error());
    return {};
  }

  // When nobody knows how many pods there should be, none may go.
  Result<void> fail_safe(const Object& budget, std::string_view why) {
    Arena arena;
    Value tree = schema::thaw(budget, arena);
    Value status = tree.ensure_object("status");
    status.set("disruptionsAllowed", 0);
    bool changed = set_condition(status.ensure_list("conditions"), {"DisruptionAllowed", "False", "SyncFailed", std::string(why)},
                                 environment_.now_seconds());
    if (!changed && budget["status"]["disruptionsAllowed"].as_int() == 0) return {};
    auto written = environment_.api.update_status(budgets_->resource(), tree);
    if (!written && !written.error().is(Reason::NotFound)) return fail(std::move(written).error());
    return {};
  }

  // ---- marks ----

  static bool has_stale_mark(const Object& pod) {
    auto phase = pod["status"]["phase"].as_string();
    AnyView mark = condition_of(pod["status"]["conditions"], "DisruptionTarget");
    return !is_deleting(pod) && phase != "Succeeded" && phase != "Failed" && mark["status"].as_string() == "True" &&
           mark["reason"].as_string() != "TerminationByKubelet";
  }

  Result<Again> clear_mark(const Key& key) {
    auto pod = pods_->find(key.name_space, key.name);
    if (!pod || !has_stale_mark(*pod)) return Again::never();
    int64_t since = condition_of((*pod)["status"]["conditions"], "DisruptionTarget")["lastTransitionTime"].as_int();
    int64_t left = since + kStaleMarkSeconds - environment_.now_seconds();
    if (left > 0) return Again::in(left * 1'000'000);
    Arena arena;
    Value tree = schema::thaw(*pod, arena);
    set_condition(tree["status"]["conditions"], {"DisruptionTarget", "False", "", ""}, environment_.now_seconds());
    auto written = environment_.api.update_status(pods_->resource(), tree);
    if (!written && !written.error().is(Reason::NotFound)) return fail(std::move(written).error());
    return Again::never();
  }

  Environment& environment_;
  client::Events events_;
  Informer *budgets_ = nullptr, *pods_ = nullptr;
  std::vector<Informer*> owners_;  // replication controllers, replica sets, deployments, stateful sets
};

}  // namespace

std::unique_ptr<Controller> make_disruption(Environment& environment) { return std::make_unique<Disruption>(environment); }

}  // namespace sampan::controllers
