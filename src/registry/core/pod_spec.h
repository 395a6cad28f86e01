// Pod specs and templates: what pods, and all kinds that hold a template of pods, share. Workloads call these for their
// `spec.template`; a path is where the template is ("spec.template"), as text in errors and warnings.
//
//   defaults:          default_pod_template(spec.ensure_object("template"));
//   prepare_create:    drop_disabled_template_fields(spec["template"], {});
//   prepare_update:    drop_disabled_template_fields(spec["template"], old["spec"]["template"]);
//   validate:          validate_pod_template(object["spec"]["template"], path, errors, {});
//   validate_update:   validate_pod_template(object["spec"]["template"], path, errors, pod_template_options(old["spec"]["template"]));
//   warnings:          pod_template_warnings(object["spec"]["template"], path, old_template_or_absent, warnings);
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "registry/field_errors.h"
#include "registry/field_path.h"
#include "schema/object.h"
#include "schema/value.h"

namespace sampan::registry {

using schema::AnyView;
using schema::Value;

// Whether containers may be privileged at all; of the whole process, and decided before it serves.
void set_privileged_allowed(bool allowed);

// What is tolerated in an object because its old version has it already; a create tolerates nothing. Upstream's PodValidationOptions without the
// gates that are locked at 1.36.
struct PodSpecOptions {
  bool is_pod = false;  // the spec of a Pod itself, not of a template
  bool invalid_deletion_cost = false;
  bool invalid_label_value_in_selector = false;
  bool invalid_label_value_in_required_node_affinity = false;
  bool indivisible_huge_pages = false;
  bool invalid_spread_selector = false;
  bool invalid_spread_match_label_keys = false;
  bool non_local_token_path = false;
  bool namespaced_sysctls_with_host_namespaces = false;
  bool any_selinux_change_policy = false;
  bool restart_container_for_init_container = false;
  bool user_namespaces_with_volume_devices = false;
  bool user_namespaces_with_host_network = false;
  bool comparing_tolerations = false;  // the operators Lt and Gt
};

PodSpecOptions pod_spec_options(const AnyView& old_spec, const AnyView& old_annotations);
PodSpecOptions pod_template_options(const AnyView& old_template);

// Everything upstream's defaulting does to a PodSpec wherever it is, and to a template: the object is changed in place.
void default_pod_spec(Value spec);
void default_pod_template(Value pod_template);  // makes `spec` if it is missing, as upstream's struct is never absent

// Takes away what a disabled feature of 1.36 would have allowed, unless the old spec (absent on create) uses it.
void drop_disabled_spec_fields(Value spec, const AnyView& old_spec);
void drop_disabled_template_fields(Value pod_template, const AnyView& old_template);

// Labels, annotations and spec of a template. `pod_template` may be absent: it then counts as empty.
void validate_pod_template(const AnyView& pod_template, const Path& path, FieldErrors& errors, const PodSpecOptions& options);
// A spec alone. `metadata` is that of the pod, or absent in a template.
void validate_pod_spec(const AnyView& spec, const AnyView& metadata, const Path& path, FieldErrors& errors,
                       const PodSpecOptions& options);

// `old_template` is absent on create. Workloads pass the path of their template.
void pod_template_warnings(const AnyView& pod_template, const Path& path, const AnyView& old_template,
                           std::vector<std::string>& warnings);

// The template's columns of `kubectl get -o wide`: "a,b" and "nginx,redis".
std::string container_names(const AnyView& pod_spec);
std::string container_images(const AnyView& pod_spec);

}  // namespace sampan::registry
