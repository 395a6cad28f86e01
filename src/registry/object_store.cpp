#include "registry/object_store.h"

#include "api/meta_v1.h"
#include "base/check.h"
#include "base/encoding.h"
#include "base/text.h"
#include "base/uuid.h"
#include "registry/metadata.h"
#include "registry/storage_form.h"
#include "registry/storage_keys.h"
#include "schema/apply/apply.h"
#include "schema/json.h"

namespace sampan::registry {

namespace {

constexpr int kGeneratedNameTries = 8;
constexpr int kLostRaceTries = 100;  // each one means that somebody else succeeded
constexpr std::string_view kOptimisticLock =
    "the object has been modified; please apply your changes to the latest version and try again";

std::string time_text(int64_t seconds) {
  std::string text;
  append_time(text, seconds);
  return text;
}

// Copies a member of an existing object into a new tree; takes it away if the old one has none.
void keep_member(Value object, const Object& old, std::string_view name, Arena& arena) {
  schema::AnyView member = old[name];
  if (member.present())
    object.set(name, schema::thaw(member, arena));
  else
    object.remove(name);
}

bool is_apart_from_spec(std::string_view field) {
  return field == "metadata" || field == "status" || field == "apiVersion" || field == "kind";
}

// Anything but metadata and status differs.
bool spec_differs(const Object& a, const Object& b) {
  const auto& fields = a.type().fields;
  for (unsigned i = 0; i < fields.size(); i++)
    if (!is_apart_from_spec(fields[i].name) && !a.view().field(i).equals(b.view().field(i))) return true;
  return false;
}

bool has_empty_list(Value value, const schema::Type& type) {
  if (type.kind == schema::Kind::Struct) {
    return std::any_of(value.members().begin(), value.members().end(), [&](const schema::Member& member) {
      const schema::Field* field = type.find(member.name);
      return field && has_empty_list(member.value, *field->type);
    });
  }
  if (type.kind == schema::Kind::Map) return value.is_object() && value.empty();
  if (type.kind != schema::Kind::List || !value.is_list()) return false;
  return value.empty() || std::any_of(value.items().begin(), value.items().end(), [&](Value item) { return has_empty_list(item, *type.element); });
}

// The same, of all but metadata and status.
bool spec_has_empty_list(Value object, const schema::Type& type) {
  return std::any_of(type.fields.begin(), type.fields.end(), [&](const schema::Field& field) {
    return !is_apart_from_spec(field.name) && has_empty_list(object[field.name], *field.type);
  });
}

}  // namespace

Result<std::unique_ptr<ObjectStore>> ObjectStore::open(const schema::Resource& resource, store::Store& store, Clock& clock,
                                                       Random& random) {
  auto made = std::unique_ptr<ObjectStore>(new ObjectStore());
  made->resource_ = &resource;
  made->rules_ = &rules_of(resource.group, resource.kind);
  made->store_ = &store;
  made->clock_ = &clock;
  made->random_ = &random;
  made->prefix_ = storage_prefix(resource.group, resource.resource);
  for (const auto& subresource : resource.subresources) made->has_status_ |= subresource.name == "status";
  store::CachedResource cached;
  cached.prefix = made->prefix_;
  cached.namespaced = resource.namespaced;
  // What others have written to a shared store lacks the defaults that are set when it is read, as kube-apiserver does; what we have written has them.
  auto defaults = store.delivered_revision() == 0 ? made->rules_->defaults : nullptr;
  cached.decode = [type = resource.type, version = resource.version, defaults](std::string_view value) -> Result<ObjectRef> {
    auto object = TRY(from_stored_form(*type, value));
    if (!defaults) return object;
    Arena arena;
    Value tree = schema::thaw(*object, arena);
    defaults(tree, version);
    return schema::freeze(tree, *type);
  };
  if (resource.resource == "pods" && resource.group.empty())
    cached.index = [](const Object& pod) { return pod["spec"]["nodeName"].as_string(); };
  made->cache_ = TRY(store::Cache::open(store, std::move(cached), clock));
  return made;
}

std::string ObjectStore::generated_name(std::string_view base) {
  // Upstream's alphabet (no vowels, nothing that reads as another) and lengths: 58 characters of the base and 5 random ones.
  constexpr std::string_view alphabet = "bcdfghjklmnpqrstvwxz2456789";
  std::string name(base.substr(0, 58));
  for (int i = 0; i < 5; i++) name += alphabet[random_->below(alphabet.size())];
  return name;
}

Result<ObjectRef> ObjectStore::get(std::string_view name_space, std::string_view name) {
  auto key = TRY(object_key(*resource_, name_space, name));
  auto snapshot = TRY(cache_->fresh());
  if (auto object = snapshot.find(key)) return object;
  return fail(named_not_found(name));
}

Result<ObjectStore::Current> ObjectStore::current(const std::string& key, bool newest) {
  auto snapshot = newest ? TRY(cache_->fresh()) : cache_->snapshot();
  Current current;
  current.object = snapshot.find(key);
  if (current.object) current.revision = current.object->revision();
  return current;
}

Result<void> ObjectStore::check_namespace(Value object, std::string_view name_space) const {
  Value metadata = object.ensure_object("metadata");
  if (!resource_->namespaced) {  // whatever the object or the path of a namespace says
    metadata.remove("namespace");
    return {};
  }
  std::string_view given = metadata["namespace"].as_string();
  if (given == name_space) return {};
  if (given.empty()) {
    metadata.set("namespace", metadata.arena().copy(name_space));
    return {};
  }
  return fail(bad_request("the namespace of the provided object does not match the namespace sent on the request"));
}

// ---- create ----

Result<Outcome> ObjectStore::create(std::string_view name_space, Value object, Arena& arena, const WriteOptions& options) {
  Value metadata = object.ensure_object("metadata");
  std::string_view base = metadata["generateName"].as_string();
  bool generate = metadata["name"].as_string().empty() && !base.empty();
  if (rules_->named_by_uuid && !generate && metadata["name"].as_string().empty()) metadata.set("name", arena.copy(new_uuid(*random_)));
  for (int tries = 1;; tries++) {
    if (generate) metadata.set("name", arena.copy(generated_name(base)));
    std::string_view name = metadata["name"].as_string();
    // A bad name gets its field error from validation; the key is made only of one that is good.
    auto key = object_key(*resource_, name_space, name);
    Value copy = generate && tries < kGeneratedNameTries ? object.clone(arena) : object;
    auto outcome = create_at(key ? *key : std::string(), name_space, copy, arena, options, nullptr);
    if (outcome || !generate || !outcome.error().is(Reason::AlreadyExists) || tries == kGeneratedNameTries) return outcome;
  }
}

Result<Outcome> ObjectStore::create_at(const std::string& key, std::string_view name_space, Value object, Arena& arena,
                                       const WriteOptions& options, Current* lost_to) {
  Value metadata = object.ensure_object("metadata");
  int64_t now = clock_->now_us() / 1'000'000;
  metadata.set("creationTimestamp", arena.copy(time_text(now)));
  metadata.set("uid", arena.copy(new_uuid(*random_)));
  std::string_view sent_version = metadata["resourceVersion"].as_string();
  uint64_t version = 0;
  bool has_version = !options.dry_run && parse_int(sent_version, version) && version != 0;  // what is no number does not count
  for (auto name : {"deletionTimestamp", "deletionGracePeriodSeconds", "selfLink", "resourceVersion"}) metadata.remove(name);
  TRY(check_namespace(object, name_space));

  std::unique_ptr<Hooks::Undo> undo;
  if (hooks_) undo = TRY(hooks_->before_create(object, options.dry_run));
  struct UndoUnlessDone {
    std::unique_ptr<Hooks::Undo>& undo;
    ~UndoUnlessDone() {
      if (undo) undo->undo();
    }
  } guard{undo};

  if (has_status_ && rules_->status_reset_on_create) object.remove("status");
  if (rules_->has_generation) metadata.set("generation", 1);  // kinds that do not count keep what the client says
  if (rules_->prepare_create) rules_->prepare_create(object, {now, options.dry_run, options.warnings, options.requester});

  auto frozen = TRY(schema::freeze(object, *resource_->type));
  const Rules& asked = options.asked ? *options.asked : *rules_;
  FieldErrors errors;
  errors.set_sent(object);
  if (options.also_validate) options.also_validate(*frozen, nullptr, errors);
  if (asked.create_checks_metadata) validate_metadata_on_create(*frozen, resource_->namespaced, asked, errors);
  if (asked.validate) asked.validate(*frozen, errors);
  if (!asked.create_checks_metadata && errors.empty()) validate_metadata_on_create(*frozen, resource_->namespaced, asked, errors);
  std::string_view name = metadata["name"].as_string();
  if (!errors.empty()) return fail(std::move(errors).to_error(resource_->group, resource_->kind, name));
  if (options.warnings && rules_->warnings) rules_->warnings(*frozen, nullptr, *options.warnings);
  if (options.admit) TRY(options.admit(*frozen, nullptr));
  if (rules_->canonicalize) {
    rules_->canonicalize(object);
    frozen = TRY(schema::freeze(object, *resource_->type));
  }
  if (has_version && !lost_to) return fail(Error(500, Reason::Unknown, "resourceVersion should not be set on objects to be created"));
  check(!key.empty());  // validation has let the name through, so it made a key

  bool lost_race = false;
  if (options.dry_run) {
    lost_race = static_cast<bool>(TRY(current(key, true)).object);
  } else {
    frozen = TRY(put(key, frozen, 0, lost_race));
  }
  if (lost_race) {
    auto winner = TRY(current(key, true));
    if (lost_to) *lost_to = winner;
    Error error = already_exists(resource_->group, resource_->resource, name);
    if (winner.object && winner.object->view()["metadata"]["deletionTimestamp"].present())
      error = std::move(error).context("object is being deleted");
    return fail(std::move(error));
  }
  undo.reset();
  return Outcome{std::move(frozen), true, false};
}

Result<ObjectRef> ObjectStore::put(const std::string& key, ObjectRef object, store::Revision expected, bool& lost_race,
                                   store::Durability durability) {
  store::Write write;
  write.durability = durability;
  write.key = prefix_ + key;
  object->set_revision(0);
  write.value = stored_form(*resource_, *object);
  write.expected = expected;
  write.ttl_seconds = rules_->ttl_seconds;
  if (rules_->ttl_seconds > 0 || (resource_->resource == "leases" && resource_->group == "coordination.k8s.io"))
    write.durability = store::Durability::Relaxed;
  write.attachment = object;
  auto written = TRY(store_->write(std::move(write)));
  lost_race = !written.applied;
  // The cache of an embedded store has set it already, before anybody could see the object.
  if (written.applied && object->revision() == 0) object->set_revision(written.revision);
  return object;
}

// ---- update ----

Result<void> ObjectStore::check_preconditions(const Current& current, const std::string& key, std::string_view name,
                                              const Preconditions& wanted, bool dry_run) const {
  constexpr std::string_view kRoot = "/registry";  // which upstream adds only where it writes
  auto shown_prefix = std::string_view(prefix_).substr(dry_run && prefix_.starts_with(kRoot) ? kRoot.size() : 0);
  auto refuse = [&](std::string_view what, std::string_view want, std::string_view is) {
    return fail(conflict(resource_->group, resource_->resource, name,
                         concat("StorageError: invalid object, Code: 4, Key: ", shown_prefix, key,
                                ", ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: ", what, " in precondition: ", want, ", ",
                                what, " in object meta: ", is)));
  };
  auto uid = current.object ? current.object->view()["metadata"]["uid"].as_string() : std::string_view();
  if (!wanted.uid.empty() && wanted.uid != uid) return refuse("UID", wanted.uid, uid);
  if (auto& version = wanted.resource_version; current.object && version && !version->empty())
    if (auto is = concat(current.object->revision()); is != *version) return refuse("ResourceVersion", *version, is);
  return {};
}

Result<bool> ObjectStore::is_outdated(const std::string& key, const Current& decided_on) {
  auto newest = TRY(current(key, true));
  return newest.revision != decided_on.revision;
}

Result<Outcome> ObjectStore::update(std::string_view name_space, std::string_view name, const Produce& produce,
                                    const Preconditions& preconditions, bool may_create, const WriteOptions& options) {
  auto key = TRY(object_key(*resource_, name_space, name));
  for (int tries = 0; tries < kLostRaceTries; tries++) {
    auto now = TRY(current(key, tries > 0));
    bool lost_race = false;
    auto attempt = [&]() -> Result<Outcome> {
      TRY(check_preconditions(now, key, name, preconditions, options.dry_run));
      return update_once(key, name_space, name, now, produce, may_create, options, lost_race);
    };
    auto outcome = attempt();
    if (lost_race) continue;
    if (outcome || tries > 0 || !TRY(is_outdated(key, now))) return outcome;
  }
  return fail(conflict(resource_->group, resource_->resource, name, kOptimisticLock));
}

Result<Outcome> ObjectStore::update_once(const std::string& key, std::string_view name_space, std::string_view name,
                                         const Current& current, const Produce& produce, bool may_create,
                                         const WriteOptions& options, bool& lost_race) {
  Arena arena;
  if (!current.object) {
    if (!may_create && !rules_->create_on_update) return fail(named_not_found(name));
    Value object = TRY(produce(nullptr, arena));
    Current winner;
    auto outcome = create_at(key, name_space, object, arena, options, &winner);
    lost_race = !outcome && winner.object;
    return outcome;
  }
  const Object& old = *current.object;
  Value object = TRY(produce(current.object, arena));

  std::string_view sent = object["metadata"]["resourceVersion"].as_string();
  bool unconditional = sent.empty() || sent == "0";
  if (unconditional && !rules_->unconditional_update) {
    FieldErrors errors;
    errors.invalid(Path("metadata").child("resourceVersion"), 0, "must be specified for an update");
    return fail(std::move(errors).to_error(resource_->group, resource_->resource, name));
  }
  if (uint64_t number; !unconditional && !parse_int(sent, number)) return fail(Error(Reason::Unknown, concat("strconv.ParseUint: parsing ", quoted(sent), ": invalid syntax")));
  if (!unconditional && sent != concat(old.revision()))
    return fail(conflict(resource_->group, resource_->resource, name, kOptimisticLock));

  std::unique_ptr<Hooks::Undo> undo;
  if (hooks_ && options.subresource.empty()) undo = TRY(hooks_->before_update(object, old, options.dry_run));
  struct UndoUnlessDone {
    std::unique_ptr<Hooks::Undo>& undo;
    ~UndoUnlessDone() {
      if (undo) undo->undo();
    }
  } guard{undo};

  object = TRY(prepare_update(object, old, name_space, options, arena));
  if (Value metadata = object["metadata"]; metadata.is_object()) metadata.remove("selfLink");  // never stored
  auto frozen = TRY(schema::freeze(object, *resource_->type));
  if (schema::only_times_differ(*frozen, old)) {  // then the old ones stand, and the write is none
    object["metadata"].set("managedFields", schema::thaw(old["metadata"]["managedFields"], arena));
    frozen = TRY(schema::freeze(object, *resource_->type));
  }
  // A binding changes what the pod is, not what is wanted of it.
  bool counts = options.subresource != "status" && options.subresource != "binding";
  bool empty_list = rules_->empty_list_counts && spec_has_empty_list(object, *resource_->type);
  if (rules_->has_generation && counts && (empty_list || spec_differs(*frozen, old))) {
    object["metadata"].set("generation", old["metadata"]["generation"].as_int() + 1);
    frozen = TRY(schema::freeze(object, *resource_->type));
  }

  const Rules& asked = options.asked ? *options.asked : *rules_;
  FieldErrors errors;
  errors.set_sent(object);
  validate_metadata_on_update(*frozen, old, resource_->namespaced, asked, options.subresource, errors);
  if (options.also_validate) options.also_validate(*frozen, &old, errors);
  if (options.subresource.empty() || !asked.validate_subresource) {
    if (asked.validate_update)
      asked.validate_update(*frozen, old, errors);
    else if (asked.validate && options.subresource.empty())
      asked.validate(*frozen, errors);
  } else {
    asked.validate_subresource(options.subresource, *frozen, old, errors);
  }
  if (!errors.empty()) return fail(std::move(errors).to_error(resource_->group, resource_->kind, name));
  if (options.warnings && rules_->warnings) rules_->warnings(*frozen, &old, *options.warnings);
  if (options.admit) TRY(options.admit(*frozen, &old));

  auto finalizers = frozen->view()["metadata"]["finalizers"].size();
  auto grace = old["metadata"]["deletionGracePeriodSeconds"];
  bool waited_for = old["metadata"]["deletionTimestamp"].present() && (!grace.present() || grace.as_int() == 0);
  if (finalizers == 0 && waited_for && (!rules_->deletable || rules_->deletable(*frozen))) {
    DeleteOptions delete_options;
    delete_options.dry_run = options.dry_run;
    auto outcome = erase_at(key, current, delete_options, lost_race);
    if (outcome && !lost_race) outcome->object = frozen->with_revision(old.revision());
    return outcome;
  }
  frozen->set_revision(old.revision());
  bool unchanged = frozen->view().equals(old.view());
  if (unchanged && (options.dry_run || !store_->is_stale(prefix_ + key).value_or(false))) {  // nothing to write
    if (undo) undo.reset();
    return Outcome{current.object, false, false};
  }
  if (!options.dry_run) frozen = TRY(put(key, frozen, current.revision, lost_race));
  if (lost_race) return Outcome{};
  undo.reset();
  if (hooks_ && !options.dry_run) hooks_->after_update(*frozen, old);
  return Outcome{std::move(frozen), false, false};
}

Result<Value> ObjectStore::prepare_update(Value object, const Object& old, std::string_view name_space, const WriteOptions& options,
                                          Arena& arena) {
  TRY(check_namespace(object, name_space));
  Value metadata = object.ensure_object("metadata");
  schema::AnyView before = old["metadata"];
  auto keep = [&](std::string_view field) {
    if (schema::AnyView value = before[field]; value.present())
      metadata.set(field, schema::thaw(value, arena));
    else
      metadata.remove(field);
  };
  keep("generation");
  if (options.subresource == "status") {
    for (const auto& field : old.type().fields)
      if (!is_apart_from_spec(field.name)) keep_member(object, old, field.name, arena);
  } else if (has_status_ && options.subresource.empty()) {
    keep_member(object, old, "status", arena);
  }
  if (rules_->prepare_update) rules_->prepare_update(object, old, options.subresource);
  if (rules_->stamp_update) rules_->stamp_update(object, old, options.subresource, clock_->now_us() / 1'000'000);
  if (metadata["uid"].as_string().empty()) keep("uid");
  if (before["creationTimestamp"].present()) keep("creationTimestamp");
  if (before["deletionTimestamp"].present()) keep("deletionTimestamp");
  if (before["deletionGracePeriodSeconds"].present() && metadata["deletionGracePeriodSeconds"].is_missing())
    keep("deletionGracePeriodSeconds");
  metadata.set("resourceVersion", arena.copy(concat(old.revision())));
  return object;
}

Result<void> ObjectStore::erase(std::string_view name_space, std::string_view name) {
  auto key = TRY(object_key(*resource_, name_space, name));
  store::Write write;
  write.key = prefix_ + key;
  TRY(store_->write(std::move(write)));
  return {};
}

}  // namespace sampan::registry
