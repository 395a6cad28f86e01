// PriorityLevelConfiguration: how many requests of a level run at once, and where the others wait.
#include <cmath>

#include "base/text.h"
#include "registry/columns.h"
#include "registry/flowcontrol/conditions.h"
#include "registry/flowcontrol/standard_objects.h"
#include "registry/keep_metadata.h"

namespace sampan::registry {

namespace priority_level {

void set_missing(Value object, std::string_view name, int64_t value) {
  if (object[name].is_missing()) object.set(name, value);
}

void defaults(Value object, std::string_view) {
  constexpr int64_t kShares = 30, kHandSize = 8, kQueues = 64, kQueueLength = 50;
  Value spec = object.ensure_object("spec");
  if (Value exempt = spec["exempt"]; exempt.is_object()) {
    set_missing(exempt, "nominalConcurrencyShares", 0);
    set_missing(exempt, "lendablePercent", 0);
  }
  Value limited = spec["limited"];
  if (!limited.is_object()) return;
  set_missing(limited, "nominalConcurrencyShares", kShares);
  set_missing(limited, "lendablePercent", 0);
  Value queuing = limited["limitResponse"]["queuing"];
  if (!queuing.is_object()) return;
  for (auto [field, value] : {std::pair("handSize", kHandSize), {"queues", kQueues}, {"queueLengthLimit", kQueueLength}})
    if (queuing[field].as_int() == 0) queuing.set(field, value);
}

void validate_queuing(const At& queuing) {
  constexpr int64_t kQueuesMax = 10'000'000;
  constexpr int kHashBitsMax = 60;
  At length = queuing["queueLengthLimit"], queues = queuing["queues"], hand = queuing["handSize"];
  if (length.number() <= 0) length.invalid(Shown(length.number()), "must be positive");
  if (queues.number() <= 0)
    queues.invalid(Shown(queues.number()), "must be positive");
  else if (queues.number() > kQueuesMax)
    queues.invalid(concat("must not be greater than ", kQueuesMax));
  if (hand.number() <= 0) return hand.invalid(Shown(hand.number()), "must be positive");
  if (hand.number() > queues.number()) return hand.invalid(concat("should not be greater than queues (", queues.number(), ")"));
  // Dealing a hand takes this much of the hash.
  if (std::ceil(std::log2(static_cast<double>(queues.number())) * static_cast<double>(hand.number())) > kHashBitsMax)
    hand.invalid(concat("required entropy bits of deckSize ", queues.number(), " and handSize ", hand.number(),
                        " should not be greater than ", kHashBitsMax));
}

void validate_response(const At& response) {
  At type = response["type"], queuing = response["queuing"];
  if (type.text() == "Reject") {
    if (queuing.present()) queuing.forbidden("must be nil if limited.limitResponse.type is not Limited");
  } else if (type.text() == "Queue") {
    queuing.present() ? validate_queuing(queuing) : queuing.required("must not be empty if limited.limitResponse.type is Limited");
  } else if (type.empty()) {
    type.required();
  } else {
    type.not_supported({"Queue", "Reject"});
  }
}

void validate_shares(const At& limits) {
  At shares = limits["nominalConcurrencyShares"], lendable = limits["lendablePercent"], borrowing = limits["borrowingLimitPercent"];
  if (shares.present() && shares.number() < 0) shares.invalid("must be a non-negative integer");
  if (lendable.present() && (lendable.number() < 0 || lendable.number() > 100)) lendable.invalid("must be between 0 and 100, inclusive");
  if (borrowing.present() && borrowing.number() < 0) borrowing.invalid("if specified, must be a non-negative integer");
}

void validate_spec(const At& spec, std::string_view name) {
  At type = spec["type"], limited = spec["limited"], exempt = spec["exempt"];
  if ((name == flowcontrol::kExempt) != (type.text() == "Exempt"))
    type.invalid(Shown::named(type.text()), "must be 'Exempt' if and only if `name` is 'exempt'");
  if (type.text() == "Exempt") {
    if (limited.present()) limited.forbidden("must be nil if the type is not Limited");
    if (exempt.present()) validate_shares(exempt);
  } else if (type.text() == "Limited") {
    if (exempt.present()) exempt.forbidden("must be nil if the type is Limited");
    if (!limited.present()) return limited.required("must not be empty when type is Limited");
    validate_shares(limited);
    validate_response(limited["limitResponse"]);
  } else if (type.empty()) {
    type.required();
  } else {
    type.not_supported({"Exempt", "Limited"});
  }
}

void validate_mandatory(const Object& object, FieldErrors& errors) {
  for (const auto& standard : flowcontrol::standard_levels()) {
    if (!standard.mandatory || standard.name != name_of(object)) continue;
    Arena arena;
    Value wanted = Value::object(arena), spec = flowcontrol::spec_of(standard, arena);
    wanted.set("spec", spec);
    bool exempt = standard.name == flowcontrol::kExempt;
    // How the exempt level lends its seats is the administrator's.
    if (exempt) spec.set("exempt", object["spec"]["exempt"].present() ? schema::thaw(object["spec"]["exempt"], arena) : Value::null());
    auto frozen = schema::freeze(wanted, object.type());
    if (!frozen || !(**frozen)["spec"].equals(object["spec"]))
      errors.invalid(Path("spec"), Shown::internal(object["spec"]),
                     concat("spec of '", standard.name, exempt ? "' except the 'spec.exempt' field" : "'", " must equal the fixed value"));
  }
}

void validate(const Object& object, FieldErrors& errors) {
  constexpr std::string_view kRoundTrip = "flowcontrol.k8s.io/v1beta3-preserve-zero-concurrency-shares";
  Path path("spec");
  if (has_annotation(object, kRoundTrip)) errors.forbidden(Path("metadata.annotations"), concat("annotation '", kRoundTrip, "' is forbidden"));
  validate_spec(At(object["spec"], path, errors), name_of(object));
  validate_mandatory(object, errors);
  flowcontrol::validate_status(object, errors);
}

void validate_update(const Object& object, const Object&, FieldErrors& errors) { validate(object, errors); }
void validate_subresource(std::string_view, const Object& object, const Object&, FieldErrors& errors) {
  flowcontrol::validate_status(object, errors);
}

constexpr Column kColumns[] = {
    kNameColumn,
    {"Type", "string", "",
     "`type` indicates whether this priority level is subject to limitation on request execution.  A value of `\"Exempt\"` means that requests of "
     "this priority level are not subject to a limit (and thus are never queued) and do not detract from the capacity made available to other "
     "priority levels.  A value of `\"Limited\"` means that (a) requests of this priority level _are_ subject to limits and (b) some of the "
     "server's limited capacity is made available exclusively to this priority level. Required."},
    {"NominalConcurrencyShares", "string", "",
     "`nominalConcurrencyShares` (NCS) contributes to the computation of the NominalConcurrencyLimit (NominalCL) of this level. This is the number "
     "of execution seats available at this priority level. This is used both for requests dispatched from this priority level as well as requests "
     "dispatched from other priority levels borrowing seats from this level. The server's concurrency limit (ServerCL) is divided among the "
     "Limited priority levels in proportion to their NCS values:\n\nNominalCL(i)  = ceil( ServerCL * NCS(i) / sum_ncs ) sum_ncs = sum[priority "
     "level k] NCS(k)\n\nBigger numbers mean a larger nominal concurrency limit, at the expense of every other priority level.\n\nIf not "
     "specified, this field defaults to a value of 30.\n\nSetting this field to zero supports the construction of a \"jail\" for this priority "
     "level that is used to hold some request(s)"},
    {"Queues", "string", "",
     "`queues` is the number of queues for this priority level. The queues exist independently at each apiserver. The value must be positive.  "
     "Setting it to 1 effectively precludes shufflesharding and thus makes the distinguisher method of associated flow schemas irrelevant.  This "
     "field has a default value of 64."},
    {"HandSize", "string", "",
     "`handSize` is a small positive number that configures the shuffle sharding of requests into queues.  When enqueuing a request at this "
     "priority level the request's flow identifier (a string pair) is hashed and the hash value is used to shuffle the list of queues and deal a "
     "hand of the size specified here.  The request is put into one of the shortest queues in that hand. `handSize` must be no larger than "
     "`queues`, and should be significantly smaller (so that a few heavy flows do not saturate most of the queues).  See the user-facing "
     "documentation for more extensive guidance on setting this field.  This field has a default value of 8."},
    {"QueueLengthLimit", "string", "",
     "`queueLengthLimit` is the maximum number of requests allowed to be waiting in a given queue of this priority level at a time; excess "
     "requests are rejected.  This value must be positive.  If not specified, it will be defaulted to 50."},
    kAgeColumn,
};

void row(const Object& object, Row& row) {
  auto limited = object["spec"]["limited"], queuing = limited["limitResponse"]["queuing"];
  auto number = [&](const schema::AnyView& parent, std::string_view field) {
    parent.present() ? row.number(parent[field].present() ? parent[field].as_int() : 0) : row.text("<none>");
  };
  name_cell(object, row);
  row.text(object["spec"]["type"].as_string());
  number(limited, "nominalConcurrencyShares");
  for (auto field : {"queues", "handSize", "queueLengthLimit"}) number(queuing, field);
  age_cell(object, row);
}

}  // namespace priority_level

extern const Rules kPriorityLevelConfigurationRules{
    .group = "flowcontrol.apiserver.k8s.io",
    .kind = "PriorityLevelConfiguration",
    .defaults = priority_level::defaults,
    .prepare_update = keep_metadata_in_status,
    .validate = priority_level::validate,
    .validate_update = priority_level::validate_update,
    .validate_subresource = priority_level::validate_subresource,
    .update_checks_metadata = false,
    .update_checks_whole = true,
    .columns = priority_level::kColumns,
    .row = priority_level::row,
    .status_reset_fields = flowcontrol::kStatusReset,
};

}  // namespace sampan::registry
