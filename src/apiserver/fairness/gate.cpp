#include "apiserver/fairness/gate.h"

#include "apiserver/respond.h"
#include "base/text.h"
#include "registry/selectors.h"

namespace sampan::apiserver::fairness {

namespace {

constexpr int64_t kSample_us = 10'000'000;
constexpr size_t kSampledObjects = 32;
constexpr int64_t kManyObjects = 256, kManyBytes = 256 * 1024;  // more take longer than handing the work to another thread does
constexpr size_t kHeldBytes = 256 * 1024;       // of a whole answer that keeps its seats until it is sent
constexpr int64_t kLongestWait_us = 60'000'000;

bool names_one(const Context& context) {
  if (!context.info.name.empty()) return true;
  auto text = context.query.get("fieldSelector");
  if (text.find("metadata.name") == std::string_view::npos) return false;
  auto selector = registry::FieldSelector::parse(text);
  auto name = selector ? selector->exact("metadata.name") : std::nullopt;
  return name && !name->empty();
}

bool begins_with_objects(const Query& query) {
  auto version = query.get("resourceVersion");
  return version.empty() || version == "0" || (query.has("sendInitialEvents") && query.is_true("sendInitialEvents"));
}

}  // namespace

// A whole body as a source.
class Gate::TextSource final : public net::BodySource {
 public:
  explicit TextSource(std::string text) : text_(std::move(text)) {}
  Pull pull(std::string& out, size_t want) override {
    auto size = std::min(want, text_.size() - sent_);
    out.append(text_, sent_, size);
    sent_ += size;
    return sent_ == text_.size() ? Pull::End : Pull::More;
  }

 private:
  const std::string text_;
  size_t sent_ = 0;
};

Passage::Passage(std::shared_ptr<net::Exchange> call, const Services& services)
    : exchange(std::move(call)),
      context{exchange->request(), services, {}, Query(exchange->request().query), {}, nullptr, nullptr, {}},
      began_us(services.clock->monotonic_us()) {}

void Passage::leave() {
  if (inside_.exchange(false)) gate_->control_.leave(ticket_);
}

void Passage::resume(bool execute) {
  inside_ = execute;
  gate_->executor_.post([self = std::exchange(kept_, nullptr), execute] { self->gate_->go_on_(self, execute); });
}

// Holds the seats of an answer that is made while it is sent: of a list until its end, of a watch until it has nothing more to say at once. Who reads
// slowly keeps them no longer than a request may take.
class Gate::SeatedSource final : public net::BodySource {
 public:
  SeatedSource(Gate& gate, std::unique_ptr<net::BodySource> source, std::shared_ptr<Passage> passage, WatchCounts::Watcher watcher)
      : gate_(gate), source_(std::move(source)), passage_(std::move(passage)), watcher_(std::move(watcher)) {}
  ~SeatedSource() override { leave(); }
  void start(std::function<void()> waker) override { source_->start(std::move(waker)); }
  Pull pull(std::string& out, size_t want) override {
    auto state = source_->pull(out, want);
    if (!passage_) return state;
    bool over = state == Pull::End || state == Pull::Abort;
    if (over || (state == Pull::Wait && passage_->ticket_.watches))
      leave();
    else if (!armed_)
      arm();
    return state;
  }

 private:
  void arm() {
    armed_ = true;
    timer_ = gate_.executor_.after(gate_.options_.request_timeout_us, [weak = std::weak_ptr(passage_)] {
      if (auto passage = weak.lock()) passage->leave();
    });
  }
  void leave() {
    if (!passage_) return;
    if (armed_) gate_.executor_.cancel(timer_);
    passage_->leave();
    passage_ = nullptr;
  }

  Gate& gate_;
  std::unique_ptr<net::BodySource> source_;
  std::shared_ptr<Passage> passage_;
  WatchCounts::Watcher watcher_;
  Executor::Timer timer_ = 0;
  bool armed_ = false;
};

Gate::Gate(Options options, Catalog& catalog, Clock& clock, Random& random, Executor& executor, GoOn go_on)
    : options_(options),
      catalog_(catalog),
      clock_(clock),
      executor_(executor),
      go_on_(std::move(go_on)),
      control_({.seats = options.seats}, clock, random, executor) {}

Gate::Verdict Gate::enter(const std::shared_ptr<Passage>& passage) {
  Context& context = passage->context;
  Ticket& ticket = passage->ticket_;
  passage->gate_ = this;
  ticket.waiter = passage.get();
  ticket.user = &context.user;
  ticket.info = &context.info;
  ticket.watches = context.info.verb == "watch";
  // A quarter of the time that it has: the rest is for doing it.
  auto now_us = clock_.monotonic_us();
  auto time_us = std::min(options_.request_timeout_us, context.deadline_us - now_us);
  ticket.wait_until_us = now_us + std::clamp<int64_t>(time_us / 4, 0, kLongestWait_us);
  passage->kept_ = passage;
  auto arrival = FlowControl::Arrival::LookAgain;
  while (arrival == FlowControl::Arrival::LookAgain) {
    const Flow& flow = control_.classify(context.user, context.info);
    passage->flow_uid_ = flow.schema.uid;
    passage->level_uid_ = flow.level_uid;
    ticket.work = estimate(*passage, flow);
    arrival = control_.arrive(flow, ticket);
  }
  if (arrival == FlowControl::Arrival::Wait) return Verdict::Wait;  // and may be running by now
  passage->kept_ = nullptr;
  passage->inside_ = arrival == FlowControl::Arrival::Execute;
  return passage->inside_ ? Verdict::Go : Verdict::Rejected;
}

Work Gate::estimate(Passage& passage, const Flow& flow) {
  const RequestInfo& info = passage.context.info;
  if (!info.is_resource) return {};
  if (info.verb == "list" || info.verb == "watch") return estimate_list(passage, flow);
  if (info.verb != "create" && info.verb != "update" && info.verb != "patch" && info.verb != "delete") return {};
  if (info.resource == "serviceaccounts" && info.subresource == "token") return {};  // changes nothing
  auto watchers = watches_.interested(info);
  control_.note_watchers(flow, watchers);
  return change_work(watchers, flow.seats_max);
}

Work Gate::estimate_list(Passage& passage, const Flow& flow) {
  const Context& context = passage.context;
  if (context.info.verb == "watch" && !begins_with_objects(context.query)) return {};
  const Served* served = catalog_.find(context.info.group, context.info.version, context.info.resource);
  if (!served || !served->store) return {};
  auto stats = stats_of(*served->store);
  bool one = names_one(context);
  int64_t limit = 0;
  parse_int(context.query.get("limit"), limit);
  // Those that a selector leaves out are visited, too.
  passage.visits_many_ = context.info.verb == "list" && !one && (stats.count > kManyObjects || stats.count * stats.bytes_average > kManyBytes);
  return list_work(stats, limit, one, flow.seats_max);
}

// How many there are is known; how large they are is sampled now and then.
ObjectStats Gate::stats_of(registry::ObjectStore& store) {
  auto snapshot = store.cache().snapshot();
  auto now_us = clock_.monotonic_us();
  std::lock_guard lock(mutex_);
  Sample& sample = samples_[&store];
  if (sample.taken_us == 0 || now_us - sample.taken_us > kSample_us) {
    int64_t objects = 0, bytes = 0;
    snapshot.each({}, {}, [&](std::string_view, const schema::ObjectRef& object) {
      objects++;
      bytes += object->size();
      return objects < static_cast<int64_t>(kSampledObjects);
    });
    sample = {{.bytes_average = objects ? bytes / objects : 0}, now_us};
  }
  return {.count = static_cast<int64_t>(snapshot.size()), .bytes_average = sample.stats.bytes_average};
}

void Gate::hold(const std::shared_ptr<Passage>& passage, net::Response& response) {
  if (!response.source && response.body.size() >= kHeldBytes && passage->inside_) response.source = std::make_unique<TextSource>(std::exchange(response.body, {}));
  if (!response.source) return passage->leave();
  auto watcher = passage->context.info.verb == "watch" ? watches_.watch(passage->context) : WatchCounts::Watcher();
  response.source = std::make_unique<SeatedSource>(*this, std::move(response.source), passage, std::move(watcher));
}

void Gate::name_flow(const Passage& passage, net::Response& response) {
  if (passage.flow_uid_.empty()) return;
  response.headers.emplace_back("x-kubernetes-pf-flowschema-uid", passage.flow_uid_);
  response.headers.emplace_back("x-kubernetes-pf-prioritylevel-uid", passage.level_uid_);
}

bool is_connection(const RequestInfo& info) {
  if (!info.is_resource) return false;
  auto& what = info.subresource;
  return what == "attach" || what == "exec" || what == "proxy" || what == "log" || what == "portforward";
}

net::Response too_many_requests(int retry_after_s) {
  auto response = plain_text(429, "Too many requests, please try again later.\n");
  response.headers.emplace_back("retry-after", concat(retry_after_s));
  return response;
}

}  // namespace sampan::apiserver::fairness
