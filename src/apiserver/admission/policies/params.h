// Objects that a policy is given as its parameters.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "apiserver/catalog.h"
#include "schema/label_selector.h"
#include "schema/value.h"

namespace sampan::apiserver {

struct ParamKind {
  std::string group, version, kind;
  std::string text() const;  // "apps/v1, Kind=Deployment"
};
std::optional<ParamKind> param_kind_of(const schema::AnyView& view);

struct ParamRef {
  std::string name, name_space;
  std::optional<schema::LabelSelector> selector;
  bool deny_without = false;
};
std::optional<ParamRef> param_ref_of(const schema::AnyView& view);

// Null if nothing of that kind is served.
const Served* param_resource(const Catalog& catalog, const ParamKind& kind);

// One absent tree if the binding uses none. The error is what is wrong with the binding.
std::expected<std::vector<schema::Value>, std::string> collect_params(const Served* resource, const std::optional<ParamRef>& reference, std::string_view name_space,
                                                                      Arena& arena);

}  // namespace sampan::apiserver
