// WATCH: a cursor over the cache's events, pulled as fast as the client reads. An idle watch costs its cursor and nothing else.
#include "apiserver/list_request.h"
#include "apiserver/metrics.h"
#include "apiserver/respond.h"
#include "apiserver/streams/in_messages.h"
#include "apiserver/verbs.h"
#include "base/held.h"
#include "base/text.h"
#include "net/websocket.h"
#include "schema/json.h"
#include "schema/protobuf.h"

namespace sampan::apiserver {

using schema::Object;
using schema::ObjectRef;
using schema::Value;

namespace {

constexpr int64_t kBookmarkEvery_us = 60 * 1'000'000ll;

// Which cached encoding of an event this watch can share with others; tables are made for each.
enum Slot : unsigned { kJson, kProtobuf, kOtherJson, kOtherProtobuf, kPartialJson, kPartialProtobuf, kNotShared };

Slot slot_of(const Served& served, const Accept& accept) {
  bool stored = served.resource->type == served.store->resource().type;
  bool protobuf = accept.format == Format::Protobuf;
  if (accept.format == Format::Yaml || accept.pretty) return kNotShared;
  switch (accept.shape) {
    case Shape::Object: return stored ? (protobuf ? kProtobuf : kJson) : (protobuf ? kOtherProtobuf : kOtherJson);
    case Shape::Partial: return accept.shape_version == "v1" ? (protobuf ? kPartialProtobuf : kPartialJson) : kNotShared;
    case Shape::Table:
    case Shape::OtherPartial:
    case Shape::Discovery: return kNotShared;
  }
  return kNotShared;
}

// Lets a pull see that time has passed: the timer outlives neither the watch nor the server.
struct Alarm {
  Executor& executor;
  std::function<void()> wake;
  Executor::Timer timer = 0;
  bool armed = false;
  void arm(int64_t delay_us) {
    if (armed) executor.cancel(timer);
    timer = executor.after(delay_us, wake);
    armed = true;
  }
  ~Alarm() {
    if (armed) executor.cancel(timer);
  }
};

// Of text alone: protobuf may well end with that byte.
void drop_line_end(std::string& object, Format format) {
  if (format != Format::Protobuf && object.ends_with('\n')) object.pop_back();
}

std::string stream_type(Format format) { return concat(media_type(format), format == Format::Protobuf ? ";stream=watch" : ""); }

std::string status_text(Format format, const Error& error) {
  net::Request request;
  request.headers.emplace_back("accept", media_type(format));
  auto response = respond_error(request, Query(), error);
  drop_line_end(response.body, format);
  return std::move(response.body);
}

void write_frame(std::string& out, Format format, std::string_view type, const std::string& object) {
  if (format != Format::Protobuf) {
    append(out, "{\"type\":\"", type, "\",\"object\":", object, "}\n");
    return;
  }
  // A frame: its length in four bytes, then WatchEvent { type = 1, object = 2 { raw = 1 } }.
  std::string inner, frame;
  auto put = [](std::string& to, char tag, std::string_view bytes) {
    to += tag;
    size_t size = bytes.size();
    for (; size >= 0x80; size >>= 7) to += static_cast<char>(size | 0x80);
    to += static_cast<char>(size);
    to += bytes;
  };
  put(inner, 0x0a, object);
  put(frame, 0x0a, type);
  put(frame, 0x12, inner);
  for (int shift : {24, 16, 8, 0}) out += static_cast<char>(frame.size() >> shift);
  out += frame;
}

class WatchSource : public net::BodySource {
 public:
  WatchSource(const Services& services, const Served& served, Accept accept, ListRequest request, std::unique_ptr<store::EventStream> stream,
              std::optional<store::Snapshot> initial, int64_t timeout_s, std::string include_object)
      : services_(services),
        served_(served),
        accept_(accept),
        request_(std::move(request)),
        stream_(std::move(stream)),
        initial_(std::move(initial)),
        include_object_(std::move(include_object)),
        slot_(slot_of(served, accept)),
        events_(services.metrics->watch_events(*served.resource)),
        alarm_{*services.executor, {}} {
    int64_t now = services.clock->monotonic_us();
    deadline_us_ = now + microseconds_of(timeout_s);
    bookmark_us_ = now + kBookmarkEvery_us;
    ends_initial_ = request_.options.send_initial_events.value_or(false) && request_.options.allow_bookmarks;
  }

  void start(std::function<void()> waker) override {
    alarm_.wake = waker;
    stream_->on_wake(std::move(waker));
    arm();
  }

  Pull pull(std::string& out, size_t want) override {
    size_t end = out.size() + want;
    if (services_.stopping && services_.stopping->load(std::memory_order_relaxed)) return Pull::End;
    if (initial_ && !give_initial(out, end)) return Pull::More;
    while (out.size() < end) {
      auto event = stream_->next();
      if (!event) return nothing_now(out);
      give(out, *event);
    }
    return Pull::More;
  }

 private:
  Pull nothing_now(std::string& out) {
    if (const Error* error = stream_->error()) {
      give_error(out, *error);
      return Pull::End;
    }
    int64_t now = services_.clock->monotonic_us();
    if (now >= deadline_us_) return Pull::End;
    if (now >= bookmark_us_) {
      if (request_.options.allow_bookmarks) give_bookmark(out, stream_->revision(), false);
      bookmark_us_ = now + kBookmarkEvery_us;
      arm();
    }
    return Pull::Wait;
  }

  void arm() {
    int64_t next = request_.options.allow_bookmarks ? std::min(deadline_us_, bookmark_us_) : deadline_us_;
    alarm_.arm(std::max<int64_t>(0, next - services_.clock->monotonic_us()));
  }

  // The objects that stood when the watch began, some at a time. True once they are through.
  bool give_initial(std::string& out, size_t end) {
    bool full = false;
    initial_->each(request_.prefix, next_key_, [&](std::string_view key, const ObjectRef& object) {
      if (out.size() >= end) {
        next_key_ = key;
        full = true;
        return false;
      }
      if (request_.matches(*object)) write_event(out, "ADDED", encode(object));
      return true;
    });
    if (full) return false;
    if (ends_initial_) give_bookmark(out, initial_->revision(), true);
    initial_.reset();
    return true;
  }

  // An object that begins or ceases to match is added or deleted, as far as this client can tell.
  void give(std::string& out, const store::Event& event) {
    if (!event.key.starts_with(request_.prefix)) return;
    bool deleted = event.type == store::Event::Type::Deleted;
    bool matches = !deleted && request_.matches(*event.object);
    bool matched = event.previous && request_.matches(*event.previous);
    if (!matches && !matched) return;
    if (!matches) {
      if (deleted) return write_shared(out, "DELETED", event);
      return write_event(out, "DELETED", encode(event.previous->with_revision(event.revision)));
    }
    write_shared(out, matched ? "MODIFIED" : "ADDED", event);
  }

  // The bytes of the event's object are shared with other watches where they want the same.
  void write_shared(std::string& out, std::string_view type, const store::Event& event) {
    if (slot_ == kNotShared) return write_event(out, type, encode(event.object));
    write_event(out, type, event.encoded(slot_, [&] { return encode(event.object); }));
  }

  std::string encode(const ObjectRef& object) {
    auto text = encode_object(served_, object, accept_, include_object_, !columns_given_, services_.clock->now_us() / 1'000'000);
    if (accept_.shape == Shape::Table) columns_given_ = true;
    if (!text) return {};
    drop_line_end(*text, accept_.format);
    return std::move(*text);
  }

  void give_bookmark(std::string& out, store::Revision revision, bool initial_end) {
    Arena arena;
    Value tree = Value::object(arena);
    Value metadata = tree.ensure_object("metadata");
    if (initial_end) metadata.ensure_object("annotations").set("k8s.io/initial-events-end", "true");
    auto frozen = schema::freeze(tree, *served_.resource->type);
    if (!frozen) return;
    (*frozen)->set_revision(revision);
    write_event(out, "BOOKMARK", encode(*frozen));
  }

  void give_error(std::string& out, const Error& error) { write_event(out, "ERROR", status_text(accept_.format, error)); }

  void write_event(std::string& out, std::string_view type, const std::string& object) {
    events_.add();
    write_frame(out, accept_.format, type, object);
  }

  const Services& services_;
  const Served& served_;
  Accept accept_;
  ListRequest request_;
  std::unique_ptr<store::EventStream> stream_;
  std::optional<store::Snapshot> initial_;
  std::string next_key_;
  std::string include_object_;
  Slot slot_;
  Series& events_;
  Alarm alarm_;
  int64_t deadline_us_ = 0, bookmark_us_ = 0;
  bool ends_initial_ = false;
  bool columns_given_ = false;
};

// A watch that is over before it begins: upstream answers 200 and says why in the stream.
net::Response error_stream(const Accept& accept, const Error& error) {
  net::Response response;
  response.headers.emplace_back("content-type", stream_type(accept.format));
  write_frame(response.body, accept.format, "ERROR", status_text(accept.format, error));
  return response;
}

}  // namespace

HandlerResult handle_watch(Context& context) {
  const Served& served = *context.served;
  Accept accept = TRY(negotiate(context.http, context.query, any_shape(true)));
  auto request = TRY(list_request(context));
  store::Cache& cache = served.store->cache();

  // No version, or "0": what stands now comes first, as additions. Otherwise only what came after.
  const auto& options = request.options;
  auto revision = TRY(registry::read_revision(options.resource_version));
  bool from_now = revision == 0;
  std::unique_ptr<store::EventStream> stream;
  std::optional<store::Snapshot> initial;
  if (options.send_initial_events.value_or(false) || from_now) {
    if (!from_now) TRY(cache.at_least(revision));
    if (options.resource_version.empty()) TRY(cache.fresh());
    auto [snapshot, events] = cache.snapshot_and_events();
    stream = std::move(events);
    if (options.send_initial_events.value_or(true)) initial = std::move(snapshot);
  } else {
    auto events = cache.events(revision);
    if (!events && accept.format != Format::Yaml) return error_stream(accept, events.error());
    if (!events) return fail(no_such_stream());
    stream = std::move(*events);
  }

  auto include = TRY(include_object(context, accept));
  if (accept.format == Format::Yaml) return fail(no_such_stream());
  int64_t timeout_s = options.timeout_seconds.value_or(0);
  if (timeout_s <= 0) {
    // By chance, so that watches that began together do not all end together.
    int64_t least = std::max<int64_t>(context.services.watch_seconds_min, 1);
    timeout_s = least + static_cast<int64_t>(context.services.random->below(static_cast<uint64_t>(least)));
  }
  net::Response response;
  response.headers.emplace_back("content-type", stream_type(accept.format));
  response.headers.emplace_back("cache-control", "no-cache, private");
  if (accept.shape == Shape::OtherPartial) return response;  // upstream lets it in, and breaks off because an event is no list
  response.source = std::make_unique<WatchSource>(context.services, served, accept, std::move(request), std::move(stream), std::move(initial),
                                                  timeout_s, std::string(include));
  if (net::asks_for_websocket(context.http))
    return in_messages(context, std::move(response), accept.format == Format::Protobuf ? Pieces::Lengths : Pieces::Lines);
  return response;
}

}  // namespace sampan::apiserver
