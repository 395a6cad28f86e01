// The pods of a stateful set and their claims: names, identity, storage, owners.
#include "base/text.h"
#include "controllers/pod_control.h"
#include "controllers/stateful_set_sync.h"

namespace sampan::controllers {

using schema::AnyView;

namespace {

constexpr std::string_view kPodName = "statefulset.kubernetes.io/pod-name", kPodIndex = "apps.kubernetes.io/pod-index";

const client::Resource& claim_resource() { return client::builtin("", "persistentvolumeclaims"); }

}  // namespace

void StatefulSetSync::give_identity(Value pod, const Replica& replica) const {
  Arena& arena = pod.arena();
  Value metadata = pod["metadata"];
  metadata.set("name", arena.copy(replica.name));
  Value labels = metadata.ensure_object("labels");
  labels.set(kPodName, arena.copy(replica.name));
  labels.set(kPodIndex, arena.copy(concat(replica.ordinal)));
}

// The claims' volumes, then those of the template that no claim has the name of.
void StatefulSetSync::give_storage(Value pod, const Replica& replica) const {
  Arena& arena = pod.arena();
  auto templates = set().spec().volume_claim_templates();
  if (templates.empty()) return;
  Value spec = pod["spec"], before = spec["volumes"], after = Value::list(arena);
  for (auto claim : templates) {
    Value volume = Value::object(arena, 2);
    volume.set("name", arena.copy(claim.metadata().name()));
    volume.ensure_object("persistentVolumeClaim").set("claimName", arena.copy(claim_name(claim.metadata().name(), name(), replica.ordinal)));
    after.push(volume);
  }
  for (Value volume : before.items()) {
    bool replaced = false;
    for (auto claim : templates) replaced |= claim.metadata().name() == volume["name"].as_string();
    if (!replaced) after.push(volume);
  }
  spec.set("volumes", after);
}

// Below the partition pods stay with the revision they were.
bool StatefulSetSync::gets_old_revision(int ordinal) const {
  auto strategy = set().spec().update_strategy();
  if (strategy.has_rolling_update()) return ordinal - ordinals_.first < strategy.rolling_update().partition().value_or(0);
  return strategy.type() == "RollingUpdate" && ordinal - ordinals_.first < set().status().current_replicas();
}

Result<void> StatefulSetSync::create_pod(Replica& replica) {
  if (auto claims = create_claims(replica); !claims) {
    tell_pod("Create", replica.name, &claims.error());
    return claims;
  }
  const ObjectRef& revision = gets_old_revision(replica.ordinal) ? current_ : newest_;
  Arena arena;
  ObjectRef content;
  AnyView pod_template = (*object_)["spec"]["template"];
  if (revision != newest_) {
    content = TRY(revision_template(*revision));
    pod_template = content->view();
  }
  Value pod = pod_from_template(kStatefulSets, *object_, pod_template, arena);
  give_identity(pod, replica);
  give_storage(pod, replica);
  pod["metadata"]["labels"].set(kRevisionHash, metadata_of(*revision).name());
  pod["spec"].set("hostname", std::string_view(replica.name));
  if (auto service = set().spec().service_name(); !service.empty()) pod["spec"].set("subdomain", service);
  auto made = environment_.api.create(client::builtin("", "pods"), metadata_of(*object_).namespace_(), pod);
  if (!made && made.error().is(Reason::AlreadyExists)) return fail(std::move(made).error());
  if (auto corrected = correct_claims(replica); !corrected) return fail(std::move(corrected).error());
  tell_pod("Create", replica.name, made ? nullptr : &made.error());
  if (!made) return fail(std::move(made).error());
  return {};
}

Result<void> StatefulSetSync::remove_pod(Replica& replica) {
  auto removed = environment_.api.remove(client::builtin("", "pods"), metadata_of(*object_).namespace_(), replica.name);
  if (!removed && removed.error().is(Reason::NotFound)) removed = {};
  tell_pod("Delete", replica.name, removed ? nullptr : &removed.error());
  return removed;
}

bool StatefulSetSync::is_right(const Replica& replica) const {
  Pod pod = pod_of(*replica.pod);
  if (pod.metadata().labels().get(kPodName) != std::string_view(replica.name)) return false;
  for (auto claim : set().spec().volume_claim_templates()) {
    bool found = false;
    for (auto volume : pod.spec().volumes())
      found |= volume.name() == claim.metadata().name() &&
               volume.persistent_volume_claim().claim_name() == claim_name(claim.metadata().name(), name(), replica.ordinal);
    if (!found) return false;
  }
  return true;
}

Result<void> StatefulSetSync::correct_pod(Replica& replica) {
  TRY(create_claims(replica));
  auto changed = client::update_latest(environment_.api, client::builtin("", "pods"), metadata_of(*object_).namespace_(), replica.name, {},
                                       [&](const Object&, Value tree) -> Result<bool> {
                                         give_identity(tree, replica);
                                         give_storage(tree, replica);
                                         return true;
                                       });
  tell_pod("Update", replica.name, changed ? nullptr : &changed.error());
  if (!changed) return fail(std::move(changed).error());
  return {};
}

ObjectRef StatefulSetSync::claim_of(const Replica& replica, uint32_t index) const {
  auto claim = set().spec().volume_claim_templates()[index];
  return claims_.find(metadata_of(*object_).namespace_(), claim_name(claim.metadata().name(), name(), replica.ordinal));
}

// All that are missing; an error of one does not keep the others from being made.
Result<void> StatefulSetSync::create_claims(const Replica& replica) {
  std::string problems;
  for (uint32_t i = 0; i < set().spec().volume_claim_templates().size(); i++) {
    auto made = create_claim(replica, i);
    if (!made) append(problems, problems.empty() ? "" : ", ", made.error().message());
  }
  if (!problems.empty()) return fail(internal_error(std::move(problems)));
  return {};
}

Result<bool> StatefulSetSync::create_claim(const Replica& replica, uint32_t index) {
  AnyView claim_template = (*object_)["spec"]["volumeClaimTemplates"].item(index);
  std::string claim = claim_name(claim_template["metadata"]["name"].as_string(), name(), replica.ordinal);
  if (ObjectRef existing = claim_of(replica, index)) {
    if (!metadata_of(*existing).deletion_timestamp()) return false;
    return fail(internal_error(concat("pvc ", claim, " is being deleted")));
  }
  Arena arena;
  Value tree = schema::thaw(claim_template, arena), metadata = tree.ensure_object("metadata");
  metadata.set("name", std::string_view(claim));
  metadata.set("namespace", metadata_of(*object_).namespace_());
  Value labels = metadata.ensure_object("labels");
  for (auto label : set().spec().selector().match_labels()) labels.set(label.key, label.value);
  auto made = environment_.api.create(claim_resource(), metadata_of(*object_).namespace_(), tree);
  if (made) {
    tell(client::kNormal, "SuccessfulCreate", concat("Create Claim ", claim, " Pod ", replica.name, " in StatefulSet ", name(), " success"));
    return true;
  }
  if (!made.error().is(Reason::AlreadyExists))
    tell(client::kWarning, "FailedCreate",
         concat("Create Claim ", claim, " for Pod ", replica.name, " in StatefulSet ", name(), " failed error: ", made.error().message()));
  return fail(std::move(made).error().context(concat("failed to create PVC ", claim, ": ")));
}

bool StatefulSetSync::claims_are_right(const Replica& replica) const {
  auto wanted = ClaimOwners::wanted(set(), ordinals_.has(replica.ordinal));
  for (uint32_t i = 0; i < set().spec().volume_claim_templates().size(); i++)
    if (ObjectRef claim = claim_of(replica, i); claim && !ClaimState::of(*claim, *object_, replica.name, replica.uid(), wanted).up_to_date)
      return false;
  return true;
}

bool StatefulSetSync::claim_is_stale(const Replica& replica) const {
  if (set().spec().persistent_volume_claim_retention_policy().when_scaled() != "Delete") return false;
  for (uint32_t i = 0; i < set().spec().volume_claim_templates().size(); i++)
    if (ObjectRef claim = claim_of(replica, i); claim && has_stale_pod(*claim, replica.name, replica.uid())) return true;
  return false;
}

Result<StatefulSetSync::Then> StatefulSetSync::correct_claims(Replica& replica) {
  auto wanted = ClaimOwners::wanted(set(), ordinals_.has(replica.ordinal));
  for (uint32_t i = 0; i < set().spec().volume_claim_templates().size(); i++) {
    ObjectRef claim = claim_of(replica, i);
    if (!claim) continue;
    auto state = ClaimState::of(*claim, *object_, replica.name, replica.uid(), wanted);
    if (state.foreign)
      tell(client::kWarning, "ConflictingController",
           concat("PersistentVolumeClaim ", metadata_of(*claim).name(),
                  " has a conflicting OwnerReference that acts as a manging controller, the retention policy is ignored for this claim"));
    if (state.up_to_date) continue;
    Arena arena;
    Value tree = schema::thaw(*claim, arena);
    set_claim_owners(tree, *object_, replica.name, replica.uid(), state, wanted);
    auto written = environment_.api.update(claim_resource(), tree);
    if (!written) {
      Error error = std::move(written).error().context(concat("could not update claim ", metadata_of(*claim).name(), " for delete policy ownerRefs: "));
      tell_pod("Update", replica.name, &error);
      return fail(std::move(error));
    }
  }
  return Then::GoOn;
}

namespace {

class StatefulSetController final : public Controller {
 public:
  explicit StatefulSetController(Environment& environment) : environment_(environment) {}

  void watch(Watches& watches) override {
    sets_ = &watches.each("apps", "statefulsets");
    pods_ = std::make_unique<Dependents>(watches, kStatefulSets, *sets_, "", "pods");
    revisions_ = std::make_unique<Dependents>(watches, kStatefulSets, *sets_, "apps", "controllerrevisions");
    claims_ = &watches.read("", "persistentvolumeclaims");
  }

  Result<Again> reconcile(const Key& key) override {
    ObjectRef set = sets_->find(key.name_space, key.name);
    if (!set) return Again::never();
    auto selector = selector_of(*set);
    if (!selector) return Again::never();
    Claim revision_claim{environment_.api, kStatefulSets, *set, revisions_->resource(), [&](const Object& o) { return selector->matches(o); }, {}};
    Objects revisions = TRY(claim(revision_claim, revisions_->candidates(*set)));
    auto is_member = [&](const Object& pod) { return selector->matches(pod) && PodPlace::of(metadata_of(pod).name()).set == key.name; };
    Claim pod_claim{environment_.api, kStatefulSets, *set, pods_->resource(), is_member, {}};
    Objects pods = TRY(claim(pod_claim, pods_->candidates(*set)));
    return StatefulSetSync(environment_, *claims_, set, std::move(pods), std::move(revisions)).run();
  }

 private:
  Environment& environment_;
  Informer *sets_ = nullptr, *claims_ = nullptr;
  std::unique_ptr<Dependents> pods_, revisions_;
};

}  // namespace

std::unique_ptr<Controller> make_stateful_set_controller(Environment& environment) {
  return std::make_unique<StatefulSetController>(environment);
}

}  // namespace sampan::controllers
