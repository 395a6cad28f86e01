// Subresources: status and the like go through the ordinary verbs; the others have a handler each, listed in subresources.cpp.
#pragma once
#include "apiserver/context.h"

namespace sampan::apiserver {

HandlerResult handle_subresource(Context& context);

// Resources of which nothing is kept: bindings, reviews, component statuses, what nodes and pods use.
HandlerResult handle_unkept(Context& context);

HandlerResult handle_scale(Context& context);
HandlerResult handle_binding(Context& context);   // pods/binding
HandlerResult handle_bindings(Context& context);  // the resource
HandlerResult handle_eviction(Context& context);
HandlerResult handle_pod_connection(Context& context);  // log, exec, attach, portforward
HandlerResult handle_token_request(Context& context);  // serviceaccounts/token
HandlerResult handle_proxy(Context& context);
HandlerResult handle_review(Context& context);  // the resources of authentication.k8s.io and authorization.k8s.io
HandlerResult handle_component_statuses(Context& context);
HandlerResult handle_usage(Context& context);  // the resources of metrics.k8s.io

}  // namespace sampan::apiserver
