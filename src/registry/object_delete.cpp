// DELETE: preconditions, grace, finalizers and what happens to dependants. The steps and their order are upstream's, since controllers
// rely on every intermediate state.
#include "base/encoding.h"
#include "base/held.h"
#include "base/text.h"
#include "registry/object_store.h"
#include "registry/storage_keys.h"

namespace sampan::registry {

namespace {

constexpr std::string_view kOrphan = "orphan";
constexpr std::string_view kForeground = "foregroundDeletion";
constexpr int kLostRaceTries = 100;

bool has_finalizer(const Object& object, std::string_view name) {
  auto finalizers = object["metadata"]["finalizers"];
  for (uint32_t i = 0; i < finalizers.size(); i++)
    if (finalizers.item(i).as_string() == name) return true;
  return false;
}

enum class Dependants { Background, Orphan, Foreground };

Dependants dependants_policy(const Object& object, const Rules& rules, const DeleteOptions& options) {
  if (rules.default_propagation == "unsupported") return Dependants::Background;
  if (options.orphan_dependents) return *options.orphan_dependents ? Dependants::Orphan : Dependants::Background;
  if (options.propagation_policy == "Orphan") return Dependants::Orphan;
  if (options.propagation_policy == "Foreground") return Dependants::Foreground;
  if (options.propagation_policy == "Background") return Dependants::Background;
  // A finalizer that is there already outranks the kind's default.
  auto finalizers = object["metadata"]["finalizers"];
  for (uint32_t i = 0; i < finalizers.size(); i++) {
    auto name = finalizers.item(i).as_string();
    if (name == kOrphan) return Dependants::Orphan;
    if (name == kForeground) return Dependants::Foreground;
  }
  return rules.default_propagation == "orphan" ? Dependants::Orphan : Dependants::Background;
}

// The finalizers after the policy is applied; false if they stay as they are.
bool adjust_finalizers(Value metadata, const Object& object, Dependants policy) {
  bool orphan = policy == Dependants::Orphan, foreground = policy == Dependants::Foreground;
  if (has_finalizer(object, kOrphan) == orphan && has_finalizer(object, kForeground) == foreground) return false;
  Value finalizers = metadata.ensure_list("finalizers");
  for (uint32_t i = finalizers.size(); i-- > 0;) {
    auto name = finalizers.at(i).as_string();
    if (name == kOrphan || name == kForeground) finalizers.erase(i);
  }
  if (orphan) finalizers.push(kOrphan);
  if (foreground) finalizers.push(kForeground);
  return true;
}

void mark_deleting(Value metadata, int64_t at_seconds, int64_t grace_seconds, Arena& arena) {
  if (metadata["deletionTimestamp"].is_missing() && metadata["generation"].as_int() > 0)
    metadata.set("generation", metadata["generation"].as_int() + 1);
  std::string text;
  append_time(text, at_seconds);
  metadata.set("deletionTimestamp", arena.copy(text));
  metadata.set("deletionGracePeriodSeconds", grace_seconds);
}

constexpr int64_t kLastSecond = 253'402'300'799;  // 9999-12-31T23:59:59Z, the last that can be written

struct Grace {
  bool graceful = false;  // the object is marked and stays for `seconds`
  bool pending = false;   // it has been marked before, and this request changes nothing
  int64_t seconds = 0, at_seconds = 0;
};

// What this request does to the grace period: a second DELETE can only shorten it.
Grace decide_grace(const Object& object, const Rules& rules, const DeleteOptions& options, int64_t now) {
  Grace grace;
  if (!rules.grace_seconds) return grace;
  auto metadata = object["metadata"];
  if (metadata["deletionTimestamp"].present()) {
    int64_t current = metadata["deletionGracePeriodSeconds"].as_int();
    if (current < 0) current = 1;
    if (current == 0) return grace;
    if (!options.grace_seconds || *options.grace_seconds >= current) {
      grace.pending = true;
      return grace;
    }
    grace.graceful = true;
    grace.seconds = *options.grace_seconds;
    grace.at_seconds = metadata["deletionTimestamp"].as_int() - current + grace.seconds;
    if (grace.at_seconds < now) {
      grace.at_seconds = now;
      // Whoever carries out the graceful deletion still has to see it, so it does not become an immediate one.
      if (grace.seconds != 0) grace.seconds = 1;
    }
    return grace;
  }
  grace.graceful = true;
  grace.seconds = rules.grace_seconds(object, options.grace_seconds.value_or(-1));
  grace.at_seconds = std::min(add_held(now, grace.seconds), kLastSecond);
  return grace;
}

}  // namespace

Result<Outcome> ObjectStore::remove(std::string_view name_space, std::string_view name, const DeleteOptions& given) {
  auto key = TRY(object_key(*resource_, name_space, name));
  DeleteOptions options = given;
  if (options.grace_seconds && *options.grace_seconds < 0) options.grace_seconds = 1;
  for (int tries = 0; tries < kLostRaceTries; tries++) {
    auto now = TRY(current(key, tries > 0));
    bool lost_race = false;
    auto attempt = [&]() -> Result<Outcome> {
      if (!now.object) return fail(named_not_found(name));
      return remove_once(key, now, options, lost_race);
    };
    auto outcome = attempt();
    if (lost_race) continue;
    if (outcome || tries > 0 || !TRY(is_outdated(key, now))) return outcome;
  }
  return fail(conflict(resource_->group, resource_->resource, name, "the object keeps changing; please try again"));
}

Result<void> check_delete_preconditions(const schema::Resource& resource, const Object& object, const Preconditions& wanted) {
  auto metadata = object["metadata"];
  auto refuse = [&](std::string_view why) { return fail(conflict(resource.group, resource.kind, metadata["name"].as_string(), why)); };
  if (auto uid = metadata["uid"].as_string(); !wanted.uid.empty() && wanted.uid != uid)
    return refuse(concat("the UID in the precondition (", wanted.uid, ") does not match the UID in record (", uid,
                         "). The object might have been deleted and then recreated"));
  if (auto version = concat(object.revision()); wanted.resource_version && *wanted.resource_version != version)
    return refuse(concat("the ResourceVersion in the precondition (", *wanted.resource_version, ") does not match the ResourceVersion in record (",
                         version, "). The object might have been modified"));
  return {};
}

// What is deleted in two steps is looked at by its own verb first, which says the same in other words.
Result<void> ObjectStore::check_begun_delete(const Object& object, const Preconditions& wanted) const {
  auto metadata = object["metadata"];
  auto refuse = [&](std::string_view what, std::string_view want, std::string_view is) {
    return fail(conflict(resource_->group, resource_->resource, metadata["name"].as_string(),
                         concat("Precondition failed: ", what, " in precondition: ", want, ", ", what, " in object meta: ", is)));
  };
  if (auto uid = metadata["uid"].as_string(); !wanted.uid.empty() && wanted.uid != uid) return refuse("UID", wanted.uid, uid);
  if (auto version = concat(object.revision()); wanted.resource_version && *wanted.resource_version != version)
    return refuse("ResourceVersion", *wanted.resource_version, version);
  return {};
}

Result<Outcome> ObjectStore::remove_once(const std::string& key, const Current& current, DeleteOptions options, bool& lost_race) {
  const Object& object = *current.object;
  auto metadata = object["metadata"];
  if (rules_->begin_delete) TRY(check_begun_delete(object, options.preconditions));
  TRY(check_delete_preconditions(*resource_, object, options.preconditions));

  int64_t now = clock_->now_us() / 1'000'000;
  Grace grace = decide_grace(object, *rules_, options, now);
  if (grace.pending) return Outcome{current.object, false, false};
  if (options.admit) TRY(options.admit(object));

  Arena arena;
  Value tree = schema::thaw(object, arena);
  Value tree_metadata = tree["metadata"];
  bool changed = adjust_finalizers(tree_metadata, object, dependants_policy(object, *rules_, options));
  bool waits_for_finalizers = !tree_metadata["finalizers"].empty();
  bool stays = waits_for_finalizers || (grace.graceful && grace.seconds > 0);
  if (rules_->begin_delete) {
    if (metadata["deletionTimestamp"].present()) {
      if (!rules_->deletable(object)) return Outcome{current.object, false, false};
    } else {
      std::string text;
      append_time(text, now);
      tree_metadata.set("deletionTimestamp", arena.copy(text));
      rules_->begin_delete(tree);
      auto frozen = TRY(schema::freeze(tree, *resource_->type));
      if (!options.dry_run) frozen = TRY(put(key, frozen, current.revision, lost_race));
      return Outcome{std::move(frozen), false, false};
    }
  }
  if (!stays) {
    if (!grace.graceful) return erase_at(key, current, options, lost_race);
    // Who watches sees that there is no grace left, and then that it is gone. Only the end has to last.
    mark_deleting(tree_metadata, grace.at_seconds, 0, arena);
    auto marked = TRY(schema::freeze(tree, *resource_->type));
    marked->set_revision(current.revision);
    if (!options.dry_run) marked = TRY(put(key, std::move(marked), current.revision, lost_race, store::Durability::Relaxed));
    if (lost_race) return Outcome{};
    if (options.admit && !options.dry_run) TRY(options.admit(*marked));  // as for everybody else, the end is a delete of its own
    auto revision = marked->revision();
    return erase_at(key, {std::move(marked), revision}, options, lost_race);
  }

  if (grace.graceful) {
    mark_deleting(tree_metadata, grace.at_seconds, grace.seconds, arena);
  } else {
    bool marked = metadata["deletionTimestamp"].present() && metadata["deletionTimestamp"].as_int() <= now;
    auto at = marked ? metadata["deletionTimestamp"].as_int() : now;
    if (!marked || metadata["deletionGracePeriodSeconds"].as_int() != 0) changed = true;
    mark_deleting(tree_metadata, at, 0, arena);
  }
  if (!changed && !grace.graceful) return Outcome{current.object, false, false};
  auto frozen = TRY(schema::freeze(tree, *resource_->type));
  if (options.dry_run) return Outcome{std::move(frozen), false, false};
  frozen = TRY(put(key, frozen, current.revision, lost_race));
  return Outcome{std::move(frozen), false, false};
}

Result<Outcome> ObjectStore::erase_at(const std::string& key, const Current& current, const DeleteOptions& options, bool& lost_race) {
  if (options.dry_run) return Outcome{current.object, false, true};
  store::Write write;
  write.key = prefix_ + key;
  write.expected = current.revision;
  if (rules_->ttl_seconds > 0) write.durability = store::Durability::Relaxed;
  auto written = TRY(store_->write(std::move(write)));
  lost_race = !written.applied;
  if (lost_race) return Outcome{};
  if (hooks_) hooks_->after_delete(*current.object);
  return Outcome{current.object->with_revision(written.revision), false, true};
}

}  // namespace sampan::registry
