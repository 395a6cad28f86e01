#include "client/events.h"

#include <condition_variable>
#include <deque>
#include <mutex>

#include "base/encoding.h"
#include "base/text.h"
#include "client/event_correlator.h"
#include "client/paths.h"

namespace sampan::client {

namespace {

constexpr size_t kWaitingMax = 1000;  // then the newest are dropped
constexpr int kTries = 12;

void set_text(Value tree, std::string_view name, std::string_view text) {
  if (!text.empty()) tree.set(name, text);
}

Value tree_of(const Reference& reference, Arena& arena) {
  Value tree = Value::object(arena, 7);
  set_text(tree, "kind", reference.kind);
  set_text(tree, "namespace", reference.name_space);
  set_text(tree, "name", reference.name);
  set_text(tree, "uid", reference.uid);
  set_text(tree, "apiVersion", reference.api_version);
  set_text(tree, "resourceVersion", reference.resource_version);
  set_text(tree, "fieldPath", reference.field_path);
  return tree;
}

std::string_view time_text(int64_t us, Arena& arena) {
  std::string text;
  append_time(text, us / 1'000'000);
  return arena.copy(text);
}

std::string_view micro_time_text(int64_t us, Arena& arena) {
  std::string text;
  append_micro_time(text, us);
  return arena.copy(text);
}

std::string hexadecimal(uint64_t number) {
  char digits[17];
  char* end = digits + sizeof digits;
  char* at = end;
  do *--at = "0123456789abcdef"[number & 15];
  while (number >>= 4);
  return std::string(at, end);
}

}  // namespace

Reference Reference::of(const Resource& resource, const Object& object, std::string_view field_path) {
  auto metadata = object["metadata"];
  Reference reference;
  reference.api_version = api_version_of(resource);
  reference.kind = resource.kind;
  reference.name_space = metadata["namespace"].as_string();
  reference.name = metadata["name"].as_string();
  reference.uid = metadata["uid"].as_string();
  if (object.revision()) reference.resource_version = concat(object.revision());
  reference.field_path = field_path;
  return reference;
}

struct Events::State : std::enable_shared_from_this<State> {
  State(Api& a, Clock& c, Executor& e, std::string comp, std::string h)
      : api(a), clock(c), executor(e), component(std::move(comp)), host(std::move(h)) {}

  Api& api;
  Clock& clock;
  Executor& executor;
  const std::string component, host;
  const Resource& resource = builtin("", "events");

  std::mutex mutex;
  std::condition_variable quiet;
  std::deque<Happening> waiting;
  bool scheduled = false, writing = false, closed = false;
  EventCorrelator correlator;  // used by the one task that writes
  int64_t last_name = 0;

  void add(Happening happening) {
    std::lock_guard lock(mutex);
    if (closed || waiting.size() >= kWaitingMax) return;
    happening.at_us = clock.now_us();
    waiting.push_back(std::move(happening));
    if (scheduled) return;
    scheduled = true;
    executor.post([self = shared_from_this()] { self->write_all(); });
  }

  void write_all() {
    std::unique_lock lock(mutex);
    while (!closed && !waiting.empty()) {
      Happening happening = std::move(waiting.front());
      waiting.pop_front();
      writing = true;
      lock.unlock();
      write(happening);
      lock.lock();
      writing = false;
      if (closed) quiet.notify_all();
    }
    scheduled = false;
  }

  void write(Happening& happening) {
    auto* written = correlator.admit(happening);
    if (!written) return;
    Arena arena;
    if (!written->name.empty()) {
      auto patched = api.patch(resource, written->name_space, written->name, PatchType::Strategic, repetition(happening, *written, arena));
      if (patched || !patched.error().is(Reason::NotFound)) return;
      *written = {.count = 1, .first_us = happening.at_us, .last_us = happening.at_us};  // it has outlived its time: a new one
    }
    written->name_space = happening.about.name_space.empty() ? "default" : happening.about.name_space;
    // The name carries the time in nanoseconds; ours are no finer than microseconds, so the rest makes it unique.
    last_name = std::max(last_name + 1, happening.at_us * 1000);
    written->name = concat(happening.about.name, ".", hexadecimal(static_cast<uint64_t>(last_name)));
    create(happening, *written, arena);
  }

  void create(const Happening& happening, EventCorrelator::Written& written, Arena& arena) {
    Value event = event_of(happening, written, arena);
    for (int attempt = 1; attempt <= kTries; attempt++) {
      auto created = api.create(resource, written.name_space, event);
      if (created) return;
      // A refusal stays one; what may pass is tried a few times.
      bool may_pass = created.error().is(Reason::ServerTimeout) || created.error().is(Reason::ServiceUnavailable) ||
                      created.error().is(Reason::TooManyRequests) || created.error().is(Reason::Timeout);
      if (!may_pass) break;
    }
    written.name.clear();
  }

  Value repetition(const Happening& happening, const EventCorrelator::Written& written, Arena& arena) {
    Value patch = Value::object(arena, 3);
    if (happening.modern) {
      Value series = patch.ensure_object("series");
      series.set("count", written.count);
      series.set("lastObservedTime", micro_time_text(happening.at_us, arena));
      return patch;
    }
    patch.set("count", written.count);
    patch.set("lastTimestamp", time_text(happening.at_us, arena));
    patch.set("message", std::string_view(happening.message));
    return patch;
  }

  Value event_of(const Happening& happening, const EventCorrelator::Written& written, Arena& arena) {
    Value event = Value::object(arena, 14);
    Value metadata = event.ensure_object("metadata");
    metadata.set("name", std::string_view(written.name));
    metadata.set("namespace", std::string_view(written.name_space));
    event.set("involvedObject", tree_of(happening.about, arena));
    set_text(event, "reason", happening.reason);
    set_text(event, "message", happening.message);
    set_text(event, "type", happening.type);
    event.set("reportingComponent", std::string_view(component));
    event.set("reportingInstance", std::string_view(host.empty() ? component : host));
    if (happening.modern) {
      event.set("eventTime", micro_time_text(happening.at_us, arena));
      set_text(event, "action", happening.action);
      if (happening.has_related) event.set("related", tree_of(happening.related, arena));
      return event;
    }
    Value source = event.ensure_object("source");
    set_text(source, "component", component);
    set_text(source, "host", host);
    event.set("firstTimestamp", time_text(written.first_us, arena));
    event.set("lastTimestamp", time_text(written.last_us, arena));
    event.set("count", written.count);
    return event;
  }
};

Events::Events(Api& api, Clock& clock, Executor& executor, std::string component, std::string host)
    : state_(std::make_shared<State>(api, clock, executor, std::move(component), std::move(host))) {}

Events::~Events() {
  std::unique_lock lock(state_->mutex);
  state_->closed = true;
  state_->waiting.clear();
  state_->quiet.wait(lock, [&] { return !state_->writing; });
}

void Events::tell(const Reference& about, std::string_view type, std::string_view reason, std::string message) {
  Happening happening;
  happening.about = about;
  happening.type = type;
  happening.reason = reason;
  happening.message = std::move(message);
  state_->add(std::move(happening));
}

void Events::tell(const Reference& about, const Reference* related, std::string_view type, std::string_view reason, std::string_view action,
                  std::string note) {
  Happening happening;
  happening.about = about;
  if (related) happening.related = *related;
  happening.has_related = related != nullptr;
  happening.type = type;
  happening.reason = reason;
  happening.action = action;
  happening.message = std::move(note);
  happening.modern = true;
  state_->add(std::move(happening));
}

}  // namespace sampan::client
