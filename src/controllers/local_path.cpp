// The built-in provisioner: a volume is a folder on the node of the pod that first uses it. With it comes a storage class that is the default where
// there is no other.
//
// The node's agent makes the folder when a pod mounts the volume. When the volume is to be deleted its name is put on the node
// (annotation kReclaim); the agent removes the folder and takes the name off again. Nodes need no rights on volumes for that.
#include <algorithm>

#include "base/text.h"
#include "client/local_path.h"
#include "controllers/controllers.h"
#include "controllers/tree.h"
#include "controllers/volume_binder.h"
#include "controllers/volume_match.h"

namespace sampan::controllers {

namespace {

using client::kLocalPathFinalizer;
using client::kLocalPathProvisioner;
using client::kReclaim;

constexpr std::string_view kClass = "local-path", kHostLabel = "kubernetes.io/hostname", kDefaultClass = "storageclass.kubernetes.io/is-default-class";
constexpr std::string_view kClaimKey = "claim/", kVolumeKey = "volume/", kAsked = "sampan.io/local-path-reclaim-asked";
constexpr int64_t kClassPeriodUs = 3600 * 1'000'000ll;

bool is_ours(const Object& volume) { return annotation_of(volume, kProvisionedBy) == kLocalPathProvisioner; }

// The host name label of the node that the volume is on.
std::string_view host_of(const Object& volume) {
  for (AnyView term : each(volume["spec"]["nodeAffinity"]["required"]["nodeSelectorTerms"]))
    for (AnyView expression : each(term["matchExpressions"]))
      if (expression["key"].as_string() == kHostLabel && expression["values"].size() == 1) return expression["values"].item(0).as_string();
  return {};
}

class LocalPath final : public Controller {
 public:
  explicit LocalPath(Environment& environment)
      : environment_(environment), events_(environment.api, environment.clock, environment.executor, std::string(kLocalPathProvisioner)) {}

  void watch(Watches& watches) override {
    claims_ = &watches.on("", "persistentvolumeclaims", [](const Change& change, const Watches::Enqueue& enqueue) {
      if (change.object && annotation_of(*change.object, kStorageProvisioner) == kLocalPathProvisioner) enqueue(concat(kClaimKey, key_of(*change.object)));
    });
    volumes_ = &watches.on("", "persistentvolumes", [](const Change& change, const Watches::Enqueue& enqueue) {
      if (change.object && is_ours(*change.object)) enqueue(concat(kVolumeKey, name_of(*change.object)));
    });
    nodes_ = &watches.on("", "nodes", [this](const Change& change, const Watches::Enqueue& enqueue) {
      // Something was removed there, or all of it is gone.
      if (change.object && change.previous && annotation_of(*change.object, kReclaim) == annotation_of(*change.previous, kReclaim)) return;
      volumes_->snapshot().each({}, {}, [&](std::string_view key, const ObjectRef& volume) {
        if (is_ours(*volume) && is_deleting(*volume)) enqueue(concat(kVolumeKey, key));
        return true;
      });
    });
    classes_ = &watches.read("storage.k8s.io", "storageclasses");
    watches.every(kClassPeriodUs, "class");
  }

  Result<Again> reconcile(const Key& key) override {
    auto text = concat(key.name_space, "/", key.name);
    if (text.starts_with(kClaimKey)) {
      auto name = Key::of(std::string_view(text).substr(kClaimKey.size()));
      auto claim = claims_->find(name.name_space, name.name);
      if (claim) TRY(provision(*claim));
    } else if (text.starts_with(kVolumeKey)) {
      auto volume = volumes_->find({}, std::string_view(text).substr(kVolumeKey.size()));
      if (volume && is_ours(*volume)) TRY(reclaim(*volume));
    } else {
      TRY(ensure_class());
    }
    return Again::never();
  }

 private:
  // Once at the start: who deletes the class later wants to be without it.
  Result<void> ensure_class() {
    if (class_was_there_ || classes_->find({}, kClass)) {
      class_was_there_ = true;
      return {};
    }
    Arena arena;
    Value metadata = tree_of(arena, {{"name", kClass}});
    if (!default_class(*classes_)) metadata.set("annotations", tree_of(arena, {{kDefaultClass, "true"}}));
    Value tree = tree_of(arena, {{"metadata", metadata},
                                 {"provisioner", kLocalPathProvisioner},
                                 {"reclaimPolicy", "Delete"},
                                 {"volumeBindingMode", "WaitForFirstConsumer"}});
    auto made = environment_.api.create(classes_->resource(), {}, tree);
    if (!made && !made.error().is(Reason::AlreadyExists)) return fail(std::move(made).error());
    class_was_there_ = true;
    return {};
  }

  // ---- making ----

  // The node that the scheduler chose; for classes that bind at once any that can take pods.
  Result<ObjectRef> node_for(const Object& claim) {
    auto chosen = annotation_of(claim, kSelectedNode);
    if (!chosen.empty()) {
      auto node = nodes_->find({}, chosen);
      if (!node) return fail(not_found("", "nodes", chosen));
      return node;
    }
    std::vector<ObjectRef> nodes;
    for (auto& node : nodes_->all())
      if (is_true((*node)["status"]["conditions"], "Ready") && !truth((*node)["spec"]["unschedulable"])) nodes.push_back(node);
    if (nodes.empty()) return fail(internal_error("no node is ready"));
    return nodes[environment_.random.below(nodes.size())];
  }

  Result<void> provision(const Object& claim) {
    auto storage_class = classes_->find({}, storage_class_of(claim));
    if (!claim["spec"]["volumeName"].as_string().empty() || is_deleting(claim) || !storage_class ||
        (*storage_class)["provisioner"].as_string() != kLocalPathProvisioner)
      return {};
    auto name = concat("pvc-", uid_of(claim));
    if (volumes_->find({}, name)) return {};
    if ((*storage_class)["volumeBindingMode"].as_string() == "WaitForFirstConsumer" && !has_annotation(claim, kSelectedNode)) return {};
    auto about = client::Reference::of(claims_->resource(), claim);
    auto refuse = [&](std::string_view why) -> Result<void> {
      events_.tell(about, client::kWarning, "ProvisioningFailed",
                   concat("failed to provision volume with StorageClass ", quoted(name_of(*storage_class)), ": ", why));
      return {};
    };
    if (claim["spec"]["dataSource"].present() || claim["spec"]["dataSourceRef"].present()) return refuse("data sources are not supported");
    if (claim["spec"]["volumeMode"].as_string() == "Block") return refuse("block volumes are not supported");
    if (claim["spec"]["selector"].present()) return refuse("claim Selector is not supported");
    for (AnyView mode : each(claim["spec"]["accessModes"]))
      if (mode.as_string() != "ReadWriteOnce" && mode.as_string() != "ReadWriteOncePod")
        return refuse("a folder of a node has the access modes ReadWriteOnce and ReadWriteOncePod only");
    auto node = node_for(claim);
    if (!node) {
      (void)refuse(node.error().message());
      return give_up_node(claim, node.error());
    }
    events_.tell(about, client::kNormal, "Provisioning", concat("External provisioner is provisioning volume for claim ", quoted(key_of(claim))));
    Arena arena;
    auto made = environment_.api.create(volumes_->resource(), {}, volume_for(arena, claim, *storage_class, **node, name));
    if (!made && !made.error().is(Reason::AlreadyExists)) {
      (void)refuse(made.error().message());
      return fail(std::move(made).error());
    }
    events_.tell(about, client::kNormal, "ProvisioningSucceeded", concat("Successfully provisioned volume ", name));
    return {};
  }

  // The scheduler is to choose again.
  Result<void> give_up_node(const Object& claim, const Error& error) {
    if (!has_annotation(claim, kSelectedNode)) return fail(error.clone());
    Arena arena;
    Value tree = schema::thaw(claim, arena);
    tree["metadata"]["annotations"].remove(kSelectedNode);
    TRY(environment_.api.update(claims_->resource(), tree));
    return {};
  }

  Value volume_for(Arena& arena, const Object& claim, const Object& storage_class, const Object& node, std::string_view name) {
    AnyView claim_spec = claim["spec"];
    auto host = label_of(node, kHostLabel);
    if (host.empty()) host = name_of(node);
    Value expression = tree_of(arena, {{"key", kHostLabel}, {"operator", "In"}, {"values", list_of(arena, {text_in(arena, host)})}});
    Value term = tree_of(arena, {{"matchExpressions", list_of(arena, {expression})}});
    Value affinity = tree_of(arena, {{"required", tree_of(arena, {{"nodeSelectorTerms", list_of(arena, {term})}})}});
    Value claim_ref = tree_of(arena, {{"apiVersion", "v1"},
                                      {"kind", "PersistentVolumeClaim"},
                                      {"namespace", text_in(arena, namespace_of(claim))},
                                      {"name", text_in(arena, name_of(claim))},
                                      {"uid", text_in(arena, uid_of(claim))},
                                      {"resourceVersion", text_in(arena, concat(claim.revision()))}});
    auto policy = storage_class["reclaimPolicy"].as_string();
    Value spec = tree_of(arena, {{"accessModes", schema::thaw(claim_spec["accessModes"], arena)},
                                 {"capacity", tree_of(arena, {{"storage", text_in(arena, claim_spec["resources"]["requests"]["storage"].as_string())}})},
                                 {"claimRef", claim_ref},
                                 {"local", tree_of(arena, {{"path", text_in(arena, concat(environment_.settings.local_path, "/", name))}})},
                                 {"nodeAffinity", affinity},
                                 {"persistentVolumeReclaimPolicy", policy.empty() ? Value("Delete") : text_in(arena, policy)},
                                 {"storageClassName", text_in(arena, name_of(storage_class))},
                                 {"volumeMode", "Filesystem"}});
    Value metadata = tree_of(arena, {{"name", text_in(arena, name)},
                                     {"annotations", tree_of(arena, {{kProvisionedBy, kLocalPathProvisioner}})},
                                     {"finalizers", list_of(arena, {kLocalPathFinalizer})}});
    return tree_of(arena, {{"metadata", metadata}, {"spec", spec}});
  }

  // ---- taking back ----

  ObjectRef node_with(std::string_view host) {
    if (auto node = nodes_->find({}, host); node && (label_of(*node, kHostLabel) == host || label_of(*node, kHostLabel).empty())) return node;
    for (auto& node : nodes_->all())
      if (label_of(*node, kHostLabel) == host) return node;
    return nullptr;
  }

  Result<void> reclaim(const Object& volume) {
    bool deleting = is_deleting(volume);
    if (!deleting) {
      if (volume["status"]["phase"].as_string() != "Released" || volume["spec"]["persistentVolumeReclaimPolicy"].as_string() != "Delete") return {};
      return ignore_not_found(environment_.api.remove(volumes_->resource(), {}, name_of(volume), {.uid = uid_of(volume)}));
    }
    if (!has_finalizer(volume, kLocalPathFinalizer)) return {};
    // Who deletes a volume that is kept for its data, or that is in use, does not delete what is in it.
    bool keep = volume["spec"]["persistentVolumeReclaimPolicy"].as_string() != "Delete";
    if (!keep && volume["status"]["phase"].as_string() == "Bound") return {};
    auto node = keep ? ObjectRef() : node_with(host_of(volume));
    if (!node) return finish(volume);
    bool waits = lists(annotation_of(*node, kReclaim), name_of(volume));
    if (has_annotation(volume, kAsked)) return waits ? Result<void>() : finish(volume);
    if (!waits) TRY(ask(*node, name_of(volume)));
    Arena arena;
    Value tree = schema::thaw(volume, arena);
    tree["metadata"].ensure_object("annotations").set(kAsked, text_in(arena, name_of(*node)));
    TRY(environment_.api.update(volumes_->resource(), tree));
    return {};
  }

  static bool lists(std::string_view names, std::string_view name) {
    for (auto one : split(names, ','))
      if (one == name) return true;
    return false;
  }

  Result<void> ask(const Object& node, std::string_view name) {
    TRY(client::update_latest(environment_.api, nodes_->resource(), {}, name_of(node), {}, [&](const Object& latest, Value tree) -> Result<bool> {
      auto names = annotation_of(latest, kReclaim);
      if (lists(names, name)) return false;
      tree["metadata"].ensure_object("annotations").set(kReclaim, text_in(tree.arena(), names.empty() ? std::string(name) : concat(names, ",", name)));
      return true;
    }));
    return {};
  }

  Result<void> finish(const Object& volume) {
    Arena arena;
    Value tree = schema::thaw(volume, arena);
    remove_finalizer(tree, kLocalPathFinalizer);
    auto done = environment_.api.update(volumes_->resource(), tree);
    if (!done && !done.error().is(Reason::NotFound)) return fail(std::move(done).error());
    return {};
  }

  Environment& environment_;
  client::Events events_;
  Informer *claims_ = nullptr, *volumes_ = nullptr, *nodes_ = nullptr, *classes_ = nullptr;
  bool class_was_there_ = false;  // of the key "class"
};

}  // namespace

std::unique_ptr<Controller> make_local_path(Environment& environment) { return std::make_unique<LocalPath>(environment); }

}  // namespace sampan::controllers
