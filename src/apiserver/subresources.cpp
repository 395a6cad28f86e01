#include "apiserver/subresources.h"

#include "apiserver/fairness/gate.h"
#include "apiserver/media.h"
#include "apiserver/usage/usage.h"
#include "apiserver/verbs.h"
#include "base/text.h"

namespace sampan::apiserver {

namespace {

struct Special {
  std::string_view resource, subresource;  // resource "": any
  HandlerResult (*handle)(Context&);
};

constexpr Special kSpecial[] = {
    {"", "scale", handle_scale},
    {"pods", "binding", handle_binding},
    {"pods", "eviction", handle_eviction},
    {"pods", "log", handle_pod_connection},
    {"pods", "exec", handle_pod_connection},
    {"pods", "attach", handle_pod_connection},
    {"pods", "portforward", handle_pod_connection},
    {"", "proxy", handle_proxy},
    {"serviceaccounts", "token", handle_token_request},
};

// Whose statuses upstream cannot show as a Table.
constexpr std::string_view kPlainStatus[] = {"apiservices", "customresourcedefinitions", "devicetaintrules", "podgroups", "resourceclaims", "resourcepoolstatusrequests"};

bool has_table(const RequestInfo& info) {
  if (info.subresource == "scale") return true;
  return info.subresource == "status" && std::find(std::begin(kPlainStatus), std::end(kPlainStatus), info.resource) == std::end(kPlainStatus);
}

uint16_t verb_bit(std::string_view verb) {
  if (verb == "get") return schema::Get;
  if (verb == "create") return schema::Create;
  if (verb == "update") return schema::Update;
  if (verb == "patch") return schema::Patch;
  if (verb == "delete") return schema::Delete;
  return 0;
}

}  // namespace

HandlerResult handle_subresource(Context& context) {
  uint16_t bit = verb_bit(context.info.verb);
  bool passes_on = context.info.subresource == "proxy";  // of any method
  if (!passes_on && !(context.subresource->verbs & bit))
    return fail(Error(Reason::MethodNotAllowed, "the server does not allow this method on the requested resource").about("", "", ""));
  if (!context.direct && !fairness::is_connection(context.info)) {
    Offer offer = any_shape(false);
    offer.table = has_table(context.info);
    TRY(negotiate(context.http, context.query, offer));
  }
  for (const Special& special : kSpecial)
    if (special.subresource == context.info.subresource && (special.resource.empty() || special.resource == context.info.resource))
      return special.handle(context);
  switch (bit) {
    case schema::Get: return handle_get(context);
    case schema::Update: return handle_update(context);
    case schema::Patch: return handle_patch(context);
    default: return fail(internal_error(concat("no handler for ", context.info.resource, "/", context.info.subresource)));
  }
}

HandlerResult handle_unkept(Context& context) {
  if (context.info.group.empty() && context.info.resource == "bindings") return handle_bindings(context);
  if (context.info.group.empty() && context.info.resource == "componentstatuses") return handle_component_statuses(context);
  if (context.info.group == kUsageGroup) return handle_usage(context);
  return handle_review(context);
}

}  // namespace sampan::apiserver
