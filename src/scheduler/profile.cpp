#include "scheduler/profile.h"

#include <bit>

#include "base/check.h"
#include "base/text.h"
#include "scheduler/metrics.h"
#include "scheduler/plugins.h"

namespace sampan::scheduler {

namespace {

struct PointName {
  Point point;
  std::string_view name;  // in the configuration
};
constexpr PointName kPoints[] = {
    {kQueueSort, "queueSort"}, {kPreEnqueue, "preEnqueue"}, {kPreFilter, "preFilter"}, {kFilter, "filter"},
    {kPostFilter, "postFilter"}, {kPreScore, "preScore"}, {kScore, "score"}, {kReserve, "reserve"},
    {kPermit, "permit"}, {kPreBind, "preBind"}, {kBind, "bind"}, {kPostBind, "postBind"},
};

size_t index_of(Point point) { return static_cast<size_t>(std::countr_zero(static_cast<uint32_t>(point))); }

// How long a profile is at an extension point, for the metrics.
class Timed {
 public:
  Timed(const Environment& environment, std::string_view point)
      : environment_(environment), point_(point), since_us_(environment.clock.monotonic_us()) {}
  Status of(Status status) const {
    observe(status.code);
    return status;
  }
  void observe(Code code) const {
    auto seconds = seconds_since(environment_.clock, since_us_);
    metrics().extension_point_duration.with({point_, name_of(code), environment_.profile}).observe(seconds);
  }

 private:
  const Environment& environment_;
  const std::string_view point_;
  const int64_t since_us_;
};

const PluginSet kNothing;
const PluginSet& set_of(const ProfileConfig& config, std::string_view point) {
  auto at = config.points.find(point);
  return at == config.points.end() ? kNothing : at->second;
}

// The default plug-ins with what the profile says of "multiPoint": some gone, some with another weight, some more.
std::vector<PluginSetting> multi_point(const ProfileConfig& config) {
  auto& set = set_of(config, "multiPoint");
  std::vector<PluginSetting> chosen;
  std::set<std::string_view> replaced;
  for (auto& entry : all_plugins()) {
    if (set.is_disabled(entry.name)) continue;
    PluginSetting setting{std::string(entry.name), entry.weight};
    for (auto& own : set.enabled)
      if (own.name == entry.name) {
        setting = own;
        replaced.insert(entry.name);
      }
    chosen.push_back(std::move(setting));
  }
  for (auto& own : set.enabled)
    if (!replaced.contains(own.name)) chosen.push_back(own);
  return chosen;
}

// Of one extension point: first what the point's own list repeats, then the rest of multiPoint, then what only the point's list names.
std::vector<PluginSetting> chosen_at(const PluginSet& own, const std::vector<PluginSetting>& everywhere) {
  auto among = [](const std::vector<PluginSetting>& list, std::string_view name) {
    return std::any_of(list.begin(), list.end(), [&](auto& one) { return one.name == name; });
  };
  std::vector<PluginSetting> out;
  for (auto& setting : own.enabled)
    if (among(everywhere, setting.name)) out.push_back(setting);
  for (auto& setting : everywhere)
    if (!among(own.enabled, setting.name) && !own.is_disabled(setting.name)) out.push_back(setting);
  for (auto& setting : own.enabled)
    if (!among(everywhere, setting.name)) out.push_back(setting);
  return out;
}

}  // namespace

Result<std::unique_ptr<Profile>> Profile::create(const ProfileConfig& config, Environment environment) {
  environment.profile = config.scheduler_name;
  std::unique_ptr<Profile> profile(new Profile(std::move(environment)));
  profile->percentage_ = config.percentage_of_nodes_to_score;
  if (auto chosen = profile->choose(config); !chosen)
    return fail(std::move(chosen).error().context(concat("profile ", quoted(config.scheduler_name))));
  return profile;
}

Result<void> Profile::choose(const ProfileConfig& config) {
  auto everywhere = multi_point(config);
  std::map<std::string, Plugin*> made;
  auto get = [&](const std::string& name) -> Result<Plugin*> {
    auto& plugin = made[name];
    if (plugin) return plugin;
    auto* entry = find_plugin(name);
    if (!entry) return fail(bad_request(concat("plugin ", quoted(name), " does not exist")));
    auto args = config.args.find(name);
    plugins_.push_back(TRY(entry->make(environment_, args == config.args.end() ? schema::Value() : args->second)));
    plugin = plugins_.back().get();
    return plugin;
  };
  for (auto& setting : everywhere) TRY(get(setting.name));
  for (auto& [point, name] : kPoints) {
    auto& own = set_of(config, name);
    for (auto& setting : chosen_at(own, everywhere)) {
      Plugin* plugin = TRY(get(setting.name));
      bool named = std::any_of(own.enabled.begin(), own.enabled.end(), [&](auto& one) { return one.name == setting.name; });
      if (!(plugin->points() & point)) {
        if (named) return fail(bad_request(concat("plugin ", quoted(setting.name), " does not extend ", name, " plugin")));
        continue;
      }
      auto& list = by_point_[index_of(point)];
      if (std::find(list.begin(), list.end(), plugin) != list.end())
        return fail(bad_request(concat("plugin ", quoted(setting.name), " already registered as ", quoted(name))));
      list.push_back(plugin);
      if (point == kScore) scores_.emplace_back(plugin, setting.weight ? setting.weight : 1);
    }
  }
  for (auto& [name, args] : config.args)
    if (!find_plugin(name)) return fail(bad_request(concat("pluginConfig for plugin ", quoted(name), ", which does not exist")));
  if (at(kQueueSort).size() != 1) return fail(bad_request("exactly one queue sort plugin is needed"));
  if (at(kBind).empty()) return fail(bad_request("at least one bind plugin is needed"));
  check(plugins_.size() < 256);
  for (auto& plugin : plugins_) interests_.push_back(plugin->interests());
  return {};
}

const std::vector<Plugin*>& Profile::at(Point point) const { return by_point_[index_of(point)]; }

uint8_t Profile::number_of(const Plugin* plugin) const {
  for (size_t i = 0; i < plugins_.size(); i++)
    if (plugins_[i].get() == plugin) return static_cast<uint8_t>(i);
  check(false);
  return 0;
}

bool Profile::less(const PodInfo& a, int64_t a_since, const PodInfo& b, int64_t b_since) const {
  return at(kQueueSort).front()->less(a, a_since, b, b_since);
}

Status Profile::pre_enqueue(const PodInfo& pod) const {
  for (auto* plugin : at(kPreEnqueue)) {
    auto status = plugin->pre_enqueue(pod);
    if (status.ok()) continue;
    status.plugin = plugin->name();
    return status;
  }
  return Status::success();
}

bool Profile::is_interested(const ClusterEvent& event) const {
  if (event.is_wildcard()) return true;
  for (auto& interests : interests_)
    for (auto& interest : interests)
      if (interest.matches(event)) return true;
  return false;
}

bool Profile::may_help(const PodInfo& pod, const std::set<std::string_view>& refused_by, const ClusterEvent& event) const {
  for (size_t i = 0; i < plugins_.size(); i++) {
    if (!refused_by.contains(plugins_[i]->name())) continue;
    for (auto& interest : interests_[i])
      if (interest.matches(event) && plugins_[i]->may_help(pod, event)) return true;
  }
  return false;
}

Status Profile::pre_filter(Cycle& cycle, std::optional<std::set<std::string>>& only, std::set<std::string_view>& named_by) {
  Timed timed(environment_, "PreFilter");
  std::set<const Plugin*> skipped;
  Status refusal;
  for (auto* plugin : at(kPreFilter)) {
    std::optional<std::set<std::string>> names;
    auto status = plugin->pre_filter(cycle, names);
    if (status.code == Code::Skip) {
      skipped.insert(plugin);
      continue;
    }
    if (!status.ok()) {
      status.plugin = plugin->name();
      if (status.code != Code::Unschedulable) return timed.of(std::move(status));
      refusal = std::move(status);  // preemption may help: the others prepare themselves for it
      continue;
    }
    if (!names) continue;
    named_by.insert(plugin->name());
    if (only)
      std::erase_if(*only, [&](auto& name) { return !names->contains(name); });
    else
      only = std::move(names);
    if (!only->empty()) continue;
    std::string list;
    for (auto name : named_by) append(list, list.empty() ? "" : " ", name);
    auto text = named_by.size() == 1 ? concat("node(s) didn't satisfy plugin ", list)
                                     : concat("node(s) didn't satisfy plugin(s) [", list, "] simultaneously");
    return timed.of({Code::UnschedulableAndUnresolvable, {std::move(text)}, *named_by.begin()});
  }
  skipped_ = std::move(skipped);
  choose_filters();
  return timed.of(std::move(refusal));
}

Verdict Profile::run_filters(Cycle& cycle, const NodeInfo& node) {
  for (auto [plugin, number] : active_filters_) {
    auto verdict = plugin->filter(cycle, node);
    if (verdict.ok()) continue;
    verdict.plugin = number;
    return verdict;
  }
  return {};
}

void Profile::choose_filters() {
  active_filters_.clear();
  for (auto* plugin : at(kFilter))
    if (!skipped_.contains(plugin)) active_filters_.emplace_back(plugin, number_of(plugin));
}

// What the plug-ins worked out of where pods are, once more. One that had nothing to do may have now, and the other way round.
void Profile::refresh(Cycle& cycle) {
  for (auto* plugin : at(kPreFilter)) {
    if (!plugin->depends_on_pods()) continue;
    std::optional<std::set<std::string>> only;
    if (plugin->pre_filter(cycle, only).code == Code::Skip)
      skipped_.insert(plugin);
    else
      skipped_.erase(plugin);
  }
  choose_filters();
}

Verdict Profile::filter(Cycle& cycle, NodeInfo& node) {
  auto* nominated = cycle.state.any_nominated() ? cycle.state.nominated(node.name) : nullptr;
  if (!nominated) return run_filters(cycle, node);
  // Pods of the same or a higher priority that were promised the node go first. The pod must fit with them and, since they may yet go elsewhere,
  // without them.
  Verdict verdict;
  bool added = false;
  {
    Hypothesis with(cycle.state);
    for (auto& pod : *nominated) {
      if (pod->priority < cycle.pod.priority || pod->uid == cycle.pod.uid || cycle.state.is_placed(pod->uid)) continue;
      with.add(pod, node);
      added = true;
    }
    if (added) refresh(cycle);
    verdict = run_filters(cycle, node);
  }
  if (!added) return verdict;
  refresh(cycle);
  return verdict.ok() ? run_filters(cycle, node) : verdict;
}

Verdict Profile::filter_anew(Cycle& cycle, NodeInfo& node) {
  refresh(cycle);
  return filter(cycle, node);
}

PostFilterResult Profile::post_filter(Cycle& cycle, Diagnosis& diagnosis) {
  Timed timed(environment_, "PostFilter");
  PostFilterResult all;
  all.status.code = Code::Unschedulable;
  for (auto* plugin : at(kPostFilter)) {
    auto result = plugin->post_filter(cycle, diagnosis);
    if (result.status.code != Code::Unschedulable) {
      timed.observe(result.status.code);
      return result;
    }
    if (result.nominate) all.nominate = std::move(result.nominate);
    for (auto& reason : result.status.reasons) all.status.reasons.push_back(std::move(reason));
  }
  timed.observe(all.status.code);
  return all;
}

Status Profile::score(Cycle& cycle, NodeList nodes, std::vector<int64_t>& totals) {
  Timed timed(environment_, "Score");
  std::set<const Plugin*> skipped;
  for (auto* plugin : at(kPreScore)) {
    auto status = plugin->pre_score(cycle, nodes);
    if (status.code == Code::Skip) {
      skipped.insert(plugin);
    } else if (!status.ok()) {
      status.plugin = plugin->name();
      return timed.of(std::move(status));
    }
  }
  totals.assign(nodes.size(), 0);
  std::vector<int64_t> scores(nodes.size());
  for (auto [plugin, weight] : scores_) {
    if (skipped.contains(plugin)) continue;
    std::fill(scores.begin(), scores.end(), 0);
    plugin->score(cycle, nodes, scores);
    for (size_t i = 0; i < scores.size(); i++) totals[i] += weight * scores[i];
  }
  return timed.of(Status::success());
}

Status Profile::reserve(Cycle& cycle, Placement& placement) {
  for (auto* plugin : at(kReserve)) {
    auto status = plugin->reserve(cycle, placement);
    if (status.ok()) continue;
    status.plugin = plugin->name();
    return status;
  }
  return Status::success();
}

void Profile::unreserve(Placement& placement) {
  auto& plugins = at(kReserve);
  for (auto plugin = plugins.rbegin(); plugin != plugins.rend(); ++plugin) (*plugin)->unreserve(placement);
}

Status Profile::permit(Placement& placement) {
  Status wait;
  for (auto* plugin : at(kPermit)) {
    auto status = plugin->permit(placement);
    if (status.ok()) continue;
    status.plugin = plugin->name();
    if (status.code != Code::Wait) return status;
    if (wait.ok() || status.wait_us < wait.wait_us) wait = std::move(status);
  }
  return wait;
}

Status Profile::pre_bind(Placement& placement) {
  Timed timed(environment_, "PreBind");
  for (auto* plugin : at(kPreBind)) {
    auto status = plugin->pre_bind(placement);
    if (status.ok()) continue;
    status.plugin = plugin->name();
    return timed.of(std::move(status));
  }
  return timed.of(Status::success());
}

Status Profile::bind(Placement& placement) {
  Timed timed(environment_, "Bind");
  for (auto* plugin : at(kBind)) {
    auto status = plugin->bind(placement);
    if (status.code == Code::Skip) continue;
    status.plugin = plugin->name();
    return timed.of(std::move(status));
  }
  return timed.of(Status::of(Code::Error, "no bind plugin took the pod"));
}

void Profile::post_bind(Placement& placement) {
  for (auto* plugin : at(kPostBind)) plugin->post_bind(placement);
}

void normalize(std::span<int64_t> scores, bool reverse) {
  int64_t largest = 0;
  for (auto score : scores) largest = std::max(largest, score);
  for (auto& score : scores) {
    if (largest) score = kScoreMax * score / largest;
    if (reverse) score = kScoreMax - score;
  }
}

std::string Diagnosis::message(const Reasons& reasons) const {
  auto out = concat("0/", all_nodes, " nodes are available:");
  if (!pre_filter_message.empty()) {
    append(out, " ", pre_filter_message, ".");
  } else {
    std::unordered_map<uint32_t, size_t> lists;
    for (auto& [slot, verdict] : failed) lists[verdict.reasons]++;
    std::map<std::string_view, size_t> counts;
    for (auto [list, count] : lists)
      for (auto text : reasons.texts(list)) counts[text] += count;
    if (!others_reason.empty() && failed.size() < all_nodes) counts[others_reason] += all_nodes - failed.size();
    std::vector<std::string> lines;
    for (auto [text, count] : counts) lines.push_back(concat(count, " ", text));
    std::sort(lines.begin(), lines.end());
    if (!lines.empty()) append(out, " ", join(lines, ", "), ".");
  }
  if (!post_filter_message.empty()) append(out, " ", post_filter_message);
  return out;
}

}  // namespace sampan::scheduler
