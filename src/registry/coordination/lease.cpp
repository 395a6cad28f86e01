// Lease: who holds something, and since when; how components choose a leader and how nodes tell that they live.
#include "registry/columns.h"
#include "registry/coordination/lease_strategy.h"
#include "registry/rules.h"

namespace sampan::registry {

namespace {

// The gate of coordinated leader election is off: its fields are only kept where they are.
void drop_coordination(Value object, const schema::AnyView& old_spec) {
  Value spec = object["spec"];
  if (!spec.is_object()) return;
  for (auto field : {"strategy", "preferredHolder"})
    if (!old_spec[field].present()) spec.remove(field);
}

void prepare_create(Value object, const CreateContext&) { drop_coordination(object, {}); }
void prepare_update(Value object, const Object& old, std::string_view) { drop_coordination(object, old["spec"]); }

void validate(const Object& object, FieldErrors& errors) {
  Path path("spec");
  At spec(object["spec"], path, errors);
  At duration = spec["leaseDurationSeconds"], transitions = spec["leaseTransitions"], strategy = spec["strategy"];
  if (duration.present() && duration.number() <= 0) duration.invalid("must be greater than 0");
  if (transitions.present() && transitions.number() < 0) transitions.invalid("must be greater than or equal to 0");
  if (strategy.present()) validate_lease_strategy(strategy);
  if (!spec["preferredHolder"].empty() && strategy.empty())
    spec["preferredHolder"].forbidden("may only be specified if `strategy` is defined");
}

void validate_update(const Object& object, const Object&, FieldErrors& errors) { validate(object, errors); }

constexpr Column kColumns[] = {
    kNameColumn,
    {"Holder", "string", "",
     "holderIdentity contains the identity of the holder of a current lease. If Coordinated Leader Election is used, the holder identity must be "
     "equal to the elected LeaseCandidate.metadata.name field."},
    kAgeColumn,
};

void row(const Object& object, Row& row) {
  name_cell(object, row);
  row.text(object["spec"]["holderIdentity"].as_string());
  age_cell(object, row);
}

}  // namespace

extern const Rules kLeaseRules{
    .group = "coordination.k8s.io",
    .kind = "Lease",
    .prepare_create = prepare_create,
    .prepare_update = prepare_update,
    .validate = validate,
    .validate_update = validate_update,
    .qualified_finalizers = false,
    .columns = kColumns,
    .row = row,
    .has_generation = false,
    .create_on_update = true,
    .unconditional_update = false,
};

}  // namespace sampan::registry
