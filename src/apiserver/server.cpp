#include "apiserver/server.h"

#include <thread>

#include "apiserver/access/impersonation.h"
#include "apiserver/audit/notes.h"
#include "apiserver/compress.h"
#include "apiserver/fairness/gate.h"
#include "apiserver/long_running.h"
#include "apiserver/metrics.h"
#include "apiserver/read_ahead.h"
#include "apiserver/respond.h"
#include "apiserver/standing_back.h"
#include "apiserver/subresources.h"
#include "apiserver/verbs.h"
#include "base/log.h"
#include "base/text.h"
#include "base/names.h"
#include "base/uuid.h"
#include "registry/selectors.h"
#include "schema/go_text.h"

namespace sampan::apiserver {

namespace {

constexpr std::string_view kTooLate = "Timeout: request did not complete within the allotted timeout";
constexpr int64_t kUsageTimeout_ms = 5000;  // for a node to tell what it uses, while somebody waits

// Counts what runs at once, so that a flood is refused instead of queued in memory.
class InFlight {
 public:
  InFlight(unsigned max, Series& gauge) : max_(max), gauge_(gauge) {}
  bool enter() {
    if (running_.fetch_add(1, std::memory_order_relaxed) < max_) {
      gauge_.add(1);
      return true;
    }
    running_.fetch_sub(1, std::memory_order_relaxed);
    return false;
  }
  void leave() {
    running_.fetch_sub(1, std::memory_order_relaxed);
    gauge_.add(-1);
  }

 private:
  std::atomic<unsigned> running_{0};
  const unsigned max_;
  Series& gauge_;
};

class Server final : public ApiServer {
 public:
  Server(std::unique_ptr<Catalog> catalog, std::unique_ptr<Access> access, std::unique_ptr<Admission> admission,
         std::unique_ptr<Executor> workers, Clock& clock, Random& random, ServerConfig config, std::unique_ptr<Backends> backends,
         std::unique_ptr<Auditor> auditor, std::unique_ptr<FrontDoor> door)
      : catalog_(std::move(catalog)),
        access_(std::move(access)),
        admission_(std::move(admission)),
        auditor_(std::move(auditor)),
        door_(std::move(door)),
        config_(std::move(config)),
        reads_(config_.priority_and_fairness ? UINT_MAX : config_.requests_in_flight_max, metrics_.in_flight(false)),
        mutations_(config_.priority_and_fairness ? UINT_MAX : config_.mutations_in_flight_max, metrics_.in_flight(true)),
        workers_(std::move(workers)),
        readers_(std::max(2u, std::thread::hardware_concurrency())),
        backends_(std::move(backends)) {
    if (config_.priority_and_fairness) {
      gate_.emplace(fairness::Gate::Options{.seats = static_cast<int>(config_.requests_in_flight_max + config_.mutations_in_flight_max),
                                            .request_timeout_us = config_.request_timeout_us},
                    *catalog_, clock, random, *workers_, [this](PassageRef passage, bool execute) { go_on(passage, execute); });
    }
    services_ = {catalog_.get(), admission_.get(), access_.get(), &clock, &random, workers_.get(), &stopping_, &metrics_, config_.watch_seconds_min};
    services_.backends = backends_.get();
    services_.audit = auditor_.get();
    if (catalog_->has_group(kUsageGroup)) usage_ = std::make_unique<Usage>([this](const schema::Object& node) { return ask_usage(node); }, clock, config_.usage);
    services_.usage = usage_.get();
  }

  ~Server() override {
    if (gate_) gate_->control().reject_all();  // who waits is answered; the workers do that before they end
  }

  net::Handler handler() override {
    return [this](std::shared_ptr<net::Exchange> exchange) { receive(std::move(exchange)); };
  }
  Catalog& catalog() override { return *catalog_; }
  const Services& services() override { return services_; }
  void add_page(std::unique_ptr<Page> page) override { pages_.push_back(std::move(page)); }
  fairness::FlowControl* flow_control() override { return gate_ ? &gate_->control() : nullptr; }
  std::vector<std::string> paths() const override {
    std::vector<std::string> paths;
    for (const auto& page : pages_) page->list_paths(paths);
    return paths;
  }
  Result<void> call(net::Request request, const User& user, Direct& direct) override {
    Context context{request, services_, {}, Query(request.query), user, nullptr, nullptr, {}, &direct};
    context.info = request_info(request.method, request.path, context.query);
    if (auditor_)
      if (auto refused = begin_trail(context, &context.user, new_uuid(*services_.random))) return fail(internal_error(std::string(kNotStored)));
    auto answer = handle_resource(context);
    if (context.audit) end_trail(context, answer, answer ? answer->status : answer.error().code());
    auto response = TRY(std::move(answer));
    if (response.status >= 400) return fail(Error(response.status, Reason::NotFound, "the server could not find the requested resource"));
    return {};
  }
  void begin_shutdown() override {
    stopping_.store(true);
    long_running_->wake_all();
    backends_->begin_shutdown();
  }

 private:
  using Passage = fairness::Passage;
  using PassageRef = std::shared_ptr<Passage>;

  // What a request does decides where it runs: reads from the cache at once, everything that may wait on a worker.
  void receive(std::shared_ptr<net::Exchange> exchange) {
    const net::Request& request = exchange->request();
    if (leads_away(request.path)) return answer_away(std::move(exchange));
    bool reads = request.method == "GET" || request.method == "HEAD";
    if (reads && config_.store_is_local && !access_->asks_others() && !(auditor_ && auditor_->waits())) return begin(std::move(exchange), true);
    workers_->post([this, exchange = std::move(exchange)] { begin(exchange, false); });
  }

  // Whether the answer is another server's, for which neither an I/O thread nor a worker shall wait. A path that only looks like one
  // may be answered there just as well.
  static bool leads_away(std::string_view path) {
    if (path.starts_with("/apis/metrics.k8s.io/v1beta1/")) return true;
    for (std::string_view part : {"/proxy", "/log", "/exec", "/attach", "/portforward"})
      if (path.find(part) != std::string_view::npos && path.starts_with("/api/")) return true;
    return false;
  }
  void answer_away(std::shared_ptr<net::Exchange> exchange) {
    if (backends_->threads().run([this, exchange] { begin(exchange, false); })) return;
    net::Request& request = exchange->request();
    exchange->respond(respond_error(request, Query(request.query), too_many_streams()));
  }

  // Who asks, and whether it is his turn. One that has to wait goes on later, on a worker.
  void begin(std::shared_ptr<net::Exchange> exchange, bool on_io_thread) {
    if (door_)
      if (auto away = door_->turn_away(exchange->request(), stopping_)) {
        door_->dress(exchange->request(), *away);
        return exchange->respond(std::move(*away));
      }
    auto passage = std::make_shared<Passage>(std::move(exchange), services_);
    Context& context = passage->context;
    context.info = request_info(context.http.method, context.http.path, context.query);
    passage->audit_id = context.http.header("audit-id");
    if (passage->audit_id.empty()) passage->audit_id = new_uuid(*services_.random);
    if (auto timed = set_deadline(context, passage->began_us); !timed) return answer(passage, fail(std::move(timed).error()));
    if (auto refused = identify(*passage)) return answer(passage, std::move(*refused));
    if (!on_io_thread && context.deadline_us != INT64_MAX) limit_time(passage);  // on I/O threads nothing waits
    if (!gate_ || fairness::is_connection(context.info)) return answer(passage, pass(context));
    switch (gate_->enter(passage)) {
      case fairness::Gate::Verdict::Wait: return;
      case fairness::Gate::Verdict::Rejected: return answer(passage, fairness::too_many_requests(passage->retry_after_s()));
      case fairness::Gate::Verdict::Go: break;
    }
    // A long list would keep the others of its I/O thread waiting.
    if (on_io_thread && passage->visits_many()) return readers_.post([this, passage] { answer(passage, pass(passage->context)); });
    answer(passage, pass(context));
  }
  void go_on(const PassageRef& passage, bool execute) {
    if (!execute || passage->exchange->gone()) return answer(passage, fairness::too_many_requests(passage->retry_after_s()));
    answer(passage, pass(passage->context));
  }

  void answer(const PassageRef& passage, HandlerResult result) {
    Context& context = passage->context;
    net::Request& request = context.http;
    if (passage->timer) timekeeper_->cancel(passage->timer);
    bool told = passage->answered.exchange(true);
    bool late = told || (!result && services_.clock->monotonic_us() > context.deadline_us);
    if (late) result = fail(Error(Reason::Timeout, std::string(kTooLate)));  // for those who note and count
    auto response = result ? std::move(*result) : respond_error(request, context.query, result.error());
    response.headers.emplace_back("audit-id", passage->audit_id);
    add_warnings(context, response);
    if (door_) door_->dress(request, response);
    if (context.audit) end_trail(context, result, response.status, &response);
    fairness::Gate::name_flow(*passage, response);
    metrics_.answered(context, response.status, seconds_since(*services_.clock, passage->began_us));
    if (late) {
      metrics_.terminated(context, response.status);
      passage->leave();
      if (!told) passage->exchange->respond(too_late(*passage));
      return;
    }
    if (context.subresource && leads_away(request.path)) {
      passage->leave();
      return passage->exchange->respond(std::move(response));
    }
    if (context.info.verb != "watch")
      compress(request, response);
    else if (response.source)
      response.source = long_running_->track(std::move(response.source), metrics_.long_running(context));
    if (passage->visits_many() && response.source) response.source = read_ahead(std::move(response.source), readers_);
    if (gate_) gate_->hold(passage, response);
    passage->exchange->respond(std::move(response));
  }

  // Who has waited for long enough is told so, while the handler still waits for a webhook or a store.
  void limit_time(const PassageRef& passage) {
    auto left_us = passage->context.deadline_us - services_.clock->monotonic_us();
    passage->timer = timekeeper_->after(left_us, [this, weak = std::weak_ptr(passage)] {
      auto passage = weak.lock();
      if (passage && !passage->answered.exchange(true)) passage->exchange->respond(too_late(*passage));
    });
  }
  net::Response too_late(const Passage& passage) {
    net::Response response{.status = 504,
                           .headers = {{"content-type", "text/plain; charset=utf-8"}, {"cache-control", "no-cache, private"}, {"audit-id", passage.audit_id}},
                           .body = concat(R"({"metadata":{},"status":"Failure","message":")", kTooLate, R"(","reason":"Timeout","details":{},"code":504})", "\n")};
    if (door_) door_->dress(passage.context.http, response);
    return response;
  }

  // ?timeout= may ask for less time than a request has anyway.
  Result<void> set_deadline(Context& context, int64_t began_us) {
    if (is_long_running(context.info)) return {};
    auto time_us = config_.request_timeout_us;
    if (auto text = context.query.get("timeout"); !text.empty()) {
      int64_t asked_ns = 0;
      std::string error;
      if (!schema::parse_go_duration(text, asked_ns, error)) return fail(bad_request(concat("invalid timeout specified in the request URL - ", error)));
      if (asked_ns > 0) time_us = std::min(time_us, asked_ns / 1000);
    }
    context.deadline_us = began_us + time_us;
    return {};
  }

  // The answer, if he is not let in at all.
  std::optional<HandlerResult> identify(Passage& passage) {
    Context& context = passage.context;
    auto identity = access_->authenticate(context.http, context.info.path);
    if (identity) context.user = std::move(identity->user);
    if (auditor_)
      if (auto refused = begin_trail(context, identity ? &context.user : nullptr, passage.audit_id)) return std::move(*refused);
    if (!identity) return fail(std::move(identity).error());
    for (auto& warning : identity->warnings) context.warnings.push_back(std::move(warning));
    for (const auto& [key, value] : identity->annotations) annotate(context, key, value);
    auto impersonation = impersonate(*access_, context.http, context.info, context.user);
    if (!impersonation) return fail(std::move(impersonation).error());
    if (context.audit && impersonation->took_place) context.audit->impersonates(context.user, impersonation->constraint);
    return std::nullopt;
  }

  // Without priority and fairness, what is too much is refused here.
  HandlerResult pass(Context& context) {
    if (is_long_running(context.info)) return handle(context);
    InFlight& lane = context.http.method == "GET" || context.http.method == "HEAD" ? reads_ : mutations_;
    bool counted = lane.enter();
    if (!counted && !context.user.in("system:masters")) return fairness::too_many_requests(1);
    auto result = handle(context);
    if (counted) lane.leave();
    return result;
  }

  HandlerResult handle(Context& context) {
    Page* page = page_for(context.info);
    if (auto refused = authorize(context)) return std::move(*refused);
    if (!page && enters_pod(context.info))
      if (auto refused = authorize_as(context, "create")) return std::move(*refused);
    return page ? page->handle(context) : handle_resource(context);
  }

  static constexpr std::string_view kNotStored = "failed to store audit event";

  // What to answer instead of going on, if the request could not be noted.
  std::optional<net::Response> begin_trail(Context& context, const User* user, const std::string& id) {
    context.audit = auditor_->begin(context.http, context.info, user, id, services_.clock->now_us());
    if (!context.audit || !user || context.audit->reach(AuditStage::RequestReceived)) return std::nullopt;
    context.audit = nullptr;
    auditor_->rejected();
    return plain_text(500, concat("Internal Server Error: ", quoted(context.http.path), ": ", kNotStored, "\n"));
  }

  // `response` null: a caller in this process has the answer.
  void end_trail(Context& context, const HandlerResult& result, int status, net::Response* response = nullptr) {
    if (!result) context.audit->answered_with(result.error());
    context.audit->answered(status);
    bool nobody = status == 401 && context.user.name.empty();
    bool goes_on = is_long_running(context.info);
    if (nobody || goes_on) context.audit->reach(AuditStage::ResponseStarted);
    if (nobody) return;
    if (goes_on && response)
      note_end_of(context.audit, *response, auditor_->waits() ? workers_.get() : nullptr);
    else
      context.audit->reach(AuditStage::ResponseComplete);
  }

  static bool is_long_running(const RequestInfo& info) {
    return info.verb == "watch" || fairness::is_connection(info);
  }

  // Browsers can ask for a WebSocket with GET only; that must not let in whoever may read pods and no more.
  static bool enters_pod(const RequestInfo& info) {
    auto& what = info.subresource;
    return info.group.empty() && info.resource == "pods" && info.verb != "create" && (what == "exec" || what == "attach" || what == "portforward");
  }
  using Refusal = std::optional<HandlerResult>;
  Refusal authorize_as(Context& context, std::string_view verb) {
    auto asked = std::exchange(context.info.verb, std::string(verb));
    auto refused = authorize(context);
    context.info.verb = std::move(asked);
    return refused;
  }

  Refusal authorize(Context& context) {
    if (!selects_one(context)) return decide(context, context.info);
    RequestInfo named = context.info;
    named.name = *registry::FieldSelector::parse(context.query.get("fieldSelector"))->exact("metadata.name");
    return decide(context, named);
  }
  Refusal decide(Context& context, const RequestInfo& info) {
    std::string reason, error;
    bool allowed = access_->authorize(context.user, info, reason, &error) == Decision::Allow;
    if (!allowed && !error.empty()) {
      annotate(context, "authorization.k8s.io/reason", "internal error");
      return not_decided(context.http, error);
    }
    if (context.audit) context.audit->allowed(allowed, reason);
    if (allowed) return std::nullopt;
    return fail(forbidden(context.user, info, reason));
  }
  // Who could allow it cannot be asked.
  static net::Response not_decided(const net::Request& request, std::string_view error) {
    auto uri = request.query.empty() ? request.path : concat(request.path, "?", request.query);
    std::string text;
    for (char c : concat("Internal Server Error: ", quoted(uri), ": ", error, "\n")) {
      std::string_view escaped = c == '&' ? "&amp;" : c == '<' ? "&lt;" : c == '>' ? "&gt;" : "";
      if (escaped.empty())
        text += c;
      else
        text += escaped;
    }
    return plain_text(500, std::move(text));
  }

  // A list of one name may be allowed to who may list nothing else.
  static bool selects_one(const Context& context) {
    const RequestInfo& info = context.info;
    if (!info.is_resource || !info.name.empty() || (info.verb != "list" && info.verb != "watch" && info.verb != "deletecollection")) return false;
    auto text = context.query.get("fieldSelector");
    if (text.find("metadata.name") == std::string_view::npos) return false;
    auto fields = registry::FieldSelector::parse(text);
    if (!fields) return false;
    auto name = fields->exact("metadata.name");
    Complaints complaints;
    if (name) check_path_segment(*name, complaints);
    return name && !name->empty() && complaints.empty();
  }

  Page* page_for(const RequestInfo& info) {
    if (info.is_resource) return nullptr;
    for (auto& page : pages_)
      if (page->serves(info.path)) return page.get();
    return nullptr;
  }

  Result<std::string> ask_usage(const schema::Object& node) {
    net::ClientRequest request{.endpoint = TRY(backends_->kubelet_of(node)), .target = "/metrics/resource", .timeout_ms = kUsageTimeout_ms};
    request.cancellation = backends_->cancellation();
    auto answer = TRY(backends_->kubelets().send(request));
    if (answer.status != 200) return fail(internal_error(concat("it answers ", answer.status)));
    return std::move(answer.body);
  }

  HandlerResult handle_resource(Context& context) {
    const RequestInfo& info = context.info;
    if (!info.is_resource) return plain_text(404, "404 page not found\n");
    context.served = catalog_->find(info.group, info.version, info.resource);
    if (!context.served) {
      if (catalog_->has_group(info.group)) return fail(no_such_resource());
      return plain_text(404, "404 page not found\n");
    }
    const schema::Resource& resource = *context.served->resource;
    if (!resource.namespaced && !info.name_space.empty() && info.resource != "namespaces") return fail(no_such_resource());
    if (resource.namespaced && info.name_space.empty() && !info.name.empty()) return fail(no_such_resource());
    if (!info.tail.empty() && info.subresource != "proxy") return fail(no_such_resource());
    if (!info.subresource.empty()) {
      context.subresource = context.served->subresource(info.subresource);
      if (!context.subresource) return fail(no_such_resource());
      return handle_subresource(context);
    }
    return dispatch(context, resource.verbs);
  }

  // What is served by two groups is kept by one. Errors about a resource name the group that was asked; those about a kind, the one that keeps it.
  static HandlerResult in_own_group(const Context& context, HandlerResult result) {
    const schema::Resource &served = *context.served->resource, &kept = context.served->store->resource();
    if (result || served.group == kept.group) return result;
    StatusData& what = result.error().edit();
    if (what.kind != kept.resource || what.group != kept.group) return result;
    auto qualified = [name = quoted(what.name)](const schema::Resource& resource) {
      return concat(resource.resource, resource.group.empty() ? "" : ".", resource.group, " ", name);
    };
    auto before = qualified(kept);
    if (auto at = what.message.find(before); at != std::string::npos) what.message.replace(at, before.size(), qualified(served));
    what.group = served.group;
    return result;
  }

  static Error no_such_resource() {
    return Error(Reason::NotFound, "the server could not find the requested resource").about("", "", "");
  }
  static Error not_allowed() {
    return Error(Reason::MethodNotAllowed, "the server does not allow this method on the requested resource").about("", "", "");
  }

  HandlerResult dispatch(Context& context, uint16_t verbs) {
    struct Route {
      std::string_view verb;
      uint16_t bit;
      HandlerResult (*handle)(Context&);
    };
    static constexpr Route routes[] = {
        {"get", schema::Get, handle_get},          {"list", schema::List_, handle_list},
        {"watch", schema::Watch, handle_watch},    {"create", schema::Create, handle_create},
        {"update", schema::Update, handle_update}, {"patch", schema::Patch, handle_patch},
        {"delete", schema::Delete, handle_delete}, {"deletecollection", schema::DeleteCollection, handle_delete_collection},
    };
    if (context.http.method == "HEAD") return fail(not_allowed());  // upstream routes it to no resource
    bool has_name = !context.info.name.empty();
    if (has_name && !(verbs & (schema::Get | schema::Update | schema::Patch | schema::Delete))) return fail(no_such_resource());
    for (const Route& route : routes) {
      if (route.verb != context.info.verb || !(verbs & route.bit)) continue;
      bool wants_name = route.bit & (schema::Get | schema::Update | schema::Patch | schema::Delete);
      if (wants_name != has_name && route.bit != schema::Watch) break;
      // Namespaced objects are made, and deleted in numbers, in one namespace.
      if ((route.bit == schema::Create || route.bit == schema::DeleteCollection) && context.served->resource->namespaced && context.info.name_space.empty()) break;
      if (route.bit == schema::Watch && context.http.method != "GET") break;  // by the old path
      bool streams = route.bit & (schema::List_ | schema::Watch);
      if (route.bit == schema::Patch) TRY(check_patch_type(context.http));
      if (!context.direct) TRY(check_routable(context.http, streams));
      if (auto deprecation = context.served->rules->deprecation; !deprecation.empty()) {
        context.warnings.emplace_back(deprecation);
        annotate(context, "k8s.io/deprecated", "true");
      }
      if (!context.direct) TRY(negotiate(context.http, context.query, any_shape(streams)));
      return context.served->store ? in_own_group(context, route.handle(context)) : handle_unkept(context);
    }
    return fail(not_allowed());
  }

  std::unique_ptr<Catalog> catalog_;
  std::unique_ptr<Access> access_;
  std::unique_ptr<Admission> admission_;
  std::unique_ptr<Auditor> auditor_;  // null: nothing is noted
  std::unique_ptr<FrontDoor> door_;   // null: there is nothing for it to do
  ServerConfig config_;
  ServerMetrics metrics_;
  Services services_;
  std::shared_ptr<LongRunning> long_running_ = std::make_shared<LongRunning>();
  std::vector<std::unique_ptr<Page>> pages_;
  InFlight reads_, mutations_;
  std::atomic<bool> stopping_{false};
  std::optional<fairness::Gate> gate_;  // none: it is switched off
  std::unique_ptr<Executor> timekeeper_ = make_thread_pool(1);  // no worker: they may all be waiting
  std::unique_ptr<Executor> workers_;
  std::unique_ptr<Usage> usage_;
  StandingBack readers_;                // for long lists: they are work for the processor, and more at once would not be done sooner
  std::unique_ptr<Backends> backends_;  // last: it waits for threads that use the rest
};

}  // namespace

Result<std::unique_ptr<ApiServer>> ApiServer::create(store::Store& store, Clock& clock, Random& random, ServerConfig config) {
  auto catalog = TRY(Catalog::open(store, clock, random, config.runtime_config));
  auto workers = make_thread_pool(config.workers);
  auto access = TRY(Access::create(std::move(config.access), *catalog, clock, random, *workers));
  auto admission = TRY(Admission::create({*catalog, clock, random, *access, config.admission, workers.get()}));
  auto backends = TRY(Backends::create(std::move(config.backends)));
  auto auditor = TRY(Auditor::create(config.audit, clock, random));
  std::unique_ptr<FrontDoor> door;
  if (!config.front_door.is_idle()) door = TRY(FrontDoor::create(std::move(config.front_door), random));
  return std::make_unique<Server>(std::move(catalog), std::move(access), std::move(admission), std::move(workers), clock, random, std::move(config),
                                  std::move(backends), std::move(auditor), std::move(door));
}

net::Response body_too_large(const net::Request& request) {
  Error error(Reason::RequestEntityTooLarge, "Request entity too large: limit is 3145728");
  return respond_error(request, Query(request.query), error);
}

}  // namespace sampan::apiserver
