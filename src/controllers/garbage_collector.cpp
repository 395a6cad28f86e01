// Deletes what belonged to objects that are gone, and sees objects through that wait for their dependents' end (foregroundDeletion) or want them let
// go (orphan). Whatever is decided is decided on live reads; the graph only says where to look.
//
// Keys: "examine/UID", "orphan/UID", and "resources" to look for kinds that came later.
#include <algorithm>
#include <deque>

#include "base/log.h"
#include "base/text.h"
#include "controllers/controllers.h"
#include "controllers/owner_graph.h"
#include "controllers/tree.h"

namespace sampan::controllers {

namespace {

constexpr int64_t kResourcesPeriodUs = 30'000'000, kUnseenOwnerUs = 5'000'000;
constexpr size_t kAbsentMax = 500;
constexpr std::string_view kForeground = "foregroundDeletion", kOrphan = "orphan";

// Owners that were looked for and not found. What is gone does not come back: uids are never used again.
class AbsentOwners {
 public:
  bool has(const std::string& key) {
    std::lock_guard lock(mutex_);
    return known_.contains(key);
  }
  void add(std::string key) {
    std::lock_guard lock(mutex_);
    if (!known_.insert(key).second) return;
    order_.push_back(std::move(key));
    if (order_.size() <= kAbsentMax) return;
    known_.erase(order_.front());
    order_.pop_front();
  }

 private:
  std::mutex mutex_;
  std::set<std::string> known_;
  std::deque<std::string> order_;
};

class GarbageCollector final : public Controller {
 public:
  explicit GarbageCollector(Environment& environment) : environment_(environment) {}

  void watch(Watches& watches) override {
    watches_ = &watches;
    watches.every(kResourcesPeriodUs, "resources");
    auto resources = environment_.api.resources();
    if (!resources) {
      LOG_WARNING("garbage collector: ", resources.error().message());
      return;
    }
    for (const auto* resource : *resources) {
      if (!learn(*resource)) continue;
      watches.on(resource->group, resource->resource, [this, resource](const Change& change, const Watches::Enqueue& enqueue) {
        keep(enqueue);
        apply(*resource, change, enqueue);
      });
    }
  }

  Result<Again> reconcile(const Key& key) override {
    if (key.name_space.empty()) return find_new_resources();
    auto node = graph_.find(key.name);
    if (!node) return Again::never();
    if (key.name_space == "orphan") {
      TRY(orphan_dependents(*node));
      return Again::never();
    }
    return examine(*node);
  }

 private:
  struct Sorted {
    std::vector<std::string> solid, gone, waiting;  // uids of owners
    bool unseen = false;                            // one of the solid ones is not in the graph
  };

  // ---- resources ----

  // True if it is new and to be watched.
  bool learn(const client::Resource& resource) {
    bool is_event = resource.resource == "events" && (resource.group.empty() || resource.group == "events.k8s.io");
    constexpr uint16_t kNeeded = schema::Delete | schema::List_ | schema::Watch;
    std::lock_guard lock(mutex_);
    auto& known = kinds_[concat(resource.group, "/", resource.kind)];
    bool is_new = known != &resource;
    known = &resource;
    return is_new && !is_event && (resource.verbs & kNeeded) == kNeeded;
  }

  void unlearn(const client::Resource& resource) {
    std::lock_guard lock(mutex_);
    kinds_.erase(concat(resource.group, "/", resource.kind));
  }

  const client::Resource* resource_of(std::string_view api_version, std::string_view kind) {
    auto slash = api_version.find('/');
    auto group = slash == std::string_view::npos ? std::string_view() : api_version.substr(0, slash);
    std::lock_guard lock(mutex_);
    auto found = kinds_.find(concat(group, "/", kind));
    return found == kinds_.end() ? nullptr : found->second;
  }

  void keep(const Watches::Enqueue& enqueue) {
    std::lock_guard lock(mutex_);
    if (!enqueue_) enqueue_ = enqueue;
  }

  Result<Again> find_new_resources() {
    auto resources = TRY(environment_.api.resources());
    for (const auto* resource : resources) {
      if (!learn(*resource)) continue;
      auto followed = watches_->follow(
          *resource, [this, resource](const Change& change, const Watches::Enqueue& enqueue) { apply(*resource, change, enqueue); });
      if (followed) continue;
      unlearn(*resource);
      return fail(std::move(followed).error());
    }
    return Again::never();
  }

  void apply(const client::Resource& resource, const Change& change, const Watches::Enqueue& enqueue) {
    GraphWork work = graph_.apply(resource, change);
    for (const auto& uid : work.examine) enqueue(concat("examine/", uid));
    for (const auto& uid : work.orphan) enqueue(concat("orphan/", uid));
  }

  // ---- one object ----

  Result<Again> examine(const GraphNode& node) {
    if (node.deleting && !node.waits_for_dependents) return Again::never();
    if (!node.waits_for_dependents && all_are_there(node)) return Again::never();
    auto latest = environment_.api.get(*node.resource, node.name_space, node.name);
    // That it is gone its informer will tell.
    if (!latest && latest.error().is(Reason::NotFound)) return Again::never();
    if (!latest) return fail(std::move(latest).error());
    if (uid_of(**latest) != node.uid) return Again::never();
    if (node.waits_for_dependents) return await_dependents(node);
    auto owners = owners_in(**latest);
    if (owners.empty()) return Again::never();
    auto sorted = sort_owners(node, owners);
    if (!sorted) return fail(std::move(sorted).error());
    if (!*sorted) return Again::never();
    const Sorted& sort = **sorted;
    if (!sort.solid.empty()) {
      // References to what waits for its dependents' end must go too, or it would wait for ever.
      auto superfluous = sort.gone;
      superfluous.insert(superfluous.end(), sort.waiting.begin(), sort.waiting.end());
      if (!superfluous.empty()) TRY(remove_owners(node, superfluous));
      return sort.unseen ? Again::in(kUnseenOwnerUs) : Again::never();
    }
    auto dependents = graph_.dependents_of(node.uid);
    if (!sort.waiting.empty() && !dependents.empty()) {
      bool circle = std::any_of(dependents.begin(), dependents.end(), [](const GraphNode& dependent) { return dependent.waits_for_dependents; });
      if (circle) TRY(unblock_owners(node));
      TRY(remove(node, **latest, "Foreground"));
      return Again::never();
    }
    std::string_view policy = has_finalizer(**latest, kOrphan) ? "Orphan" : has_finalizer(**latest, kForeground) ? "Foreground" : "Background";
    TRY(remove(node, **latest, policy));
    return Again::never();
  }

  bool all_are_there(const GraphNode& node) const {
    for (const auto& owner : node.owners)
      if (!graph_.is_surely_there(node, owner)) return false;
    return true;
  }

  // An object that waits: on when nobody who blocks it is left.
  Result<Again> await_dependents(const GraphNode& node) {
    bool blocked = false;
    for (const auto& dependent : graph_.dependents_of(node.uid)) {
      for (const auto& owner : dependent.owners) {
        if (owner.uid != node.uid || !owner.blocks) continue;
        blocked = true;
        if (!dependent.waits_for_dependents && !dependent.deleting) enqueue(dependent.uid);
      }
    }
    if (!blocked) TRY(take_finalizer(node, kForeground));
    return Again::never();
  }

  void enqueue(const std::string& uid) {
    Watches::Enqueue enqueue;
    {
      std::lock_guard lock(mutex_);
      enqueue = enqueue_;
    }
    if (enqueue) enqueue(concat("examine/", uid));
  }

  // Nothing: the references cannot be judged, and the object stays.
  Result<std::optional<Sorted>> sort_owners(const GraphNode& node, const std::vector<OwnerLink>& owners) {
    Sorted sorted;
    for (const auto& owner : owners) {
      warn_of_namespace(node, owner);
      const auto* resource = resource_of(owner.api_version, owner.kind);
      if (!resource) return std::optional<Sorted>();
      if (node.name_space.empty() && resource->namespaced) return std::optional<Sorted>();
      auto space = resource->namespaced ? std::string_view(node.name_space) : std::string_view();
      auto key = concat(resource->group, "/", owner.kind, "/", space, "/", owner.name, "/", owner.uid);
      if (absent_.has(key)) {
        sorted.gone.push_back(owner.uid);
        continue;
      }
      auto found = environment_.api.get(*resource, space, owner.name);
      if (!found && !found.error().is(Reason::NotFound)) return fail(std::move(found).error());
      if (!found || uid_of(**found) != owner.uid) {
        absent_.add(std::move(key));
        sorted.gone.push_back(owner.uid);
      } else if (is_deleting(**found) && has_finalizer(**found, kForeground)) {
        sorted.waiting.push_back(owner.uid);
      } else {
        sorted.solid.push_back(owner.uid);
        sorted.unseen |= !graph_.find(owner.uid);
      }
    }
    return std::optional<Sorted>(std::move(sorted));
  }

  void warn_of_namespace(const GraphNode& node, const OwnerLink& owner) {
    auto there = graph_.find(owner.uid);
    if (!there || there->name_space.empty() || there->name_space == node.name_space) return;
    client::Reference about;
    const auto& resource = *node.resource;
    about.api_version = resource.group.empty() ? std::string(resource.version) : concat(resource.group, "/", resource.version);
    about.kind = resource.kind;
    about.name_space = node.name_space, about.name = node.name, about.uid = node.uid;
    environment_.events.tell(about, client::kWarning, "OwnerRefInvalidNamespace",
                             concat("ownerRef [", owner.api_version, "/", owner.kind, ", namespace: ", node.name_space, ", name: ", owner.name,
                                    ", uid: ", owner.uid, "] does not exist in namespace ", quoted(node.name_space)));
  }

  // ---- writes ----

  Result<void> change(const GraphNode& node, const std::function<bool(Value tree)>& edit) {
    auto done = client::update_latest(environment_.api, *node.resource, node.name_space, node.name, {},
                                      [&](const Object& latest, Value tree) -> Result<bool> { return uid_of(latest) == node.uid && edit(tree); });
    if (!done && !done.error().is(Reason::NotFound)) return fail(std::move(done).error());
    return {};
  }

  Result<void> remove_owners(const GraphNode& node, const std::vector<std::string>& uids) {
    return change(node, [&](Value tree) {
      Value owners = tree["metadata"]["ownerReferences"];
      bool changed = false;
      for (uint32_t i = owners.size(); i-- > 0;) {
        if (std::find(uids.begin(), uids.end(), owners.at(i)["uid"].as_string()) == uids.end()) continue;
        owners.erase(i);
        changed = true;
      }
      return changed;
    });
  }

  Result<void> unblock_owners(const GraphNode& node) {
    return change(node, [](Value tree) {
      bool changed = false;
      for (Value owner : tree["metadata"]["ownerReferences"].items()) {
        if (!owner["blockOwnerDeletion"].as_bool()) continue;
        owner.set("blockOwnerDeletion", false);
        changed = true;
      }
      return changed;
    });
  }

  Result<void> take_finalizer(const GraphNode& node, std::string_view finalizer) {
    return change(node, [&](Value tree) { return remove_finalizer(tree, finalizer); });
  }

  Result<void> orphan_dependents(const GraphNode& node) {
    for (const auto& dependent : graph_.dependents_of(node.uid)) TRY(remove_owners(dependent, {node.uid}));
    return take_finalizer(node, kOrphan);
  }

  // The object as it was judged; if only other things of it have changed meanwhile, the judgement holds.
  Result<void> remove(const GraphNode& node, const Object& judged, std::string_view policy) {
    auto& api = environment_.api;
    auto version = concat(judged.revision());
    auto removed = api.remove(*node.resource, node.name_space, node.name,
                              {.propagation = policy, .uid = node.uid, .resource_version = version});
    if (removed || removed.error().is(Reason::NotFound)) return {};
    if (!removed.error().is(Reason::Conflict)) return removed;
    auto latest = api.get(*node.resource, node.name_space, node.name);
    if (!latest && latest.error().is(Reason::NotFound)) return {};
    if (!latest) return fail(std::move(latest).error());
    if (uid_of(**latest) != node.uid) return {};
    if (owners_in(**latest) != owners_in(judged)) return removed;
    return ignore_not_found(api.remove(*node.resource, node.name_space, node.name, {.propagation = policy, .uid = node.uid}));
  }

  Environment& environment_;
  OwnerGraph graph_;
  AbsentOwners absent_;
  std::mutex mutex_;
  std::map<std::string, const client::Resource*, std::less<>> kinds_;  // by "group/Kind"
  Watches::Enqueue enqueue_;
  Watches* watches_ = nullptr;
};

}  // namespace

std::unique_ptr<Controller> make_garbage_collector(Environment& environment) { return std::make_unique<GarbageCollector>(environment); }

}  // namespace sampan::controllers
