// Look-up in the description of the API: fields by name, and the scalar types.
#include "schema/schema.h"

#include "base/check.h"

namespace sampan::schema {

// The scalars that are types of their own in OpenAPI carry that name.
constinit const Type scalar_types[] = {
    {.kind = Kind::String},
    {.kind = Kind::Bool},
    {.kind = Kind::Int32},
    {.kind = Kind::Int64},
    {.kind = Kind::Double},
    {.kind = Kind::Bytes},
    {.kind = Kind::Time, .name = "io.k8s.apimachinery.pkg.apis.meta.v1.Time"},
    {.kind = Kind::MicroTime, .name = "io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime"},
    {.kind = Kind::Duration, .name = "io.k8s.apimachinery.pkg.apis.meta.v1.Duration"},
    {.kind = Kind::Quantity, .name = "io.k8s.apimachinery.pkg.api.resource.Quantity"},
    {.kind = Kind::IntOrString, .name = "io.k8s.apimachinery.pkg.util.intstr.IntOrString"},
    {.kind = Kind::Raw},
};

const Type& scalar(Kind kind) {
  check(kind <= Kind::Raw);
  return scalar_types[static_cast<size_t>(kind)];
}

const Field* Type::find(std::string_view field_name) const {
  if (hash.empty()) return nullptr;
  const size_t mask = hash.size() - 1;
  for (size_t slot = field_hash(field_name) & mask; hash[slot] != 0; slot = (slot + 1) & mask) {
    const Field& field = fields[hash[slot] - 1];
    if (field.name == field_name) return &field;
  }
  return nullptr;
}

int Type::index_of(const Field* field) const {
  if (!field || field < fields.data() || field >= fields.data() + fields.size()) return -1;
  return static_cast<int>(field - fields.data());
}

}  // namespace sampan::schema
