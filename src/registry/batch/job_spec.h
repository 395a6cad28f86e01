// The parts of the rules of jobs; cron jobs hold a job's spec too.
#pragma once
#include <string>
#include <string_view>

#include "registry/apps/workload.h"

namespace sampan::registry {

// ---- the spec ----

void default_failure_policy(Value job_spec);
// All but the selector, which a cron job's template has not.
void validate_job_spec_base(const At& spec, const PodSpecOptions& options);
void validate_failure_policy(const At& spec);
void validate_success_policy(const At& spec);
// What an update may not change.
void validate_job_spec_update(const At& spec, const AnyView& old_spec, bool may_change_template);
void warn_of_job_spec(const At& spec, const AnyView& old_spec, Warnings& out);
inline bool is_indexed(const AnyView& spec) { return spec["completionMode"].as_string() == "Indexed"; }

// ---- the status ----

bool has_condition(const AnyView& status, std::string_view type, std::string_view truth = "True");
void validate_job_status_update(const Object& object, const Object& old, FieldErrors& errors);

// ---- lists of indexes: "1,3-5,7" ----

// How many there are; "" is none. The complaint is empty if they are good.
int64_t count_indexes(std::string_view text, int64_t completions, std::string& complaint);
// "" or where the two first meet.
std::string overlap_complaint(std::string_view completed, std::string_view failed, int64_t completions);

}  // namespace sampan::registry
