#include "controllers/owners.h"

#include "base/text.h"

namespace sampan::controllers {

api::meta_v1::OwnerReference controller_of(const Object& object) {
  for (auto reference : metadata_of(object).owner_references())
    if (reference.controller().value_or(false)) return reference;
  return {};
}

Value controller_reference(const OwnerKind& kind, const Object& owner, Arena& arena) {
  auto metadata = metadata_of(owner);
  Value reference = Value::object(arena, 6);
  reference.set("apiVersion", kind.api_version);
  reference.set("kind", kind.kind);
  reference.set("name", arena.copy(metadata.name()));
  reference.set("uid", arena.copy(metadata.uid()));
  reference.set("controller", true);
  reference.set("blockOwnerDeletion", true);
  return reference;
}

Result<schema::LabelSelector> selector_of(const Object& workload) {
  auto selector = workload["spec"]["selector"];
  if (selector.present() && selector.kind() == schema::Kind::Map) return schema::LabelSelector::from_map(selector);
  return schema::LabelSelector::from(selector);
}

namespace {

std::string orphan_key(std::string_view name_space) { return concat("orphans of ", name_space); }

bool selects_by_labels(const Object& owner, const Object& orphan) {
  auto selector = selector_of(owner);
  return selector && !selector->empty() && selector->matches(orphan);
}

// An orphan is looked at when it is new or could match what it did not before.
bool became_interesting(const Change& change) {
  if (!change.object || metadata_of(*change.object).deletion_timestamp()) return false;
  if (!change.previous || controller_of(*change.previous).present()) return true;
  return !(*change.object)["metadata"]["labels"].equals((*change.previous)["metadata"]["labels"]);
}

}  // namespace

Dependents::Dependents(Watches& watches, const OwnerKind& owner, Informer& owners, std::string_view group, std::string_view resource,
                       Selects selects)
    : informer_(watches.on(group, resource,
                           [kind = owner.kind, &owners, selects = selects ? std::move(selects) : Selects(selects_by_labels)](
                               const Change& change, const Watches::Enqueue& enqueue) {
                             auto enqueue_owner = [&](const ObjectRef& object) {
                               if (!object) return;
                               auto reference = controller_of(*object);
                               if (reference.kind() == kind)
                                 enqueue(concat(metadata_of(*object).namespace_(), "/", reference.name()));
                             };
                             enqueue_owner(change.previous);
                             enqueue_owner(change.object);
                             if (!change.object || controller_of(*change.object).present() || !became_interesting(change)) return;
                             for (const auto& candidate : owners.all(metadata_of(*change.object).namespace_()))
                               if (selects(*candidate, *change.object)) enqueue(key_of(*candidate));
                           })) {
  // Only what is of this kind of owner, so that the indexes of all controllers together hold each object once.
  by_owner_ = &informer_.index([kind = owner.kind](const Object& object, std::vector<std::string>& keys) {
    auto reference = controller_of(object);
    if (!reference.present()) keys.push_back(orphan_key(metadata_of(object).namespace_()));
    else if (reference.kind() == kind) keys.emplace_back(reference.uid());
  });
}

Objects Dependents::owned_by(const Object& owner) const { return by_owner_->find(metadata_of(owner).uid()); }
Objects Dependents::orphans_in(std::string_view name_space) const { return by_owner_->find(orphan_key(name_space)); }

Objects Dependents::candidates(const Object& owner) const {
  Objects out = owned_by(owner);
  for (auto& orphan : orphans_in(metadata_of(owner).namespace_())) out.push_back(std::move(orphan));
  return out;
}

namespace {

class Claimer {
 public:
  explicit Claimer(const Claim& claim) : claim_(claim), owner_(metadata_of(claim.owner)) {}

  // The object, as it is now, if it is the owner's; else null.
  Result<ObjectRef> take(const ObjectRef& candidate) {
    const Object& object = *candidate;
    auto reference = controller_of(object);
    bool owner_goes = owner_.deletion_timestamp().has_value();
    if (reference.present()) {
      if (reference.uid() != owner_.uid()) return ObjectRef();
      if (claim_.matches(object)) return candidate;
      if (!owner_goes) TRY(release(object));
      return ObjectRef();
    }
    if (owner_goes || metadata_of(object).deletion_timestamp() || !claim_.matches(object)) return ObjectRef();
    return adopt(object);
  }

 private:
  // The informer may not know yet that the owner is going or is another one of the same name.
  Result<void> may_adopt() {
    if (asked_) {
      if (refusal_.empty()) return {};
      return fail(internal_error(refusal_));
    }
    asked_ = true;
    auto fresh = claim_.api.get(claim_.kind.served(), owner_.namespace_(), owner_.name());
    if (!fresh) {
      refusal_ = concat("can't recheck DeletionTimestamp: ", fresh.error().message());
    } else {
      auto now = metadata_of(**fresh);
      if (now.uid() != owner_.uid())
        refusal_ = concat("can't recheck DeletionTimestamp: original ", claim_.kind.kind, " ", owner_.namespace_(), "/", owner_.name(),
                          " is gone: got uid ", now.uid(), ", wanted ", owner_.uid());
      else if (now.deletion_timestamp())
        refusal_ = concat(owner_.namespace_(), "/", owner_.name(), " has just been deleted");
    }
    if (refusal_.empty()) return {};
    return fail(internal_error(refusal_));
  }

  Value patch_of(const Object& object, Value reference, Arena& arena) {
    Value metadata = Value::object(arena, 3), references = Value::list(arena, 1), patch = Value::object(arena, 1);
    references.push(reference);
    metadata.set("uid", metadata_of(object).uid());
    metadata.set("ownerReferences", references);
    patch.set("metadata", metadata);
    return patch;
  }

  Value finalizers(Arena& arena) {
    Value list = Value::list(arena, 1);
    list.push(claim_.finalizer);
    return list;
  }

  Result<ObjectRef> write(const Object& object, Value patch) {
    auto metadata = metadata_of(object);
    return claim_.api.patch(claim_.resource, metadata.namespace_(), metadata.name(), client::PatchType::Strategic, patch);
  }

  Result<ObjectRef> adopt(const Object& object) {
    auto metadata = metadata_of(object);
    if (auto may = may_adopt(); !may)
      return fail(std::move(may).error().context(
          concat("can't adopt ", claim_.resource.kind, " ", metadata.namespace_(), "/", metadata.name(), " (", metadata.uid(), "): ")));
    Arena arena;
    Value patch = patch_of(object, controller_reference(claim_.kind, claim_.owner, arena), arena);
    if (!claim_.finalizer.empty()) patch["metadata"].set("finalizers", finalizers(arena));
    auto written = write(object, patch);
    if (!written && written.error().is(Reason::NotFound)) return ObjectRef();
    return written;
  }

  Result<void> release(const Object& object) {
    Arena arena;
    Value reference = Value::object(arena, 2);
    reference.set("$patch", "delete");
    reference.set("uid", owner_.uid());
    Value patch = patch_of(object, reference, arena);
    if (!claim_.finalizer.empty()) patch["metadata"].set("$deleteFromPrimitiveList/finalizers", finalizers(arena));
    auto written = write(object, patch);
    // Gone, or another object, or without the reference already: that is what was wanted.
    if (!written && !written.error().is(Reason::NotFound) && !written.error().is(Reason::Invalid))
      return fail(std::move(written).error());
    return {};
  }

  const Claim& claim_;
  api::meta_v1::ObjectMeta owner_;
  bool asked_ = false;
  std::string refusal_;
};

}  // namespace

Result<Objects> claim(const Claim& claim, const Objects& candidates) {
  Claimer claimer(claim);
  Objects claimed;
  std::optional<Error> error;
  for (const auto& object : candidates) {
    auto taken = claimer.take(object);
    if (!taken) error = std::move(taken).error();
    else if (*taken) claimed.push_back(std::move(*taken));
  }
  if (error) return fail(std::move(*error));
  return claimed;
}

}  // namespace sampan::controllers
