// /debug/api_priority_and_fairness: what flow control has in its levels, queues and hands.
#include "apiserver/fairness/flow_control.h"
#include "apiserver/pages.h"
#include "apiserver/respond.h"

namespace sampan::apiserver {

namespace {

constexpr std::string_view kRoot = "/debug/api_priority_and_fairness/";
constexpr std::string_view kDumps[] = {"dump_priority_levels", "dump_queues", "dump_requests"};

class FlowControlPages final : public Page {
 public:
  explicit FlowControlPages(fairness::FlowControl& control) : control_(control) {}
  bool serves(std::string_view path) const override {
    return path.starts_with(kRoot) && std::find(std::begin(kDumps), std::end(kDumps), path.substr(kRoot.size())) != std::end(kDumps);
  }
  void list_paths(std::vector<std::string>&) const override {}  // upstream does not tell either
  HandlerResult handle(Context& context) override {
    auto what = std::string_view(context.info.path).substr(kRoot.size());
    if (what == kDumps[0]) return plain_text(200, control_.dump_priority_levels());
    if (what == kDumps[1]) return plain_text(200, control_.dump_queues());
    return plain_text(200, control_.dump_requests(!context.query.get("includeRequestDetails").empty()));
  }

 private:
  fairness::FlowControl& control_;
};

}  // namespace

std::unique_ptr<Page> flow_control_pages(fairness::FlowControl& control) { return std::make_unique<FlowControlPages>(control); }

}  // namespace sampan::apiserver
