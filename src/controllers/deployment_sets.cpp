// The replica sets of a deployment: finding and making the new one, scaling, rolling back, throwing away what is too old.
#include "base/held.h"
#include "base/text.h"
#include "controllers/deployment_rollout.h"
#include "controllers/pod_control.h"
#include "controllers/template_hash.h"
#include "schema/json.h"

namespace sampan::controllers {

using schema::AnyView;

Result<void> Rollout::find_sets(Missing missing) {
  newest_ = nullptr;
  old_.clear();
  for (const auto& set : sets_) {  // the oldest first: should there be two of the template, it is that
    if (!newest_ && same_template((*set)["spec"]["template"], (*object_)["spec"]["template"])) newest_ = set;
    else old_.push_back(set);
  }
  if (newest_) return adjust_new_set();
  if (missing == Missing::Leave) return {};
  return create_new_set();
}

void Rollout::replace(const ObjectRef& set) {
  auto uid = metadata_of(*set).uid();
  auto same = [uid](const ObjectRef& other) { return other && metadata_of(*other).uid() == uid; };
  std::replace_if(sets_.begin(), sets_.end(), same, set);
  std::replace_if(old_.begin(), old_.end(), same, set);
  if (same(newest_)) newest_ = set;
}

// A set that exists becomes the newest revision, gets the deployment's annotations, and gives its revision to the deployment.
Result<void> Rollout::adjust_new_set() {
  Arena arena;
  Value tree = schema::thaw(*newest_, arena);
  bool changed = set_new_set_annotations(tree, deployment(), add_held<int64_t>(max_revision(old_), 1), limits_, true);
  int32_t min_ready = deployment().spec().min_ready_seconds();
  if (changed || set_of(newest_).spec().min_ready_seconds() != min_ready) {
    tree["spec"].set("minReadySeconds", min_ready);
    replace(TRY(environment_.api.update(kReplicaSets.served(), tree)));
  }
  return write([&](Value tree) {
    Value annotations = tree.ensure_object("metadata").ensure_object("annotations");
    auto revision = metadata_of(*newest_).annotations().get(kRevision);
    annotations.set(kRevision, annotations.arena().copy(revision.value_or("")));
    bool known = find_condition(deployment().status().conditions(), "Progressing").present();
    if (has_deadline() && !known)
      put_progress(tree.ensure_object("status"), "True", "FoundNewReplicaSet",
                   concat("Found new replica set ", quoted(metadata_of(*newest_).name())));
  });
}

Result<void> Rollout::create_new_set() {
  auto d = deployment();
  AnyView spec = (*object_)["spec"];
  std::string hash = pod_template_hash(spec["template"], d.status().collision_count());
  std::string name = replica_set_name(d.metadata().name(), hash);
  Arena arena;
  Value set = Value::object(arena), metadata = set.ensure_object("metadata"), set_spec = set.ensure_object("spec");
  Value pod_template = schema::thaw(spec["template"], arena), selector = schema::thaw(spec["selector"], arena);
  pod_template.ensure_object("metadata").ensure_object("labels").set(kTemplateHash, std::string_view(hash));
  selector.ensure_object("matchLabels").set(kTemplateHash, std::string_view(hash));
  metadata.set("name", std::string_view(name));
  metadata.set("namespace", d.metadata().namespace_());
  metadata.ensure_list("ownerReferences").push(controller_reference(kDeployments, *object_, arena));
  metadata.set("labels", pod_template["metadata"]["labels"].clone(arena));
  int32_t replicas = new_set_size(limits_, 0, total_replicas(old_));
  set_spec.set("replicas", replicas);
  set_spec.set("minReadySeconds", d.spec().min_ready_seconds());
  set_spec.set("selector", selector);
  set_spec.set("template", pod_template);
  int64_t revision = add_held<int64_t>(max_revision(old_), 1);
  set_new_set_annotations(set, d, revision, limits_, false);

  auto made = environment_.api.create(kReplicaSets.served(), d.metadata().namespace_(), set);
  if (!made) return resolve_name_taken(std::move(made).error(), name, revision);
  newest_ = *made;
  sets_.push_back(newest_);
  if (replicas > 0)
    tell(client::kNormal, "ScalingReplicaSet", concat("Scaled up replica set ", name, " from 0 to ", replicas));
  return write([&](Value tree) {
    tree.ensure_object("metadata").ensure_object("annotations").set(kRevision, tree.arena().copy(concat(revision)));
    if (has_deadline())
      put_progress(tree.ensure_object("status"), "True", "NewReplicaSetCreated", concat("Created new replica set ", quoted(name)));
  });
}

// The name may be taken by what was made before and not seen yet, or by a set of another template with the same hash.
Result<void> Rollout::resolve_name_taken(Error error, std::string_view name, int64_t revision) {
  if (is_namespace_terminating(error)) return fail(std::move(error));
  if (error.is(Reason::AlreadyExists)) {
    ObjectRef existing = TRY(environment_.api.get(kReplicaSets.served(), metadata_of(*object_).namespace_(), name));
    if (is_controlled_by(*existing, *object_) && same_template((*object_)["spec"]["template"], (*existing)["spec"]["template"])) {
      newest_ = existing;
      sets_.push_back(existing);
      return write([&](Value tree) {
        tree.ensure_object("metadata").ensure_object("annotations").set(kRevision, tree.arena().copy(concat(revision)));
      });
    }
    TRY(write([&](Value tree) {
      tree.ensure_object("status").set("collisionCount", deployment().status().collision_count().value_or(0) + 1);
    }));
    return fail(std::move(error));
  }
  std::string message = concat("Failed to create new replica set ", quoted(name), ": ", error.message());
  if (has_deadline())
    TRY(write([&](Value tree) { put_progress(tree.ensure_object("status"), "False", "ReplicaSetCreateError", message); }));
  tell(client::kWarning, "ReplicaSetCreateError", message);
  return fail(std::move(error));
}

// Whether its size changed. `set` becomes the new state.
Result<bool> Rollout::scale_set(ObjectRef& set, int32_t replicas, bool even_if_same) {
  int32_t before = replicas_of(set);
  if (before == replicas && (!even_if_same || !replicas_annotations_differ(*set, limits_))) return false;
  Arena arena;
  Value tree = schema::thaw(*set, arena);
  tree["spec"].set("replicas", replicas);
  set_replicas_annotations(tree, limits_);
  ObjectRef scaled = TRY(environment_.api.update(kReplicaSets.served(), tree));
  replace(scaled);
  set = scaled;
  if (before == replicas) return false;
  tell(client::kNormal, "ScalingReplicaSet",
       concat("Scaled ", before < replicas ? "up" : "down", " replica set ", metadata_of(*set).name(), " from ", before, " to ", replicas));
  return true;
}

Result<void> Rollout::clean_up() {
  auto limit = deployment().spec().revision_history_limit();
  if (!limit || *limit == INT32_MAX) return {};
  Objects alive;
  for (const auto& set : old_)
    if (!metadata_of(*set).deletion_timestamp()) alive.push_back(set);
  int64_t surplus = static_cast<int64_t>(alive.size()) - *limit;
  if (surplus <= 0) return {};
  std::stable_sort(alive.begin(), alive.end(), [](const ObjectRef& a, const ObjectRef& b) {
    int64_t x, y;
    return revision_of(*a, x) && revision_of(*b, y) && x < y;
  });
  for (int64_t i = 0; i < surplus; i++) {
    auto set = set_of(alive[i]);
    bool empty = set.status().replicas() == 0 && replicas_of(alive[i]) == 0;
    if (!empty || set.metadata().generation() > set.status().observed_generation()) continue;
    auto removed = environment_.api.remove(kReplicaSets.served(), set.metadata().namespace_(), set.metadata().name());
    if (!removed && !removed.error().is(Reason::NotFound)) return removed;
  }
  return {};
}

Result<Again> Rollout::roll_back() {
  TRY(find_sets(Missing::Create));
  int64_t wanted = 0;
  parse_int(*deployment().metadata().annotations().get(kRollbackTo), wanted);
  if (wanted == 0 && (wanted = second_revision(all_sets())) == 0) {
    tell(client::kWarning, "DeploymentRollbackRevisionNotFound", "Unable to find last revision.");
    TRY(clear_rollback(nullptr));
    return Again::never();
  }
  for (const auto& set : all_sets()) {
    int64_t revision;
    if (!revision_of(*set, revision) || revision != wanted) continue;
    bool unchanged = same_template((*object_)["spec"]["template"], (*set)["spec"]["template"]);
    std::string name = quoted(deployment().metadata().name());
    if (unchanged)
      tell(client::kWarning, "DeploymentRollbackTemplateUnchanged",
           concat("The rollback revision contains the same template as current deployment ", name));
    TRY(clear_rollback(unchanged ? nullptr : set.get()));
    if (!unchanged) tell(client::kNormal, "DeploymentRollback", concat("Rolled back deployment ", name, " to revision ", wanted));
    return Again::never();
  }
  tell(client::kWarning, "DeploymentRollbackRevisionNotFound", "Unable to find the revision to rollback to.");
  TRY(clear_rollback(nullptr));
  return Again::never();
}

// Takes the request for a rollback away, and the template and annotations of `set` over if there is one.
Result<void> Rollout::clear_rollback(const Object* set) {
  Arena arena;
  Value tree = schema::thaw(*object_, arena);
  Value annotations = tree.ensure_object("metadata").ensure_object("annotations");
  if (set) {
    Value pod_template = schema::thaw((*set)["spec"]["template"], arena);
    if (Value labels = pod_template["metadata"]["labels"]; labels.is_object()) labels.remove(kTemplateHash);
    tree["spec"].set("template", pod_template);
    Value kept = Value::object(arena);
    for (const auto& annotation : annotations.members())
      if (is_deployments_own(annotation.name)) kept.set(annotation.name, annotation.value);
    for (auto annotation : metadata_of(*set).annotations())
      if (!is_deployments_own(annotation.key)) kept.set(annotation.key, annotation.value);
    tree["metadata"].set("annotations", kept);
    annotations = kept;
  }
  annotations.remove(kRollbackTo);
  auto written = environment_.api.update(kDeployments.served(), tree);
  if (!written) return fail(std::move(written).error());
  return {};
}

}  // namespace sampan::controllers
