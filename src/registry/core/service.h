// What of a Service both its rules and the allocation of its addresses need to know.
#pragma once
#include "registry/rules.h"

namespace sampan::registry::core {

bool is_headless_service(const Object& service);
bool needs_health_check(const Object& service);  // a node port for health checks: type LoadBalancer, local traffic only
// clusterIP, clusterIPs, ipFamilies and ipFamilyPolicy must agree.
void validate_cluster_ips(const Object& service, const Object* old, FieldErrors& errors);
void validate_service(const Object& service, const Object* old, FieldErrors& errors);
void validate_service_create(const Object& service, FieldErrors& errors);
void validate_service_update(const Object& service, const Object& old, FieldErrors& errors);
void validate_service_status(std::string_view subresource, const Object& service, const Object& old, FieldErrors& errors);
// An endpoint's or external address: not unspecified, loopback or link-local.
void require_ordinary_ip(FieldErrors& errors, const Path& path, std::string_view value);
// A number from 1 to 65535, or a port's name.
void require_port_number_or_name(FieldErrors& errors, const Path& path, const schema::AnyView& value);

}  // namespace sampan::registry::core
