// Flow control's numbers, by upstream's names.
#include "apiserver/fairness/flow_control.h"
#include "base/metrics.h"
#include "base/text.h"

namespace sampan::apiserver::fairness {

namespace {

using Labels = std::initializer_list<std::pair<std::string_view, std::string_view>>;

// A family's lines, gathered over all levels before the next family begins.
class Writer {
 public:
  Writer(std::string& out, std::string_view name) : out_(out), name_(concat("apiserver_flowcontrol_", name)) {}
  void head(std::string_view help, MetricKind kind) { write_metric_head(out_, name_, help, kind); }
  void value(Labels labels, double value) { write_metric(out_, name_, labels, value); }

  template <size_t N>
  void histogram(std::string_view level, std::string_view schema, std::string_view label, std::string_view text, const Histogram<N>& histogram,
                 const std::array<double, N>& bounds) {
    if (histogram.count == 0) return;
    auto line = [&](std::string_view suffix, std::string_view bound, double value) {
      append(out_, name_, suffix, "{flow_schema=\"", schema, "\",priority_level=\"", level, "\"");
      if (!label.empty()) append(out_, ",", label, "=\"", text, "\"");
      if (!bound.empty()) append(out_, ",le=\"", bound, "\"");
      append(out_, "} ", metric_number(value), "\n");
    };
    uint64_t total = 0;
    for (size_t i = 0; i < N; i++) {
      total += histogram.buckets[i];
      line("_bucket", metric_number(bounds[i]), static_cast<double>(total));
    }
    line("_bucket", "+Inf", static_cast<double>(histogram.count));
    line("_sum", {}, histogram.sum);
    line("_count", {}, static_cast<double>(histogram.count));
  }

 private:
  std::string& out_;
  const std::string name_;
};

// What there is of a level at one moment.
struct Shown {
  std::string name;
  Occupancy occupancy;
  Share share;
  std::vector<FlowCounts> flows;
  SeatTime current_r;
  QueueSet::Progress progress;
  bool queued;
};

double r_of(SeatTime r) { return static_cast<double>(r) / 1e7; }

struct FlowNumber {
  std::string_view name, help;
  MetricKind kind;
  double (*value)(const FlowCounts&);
};
constexpr FlowNumber kFlowNumbers[] = {
    {"current_executing_requests", "Requests that run, or watches that begin.", MetricKind::Gauge, [](const FlowCounts& it) { return static_cast<double>(it.executing); }},
    {"current_executing_seats", "Seats that they take.", MetricKind::Gauge, [](const FlowCounts& it) { return static_cast<double>(it.executing_seats); }},
    {"current_inqueue_requests", "Requests that wait.", MetricKind::Gauge, [](const FlowCounts& it) { return static_cast<double>(it.waiting); }},
    {"current_inqueue_seats", "Seats that they wait for.", MetricKind::Gauge, [](const FlowCounts& it) { return static_cast<double>(it.waiting_seats); }},
    {"dispatched_requests_total", "Requests that have run or run.", MetricKind::Counter, [](const FlowCounts& it) { return static_cast<double>(it.dispatched); }},
    {"request_dispatch_no_accommodation_total", "How often the next request had to wait for more seats than were free.", MetricKind::Counter,
     [](const FlowCounts& it) { return static_cast<double>(it.not_accommodated); }},
};

struct LevelNumber {
  std::string_view name, help;
  double (*value)(const Share&);
};
constexpr LevelNumber kLevelNumbers[] = {
    {"nominal_limit_seats", "Seats by the level's share.", [](const Share& it) { return static_cast<double>(it.nominal); }},
    {"lower_limit_seats", "Seats that are left when all is lent that may be.", [](const Share& it) { return static_cast<double>(it.minimum); }},
    {"upper_limit_seats", "Seats with all that may be borrowed.", [](const Share& it) { return static_cast<double>(it.maximum); }},
    {"current_limit_seats", "Seats for now.", [](const Share& it) { return static_cast<double>(it.current); }},
    {"demand_seats_high_watermark", "The most seats that were wanted in the last ten seconds.", [](const Share& it) { return static_cast<double>(it.demand.highest); }},
    {"demand_seats_average", "How many were wanted on average.", [](const Share& it) { return it.demand.average; }},
    {"demand_seats_stdev", "The deviation from that.", [](const Share& it) { return it.demand.deviation; }},
    {"demand_seats_smoothed", "What is wanted, smoothed.", [](const Share& it) { return it.demand.smoothed; }},
    {"target_seats", "Seats that the level should have.", [](const Share& it) { return it.target; }},
};

void write_rejections(std::string& out, const std::vector<Shown>& levels) {
  Writer writer(out, "rejected_requests_total");
  writer.head("Requests that were rejected.", MetricKind::Counter);
  for (const auto& level : levels)
    for (const auto& flow : level.flows)
      for (auto [reason, count] : {std::pair<std::string_view, uint64_t>{"concurrency-limit", flow.no_seats}, {"queue-full", flow.queue_full}, {"time-out", flow.timed_out}})
        if (count) writer.value({{"flow_schema", flow.schema}, {"priority_level", level.name}, {"reason", reason}}, static_cast<double>(count));
}

void write_histograms(std::string& out, const std::vector<Shown>& levels) {
  auto each = [&](std::string_view name, std::string_view help, auto visit) {
    Writer writer(out, name);
    writer.head(help, MetricKind::Histogram);
    for (const auto& level : levels)
      for (const auto& flow : level.flows) visit(writer, level.name, flow);
  };
  each("request_wait_duration_seconds", "How long requests waited.", [](Writer& writer, std::string_view level, const FlowCounts& flow) {
    writer.histogram(level, flow.schema, "execute", "false", flow.waited_in_vain, kDurationBounds);
    writer.histogram(level, flow.schema, "execute", "true", flow.waited_and_ran, kDurationBounds);
  });
  each("request_execution_seconds", "How long requests ran, or watches took to begin.", [](Writer& writer, std::string_view level, const FlowCounts& flow) {
    writer.histogram(level, flow.schema, "type", "regular", flow.ran, kDurationBounds);
    writer.histogram(level, flow.schema, "type", "watch", flow.watch_began, kDurationBounds);
  });
  each("request_queue_length_after_enqueue", "How long its queue was, with it, when a request came.",
       [](Writer& writer, std::string_view level, const FlowCounts& flow) { writer.histogram(level, flow.schema, {}, {}, flow.queue_length, kLengthBounds); });
  each("work_estimated_seats", "How many seats a request was thought to take.",
       [](Writer& writer, std::string_view level, const FlowCounts& flow) { writer.histogram(level, flow.schema, {}, {}, flow.seats, kSeatBounds); });
  each("watch_count_samples", "How many watched what a request was to change.",
       [](Writer& writer, std::string_view level, const FlowCounts& flow) { writer.histogram(level, flow.schema, {}, {}, flow.watchers, kWatcherBounds); });
}

// Histograms over time: as many observations as nanoseconds have passed.
void write_occupancy(std::string& out, const std::vector<Shown>& levels) {
  auto write = [&](std::string_view name, std::string_view level, std::string_view phase, const auto& ratio) {
    auto line = [&](std::string_view suffix, std::string_view bound, double value) {
      append(out, "apiserver_flowcontrol_", name, suffix, "{");
      if (!phase.empty()) append(out, "phase=\"", phase, "\",");
      append(out, "priority_level=\"", level, "\"");
      if (!bound.empty()) append(out, ",le=\"", bound, "\"");
      append(out, "} ", metric_number(value), "\n");
    };
    constexpr double kNanoseconds = 1000;
    double total = 0;
    for (size_t i = 0; i < ratio.bounds().size(); i++) line("_bucket", metric_number(ratio.bounds()[i]), total += kNanoseconds * static_cast<double>(ratio.spent_us(i)));
    total += kNanoseconds * static_cast<double>(ratio.spent_us(ratio.bounds().size()));
    line("_bucket", "+Inf", total);
    line("_sum", {}, kNanoseconds * ratio.sum());
    line("_count", {}, total);
  };
  auto head = [&](std::string_view name, std::string_view help) { write_metric_head(out, concat("apiserver_flowcontrol_", name), help, MetricKind::Histogram); };
  head("demand_seats", "For each nanosecond, the seats that were wanted, in parts of the level's limit.");
  for (const auto& level : levels) write("demand_seats", level.name, {}, level.occupancy.demand);
  head("priority_level_seat_utilization", "For each nanosecond, the seats that were taken, in parts of the level's limit.");
  for (const auto& level : levels) write("priority_level_seat_utilization", level.name, "executing", level.occupancy.seat_use);
  head("priority_level_request_utilization", "For each nanosecond, the requests that waited or ran, in parts of the places or seats.");
  for (const auto& level : levels) {
    write("priority_level_request_utilization", level.name, "executing", level.occupancy.executing);
    write("priority_level_request_utilization", level.name, "waiting", level.occupancy.waiting);
  }
}

void write_progress(std::string& out, const std::vector<Shown>& levels) {
  auto each = [&](std::string_view name, std::string_view help, auto visit) {
    Writer writer(out, name);
    writer.head(help, MetricKind::Gauge);
    for (const auto& level : levels)
      if (level.queued) visit(writer, level);
  };
  each("current_r", "R, the seat-seconds that each busy queue was given.", [](Writer& writer, const Shown& it) { writer.value({{"priority_level", it.name}}, r_of(it.current_r)); });
  each("dispatch_r", "R at the last dispatch.", [](Writer& writer, const Shown& it) { writer.value({{"priority_level", it.name}}, r_of(it.progress.r)); });
  each("latest_s", "S, the virtual start, of what was dispatched last.", [](Writer& writer, const Shown& it) { writer.value({{"priority_level", it.name}}, r_of(it.progress.s)); });
  auto bounds = [&](std::string_view name, std::string_view help, SeatTime QueueSet::Progress::*low, SeatTime QueueSet::Progress::*high) {
    each(name, help, [&](Writer& writer, const Shown& it) {
      writer.value({{"bound", "max"}, {"priority_level", it.name}}, r_of(it.progress.*high));
      writer.value({{"bound", "min"}, {"priority_level", it.name}}, r_of(it.progress.*low));
    });
  };
  bounds("next_s_bounds", "The least and the greatest S of what was next in each queue.", &QueueSet::Progress::s_min, &QueueSet::Progress::s_max);
  bounds("next_discounted_s_bounds", "The same, less the work that its queue has under way.", &QueueSet::Progress::discounted_min, &QueueSet::Progress::discounted_max);
}

}  // namespace

void FlowControl::write_metrics(std::string& out) {
  settle_all();
  std::vector<Shown> levels;
  double fair_fraction = 0;
  {
    std::lock_guard all(mutex_);
    fair_fraction = fair_fraction_;
    for (auto& [name, level] : levels_) {
      ShortLock lock(level->mutex);
      const QueueSet& queues = level->queues;
      auto& shown = levels.emplace_back(Shown{name, queues.occupancy(), level->share, {}, queues.current_r(), queues.progress(), queues.limits().queues > 0});
      for (auto& [schema, counts] : level->counts) shown.flows.push_back(*counts);
    }
  }
  for (const auto& number : kFlowNumbers) {
    Writer writer(out, number.name);
    writer.head(number.help, number.kind);
    for (const auto& level : levels)
      for (const auto& flow : level.flows) writer.value({{"flow_schema", flow.schema}, {"priority_level", level.name}}, number.value(flow));
  }
  for (const auto& number : kLevelNumbers) {
    Writer writer(out, number.name);
    writer.head(number.help, MetricKind::Gauge);
    for (const auto& level : levels) writer.value({{"priority_level", level.name}}, number.value(level.share));
  }
  Writer fraction(out, "seat_fair_frac");
  fraction.head("What part of its target each level gets that is at no limit.", MetricKind::Gauge);
  fraction.value({}, fair_fraction);
  write_rejections(out, levels);
  write_histograms(out, levels);
  write_occupancy(out, levels);
  write_progress(out, levels);
}

}  // namespace sampan::apiserver::fairness
