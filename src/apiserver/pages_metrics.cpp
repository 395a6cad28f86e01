// /metrics, in Prometheus' text form.
#include "apiserver/access/access.h"
#include "apiserver/admission.h"
#include "apiserver/audit/trail.h"
#include "apiserver/fairness/flow_control.h"
#include "apiserver/metrics.h"
#include "apiserver/pages.h"

namespace sampan::apiserver {

namespace {

class MetricsPage : public Page {
 public:
  explicit MetricsPage(ApiServer& server) : server_(server) {}
  bool serves(std::string_view path) const override { return path == "/metrics"; }
  void list_paths(std::vector<std::string>& out) const override { out.emplace_back("/metrics"); }
  HandlerResult handle(Context&) override {
    net::Response response;
    response.headers.emplace_back("content-type", "text/plain; version=0.0.4; charset=utf-8");
    response.headers.emplace_back("cache-control", "no-cache, private");
    server_.services().metrics->write(response.body, server_.catalog());
    server_.services().access->metrics().write(response.body);
    server_.services().admission->metrics().write(response.body);
    if (const Auditor* audit = server_.services().audit) audit->write_metrics(response.body);
    if (auto* control = server_.flow_control()) control->write_metrics(response.body);
    return response;
  }

 private:
  ApiServer& server_;
};

}  // namespace

std::unique_ptr<Page> metrics_page(ApiServer& server) { return std::make_unique<MetricsPage>(server); }

}  // namespace sampan::apiserver
