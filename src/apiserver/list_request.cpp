#include "apiserver/list_request.h"

#include "base/text.h"

namespace sampan::apiserver {

namespace {

registry::Selectable selectable_of(const Context& context) {
  return {context.served->rules->field_labels, context.served->resource->namespaced, context.info.name, context.served->rules->unknown_label};
}

// Pods are indexed by the node they run on: a kubelet's list reads its own pods only.
std::string_view index_label(const Served& served) {
  return served.resource->resource == "pods" && served.resource->group.empty() ? std::string_view("spec.nodeName") : std::string_view();
}

}  // namespace

Result<ListRequest> list_request(Context& context) {
  ListRequest request;
  request.options = TRY(registry::parse_list_options(context.query.entries(), selectable_of(context)));
  if (context.served->resource->namespaced && !context.info.name_space.empty()) request.prefix = concat(context.info.name_space, "/");
  return request;
}

Result<ListAnswer> read_list(Context& context) {
  auto request = TRY(list_request(context));
  // Upstream deletes a collection by pages, and pages are of one version.
  auto& options = request.options;
  bool has_version = !options.resource_version.empty() && options.resource_version != "0";
  if (context.info.verb == "deletecollection" && has_version && options.resource_version_match.empty()) options.resource_version_match = "Exact";
  auto page = TRY(registry::read_page(context.served->store->cache(), request.prefix, request.options, selectable_of(context),
                                      index_label(*context.served)));
  return ListAnswer{std::move(page.items), page.revision, std::move(page.continue_token), page.remaining};
}

}  // namespace sampan::apiserver
