#include "apiserver/fairness/flow_control.h"

#include <cmath>

#include "base/check.h"

namespace sampan::apiserver::fairness {

namespace {

constexpr std::string_view kExempt = "exempt", kCatchAll = "catch-all";

uint64_t next_instance() {
  static std::atomic<uint64_t> last{0};
  return ++last;
}

QueueSetLimits limits_of(const Level& level, int seats_of_all) {
  const auto& configuration = level.configuration;
  return {.exempt = configuration.exempt,
          .queues = configuration.queues,
          .hand_size = configuration.hand_size,
          .queue_length = configuration.queue_length,
          // One that lends its only seat would have to wait ten seconds to get it back.
          .seats = std::max(level.share.current, level.share.nominal > 0 ? 1 : 0),
          .measure = level.share.current > 0 ? level.share.current : std::max(1, static_cast<int>(std::lround(seats_of_all / 10.0)))};
}

// Upstream's: a request gets no more than 15% of the level, nor more than lets a flow's hand be served at once.
int seats_max_of(const Level& level) {
  const auto& configuration = level.configuration;
  if (configuration.queues == 0) return 0;
  auto most = std::min(std::ceil(level.share.nominal * 0.15), static_cast<double>(level.share.nominal / configuration.hand_size));
  return std::max(1, static_cast<int>(most));
}

template <class Configuration>
bool has(const std::vector<Configuration>& all, std::string_view name) {
  return std::any_of(all.begin(), all.end(), [&](const auto& one) { return one.name == name; });
}

}  // namespace

FlowControl::FlowControl(Options options, Clock& clock, Random& random, Executor& executor)
    : options_(options), clock_(clock), executor_(executor), key_{random.next(), random.next()}, instance_(next_instance()) {
  configure({}, {});
}

FlowControl::~FlowControl() = default;

// A thread keeps the table that it read last, so that reading costs one look at a number that hardly ever changes.
const FlowControl::Table& FlowControl::table() {
  struct Held {
    uint64_t instance = 0, version = 0;
    std::shared_ptr<const Table> table;
  };
  thread_local Held held;
  if (held.instance != instance_ || held.version != version_.load(std::memory_order_acquire)) {
    std::lock_guard lock(mutex_);
    held = {instance_, version_.load(std::memory_order_relaxed), table_};
  }
  return *held.table;
}

const Flow& FlowControl::classify(const User& user, const RequestInfo& info) {
  const Table& known = table();
  for (const Flow& flow : known.flows)
    if (flow.schema.matches(user, info)) return flow;
  // Nobody is in neither of the groups that the catch-all names; if it happens, it is what catches.
  for (const Flow& flow : known.flows)
    if (flow.schema.name == kCatchAll) return flow;
  return known.flows.back();
}

// Changes a level under its lock, then resumes whom that let go, and sees to it that the next one is let go in time.
template <class Change>
void FlowControl::change(Level& level, const Change& change) {
  ResumedList resumed;
  std::shared_ptr<Level> held;
  int64_t due_us = 0;
  {
    ShortLock lock(level.mutex);
    change(level.queues, resumed);
    due_us = level.queues.next_due_us();
    if (due_us != 0 && (level.armed_us == 0 || due_us < level.armed_us)) {
      level.armed_us = due_us;
      held = level.shared_from_this();
    }
  }
  for (const auto& one : resumed) one.waiter->resume(one.execute);
  if (held) executor_.after(due_us - clock_.monotonic_us(), [this, held, due_us] { tick(*held, due_us); });
}

void FlowControl::tick(Level& level, int64_t due_us) {
  auto now_us = clock_.monotonic_us();
  change(level, [&](QueueSet& queues, ResumedList& resumed) {
    if (level.armed_us == due_us) level.armed_us = 0;
    queues.sync(now_us, resumed);
  });
}

FlowControl::Arrival FlowControl::arrive(const Flow& flow, Ticket& ticket) {
  uint64_t hash = 0;
  if (flow.queued) {
    ticket.distinguisher = flow.schema.distinguish(*ticket.user, *ticket.info);
    hash = flow_hash(key_, flow.schema.name, ticket.distinguisher);
  }
  ticket.level = flow.level.get();
  ticket.counts = flow.counts;
  auto arrival = Arrival::LookAgain;
  auto now_us = clock_.monotonic_us();
  change(*flow.level, [&](QueueSet& queues, ResumedList& resumed) {
    if (!flow.level->closed) arrival = queues.arrive(ticket, hash, now_us, resumed);
  });
  return arrival;
}

void FlowControl::leave(Ticket& ticket) {
  if (ticket.state != Ticket::State::Executing) return;
  auto now_us = clock_.monotonic_us();
  change(*ticket.level, [&](QueueSet& queues, ResumedList& resumed) { queues.finish(ticket, now_us, resumed); });
}

void FlowControl::note_watchers(const Flow& flow, int64_t watchers) {
  ShortLock lock(flow.level->mutex);
  flow.counts->watchers.observe(kWatcherBounds, static_cast<double>(watchers));
}

std::vector<bool> FlowControl::configure(std::vector<LevelConfiguration> levels, std::vector<SchemaConfiguration> schemas) {
  for (auto& mandatory : mandatory_levels())
    if (!has(levels, mandatory.name)) levels.push_back(std::move(mandatory));
  std::vector<bool> found;
  for (const auto& schema : schemas) found.push_back(has(levels, schema.level));
  std::erase_if(schemas, [&](const auto& schema) { return !has(levels, schema.level); });
  std::sort(schemas.begin(), schemas.end(), [](const auto& a, const auto& b) { return std::pair(a.precedence, std::string_view(a.name)) < std::pair(b.precedence, std::string_view(b.name)); });
  for (auto& mandatory : mandatory_schemas())
    if (!has(schemas, mandatory.name)) schemas.insert(mandatory.name == kExempt ? schemas.begin() : schemas.end(), std::move(mandatory));

  std::lock_guard lock(mutex_);
  for (auto& [name, level] : levels_) level->quiescing = !has(levels, name);
  for (auto& configuration : levels) {
    auto& level = levels_[configuration.name];
    if (!level) level = std::make_shared<Level>(configuration.name, clock_.monotonic_us());
    level->configuration = std::move(configuration);
  }
  divide_locked();
  adjust_locked();
  table_ = make_table(std::move(schemas));
  version_.fetch_add(1, std::memory_order_release);
  close_idle_locked();
  return found;
}

// The seats of all, by the levels' shares. Levels that are on their way out still take theirs.
void FlowControl::divide_locked() {
  double shares = 0;
  for (auto& [name, level] : levels_) shares += level->configuration.shares;
  for (auto& [name, level] : levels_) {
    const auto& configuration = level->configuration;
    Share& share = level->share;
    constexpr double kSeatsMax = 1e9;  // of percentages that know no end
    auto percent = [&](int of) { return static_cast<int>(std::lround(std::min(static_cast<double>(share.nominal) * of / 100, kSeatsMax))); };
    share.exempt = configuration.exempt;
    share.nominal = shares > 0 ? static_cast<int>(std::ceil(static_cast<double>(options_.seats) * configuration.shares / shares)) : 0;
    int lendable = percent(configuration.lendable_percent);
    share.minimum = share.nominal - lendable;
    share.maximum = share.nominal + (configuration.borrowing_limit_percent ? percent(*configuration.borrowing_limit_percent) : options_.seats);
    if (level->fresh) share.current = share.nominal - lendable / 2;
    level->fresh = false;
  }
}

void FlowControl::adjust() {
  std::lock_guard lock(mutex_);
  adjust_locked();
  close_idle_locked();
}

void FlowControl::adjust_locked() {
  auto now_us = clock_.monotonic_us();
  std::vector<Share> shares;
  for (auto& [name, level] : levels_) {
    ShortLock lock(level->mutex);
    level->share.demand.update(level->queues.demand().reset(now_us));
    shares.push_back(level->share);
  }
  fair_fraction_ = fairness::adjust(shares);
  size_t next = 0;
  for (auto& [name, level] : levels_) {
    level->share = shares[next++];
    change(*level, [&](QueueSet& queues, ResumedList& resumed) { queues.configure(limits_of(*level, options_.seats), now_us, resumed); });
  }
}

std::shared_ptr<const FlowControl::Table> FlowControl::make_table(std::vector<SchemaConfiguration> schemas) {
  auto table = std::make_shared<Table>();
  for (auto& schema : schemas) {
    Flow flow;
    flow.level = levels_.at(schema.level);
    Level& level = *flow.level;
    {
      ShortLock lock(level.mutex);
      auto& counts = level.counts[schema.name];
      if (!counts) counts = std::make_unique<FlowCounts>(schema.name);
      flow.counts = counts.get();
    }
    flow.level_uid = level.configuration.uid;
    flow.exempt = level.configuration.exempt;
    flow.queued = level.configuration.queues > 1;
    flow.seats_max = seats_max_of(level);
    flow.schema = std::move(schema);
    table->flows.push_back(std::move(flow));
  }
  return table;
}

// Those in no table any more, once nobody is in them.
void FlowControl::close_idle_locked() {
  auto now_us = clock_.monotonic_us();
  for (auto at = levels_.begin(); at != levels_.end();) {
    Level& level = *at->second;
    if (level.quiescing) {
      change(level, [&](QueueSet& queues, ResumedList& resumed) {
        queues.sync(now_us, resumed);
        level.closed = queues.idle();
      });
    }
    at = level.closed ? levels_.erase(at) : std::next(at);
  }
}

// Seats that lingered are given back when somebody comes or looks.
void FlowControl::settle_all() {
  auto now_us = clock_.monotonic_us();
  std::lock_guard lock(mutex_);
  for (auto& [name, level] : levels_) change(*level, [&](QueueSet& queues, ResumedList& resumed) { queues.sync(now_us, resumed); });
}

void FlowControl::reject_all() {
  std::lock_guard lock(mutex_);
  for (auto& [name, level] : levels_) change(*level, [](QueueSet& queues, ResumedList& resumed) { queues.reject_all(resumed); });
}

}  // namespace sampan::apiserver::fairness
