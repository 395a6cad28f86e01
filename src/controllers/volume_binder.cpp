#include "controllers/volume_binder.h"

#include "base/text.h"
#include "controllers/controllers.h"
#include "controllers/volume_match.h"

namespace sampan::controllers {

namespace {

std::string claim_key(const AnyView& reference) { return concat(reference["namespace"].as_string(), "/", reference["name"].as_string()); }

bool is_pending(const Object& claim) { return !has_annotation(claim, kBindCompleted) && !is_deleting(claim); }

// Go's DeepEqual tells no list from an empty one; neither is ever written.
bool same_list(const AnyView& a, const AnyView& b) { return a.size() == b.size() && (a.size() == 0 || a.equals(b)); }

}  // namespace

void claims_of_pod(const Object& pod, std::vector<std::string>& keys) {
  for (AnyView volume : each(pod["spec"]["volumes"])) {
    auto name = volume["persistentVolumeClaim"]["claimName"].as_string();
    if (!name.empty()) keys.push_back(concat(namespace_of(pod), "/", name));
    if (volume["ephemeral"].present()) keys.push_back(concat(namespace_of(pod), "/", name_of(pod), "-", volume["name"].as_string()));
  }
}

ObjectRef default_class(const Informer& classes) {
  ObjectRef best;
  for (auto& one : classes.all()) {
    if (annotation_of(*one, "storageclass.kubernetes.io/is-default-class") != "true" &&
        annotation_of(*one, "storageclass.beta.kubernetes.io/is-default-class") != "true")
      continue;
    auto made = [](const ObjectRef& object) { return (*object)["metadata"]["creationTimestamp"].as_int(); };
    if (!best || made(one) > made(best) || (made(one) == made(best) && name_of(*one) < name_of(*best))) best = one;
  }
  return best;
}

void VolumeBinder::watch(Watches& watches) {
  claims_ = &watches.on("", "persistentvolumeclaims", [this](const Change& change, const Watches::Enqueue& enqueue) {
    auto key = key_of(change.any());
    if (change.object) enqueue(concat("claim/", key));
    if (auto name = change.any()["spec"]["volumeName"].as_string(); !name.empty()) enqueue(concat("volume/", name));
    for (const auto& volume : volumes_by_claim_->find(key)) enqueue(concat("volume/", name_of(*volume)));
  });
  auto enqueue_pending = [this](std::string_view storage_class, const Watches::Enqueue& enqueue) {
    claims_->snapshot().each({}, {}, [&](std::string_view key, const ObjectRef& claim) {
      if (is_pending(*claim) && (storage_class_of(*claim) == storage_class || !has_storage_class(*claim))) enqueue(concat("claim/", key));
      return true;
    });
  };
  volumes_ = &watches.on("", "persistentvolumes", [this, enqueue_pending](const Change& change, const Watches::Enqueue& enqueue) {
    enqueue(concat("volume/", name_of(change.any())));
    if (AnyView reference = change.any()["spec"]["claimRef"]; reference.present()) {
      enqueue(concat("claim/", claim_key(reference)));
    } else if (change.object) {
      enqueue_pending(storage_class_of(*change.object), enqueue);
    }
    if (change.object) return;
    // Claims that name it have lost it.
    claims_->snapshot().each({}, {}, [&](std::string_view key, const ObjectRef& claim) {
      if ((*claim)["spec"]["volumeName"].as_string() == name_of(*change.previous)) enqueue(concat("claim/", key));
      return true;
    });
  });
  volumes_by_claim_ = &volumes_->index([](const Object& volume, std::vector<std::string>& keys) {
    if (AnyView reference = volume["spec"]["claimRef"]; reference.present()) keys.push_back(claim_key(reference));
  });
  classes_ = &watches.on("storage.k8s.io", "storageclasses", [enqueue_pending](const Change& change, const Watches::Enqueue& enqueue) {
    if (change.object) enqueue_pending(name_of(*change.object), enqueue);
  });
  pods_ = &watches.on("", "pods", [this](const Change& change, const Watches::Enqueue& enqueue) {
    if (change.object && change.previous) return;
    std::vector<std::string> keys;
    claims_of_pod(change.any(), keys);
    for (const auto& key : keys) {
      auto parts = Key::of(key);
      auto claim = claims_->find(parts.name_space, parts.name);
      if (claim && is_pending(*claim)) enqueue(concat("claim/", key));
    }
  });
  pods_by_claim_ = &pods_->index(claims_of_pod);
}

Result<Again> VolumeBinder::reconcile(const Key& key) {
  auto text = concat(key.name_space, "/", key.name);
  constexpr std::string_view kClaim = "claim/", kVolume = "volume/";
  if (text.starts_with(kClaim)) {
    auto name = Key::of(std::string_view(text).substr(kClaim.size()));
    auto claim = claims_->find(name.name_space, name.name);
    return claim ? sync_claim(*claim) : Again::never();
  }
  auto volume = volumes_->find({}, std::string_view(text).substr(kVolume.size()));
  return volume ? sync_volume(*volume) : Again::never();
}

void VolumeBinder::tell_claim(const Object& claim, std::string_view type, std::string_view reason, std::string message) {
  events_.tell(client::Reference::of(claims_->resource(), claim), type, reason, std::move(message));
}

void VolumeBinder::tell_volume(const Object& volume, std::string_view type, std::string_view reason, std::string message) {
  events_.tell(client::Reference::of(volumes_->resource(), volume), type, reason, std::move(message));
}

// ---- binding ----

Result<void> VolumeBinder::bind(const Object& volume, const Object& claim) {
  auto bound = TRY(bind_volume(volume, claim));
  bound = TRY(set_volume_phase(*bound, "Bound"));
  auto latest = TRY(bind_claim(claim, *bound));
  return set_claim_phase(*latest, "Bound", &*bound);
}

Result<ObjectRef> VolumeBinder::bind_volume(const Object& volume, const Object& claim) {
  AnyView reference = volume["spec"]["claimRef"];
  bool mark = !is_bound_to(volume, claim) && !has_annotation(volume, kBoundByController);
  if (!mark && is_bound_to(volume, claim) && reference["uid"].as_string() == uid_of(claim)) return ObjectRef(&volume);
  Arena arena;
  Value tree = schema::thaw(volume, arena);
  tree["spec"].set("claimRef", tree_of(arena, {{"kind", "PersistentVolumeClaim"},
                                               {"namespace", text_in(arena, namespace_of(claim))},
                                               {"name", text_in(arena, name_of(claim))},
                                               {"uid", text_in(arena, uid_of(claim))},
                                               {"apiVersion", "v1"},
                                               {"resourceVersion", text_in(arena, concat(claim.revision()))}}));
  if (mark) tree["metadata"].ensure_object("annotations").set(kBoundByController, "yes");
  return environment_.api.update(volumes_->resource(), tree);
}

Result<ObjectRef> VolumeBinder::bind_claim(const Object& claim, const Object& volume) {
  bool named = claim["spec"]["volumeName"].as_string() == name_of(volume);
  if (named && has_annotation(claim, kBindCompleted)) return ObjectRef(&claim);
  Arena arena;
  Value tree = schema::thaw(claim, arena);
  Value annotations = tree["metadata"].ensure_object("annotations");
  if (!named) {
    tree["spec"].set("volumeName", text_in(arena, name_of(volume)));
    if (!has_annotation(claim, kBoundByController)) annotations.set(kBoundByController, "yes");
  }
  annotations.set(kBindCompleted, "yes");
  return environment_.api.update(claims_->resource(), tree);
}

Result<void> VolumeBinder::set_claim_phase(const Object& claim, std::string_view phase, const Object* volume) {
  AnyView status = claim["status"], spec = volume ? (*volume)["spec"] : AnyView();
  bool new_phase = status["phase"].as_string() != phase;
  bool other = new_phase;
  if (volume)
    other |= !same_list(status["accessModes"], spec["accessModes"]);
  else
    other |= status["accessModes"].size() > 0 || status["capacity"].size() > 0 || status["currentVolumeAttributesClassName"].present();
  if (!other) return {};
  Arena arena;
  Value tree = schema::thaw(claim, arena);
  Value to = tree.ensure_object("status");
  bool was_pending = status["phase"].as_string() == "Pending";
  to.set("phase", text_in(arena, phase));
  if (!volume) {
    for (auto field : {"accessModes", "capacity", "currentVolumeAttributesClassName"}) to.remove(field);
  } else {
    to.set("accessModes", schema::thaw(spec["accessModes"], arena));
    // Later the claim's capacity is the business of who resizes it.
    if (new_phase) to.set("capacity", schema::thaw(spec["capacity"], arena));
    if (was_pending && spec["volumeAttributesClassName"].present())
      to.set("currentVolumeAttributesClassName", text_in(arena, spec["volumeAttributesClassName"].as_string()));
  }
  TRY(environment_.api.update_status(claims_->resource(), tree));
  return {};
}

Result<ObjectRef> VolumeBinder::set_volume_phase(const Object& volume, std::string_view phase, std::string_view message) {
  if (volume["status"]["phase"].as_string() == phase) return ObjectRef(&volume);
  Arena arena;
  Value tree = schema::thaw(volume, arena);
  Value status = tree.ensure_object("status");
  status.set("phase", text_in(arena, phase));
  if (message.empty())
    status.remove("message");
  else
    status.set("message", text_in(arena, message));
  return environment_.api.update_status(volumes_->resource(), tree);
}

std::unique_ptr<Controller> make_volume_binder(Environment& environment) { return std::make_unique<VolumeBinder>(environment); }

}  // namespace sampan::controllers
