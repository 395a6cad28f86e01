#include "apiserver/fairness/keeper.h"

#include "apiserver/bootstrap.h"
#include "base/log.h"
#include "base/text.h"
#include "base/time_text.h"
#include "base/watchman.h"
#include "schema/apply/apply.h"
#include "schema/conform.h"

namespace sampan::apiserver::fairness {

using schema::Object;
using schema::ObjectRef;
using schema::Value;

namespace {

constexpr std::string_view kGroup = "flowcontrol.apiserver.k8s.io", kSchemas = "flowschemas", kLevels = "prioritylevelconfigurations";
constexpr std::string_view kConsumer = "api-priority-and-fairness-config-consumer-v1";
constexpr int64_t kAdjust_us = 10'000'000, kEnsure_us = 60'000'000, kRetry_us = 1'000'000;
constexpr size_t kWritesPerMinuteMax = 6;  // of one object, so that servers that disagree do not fight all the time

std::vector<ObjectRef> objects_of(Catalog& catalog, std::string_view resource) {
  std::vector<ObjectRef> objects;
  if (auto* store = catalog.store_of(kGroup, resource)) {
    store->cache().snapshot().each({}, {}, [&](std::string_view, const ObjectRef& object) {
      objects.push_back(object);
      return true;
    });
  }
  return objects;
}

struct Dangling {
  std::string_view status, reason;
  std::string message;
};

Dangling dangling_of(const Object& schema, bool found) {
  auto level = quoted(schema["spec"]["priorityLevelConfiguration"]["name"].as_string());
  auto message = concat("This FlowSchema references the PriorityLevelConfiguration object named ", level);
  if (found) return {"False", "Found", message + " and it exists"};
  return {"True", "NotFound", message + " but there is no such object"};
}

bool says(const Object& schema, const Dangling& wanted) {
  auto conditions = schema["status"]["conditions"];
  for (uint32_t i = 0; conditions.present() && i < conditions.size(); i++) {
    auto condition = conditions.item(i);
    if (condition["type"].as_string() != "Dangling") continue;
    return condition["status"].as_string() == wanted.status && condition["reason"].as_string() == wanted.reason &&
           condition["message"].as_string() == wanted.message;
  }
  return false;
}

Result<void> write_status(const Served& served, std::string_view name, const Dangling& wanted, Clock& clock) {
  auto api_version = served.api_version();
  auto produce = [&](const ObjectRef& current, Arena& arena) -> Result<Value> {
    if (!current) return fail(not_found(kGroup, kSchemas, name));  // deleted meanwhile
    Value applied = Value::object(arena);
    applied.set("apiVersion", std::string_view(api_version));
    applied.set("kind", served.resource->kind);
    applied.ensure_object("metadata").set("name", arena.copy(name));
    Value condition = Value::object(arena);
    condition.set("type", "Dangling");
    condition.set("status", wanted.status);
    condition.set("lastTransitionTime", arena.copy(rfc3339(clock.now_us() / 1'000'000)));
    condition.set("reason", wanted.reason);
    condition.set("message", arena.copy(wanted.message));
    applied.ensure_object("status").ensure_list("conditions").push(condition);
    schema::FieldManager manager;
    manager.name = kConsumer;
    manager.api_version = std::string_view(api_version);
    manager.now_seconds = clock.now_us() / 1'000'000;
    manager.subresource = "status";
    manager.reset_fields = served.rules->status_reset_fields;
    Value object = TRY(schema::apply(current.get(), applied, *served.resource->type, manager, true, arena));
    schema::Conformance found;
    TRY(schema::conform(object, *served.resource->type, found));
    return object;
  };
  registry::WriteOptions options;
  options.subresource = "status";
  auto outcome = served.store->update({}, name, produce, {}, false, options);
  if (!outcome && !outcome.error().is(Reason::NotFound)) return fail(std::move(outcome).error());
  return {};
}

// Configures, and gives the schemas whose status says something else.
std::vector<std::pair<std::string, Dangling>> take_in(FlowControl& control, Catalog& catalog) {
  auto schema_objects = objects_of(catalog, kSchemas);
  std::vector<SchemaConfiguration> schemas;
  std::vector<LevelConfiguration> levels;
  for (const auto& object : objects_of(catalog, kLevels)) {
    if (auto level = level_configuration(*object))
      levels.push_back(std::move(*level));
    else
      LOG_WARNING("the PriorityLevelConfiguration ", (*object)["metadata"]["name"].as_string(), " makes no sense and is left out");
  }
  for (const auto& object : schema_objects) schemas.push_back(schema_configuration(*object));
  std::vector<bool> found = control.configure(std::move(levels), std::move(schemas));
  std::vector<std::pair<std::string, Dangling>> wrong;
  for (size_t i = 0; i < schema_objects.size(); i++) {
    auto wanted = dangling_of(*schema_objects[i], found[i]);
    if (!says(*schema_objects[i], wanted)) wrong.emplace_back((*schema_objects[i])["metadata"]["name"].as_string(), std::move(wanted));
  }
  return wrong;
}

class Following final : public Keeper {
 public:
  Following(FlowControl& control, Catalog& catalog, Clock& clock) : control_(control), catalog_(catalog), clock_(clock) {
    auto now_us = clock_.monotonic_us();
    adjust_us_ = now_us + kAdjust_us, ensure_us_ = now_us + kEnsure_us;
    (void)take_in(control_, catalog_);  // what is wrong is written by the watchman
    watchman_.start();
  }

 private:
  int64_t look(bool woken) {
    auto now_us = clock_.monotonic_us();
    follow(streams_[0], kSchemas);
    follow(streams_[1], kLevels);
    if (woken || (retry_us_ && now_us >= retry_us_)) retry_us_ = catch_up(now_us) ? 0 : now_us + kRetry_us;
    if (now_us >= adjust_us_) control_.adjust(), adjust_us_ = now_us + kAdjust_us;
    if (now_us >= ensure_us_) ensure(), ensure_us_ = now_us + kEnsure_us;
    auto next_us = retry_us_ ? std::min(retry_us_, adjust_us_) : adjust_us_;
    return std::max<int64_t>(0, next_us - clock_.monotonic_us());
  }

  // Reads up to the newest; the next change wakes.
  void follow(std::unique_ptr<store::EventStream>& stream, std::string_view resource) {
    auto* store = catalog_.store_of(kGroup, resource);
    if (!store) return;
    if (!stream || stream->error()) {
      stream = store->cache().snapshot_and_events().second;
      stream->on_wake([this] { watchman_.wake(); });
    }
    while (stream->next()) {
    }
  }

  bool catch_up(int64_t now_us) {
    const Served* served = catalog_.find(kGroup, kSchemas);
    bool all = true;
    for (const auto& [name, wanted] : take_in(control_, catalog_)) {
      if (!may_write(name, now_us)) {
        all = false;
        continue;
      }
      if (auto written = write_status(*served, name, wanted, clock_); !written) {
        LOG_WARNING("write the status of the FlowSchema ", name, ": ", written.error().message());
        all = false;
      }
    }
    return all;
  }

  bool may_write(const std::string& name, int64_t now_us) {
    constexpr int64_t kMinute_us = 60'000'000;
    std::erase_if(writes_, [&](const auto& write) { return write.first < now_us - kMinute_us; });
    auto times = std::count_if(writes_.begin(), writes_.end(), [&](const auto& write) { return write.second == name; });
    if (times >= static_cast<ptrdiff_t>(kWritesPerMinuteMax)) return false;
    writes_.emplace_back(now_us, name);
    return true;
  }

  void ensure() {
    if (auto done = ensure_flow_control(catalog_, clock_); !done) LOG_WARNING("keep the standard objects of flow control: ", done.error().message());
  }

  FlowControl& control_;
  Catalog& catalog_;
  Clock& clock_;
  // The watchman's own, down to himself:
  std::vector<std::pair<int64_t, std::string>> writes_;  // of the last minute
  std::unique_ptr<store::EventStream> streams_[2];
  int64_t adjust_us_ = 0, ensure_us_ = 0, retry_us_ = 0;  // when they are due; 0: nothing is to be tried again
  Watchman watchman_{[this](bool woken) { return look(woken); }};
};

}  // namespace

std::unique_ptr<Keeper> Keeper::start(FlowControl& control, Catalog& catalog, Clock& clock) {
  return std::make_unique<Following>(control, catalog, clock);
}

}  // namespace sampan::apiserver::fairness
