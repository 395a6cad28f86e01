#include "apiserver/audit/notes.h"

#include "base/text.h"
#include "schema/json.h"

namespace sampan::apiserver {

using schema::Value;

namespace {

std::string version_of(const ExpectedKind& kind) {
  if (kind.kind == "DeleteOptions") return "meta.k8s.io/__internal";  // upstream's name for them here
  return kind.group.empty() ? std::string(kind.version) : concat(kind.group, "/", kind.version);
}

std::string json_of(const Context& context, const ExpectedKind& expected, Value tree) {
  Arena arena;
  Value object = tree.clone(arena);
  bool is_whole = context.served && expected.type == context.served->resource->type;
  if (is_whole && context.served->rules->defaults) context.served->rules->defaults(object, context.served->resource->version);
  std::string json;
  auto frozen = schema::freeze(object, *expected.type);
  if (!frozen) {
    schema::write_json(json, tree);
    return json;
  }
  schema::write_json(json, **frozen, version_of(expected), expected.kind);
  return json;
}

// Notes the end when nobody holds it any more.
class End {
 public:
  End(std::shared_ptr<AuditTrail> trail, Executor* executor) : trail_(std::move(trail)), executor_(executor) {}
  ~End() {
    if (executor_)
      executor_->post([trail = std::move(trail_)] { trail->reach(AuditStage::ResponseComplete); });
    else
      trail_->reach(AuditStage::ResponseComplete);
  }

 private:
  std::shared_ptr<AuditTrail> trail_;
  Executor* const executor_;
};

class NotedSource final : public net::BodySource {
 public:
  NotedSource(std::shared_ptr<End> end, std::unique_ptr<net::BodySource> source) : end_(std::move(end)), source_(std::move(source)) {}
  Pull pull(std::string& out, size_t want) override { return source_->pull(out, want); }
  void start(std::function<void()> waker) override { source_->start(std::move(waker)); }

 private:
  const std::shared_ptr<End> end_;
  const std::unique_ptr<net::BodySource> source_;
};

class NotedStream final : public net::ByteStream {
 public:
  NotedStream(std::shared_ptr<End> end, std::unique_ptr<net::ByteStream> stream) : end_(std::move(end)), stream_(std::move(stream)) {}
  Result<size_t> read_some(char* out, size_t size, int64_t deadline_us) override { return stream_->read_some(out, size, deadline_us); }
  Result<void> write(std::string_view bytes, int64_t deadline_us) override { return stream_->write(bytes, deadline_us); }
  void end_writes() override { stream_->end_writes(); }
  void cancel() override { stream_->cancel(); }

 private:
  const std::shared_ptr<End> end_;
  const std::unique_ptr<net::ByteStream> stream_;
};

}  // namespace

void note_request(Context& context, const ExpectedKind& expected, Value tree) {
  if (!context.audit) return;
  context.audit->refers_to(tree["metadata"]);
  if (context.audit->wants_request()) context.audit->set_request(json_of(context, expected, tree));
}

void note_patch(Context& context, Value patch) {
  if (!context.audit || !context.audit->wants_request()) return;
  std::string json;
  schema::write_json(json, patch);
  context.audit->set_request(std::move(json));
}

void Attributes::annotate(std::string_view key, std::string_view value) const {
  if (audit) audit->annotate(key, value);
}

void note_end_of(const std::shared_ptr<AuditTrail>& trail, net::Response& response, Executor* executor) {
  auto end = std::make_shared<End>(trail, executor);
  if (response.source)
    response.source = std::make_unique<NotedSource>(std::move(end), std::move(response.source));
  else if (response.upgraded)
    response.upgraded = [end = std::move(end), take = std::move(response.upgraded)](std::unique_ptr<net::ByteStream> stream) {
      take(std::make_unique<NotedStream>(end, std::move(stream)));
    };
}

}  // namespace sampan::apiserver
