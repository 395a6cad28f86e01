// API objects for tests, from their YAML.
#pragma once
#include "schema/conform.h"
#include "schema/object.h"
#include "schema/yaml.h"

namespace sampan::network {

template <class View>
schema::ObjectRef object_of(std::string_view yaml) {
  Arena arena;
  auto documents = schema::parse_yaml(yaml, arena);
  if (!documents || documents->size() != 1) {
    ADD_FAILURE() << "no YAML: " << yaml;
    return {};
  }
  schema::Conformance found;
  auto conformed = schema::conform((*documents)[0], View::schema_type(), found);
  if (!conformed) ADD_FAILURE() << conformed.error().message();
  auto object = schema::freeze((*documents)[0], View::schema_type());
  if (!object) {
    ADD_FAILURE() << object.error().message();
    return {};
  }
  return *object;
}

}  // namespace sampan::network
