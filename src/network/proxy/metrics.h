// The proxy's numbers, by upstream's names.
#pragma once
#include "base/metrics.h"

namespace sampan::network::proxy {

class Metrics {
 public:
  Metrics();
  std::string text() const;

  MetricFamily sync_seconds, sync_full_seconds, sync_partial_seconds, last_sync, last_queued, endpoint_changes, endpoint_pending, service_changes,
      service_pending, sync_failures, cleanup_failures, no_local_endpoints, healthz, livez, conntrack_seconds, conntrack_deleted;
};

}  // namespace sampan::network::proxy
