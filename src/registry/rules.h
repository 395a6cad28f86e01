// All that a kind does beyond its schema, in one table a kind. The generic machinery (verbs.h) calls these; what a table leaves empty has the
// generic behaviour, so a plain kind needs nothing but its columns.
//
// Good example: registry/apps/deployment.cpp. The tables are listed in kinds.cpp.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "registry/field_errors.h"
#include "schema/object.h"
#include "schema/schema.h"
#include "schema/value.h"

namespace sampan::registry {

using schema::Object;
using schema::Value;

using Warnings = std::vector<std::string>;

// ---- tables (kubectl get) ----

struct Column {
  std::string_view name, type, format, description;
  int priority = 0;
};

// The cells of one row, in the columns' order.
class Row {
 public:
  virtual ~Row() = default;
  virtual void text(std::string_view cell) = 0;
  virtual void number(int64_t cell) = 0;
  virtual void boolean(bool cell) = 0;
  virtual void null() = 0;
  virtual void age(int64_t seconds_since_1970) = 0;  // "<unknown>" for 0, else how long ago: "5m"
  virtual int64_t now_seconds() const = 0;
  // The row's condition of this name: a pod that has finished, with why ("Succeeded") and in words.
  virtual void completed(std::string_view /*reason*/, std::string_view /*message*/) {}
};

// ---- field selectors ----

struct FieldLabel {
  std::string_view label;  // "spec.nodeName"; metadata.name and metadata.namespace are known for every kind
  std::string (*value)(const Object& object);
};

// What is said of a label that the kind does not have.
using UnknownLabel = std::string (*)(std::string_view label);

// ---- the kind ----

// What the subresource of an update may change; the generic machinery keeps the rest from the old object.
enum class Part : uint8_t { Main, Status, Other };

// Who asks, for the kinds that keep it. Borrowed from the request.
struct Requester {
  std::string_view name, uid;
  std::span<const std::string> groups;
  std::span<const std::pair<std::string, std::vector<std::string>>> extra = {};
};

struct CreateContext {
  int64_t now_seconds = 0;
  bool dry_run = false;
  Warnings* warnings = nullptr;  // of what is changed before `warnings` sees the object; null if nobody listens
  Requester requester = {};
};

struct Rules {
  std::string_view group, kind;

  // Defaults that the schema's `default` cannot say. Called for every version of the kind with its decoded tree, before mutating admission and
  // again after; must be idempotent. `version` is the version of the tree ("v1").
  void (*defaults)(Value object, std::string_view version) = nullptr;

  // What a create or an update of the main resource takes away or sets (upstream's PrepareForCreate/PrepareForUpdate). The generic part has been done
  // before: on create `status` is dropped if there is a status subresource and generation is 1; on update of the main resource the old status is kept,
  // on update of "status" every other top-level field but metadata is the old one, and generation goes up by one when anything outside
  // metadata and status changed (for kinds that `has_generation`).
  void (*prepare_create)(Value object, const CreateContext& context) = nullptr;
  void (*prepare_update)(Value object, const Object& old, std::string_view subresource) = nullptr;
  // After prepare_update: the times that the server gives.
  void (*stamp_update)(Value object, const Object& old, std::string_view subresource, int64_t now_seconds) = nullptr;

  // After validation and admission of a create: what upstream's defaulting does when it reads back what was stored.
  void (*canonicalize)(Value object) = nullptr;

  // Metadata is validated by the machinery (names by `validate_name`); these do the rest.
  void (*validate)(const Object& object, FieldErrors& errors) = nullptr;
  // Of the main resource; `validate` is NOT called on update by the machinery: call it from here where upstream does (it does for most kinds).
  void (*validate_update)(const Object& object, const Object& old, FieldErrors& errors) = nullptr;
  // Of "status" and further subresources ("resize", "ephemeralcontainers", "approval", "finalize").
  void (*validate_subresource)(std::string_view subresource, const Object& object, const Object& old, FieldErrors& errors) = nullptr;
  void (*warnings)(const Object& object, const Object* old, Warnings& out) = nullptr;

  // What a name must be: gives upstream's complaints, empty if good. Default: DNS-1123 subdomain.
  void (*validate_name)(std::string_view name, bool prefix, std::vector<std::string>& complaints) = nullptr;

  // Sent as a warning with every answer about the kind: "v1 Endpoints is deprecated in v1.33+; ...".
  std::string_view deprecation;

  // Whether the kind's own part of a create looks at metadata; else that is looked at when all the rest is right.
  bool create_checks_metadata = true;
  // How the kind's own part of an update looks at metadata, beyond the generic part: whether it checks the change again, and whether it
  // checks the whole object as on a create. Both show in how often a Status repeats a cause.
  bool update_checks_metadata = true;
  bool update_checks_whole = false;
  bool subresource_checks_whole = false;  // so do updates of status and the like
  bool qualified_finalizers = true;  // finalizers need a domain or be standard ones; policies, webhooks and custom resources do not ask

  std::span<const Column> columns;  // empty: Name and Created At
  void (*row)(const Object& object, Row& row) = nullptr;
  std::span<const FieldLabel> field_labels;
  UnknownLabel unknown_label = nullptr;  // null: "field label not supported: ..."

  // Annotations that are fields in upstream's internal form: metadata that stands alone (PartialObjectMetadata, rows of a Table) lacks them.
  std::span<const std::string_view> internal_annotations;

  // Between served versions of one kind (HPA v1/v2, Event core/events). `from` and `to` as "autoscaling/v1".
  void (*convert)(Value object, std::string_view from, std::string_view to) = nullptr;

  bool named_by_uuid = false;             // one that is created without any name gets a random one
  bool has_generation = true;             // metadata.generation is kept (most kinds with a spec; ConfigMap, Secret ... have none)
  bool empty_list_counts = false;         // an update's empty list raises the generation: upstream holds it for another value than none
  bool status_reset_on_create = true;     // only where there is a status subresource
  bool create_on_update = false;          // PUT of a name that does not exist creates it
  bool unconditional_update = true;       // PUT without resourceVersion is allowed
  // Graceful deletion (pods): the seconds to wait before the object goes, 0 to delete it at once. `requested` is -1 if the client gave none.
  int64_t (*grace_seconds)(const Object& object, int64_t requested) = nullptr;
  // Deletion in two steps (namespaces): the first DELETE only marks the object, changed by this; a later one deletes it once it is `deletable`.
  void (*begin_delete)(Value object) = nullptr;
  bool (*deletable)(const Object& object) = nullptr;
  bool returns_deleted_object = false;    // DELETE answers the object, not a Status
  int64_t ttl_seconds = 0;                // events: 3600
  // What a delete does to dependants when no propagationPolicy is given: "background" (most), "orphan" (batch/v1 jobs), "foreground".
  std::string_view default_propagation = "background";
  std::string_view propagation_warning;   // sent when a delete leaves that to the default
  std::span<const std::string_view> reset_fields;         // of the main resource for apply; default {"status"} where there is a status subresource
  std::span<const std::string_view> status_reset_fields;  // default {"spec"}
};

// From kinds.cpp. Never null: a kind without a table gets the plain one.
const Rules& rules_of(std::string_view group, std::string_view kind);

}  // namespace sampan::registry
