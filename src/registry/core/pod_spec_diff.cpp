#include "registry/core/pod_spec_diff.h"

#include "registry/internal_form.h"
#include "registry/line_diff.h"
#include "schema/quantity.h"

namespace sampan::registry {

namespace {

using schema::AnyView;
using schema::Field;
using schema::Kind;

bool is_empty(const AnyView& view) {
  if (!view.present()) return true;
  return (view.kind() == Kind::List || view.kind() == Kind::Map) && view.size() == 0;
}

}  // namespace

bool semantically_equal(const AnyView& a, const AnyView& b) {
  if (is_empty(a) || is_empty(b)) return is_empty(a) && is_empty(b);
  switch (a.kind()) {
    case Kind::Quantity: return schema::Quantity::stored(a.as_string()) == schema::Quantity::stored(b.as_string());
    case Kind::Struct:
      for (unsigned i = 0; i < a.type().fields.size(); i++)
        if (!semantically_equal(a.field(i), b.field(i))) {
          // A struct by value that is absent equals one with nothing in it.
          const Field& field = a.type().fields[i];
          AnyView present = a.field(i).present() ? a.field(i) : b.field(i);
          if (field.type->kind != Kind::Struct || field.is(Field::Nullable) || (a.field(i).present() && b.field(i).present())) return false;
          for (unsigned j = 0; j < field.type->fields.size(); j++)
            if (!is_empty(present.field(j))) return false;
        }
      return true;
    case Kind::List:
      if (a.size() != b.size()) return false;
      for (uint32_t i = 0; i < a.size(); i++)
        if (!semantically_equal(a.item(i), b.item(i))) return false;
      return true;
    case Kind::Map:
      if (a.size() != b.size()) return false;
      for (uint32_t i = 0; i < a.size(); i++)
        if (a.key(i) != b.key(i) || !semantically_equal(a.value(i), b.value(i))) return false;
      return true;
    default: return a.equals(b);
  }
}

std::string pod_spec_diff(const AnyView& before, const AnyView& after, schema::Value sent) {
  return line_diff(internal_form(before, Layout::Indented), internal_form(after, Layout::Indented, sent));
}

}  // namespace sampan::registry
