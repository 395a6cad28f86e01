// The functions that the table of pods is made of, by the files they are in.
#pragma once
#include "registry/rules.h"

namespace sampan::registry {

// pod_spec.cpp, pod_update.cpp, pod_status.cpp
void validate_pod(const Object& pod, FieldErrors& errors);
void prepare_pod_update(Value pod, const Object& old, std::string_view subresource);
void validate_pod_update(const Object& pod, const Object& old, FieldErrors& errors);
void validate_pod_subresource(std::string_view subresource, const Object& pod, const Object& old, FieldErrors& errors);
void validate_pod_status(const Object& pod, const Object& old, FieldErrors& errors);
void validate_pod_resize(const Object& pod, const Object& old, FieldErrors& errors);
void validate_ephemeral_containers_update(const Object& pod, const Object& old, FieldErrors& errors);
// Metadata and spec, as on create and on update.
void validate_pod_whole(const Object& pod, FieldErrors& errors, const struct PodSpecOptions& options);
void validate_annotation_updates(const Object& pod, const Object& old, FieldErrors& errors, const struct PodSpecOptions& options);
struct PodSpecOptions pod_options(const Object& old);

// pod_spec_warnings.cpp
void pod_warnings(const Object& pod, Warnings& out);

// pod_columns.cpp
std::span<const Column> pod_columns();
void pod_row(const Object& pod, Row& row);

}  // namespace sampan::registry
