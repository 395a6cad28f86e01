// Names and buckets of the proxy's metrics.
#include "network/proxy/metrics.h"

namespace sampan::network::proxy {
namespace {

constexpr std::string_view kFamily[] = {"ip_family"}, kCode[] = {"code"}, kPolicy[] = {"traffic_policy", "ip_family"};
constexpr double kBuckets[] = {0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.128, 0.256, 0.512, 1.024, 2.048, 4.096, 8.192, 16.384};

MetricDescription describe(std::string_view name, std::string_view help, MetricKind kind, std::span<const std::string_view> labels) {
  return {.name = name, .help = help, .kind = kind, .labels = labels, .buckets = kind == MetricKind::Histogram ? std::span<const double>(kBuckets) : std::span<const double>()};
}

constexpr MetricKind kCounter = MetricKind::Counter, kGauge = MetricKind::Gauge, kHistogram = MetricKind::Histogram;

}  // namespace

Metrics::Metrics()
    : sync_seconds(describe("kubeproxy_sync_proxy_rules_duration_seconds", "[ALPHA] SyncProxyRules latency in seconds", kHistogram, kFamily)),
      sync_full_seconds(describe("kubeproxy_sync_full_proxy_rules_duration_seconds", "[ALPHA] SyncProxyRules latency in seconds for full resyncs", kHistogram, kFamily)),
      sync_partial_seconds(describe("kubeproxy_sync_partial_proxy_rules_duration_seconds", "[ALPHA] SyncProxyRules latency in seconds for partial resyncs", kHistogram, kFamily)),
      last_sync(describe("kubeproxy_sync_proxy_rules_last_timestamp_seconds", "[ALPHA] The last time proxy rules were successfully synced", kGauge, kFamily)),
      last_queued(describe("kubeproxy_sync_proxy_rules_last_queued_timestamp_seconds", "[ALPHA] The last time a sync of proxy rules was queued", kGauge, kFamily)),
      endpoint_changes(describe("kubeproxy_sync_proxy_rules_endpoint_changes_total", "[ALPHA] Cumulative proxy rules Endpoint changes", kCounter, {})),
      endpoint_pending(describe("kubeproxy_sync_proxy_rules_endpoint_changes_pending", "[ALPHA] Pending proxy rules Endpoint changes", kGauge, {})),
      service_changes(describe("kubeproxy_sync_proxy_rules_service_changes_total", "[ALPHA] Cumulative proxy rules Service changes", kCounter, {})),
      service_pending(describe("kubeproxy_sync_proxy_rules_service_changes_pending", "[ALPHA] Pending proxy rules Service changes", kGauge, {})),
      sync_failures(describe("kubeproxy_sync_proxy_rules_nftables_sync_failures_total", "[ALPHA] Cumulative proxy nftables sync failures", kCounter, kFamily)),
      cleanup_failures(describe("kubeproxy_sync_proxy_rules_nftables_cleanup_failures_total", "[ALPHA] Cumulative proxy nftables cleanup failures", kCounter, kFamily)),
      no_local_endpoints(describe("kubeproxy_sync_proxy_rules_no_local_endpoints_total", "[ALPHA] Number of services with a Local traffic policy and no endpoints", kGauge, kPolicy)),
      healthz(describe("kubeproxy_proxy_healthz_total", "[ALPHA] Cumulative proxy healthz HTTP status", kCounter, kCode)),
      livez(describe("kubeproxy_proxy_livez_total", "[ALPHA] Cumulative proxy livez HTTP status", kCounter, kCode)),
      conntrack_seconds(describe("kubeproxy_conntrack_reconciler_sync_duration_seconds", "[ALPHA] ReconcileConntrackFlowsLatency latency in seconds", kHistogram, kFamily)),
      conntrack_deleted(describe("kubeproxy_conntrack_reconciler_deleted_entries_total", "[ALPHA] Cumulative conntrack flows deleted by conntrack reconciler", kCounter, kFamily)) {}

std::string Metrics::text() const {
  std::string out;
  for (const MetricFamily* family : {&sync_seconds, &sync_full_seconds, &sync_partial_seconds, &last_sync, &last_queued, &endpoint_changes, &endpoint_pending,
                                     &service_changes, &service_pending, &sync_failures, &cleanup_failures, &no_local_endpoints, &healthz, &livez,
                                     &conntrack_seconds, &conntrack_deleted})
    family->write(out);
  write_process_metrics(out);
  return out;
}

}  // namespace sampan::network::proxy
