// Claims of devices: makes those that pods want from templates, tells the pods their names, takes pods that are done off the claims that they were promised,
// and lets go of devices that nobody uses any more.
#include "base/text.h"
#include "controllers/controllers.h"
#include "controllers/pods.h"
#include "controllers/tree.h"

namespace sampan::controllers {

namespace {

constexpr std::string_view kFinalizer = "resource.kubernetes.io/delete-protection", kPodClaim = "resource.kubernetes.io/pod-claim-name";
constexpr std::string_view kManager = "ResourceClaimController", kPodKey = "pod:";  // of keys; others are of claims

// A claim of a pod by its name: given in the pod, or made from a template. No value: not made yet; "": there is none to be.
std::optional<std::string> claim_name(const Object& pod, const AnyView& wanted) {
  if (auto name = wanted["resourceClaimName"]; name.present()) return std::string(name.as_string());
  for (AnyView status : each(pod["status"]["resourceClaimStatuses"]))
    if (status["name"].as_string() == wanted["name"].as_string()) return std::string(status["resourceClaimName"].as_string());
  return {};
}

bool is_terminal(const Object& pod) {
  auto phase = pod["status"]["phase"].as_string();
  return phase == "Succeeded" || phase == "Failed";
}

// It runs no more, or never will.
bool is_done(const Object& pod) { return is_terminal(pod) || (is_deleting(pod) && pod["spec"]["nodeName"].as_string().empty()); }

// Else no claim is made for it: it would be taken away at once.
bool may_run(const Object& pod) { return !is_deleting(pod) && !is_terminal(pod); }

bool is_made_for(const Object& claim, const Object& pod) { return controlling_owner(claim)["uid"].as_string() == uid_of(pod); }

bool is_reserved_for(const Object& claim, const Object& pod) {
  for (AnyView consumer : each(claim["status"]["reservedFor"]))
    if (consumer["uid"].as_string() == uid_of(pod)) return true;
  return false;
}

// Leaves space for what makes it unique.
std::string base_name(std::string_view pod, std::string_view claim) {
  constexpr size_t kBytesMax = 57;
  auto whole = concat(pod, "-", claim, "-");
  if (whole.size() <= kBytesMax) return whole;
  auto part = [&](std::string_view text) { return text.substr(0, text.size() * kBytesMax / whole.size()); };
  return concat(part(pod), "-", part(claim));
}

class ResourceClaims final : public Controller {
 public:
  explicit ResourceClaims(Environment& environment)
      : environment_(environment), events_(environment.api, environment.clock, environment.executor, "resource_claim") {}

  void watch(Watches& watches) override;
  Result<Again> reconcile(const Key& key) override {
    if (key.name_space.starts_with(kPodKey)) {
      if (auto pod = pods_->find(key.name_space.substr(kPodKey.size()), key.name); pod && may_run(*pod)) TRY(sync_pod(*pod));
    } else if (auto claim = claims_->find(key.name_space, key.name)) {
      TRY(sync_claim(claim));
    }
    return Again::never();
  }

 private:
  static std::string pod_key(const Object& pod) { return concat(kPodKey, key_of(pod)); }
  static void pod_changed(const Object& pod, bool deleted, const Watches::Enqueue& enqueue);
  Result<void> sync_pod(const Object& pod);
  Result<std::string> ensure_claim(const Object& pod, const AnyView& wanted);
  Result<std::string> make_claim(const Object& pod, const AnyView& wanted);
  Result<void> tell_names(const Object& pod, const std::map<std::string, std::string>& names);
  Result<void> reserve(const Object& claim, const Object& pod);
  Result<void> sync_claim(ObjectRef claim);
  Result<bool> still_uses(const Object& claim, const AnyView& consumer);
  Result<ObjectRef> write_status(const Object& claim, const std::vector<std::string>& consumers, bool keep_allocation);
  Result<void> unprotect(const Object& claim);

  Environment& environment_;
  client::Events events_;
  Informer *pods_ = nullptr, *claims_ = nullptr, *templates_ = nullptr;
  Index *pods_by_claim_ = nullptr, *pods_by_template_ = nullptr, *claims_by_owner_ = nullptr;
};

void ResourceClaims::watch(Watches& watches) {
  pods_ = &watches.on("", "pods", [](const Change& change, const Watches::Enqueue& enqueue) { pod_changed(change.any(), !change.object, enqueue); });
  claims_ = &watches.on("resource.k8s.io", "resourceclaims", [this](const Change& change, const Watches::Enqueue& enqueue) {
    auto key = key_of(change.any());
    if (change.object) enqueue(key);
    for (auto& pod : pods_by_claim_->find(key)) pod_changed(*pod, false, enqueue);
  });
  templates_ = &watches.on("resource.k8s.io", "resourceclaimtemplates", [this](const Change& change, const Watches::Enqueue& enqueue) {
    if (!change.object) return;
    for (auto& pod : pods_by_template_->find(key_of(*change.object))) enqueue(pod_key(*pod));
  });
  pods_by_claim_ = &pods_->index([](const Object& pod, std::vector<std::string>& keys) {
    for (AnyView wanted : each(pod["spec"]["resourceClaims"]))
      if (auto name = claim_name(pod, wanted); name && !name->empty()) keys.push_back(concat(namespace_of(pod), "/", *name));
  });
  pods_by_template_ = &pods_->index([](const Object& pod, std::vector<std::string>& keys) {
    for (AnyView wanted : each(pod["spec"]["resourceClaims"]))
      if (auto name = wanted["resourceClaimTemplateName"]; name.present()) keys.push_back(concat(namespace_of(pod), "/", name.as_string()));
  });
  claims_by_owner_ = &claims_->index([](const Object& claim, std::vector<std::string>& keys) {
    if (AnyView owner = controlling_owner(claim); owner.present() && owner["kind"].as_string() == "Pod") keys.emplace_back(owner["uid"].as_string());
  });
}

// A pod that may yet run may need claims; one that will not has none to keep.
void ResourceClaims::pod_changed(const Object& pod, bool deleted, const Watches::Enqueue& enqueue) {
  AnyView wanted = pod["spec"]["resourceClaims"], extended = pod["status"]["extendedResourceClaimStatus"];
  if (wanted.size() == 0 && !extended.present()) return;
  if (deleted || is_done(pod)) {
    for (AnyView one : each(wanted))
      if (auto name = claim_name(pod, one); name && !name->empty()) enqueue(concat(namespace_of(pod), "/", *name));
    if (extended.present()) enqueue(concat(namespace_of(pod), "/", extended["resourceClaimName"].as_string()));
  }
  if (!deleted && may_run(pod) && wanted.size() > 0) enqueue(pod_key(pod));
}

Result<void> ResourceClaims::sync_pod(const Object& pod) {
  std::map<std::string, std::string> names;
  bool is_new = false;
  for (AnyView wanted : each(pod["spec"]["resourceClaims"])) {
    auto name = wanted["name"].as_string();
    auto made = ensure_claim(pod, wanted);
    if (!made) {
      events_.tell(client::Reference::of(pods_->resource(), pod), client::kWarning, "FailedResourceClaimCreation",
                   concat("PodResourceClaim ", name, ": ", made.error().message()));
      return fail(std::move(made).error().context(concat("pod ", key_of(pod), ", PodResourceClaim ", name)));
    }
    if (!wanted["resourceClaimTemplateName"].present() || made->empty()) continue;
    is_new |= claim_name(pod, wanted) != *made;
    names[std::string(name)] = std::move(*made);
  }
  if (is_new) TRY(tell_names(pod, names));
  // Somebody else than the scheduler has placed it.
  if (pod["spec"]["nodeName"].as_string().empty()) return {};
  for (AnyView wanted : each(pod["spec"]["resourceClaims"])) {
    auto name = claim_name(pod, wanted);
    if (!name || name->empty()) continue;
    auto claim = claims_->find(namespace_of(pod), *name);
    if (!claim) return {};
    if (!wanted["resourceClaimName"].present() && !is_made_for(*claim, pod))
      return fail(internal_error(concat("ResourceClaim ", key_of(*claim), " was not created for Pod ", key_of(pod), " (Pod is not owner)")));
    if ((*claim)["status"]["allocation"].present() && !is_reserved_for(*claim, pod)) TRY(reserve(*claim, pod));
  }
  return {};
}

// The name of the claim, which is made if it is to be and is not there; "" if it is none of a template or none is needed.
Result<std::string> ResourceClaims::ensure_claim(const Object& pod, const AnyView& wanted) {
  if (!wanted["resourceClaimTemplateName"].present()) return std::string();
  if (auto name = claim_name(pod, wanted)) {
    if (name->empty()) return std::string();
    if (auto claim = claims_->find(namespace_of(pod), *name); claim && is_made_for(*claim, pod)) return *name;
  }
  for (auto& claim : claims_by_owner_->find(uid_of(pod)))
    if (annotation_of(*claim, kPodClaim) == wanted["name"].as_string()) return std::string(name_of(*claim));
  return make_claim(pod, wanted);
}

Result<std::string> ResourceClaims::make_claim(const Object& pod, const AnyView& wanted) {
  auto template_name = wanted["resourceClaimTemplateName"].as_string(), name = wanted["name"].as_string();
  auto pattern = templates_->find(namespace_of(pod), template_name);
  if (!pattern)
    return fail(Error(Reason::NotFound, concat("resource claim template ", quoted(template_name), ": resourceclaimtemplate.resource.k8s.io ", quoted(template_name), " not found")));
  Arena arena;
  AnyView spec = (*pattern)["spec"];
  Value metadata = tree_of(arena, {{"generateName", text_in(arena, base_name(name_of(pod), name))},
                                   {"ownerReferences", list_of(arena, {owner_reference(arena, pods_->resource(), pod, false)})}});
  for (std::string_view field : {"annotations", "labels"})
    if (AnyView value = spec["metadata"][field]; value.present()) metadata.set(field, schema::thaw(value, arena));
  metadata.ensure_object("annotations").set(kPodClaim, name);
  auto made = environment_.api.create(claims_->resource(), namespace_of(pod), tree_of(arena, {{"metadata", metadata}, {"spec", schema::thaw(spec["spec"], arena)}}));
  if (!made) return fail(std::move(made).error().context("create ResourceClaim "));
  return std::string(name_of(**made));
}

Result<void> ResourceClaims::tell_names(const Object& pod, const std::map<std::string, std::string>& names) {
  Arena arena;
  Value patch = tree_of(arena, {{"metadata", tree_of(arena, {{"name", name_of(pod)}, {"namespace", namespace_of(pod)}})}});
  Value list = patch.ensure_object("status").ensure_list("resourceClaimStatuses");
  for (auto& [name, claim] : names) list.push(tree_of(arena, {{"name", std::string_view(name)}, {"resourceClaimName", std::string_view(claim)}}));
  auto written = environment_.api.patch(pods_->resource(), namespace_of(pod), name_of(pod), client::PatchType::Apply, patch,
                                        {.subresource = "status", .manager = kManager, .force = true});
  if (!written) return fail(std::move(written).error().context(concat("update pod ", key_of(pod), " ResourceClaimStatuses")));
  return {};
}

Result<void> ResourceClaims::reserve(const Object& claim, const Object& pod) {
  Arena arena;
  Value tree = schema::thaw(claim, arena);
  tree.ensure_object("status").ensure_list("reservedFor").push(tree_of(arena, {{"resource", "pods"}, {"name", name_of(pod)}, {"uid", uid_of(pod)}}));
  auto written = environment_.api.update_status(claims_->resource(), tree);
  if (!written) return fail(std::move(written).error().context(concat("reserve claim ", key_of(claim))));
  return {};
}

Result<bool> ResourceClaims::still_uses(const Object& claim, const AnyView& consumer) {
  if (!consumer["apiGroup"].as_string().empty() || consumer["resource"].as_string() != "pods") return true;  // nobody that is known here
  auto name = consumer["name"].as_string(), uid = consumer["uid"].as_string();
  auto pod = pods_->find(namespace_of(claim), name);
  if (!pod) {  // it may be too new to be known
    auto newest = environment_.api.get(pods_->resource(), namespace_of(claim), name);
    if (!newest && !newest.error().is(Reason::NotFound)) return fail(std::move(newest).error());
    return newest && uid_of(**newest) == uid;
  }
  return uid_of(*pod) == uid && !is_done(*pod);
}

// The claim with these consumers alone.
Result<ObjectRef> ResourceClaims::write_status(const Object& claim, const std::vector<std::string>& consumers, bool keep_allocation) {
  Arena arena;
  Value tree = schema::thaw(claim, arena), status = tree.ensure_object("status"), reserved = status["reservedFor"];
  for (uint32_t i = reserved.size(); i-- > 0;)
    if (std::find(consumers.begin(), consumers.end(), reserved.at(i)["uid"].as_string()) == consumers.end()) reserved.erase(i);
  if (!keep_allocation) status.remove("allocation");
  return environment_.api.update_status(claims_->resource(), tree);
}

Result<void> ResourceClaims::unprotect(const Object& claim) {
  Arena arena;
  Value tree = schema::thaw(claim, arena);
  if (!remove_finalizer(tree, kFinalizer)) return {};
  TRY(environment_.api.update(claims_->resource(), tree));
  return {};
}

Result<void> ResourceClaims::sync_claim(ObjectRef claim) {
  std::vector<std::string> remaining;
  auto reserved = (*claim)["status"]["reservedFor"];
  for (AnyView consumer : each(reserved))
    if (TRY(still_uses(*claim, consumer))) remaining.emplace_back(consumer["uid"].as_string());
  bool is_protected = has_finalizer(*claim, kFinalizer), is_used = !remaining.empty();
  bool is_allocated = (*claim)["status"]["allocation"].present();
  if (remaining.size() < reserved.size()) {
    auto written = TRY(write_status(*claim, remaining, is_used || !is_protected));
    if (is_protected && !(*written)["status"]["allocation"].present()) TRY(unprotect(*written));
  } else if (is_protected && is_deleting(*claim) && !is_used) {
    auto written = is_allocated ? TRY(write_status(*claim, remaining, false)) : claim;
    TRY(unprotect(*written));
  }
  if (is_used) return {};
  // The garbage collector removes it with its pod; but that may stay for long when it is done.
  AnyView owner = controlling_owner(*claim);
  if (!owner.present() || owner["kind"].as_string() != "Pod" || owner["apiVersion"].as_string() != "v1" || is_deleting(*claim)) return {};
  auto pod = pods_->find(namespace_of(*claim), owner["name"].as_string());
  if (!pod || (uid_of(*pod) == owner["uid"].as_string() && !is_done(*pod))) return {};
  return ignore_not_found(environment_.api.remove(claims_->resource(), namespace_of(*claim), name_of(*claim), {.uid = uid_of(*claim)}));
}

}  // namespace

std::unique_ptr<Controller> make_resource_claim(Environment& environment) { return std::make_unique<ResourceClaims>(environment); }

}  // namespace sampan::controllers
