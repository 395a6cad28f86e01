#include "apiserver/metrics.h"

#include "apiserver/context.h"
#include "apiserver/version.h"
#include "base/text.h"

namespace sampan::apiserver {

namespace {

constexpr std::string_view kRequestLabels[] = {"code", "component", "dry_run", "group", "resource", "scope", "subresource", "verb", "version"};
constexpr std::string_view kDurationLabels[] = {"component", "dry_run", "group", "resource", "scope", "subresource", "verb", "version"};
constexpr std::string_view kTerminationLabels[] = {"code", "component", "group", "resource", "scope", "subresource", "verb", "version"};
constexpr std::string_view kLongRunningLabels[] = {"component", "group", "resource", "scope", "subresource", "verb", "version"};
constexpr std::string_view kWatchLabels[] = {"group", "resource", "version"};
constexpr std::string_view kInFlightLabels[] = {"request_kind"};
constexpr double kSeconds[] = {0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 1.25, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 45, 60};

struct RequestLabels {
  std::string_view component, dry_run, group, resource, scope, verb, version;
  std::string subresource;
};

std::string_view verb_of(const Context& context) {
  const auto& info = context.info;
  if (context.subresource && context.subresource->kind.ends_with("Options")) return "CONNECT";
  if (info.verb == "watch") return "WATCH";
  if (info.verb == "list") return "LIST";
  if (info.verb == "deletecollection") return "DELETECOLLECTION";
  const auto& method = context.http.method;
  if (method == "PATCH" && context.http.header("content-type").starts_with("application/apply-patch")) return "APPLY";
  for (std::string_view known : {"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"})
    if (method == known) return known;
  return "other";
}

std::string_view scope_of(const RequestInfo& info) {
  if (!info.name.empty() || info.verb == "create") return "resource";
  return info.name_space.empty() ? "cluster" : "namespace";
}

RequestLabels labels_of(const Context& context) {
  const auto& info = context.info;
  RequestLabels labels;
  labels.verb = verb_of(context);
  if (!info.is_resource) {
    // The first part of the path tells the page: /healthz, /apis.
    auto path = std::string_view(info.path);
    for (std::string_view page : {"/healthz", "/livez", "/readyz", "/metrics", "/version", "/openapi/v2", "/openapi/v3", "/apis", "/api"})
      if (path.starts_with(page) && (path.size() == page.size() || path[page.size()] == '/')) {
        labels.subresource = page;
        break;
      }
    return labels;
  }
  if (!context.served) return labels;
  const auto& resource = *context.served->resource;
  labels.component = "apiserver";
  if (context.query.has("dryRun")) labels.dry_run = "All";
  labels.group = resource.group;
  labels.resource = resource.resource;
  labels.version = resource.version;
  labels.scope = scope_of(info);
  if (context.subresource) labels.subresource = context.subresource->name;
  return labels;
}

}  // namespace

ServerMetrics::ServerMetrics()
    : requests_({.name = "apiserver_request_total", .help = "Requests that were answered.", .labels = kRequestLabels}, 4096),
      durations_({.name = "apiserver_request_duration_seconds",
                  .help = "How long requests took until they were answered; watches are left out.",
                  .kind = MetricKind::Histogram,
                  .labels = kDurationLabels,
                  .buckets = kSeconds},
                 2048),
      terminations_({.name = "apiserver_request_terminations_total", .help = "Requests that were given up.", .labels = kTerminationLabels}),
      long_running_({.name = "apiserver_longrunning_requests",
                     .help = "Requests that go on for long, such as watches.",
                     .kind = MetricKind::Gauge,
                     .labels = kLongRunningLabels}),
      watch_events_({.name = "apiserver_watch_events_total", .help = "Events that were sent to watches.", .labels = kWatchLabels}),
      in_flight_({.name = "apiserver_current_inflight_requests",
                  .help = "Requests that are worked on now, without long ones.",
                  .kind = MetricKind::Gauge,
                  .labels = kInFlightLabels}) {
  in_flight(false);
  in_flight(true);
}

void ServerMetrics::answered(const Context& context, int status, double seconds) {
  auto labels = labels_of(context);
  requests_
      .with({concat(status), labels.component, labels.dry_run, labels.group, labels.resource, labels.scope,
             labels.subresource, labels.verb, labels.version})
      .add();
  if (labels.verb == "WATCH" || labels.verb == "CONNECT") return;
  durations_.with({labels.component, labels.dry_run, labels.group, labels.resource, labels.scope, labels.subresource, labels.verb, labels.version})
      .observe(seconds);
}

void ServerMetrics::terminated(const Context& context, int status) {
  auto labels = labels_of(context);
  terminations_.with({concat(status), labels.component, labels.group, labels.resource, labels.scope, labels.subresource, labels.verb, labels.version}).add();
}

Series& ServerMetrics::long_running(const Context& context) {
  auto labels = labels_of(context);
  return long_running_.with({labels.component, labels.group, labels.resource, labels.scope, labels.subresource, labels.verb, labels.version});
}

Series& ServerMetrics::watch_events(const schema::Resource& resource) {
  return watch_events_.with({resource.group, resource.resource, resource.version});
}

Series& ServerMetrics::in_flight(bool mutating) { return in_flight_.with({mutating ? "mutating" : "readOnly"}); }

void ServerMetrics::write(std::string& out, const Catalog& catalog) const {
  in_flight_.write(out);
  long_running_.write(out);
  durations_.write(out);
  requests_.write(out);
  terminations_.write(out);
  write_metric_head(out, "apiserver_resource_objects", "Objects that are stored, by resource.", MetricKind::Gauge);
  for (const auto& store : catalog.stores())
    write_metric(out, "apiserver_resource_objects", {{"group", store->resource().group}, {"resource", store->resource().resource}},
                 static_cast<double>(store->cache().snapshot().size()));
  write_metric_head(out, "apiserver_storage_objects", "The same, by the older name.", MetricKind::Gauge);
  for (const auto& store : catalog.stores()) {
    const auto& resource = store->resource();
    auto name = resource.group.empty() ? std::string(resource.resource) : concat(resource.resource, ".", resource.group);
    write_metric(out, "apiserver_storage_objects", {{"resource", name}}, static_cast<double>(store->cache().snapshot().size()));
  }
  watch_events_.write(out);
  write_metric_head(out, "kubernetes_build_info", "Which version this is; always 1.", MetricKind::Gauge);
  write_metric(out, "kubernetes_build_info", {{"git_version", kGitVersion}, {"major", kMajor}, {"minor", kMinor}}, 1);
  write_process_metrics(out);
}

}  // namespace sampan::apiserver
