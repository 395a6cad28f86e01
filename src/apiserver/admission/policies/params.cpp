#include "apiserver/admission/policies/params.h"

#include "apiserver/admission/seen.h"
#include "apiserver/admission/expressions.h"
#include "apiserver/respond.h"
#include "base/text.h"

namespace sampan::apiserver {

using schema::AnyView;
using schema::ObjectRef;
using schema::Value;

std::string ParamKind::text() const { return concat(group, group.empty() ? "" : "/", version, ", Kind=", kind); }

std::optional<ParamKind> param_kind_of(const AnyView& view) {
  if (!view.present()) return std::nullopt;
  auto version = view["apiVersion"].as_string();
  auto slash = version.find('/');
  bool grouped = slash != version.npos;
  return ParamKind{std::string(grouped ? version.substr(0, slash) : std::string_view()), std::string(grouped ? version.substr(slash + 1) : version),
                   std::string(view["kind"].as_string())};
}

std::optional<ParamRef> param_ref_of(const AnyView& view) {
  if (!view.present()) return std::nullopt;
  ParamRef reference{std::string(view["name"].as_string()), std::string(view["namespace"].as_string()), {}, view["parameterNotFoundAction"].as_string() == "Deny"};
  if (AnyView selector = view["selector"]; selector.present())
    if (auto parsed = schema::LabelSelector::from(selector)) reference.selector = std::move(*parsed);
  return reference;
}

const Served* param_resource(const Catalog& catalog, const ParamKind& kind) {
  auto* version = catalog.group_version(kind.group, kind.version);
  if (!version) return nullptr;
  for (const Served* served : version->resources)
    if (served->resource->kind == kind.kind && served->store) return served;
  return nullptr;
}

std::expected<std::vector<Value>, std::string> collect_params(const Served* resource, const std::optional<ParamRef>& reference, std::string_view name_space,
                                                              Arena& arena) {
  if (!resource || !reference) return std::vector<Value>{Value()};
  std::string_view space;
  if (resource->resource->namespaced) {
    space = reference->name_space.empty() ? name_space : std::string_view(reference->name_space);
    if (space.empty()) return std::unexpected("cannot use namespaced paramRef in policy binding that matches cluster-scoped resources");
  } else if (!reference->name_space.empty()) {
    return std::unexpected("paramRef.namespace must not be provided for a cluster-scoped `paramKind`");
  }
  std::vector<Value> params;
  Target target{resource->resource->group, resource->resource->version, resource->resource->resource, expected_kind(*resource), resource};
  std::string problem;
  auto take = [&](const ObjectRef& object) {
    auto served = in_served_version(*resource, object);
    if (served)
      params.push_back(expression_tree(*served, target, arena));
    else
      problem = served.error().message();
  };
  if (!reference->name.empty()) {
    auto found = resource->store->get(space, reference->name);
    if (found) take(*found);
    else if (!found.error().is(Reason::NotFound)) return std::unexpected(found.error().message());
  } else if (reference->selector) {
    auto prefix = space.empty() ? std::string() : concat(space, "/");
    resource->store->cache().snapshot().each(prefix, {}, [&](std::string_view, const ObjectRef& object) {
      if (reference->selector->matches(*object)) take(object);
      return true;
    });
  } else {
    return std::unexpected("one of name or selector must be provided");
  }
  if (!problem.empty()) return std::unexpected(std::move(problem));
  if (params.empty() && reference->deny_without) return std::unexpected("no params found for policy binding with `Deny` parameterNotFoundAction");
  return params;
}

}  // namespace sampan::apiserver
