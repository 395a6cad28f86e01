// The verbs of one kind over the store: what upstream calls the generic registry. Everything here is the same for all kinds; what differs is in the
// kind's Rules and, for the few that must keep something else in step (services and their addresses), in Hooks.
//
// Reads are of the watch cache. Writes take the current object, make the new one, validate it, and put it with compare-and-swap; a lost race is tried
// again with what won.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/environment.h"
#include "base/status.h"
#include "registry/rules.h"
#include "schema/object.h"
#include "schema/schema.h"
#include "store/cache.h"
#include "store/store.h"

namespace sampan::registry {

using schema::ObjectRef;

struct WriteOptions {
  std::string_view subresource;  // "", "status", "scale" ...
  bool dry_run = false;
  Warnings* warnings = nullptr;
  Requester requester = {};
  const Rules* asked = nullptr;  // of the version that was asked for, which may be stricter than the stored one; null: that is the same
  // What is wrong beyond the kind's rules, told before them: of who asks, of other objects. `old` is null on create.
  std::function<void(const Object& object, const Object* old, FieldErrors& errors)> also_validate;
  // The validating half of admission; `old` is null on create.
  std::function<Result<void>(const Object& object, const Object* old)> admit;
};

struct Preconditions {
  std::string uid;  // "" = none
  std::optional<std::string> resource_version;
};

struct DeleteOptions {
  std::optional<int64_t> grace_seconds;
  Preconditions preconditions;
  std::optional<bool> orphan_dependents;
  std::string propagation_policy;  // "", "Orphan", "Background", "Foreground"
  bool dry_run = false;
  std::function<Result<void>(const Object& object)> admit;
};

// Of a deletion; what is refused is said of the kind.
Result<void> check_delete_preconditions(const schema::Resource& resource, const Object& object, const Preconditions& wanted);

struct Outcome {
  ObjectRef object;
  bool created = false;
  bool deleted = false;  // gone from the store (a delete, or an update that took the last finalizer)
};

// What a kind keeps in step with its writes. A hook may change the object; undo() is called if the write then fails.
class Hooks {
 public:
  virtual ~Hooks() = default;
  class Undo {
   public:
    virtual ~Undo() = default;
    virtual void undo() = 0;
  };
  virtual Result<std::unique_ptr<Undo>> before_create(Value object, bool dry_run) = 0;
  virtual Result<std::unique_ptr<Undo>> before_update(Value object, const Object& old, bool dry_run) = 0;
  virtual void after_update(const Object& object, const Object& old) = 0;
  virtual void after_delete(const Object& object) = 0;
};

class ObjectStore {
 public:
  // `resource` is the one of the stored version.
  static Result<std::unique_ptr<ObjectStore>> open(const schema::Resource& resource, store::Store& store, Clock& clock,
                                                   Random& random);
  const schema::Resource& resource() const { return *resource_; }
  const Rules& rules() const { return *rules_; }
  store::Cache& cache() { return *cache_; }
  void set_hooks(Hooks* hooks) { hooks_ = hooks; }

  Result<ObjectRef> get(std::string_view name_space, std::string_view name);
  // `object` is conformed, defaulted and admitted; managedFields are set by `own` (see below).
  Result<Outcome> create(std::string_view name_space, Value object, Arena& arena, const WriteOptions& options);

  // `produce` gives the new tree from the current object (null: there is none, which only `may_create` allows). It may be called again
  // after a lost race, unless the client named a resourceVersion.
  using Produce = std::function<Result<Value>(const ObjectRef& current, Arena& arena)>;
  Result<Outcome> update(std::string_view name_space, std::string_view name, const Produce& produce, const Preconditions& preconditions,
                         bool may_create, const WriteOptions& options);

  Result<Outcome> remove(std::string_view name_space, std::string_view name, const DeleteOptions& options);

  // Removes what is there without further ado (upkeep by the server itself).
  Result<void> erase(std::string_view name_space, std::string_view name);

 private:
  ObjectStore() = default;
  struct Current {
    ObjectRef object;              // null: none
    store::Revision revision = 0;  // to compare with; 0 if none
  };
  Result<Current> current(const std::string& key, bool newest);
  // A cache of a store elsewhere may be behind: what is refused on its word is decided once more on the newest.
  Result<bool> is_outdated(const std::string& key, const Current& decided_on);
  Result<void> check_preconditions(const Current& current, const std::string& key, std::string_view name,
                                   const Preconditions& wanted, bool dry_run) const;
  Result<Outcome> create_at(const std::string& key, std::string_view name_space, Value object, Arena& arena, const WriteOptions& options,
                            Current* lost_to);
  Result<Outcome> update_once(const std::string& key, std::string_view name_space, std::string_view name, const Current& current, const Produce& produce,
                              bool may_create, const WriteOptions& options, bool& lost_race);
  Result<Value> prepare_update(Value object, const Object& old, std::string_view name_space, const WriteOptions& options, Arena& arena);
  Result<ObjectRef> put(const std::string& key, ObjectRef object, store::Revision expected, bool& lost_race,
                        store::Durability durability = store::Durability::Full);
  Result<void> check_begun_delete(const Object& object, const Preconditions& wanted) const;
  Result<Outcome> remove_once(const std::string& key, const Current& current, DeleteOptions options, bool& lost_race);
  Result<Outcome> erase_at(const std::string& key, const Current& current, const DeleteOptions& options, bool& lost_race);
  Result<void> check_namespace(Value object, std::string_view name_space) const;
  Error named_not_found(std::string_view name) const { return not_found(resource_->group, resource_->resource, name); }
  std::string generated_name(std::string_view base);

  const schema::Resource* resource_ = nullptr;
  const Rules* rules_ = nullptr;
  store::Store* store_ = nullptr;
  Clock* clock_ = nullptr;
  Random* random_ = nullptr;
  Hooks* hooks_ = nullptr;
  std::string prefix_;
  std::unique_ptr<store::Cache> cache_;
  bool has_status_ = false;
};

}  // namespace sampan::registry
