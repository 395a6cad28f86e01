// The status of a pod as the API server is to show it.
#pragma once
#include "kubelet/report.h"
#include "schema/value.h"

namespace sampan::kubelet {

// A resize that is not through: not granted yet, or being carried out.
struct ResizeNote {
  std::string reason, message;
  int64_t generation = 0;  // of the pod that asks for it
  bool operator==(const ResizeNote&) const = default;
};

struct StatusInput {
  ReportInput report;
  bool is_final = false;      // no container will be started any more
  bool may_run = false;       // containers may still run: a terminal phase is held back until they do not
  // Told instead of what the containers say: an evicted pod, one that was refused or ran too long. A reason or a phase makes it count.
  std::string_view phase, reason, message;
  std::vector<std::string> host_ips;
  bool has_disruption = false;  // DisruptionTarget, reason TerminationByKubelet
  std::string_view disruption_message;
  std::optional<ResizeNote> resize_pending, resize_in_progress;
  int64_t now = 0;  // seconds
};

struct PodStatus {
  schema::Value tree;   // core/v1 PodStatus
  std::string phase;    // what the pod has come to, even if it is not told yet
};
PodStatus make_status(const StatusInput& input, Arena& arena);

// What a pod looks like that is gone without a trace of how its containers ended: those become failures, and the phase final.
void make_final(const core_v1::Pod& pod, schema::Value status);

}  // namespace sampan::kubelet
