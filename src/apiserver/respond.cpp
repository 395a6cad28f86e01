#include "apiserver/respond.h"

#include "apiserver/audit/trail.h"
#include "apiserver/table.h"
#include "base/text.h"
#include "schema/json.h"
#include "schema/protobuf.h"
#include "schema/yaml.h"

namespace sampan::apiserver {

namespace {

constexpr std::string_view kMetaGroupVersion[] = {"meta.k8s.io/v1beta1", "meta.k8s.io/v1"};

std::string_view meta_version(const Accept& accept) { return kMetaGroupVersion[accept.shape_version == "v1"]; }

// Two spaces a level, as Go's MarshalIndent; made from the compact form, since only people ask for it.
std::string indented(std::string_view compact) {
  std::string out;
  int depth = 0;
  bool in_string = false;
  auto line = [&] {
    out += '\n';
    out.append(2 * depth, ' ');
  };
  for (size_t i = 0; i < compact.size(); i++) {
    char c = compact[i];
    if (in_string) {
      out += c;
      if (c == '\\') out += compact[++i];
      if (c == '"') in_string = false;
      continue;
    }
    switch (c) {
      case '"':
        in_string = true;
        out += c;
        break;
      case '{':
      case '[':
        out += c;
        if (compact[i + 1] == '}' || compact[i + 1] == ']') {
          out += compact[++i];
        } else {
          depth++;
          line();
        }
        break;
      case '}':
      case ']':
        depth--;
        line();
        out += c;
        break;
      case ',':
        out += c;
        line();
        break;
      case ':': out += ": "; break;
      default: out += c;
    }
  }
  return out;
}

std::string finish_json(std::string text, const Accept& accept) {
  if (!accept.pretty) {
    text += '\n';  // Go's encoder ends a document with one
    return text;
  }
  return indented(text);
}

net::Response make_response(int status, const Accept& accept, std::string body) {
  net::Response response;
  response.status = status;
  response.headers.emplace_back("content-type", media_type(accept.format));
  response.headers.emplace_back("cache-control", "no-cache, private");
  response.body = std::move(body);
  return response;
}

// A tree with kind and apiVersion in it. Protobuf wants the type.
Result<std::string> encode_value(Value value, const schema::Type* type, std::string_view api_version, std::string_view kind,
                                 const Accept& accept) {
  std::string text;
  switch (accept.format) {
    case Format::Json:
      schema::write_json(text, value);
      return finish_json(std::move(text), accept);
    case Format::Yaml: schema::write_yaml(text, value); return text;
    case Format::Protobuf: {
      if (!type) return fail(internal_error(concat("no protobuf form of ", kind)));
      auto frozen = TRY(schema::freeze(value, *type));
      schema::encode_envelope(text, *frozen, api_version, kind);
      return text;
    }
  }
  return text;
}

Value with_type_meta(Value tree, std::string_view api_version, std::string_view kind, Arena& arena) {
  Value whole = Value::object(arena, tree.size() + 2);
  whole.set("kind", arena.copy(kind));
  if (!api_version.empty()) whole.set("apiVersion", arena.copy(api_version));
  for (const auto& member : tree.members())
    if (member.name != "kind" && member.name != "apiVersion") whole.set(member.name, member.value);
  return whole;
}

// An object as it is, in its own kind.
Result<std::string> encode_plain(const Served& served, const schema::Object& object, const Accept& accept) {
  std::string text;
  auto api_version = served.api_version();
  switch (accept.format) {
    case Format::Json:
      schema::write_json(text, object, api_version, served.resource->kind);
      return finish_json(std::move(text), accept);
    case Format::Yaml: {
      Arena arena;
      schema::write_yaml(text, with_type_meta(schema::thaw(object, arena), api_version, served.resource->kind, arena));
      return text;
    }
    case Format::Protobuf: schema::encode_envelope(text, object, api_version, served.resource->kind); return text;
  }
  return text;
}

const schema::Type& status_type() {
  static const schema::Type* type = schema::builtin_type("io.k8s.apimachinery.pkg.apis.meta.v1.Status");
  return *type;
}

const schema::Type* partial_type(bool list) {
  return schema::builtin_type(list ? "io.k8s.apimachinery.pkg.apis.meta.v1.PartialObjectMetadataList"
                                   : "io.k8s.apimachinery.pkg.apis.meta.v1.PartialObjectMetadata");
}

Value list_metadata(const ListAnswer& list, Arena& arena) {
  Value metadata = Value::object(arena, 3);
  if (list.revision) metadata.set("resourceVersion", arena.copy(concat(list.revision)));  // what is not kept has none
  if (!list.continue_token.empty()) metadata.set("continue", std::string_view(list.continue_token));
  if (list.remaining) metadata.set("remainingItemCount", *list.remaining);
  return metadata;
}

std::string list_head(const Served& served, const ListAnswer& list) {
  std::string head = concat("{\"kind\":\"", served.resource->kind, "List\",\"apiVersion\":\"", served.api_version(), "\",\"metadata\":");
  Arena arena;
  schema::write_json(head, list_metadata(list, arena));
  head += ",\"items\":[";
  return head;
}

// Asks the processor for an object before it is printed: those of a list lie anywhere in the memory, and waiting for it was a sixth of the work.
// Its head must be there by then, because it says the size.
void prefetch(const schema::Object& object) {
  constexpr uint32_t kLineBytes = 64, kBytesMax = 8 * 1024;  // beyond, the processor has seen by itself where this goes
  for (uint32_t at = 0, end = std::min(object.size(), kBytesMax); at < end; at += kLineBytes) __builtin_prefetch(object.data() + at);
}

// A list in JSON, made while it is sent: its memory is that of one piece, however long it is.
class JsonListSource : public net::BodySource {
 public:
  JsonListSource(const Served& served, ListAnswer list) : list_(std::move(list)), head_(list_head(served, list_)) {}
  Pull pull(std::string& out, size_t want) override {
    size_t end = out.size() + want;
    if (!head_.empty()) {
      out += head_;
      std::string().swap(head_);
    }
    while (next_ < list_.items.size() && out.size() < end) {
      if (next_ + 2 < list_.items.size()) __builtin_prefetch(list_.items[next_ + 2].get());
      if (next_ + 1 < list_.items.size()) prefetch(*list_.items[next_ + 1]);
      if (next_) out += ',';
      schema::write_json(out, *list_.items[next_], {}, {});
      list_.items[next_++] = nullptr;
    }
    if (next_ < list_.items.size()) return Pull::More;
    out += "]}\n";
    return Pull::End;
  }

 private:
  ListAnswer list_;
  std::string head_;
  size_t next_ = 0;
};

constexpr size_t kStreamedItemsMin = 64;  // shorter lists are answered whole

std::string protobuf_list(const Served& served, const ListAnswer& list) {
  // message List { metadata = 1; repeated items = 2 }
  std::string raw, part;
  auto put = [&](char tag) {
    raw += tag;
    size_t size = part.size();
    for (; size >= 0x80; size >>= 7) raw += static_cast<char>(size | 0x80);
    raw += static_cast<char>(size);
    raw += part;
    part.clear();
  };
  Arena arena;
  Value tree = Value::object(arena, 1);
  tree.set("metadata", list_metadata(list, arena));
  // Of the whole list, not of its metadata alone: the resourceVersion is kept beside the buffer.
  if (auto frozen = schema::freeze(tree, *partial_type(true))) schema::encode_protobuf(raw, **frozen);
  for (const auto& item : list.items) {
    schema::encode_protobuf(part, *item);
    put(0x12);
  }
  std::string out;
  schema::append_envelope(out, raw, served.api_version(), concat(served.resource->kind, "List"));
  return out;
}

Value list_tree(const Served& served, const ListAnswer& list, Arena& arena) {
  Value tree = Value::object(arena, 4);
  tree.set("kind", arena.copy(concat(served.resource->kind, "List")));
  tree.set("apiVersion", arena.copy(served.api_version()));
  tree.set("metadata", list_metadata(list, arena));
  Value items = Value::list(arena, static_cast<uint32_t>(list.items.size()));
  for (const auto& item : list.items) items.push(schema::thaw(*item, arena));
  tree.set("items", items);
  return tree;
}

}  // namespace

Value status_tree(const Error& error, Arena& arena) {
  const StatusData& data = error.data();
  Value status = Value::object(arena, 8);
  status.set("kind", "Status");
  status.set("apiVersion", "v1");
  Value metadata = Value::object(arena);
  if (!data.continue_token.empty()) metadata.set("continue", std::string_view(data.continue_token));
  status.set("metadata", metadata);
  status.set("status", "Failure");
  if (!data.message.empty()) status.set("message", std::string_view(data.message));
  if (std::string_view reason = data.other_reason.empty() ? name_of(data.reason) : data.other_reason; !reason.empty()) status.set("reason", reason);
  if (data.has_details) {
    Value details = Value::object(arena, 6);
    if (!data.name.empty()) details.set("name", std::string_view(data.name));
    if (!data.group.empty()) details.set("group", std::string_view(data.group));
    if (!data.kind.empty()) details.set("kind", std::string_view(data.kind));
    if (!data.uid.empty()) details.set("uid", std::string_view(data.uid));
    if (!data.causes.empty()) {
      Value causes = Value::list(arena, static_cast<uint32_t>(data.causes.size()));
      for (const Cause& cause : data.causes) {
        Value item = Value::object(arena, 3);
        if (!cause.reason.empty()) item.set("reason", std::string_view(cause.reason));
        if (!cause.message.empty()) item.set("message", std::string_view(cause.message));
        if (!cause.field.empty()) item.set("field", std::string_view(cause.field));
        causes.push(item);
      }
      details.set("causes", causes);
    }
    if (data.retry_after_seconds) details.set("retryAfterSeconds", data.retry_after_seconds);
    status.set("details", details);
  }
  status.set("code", data.code);
  return status;
}

Result<ObjectRef> in_served_version(const Served& served, const ObjectRef& object) {
  if (&object->type() == served.resource->type) return object;
  Arena arena;
  Value tree = schema::thaw(*object, arena);
  if (served.rules->convert) served.rules->convert(tree, served.resource->stored_as, served.api_version());
  return schema::freeze(tree, *served.resource->type);
}

Result<void> to_stored_version(const Served& served, Value object) {
  if (!served.store || served.store->resource().type == served.resource->type) return {};
  if (served.rules->convert) served.rules->convert(object, served.api_version(), served.resource->stored_as);
  return {};
}

Result<std::string> encode_object(const Served& served, const ObjectRef& stored, const Accept& accept, std::string_view include_object,
                                  bool with_columns, int64_t now_seconds) {
  ObjectRef object = TRY(in_served_version(served, stored));
  if (accept.shape == Shape::Object) return encode_plain(served, *object, accept);
  Arena arena;
  if (accept.shape == Shape::Partial) {
    Value partial = partial_metadata(served, *object, meta_version(accept), arena);
    return encode_value(partial, partial_type(false), meta_version(accept), "PartialObjectMetadata", accept);
  }
  TableOptions options{meta_version(accept), include_object, with_columns, now_seconds};
  Value table = make_table(served, {&object, 1}, options, arena);
  if (object->revision()) table["metadata"].set("resourceVersion", arena.copy(concat(object->revision())));
  return encode_value(table, nullptr, meta_version(accept), "Table", accept);
}

namespace {

// What upstream's internal type of a kind is called: "*core.Pod".
std::string go_type(const Served& served, std::string_view suffix) {
  auto group = served.store ? served.store->resource().group : served.resource->group;
  auto package = group.empty() ? std::string_view("core") : group.substr(0, group.find('.'));
  return concat("*", package, ".", served.resource->kind, suffix);
}

}  // namespace

Result<std::string_view> include_object(const Context& context, const Accept& accept) {
  auto wanted = context.query.get("includeObject");
  if (wanted.empty()) return "Metadata";
  if (accept.shape != Shape::Table || wanted == "Metadata" || wanted == "Object" || wanted == "None") return wanted;
  return fail(bad_request(concat("Unable to convert to Table as requested: includeObject: Invalid value: ", quoted(wanted),
                                 ": must be 'Metadata', 'Object', 'None', or empty")));
}

namespace {

net::Response handed_over(Direct& direct, int status, std::vector<ObjectRef> objects) {
  direct.objects = std::move(objects);
  return {.status = status};
}

// Whether an answer is to be noted as a whole; it then is as JSON, whatever the client gets.
bool is_noted(const Context& context) { return context.audit && context.audit->wants_response(); }

Accept as_json(Accept accept) {
  accept.format = Format::Json;
  accept.pretty = false;
  return accept;
}

void note_object(Context& context, const ObjectRef& object, const Accept& accept, std::string_view include) {
  auto text = encode_object(*context.served, object, as_json(accept), include, true, context.now_seconds());
  if (text) context.audit->set_response(std::move(*text));
}

HandlerResult list_response(Context& context, const Accept& accept, ListAnswer list);

void note_list(Context& context, const Accept& accept, ListAnswer list) {
  for (auto& item : list.items) {
    auto served = in_served_version(*context.served, item);
    if (!served) return;
    item = std::move(*served);
  }
  auto response = list_response(context, as_json(accept), std::move(list));
  if (!response) return;
  while (response->source && response->source->pull(response->body, SIZE_MAX / 2) == net::BodySource::Pull::More) {
  }
  context.audit->set_response(std::move(response->body));
}

}  // namespace

HandlerResult respond_object(Context& context, int status, const ObjectRef& object) {
  if (context.direct) {
    if (is_noted(context)) note_object(context, object, {}, {});
    return handed_over(*context.direct, status, {object});
  }
  auto type_name = go_type(*context.served, "");
  Accept accept = TRY(negotiate(context.http, context.query, {.table = true, .partial = true, .go_type = type_name}));
  auto include = TRY(include_object(context, accept));
  auto body = TRY(encode_object(*context.served, object, accept, include, true, context.now_seconds()));
  if (is_noted(context)) note_object(context, object, accept, include);
  return make_response(status, accept, std::move(body));
}

HandlerResult respond_list(Context& context, ListAnswer list) {
  if (context.direct) {
    if (is_noted(context)) note_list(context, {}, list);
    return handed_over(*context.direct, 200, std::move(list.items));
  }
  auto type_name = go_type(*context.served, "List");
  Accept accept = TRY(negotiate(context.http, context.query, {.table = true, .partial_list = true, .go_type = type_name}));
  for (auto& item : list.items) item = TRY(in_served_version(*context.served, item));
  if (is_noted(context)) note_list(context, accept, list);
  return list_response(context, accept, std::move(list));
}

namespace {

HandlerResult list_response(Context& context, const Accept& accept, ListAnswer list) {
  const Served& served = *context.served;
  Arena arena;
  if (accept.shape == Shape::Table) {
    auto include = TRY(include_object(context, accept));
    Value table = make_table(served, list.items, {meta_version(accept), include, true, context.now_seconds()}, arena);
    table.set("metadata", list_metadata(list, arena));
    return make_response(200, accept, TRY(encode_value(table, nullptr, meta_version(accept), "Table", accept)));
  }
  if (accept.shape == Shape::Partial) {
    Value tree = Value::object(arena, 4);
    tree.set("kind", "PartialObjectMetadataList");
    tree.set("apiVersion", meta_version(accept));
    tree.set("metadata", list_metadata(list, arena));
    Value items = Value::list(arena);
    for (const auto& item : list.items) items.push(partial_metadata(served, *item, meta_version(accept), arena));
    tree.set("items", items.empty() ? Value::null() : items);
    return make_response(200, accept, TRY(encode_value(tree, partial_type(true), meta_version(accept), "PartialObjectMetadataList", accept)));
  }
  switch (accept.format) {
    case Format::Protobuf: return make_response(200, accept, protobuf_list(served, list));
    case Format::Yaml: {
      std::string text;
      schema::write_yaml(text, list_tree(served, list, arena));
      return make_response(200, accept, std::move(text));
    }
    case Format::Json: break;
  }
  bool stream = list.items.size() >= kStreamedItemsMin && !accept.pretty;
  auto source = std::make_unique<JsonListSource>(served, std::move(list));
  auto response = make_response(200, accept, {});
  if (stream) {
    response.source = std::move(source);
  } else {
    while (source->pull(response.body, SIZE_MAX / 2) == net::BodySource::Pull::More) {
    }
    if (accept.pretty) {
      response.body.pop_back();
      response.body = indented(response.body);
    }
  }
  return response;
}

}  // namespace

HandlerResult respond_value(Context& context, int status, Value value, std::string_view api_version, std::string_view kind,
                            const Offer& offer) {
  if (context.audit && kind == "Status") context.audit->answered_with(value);
  if (is_noted(context)) {
    Arena arena;
    std::string text;
    schema::write_json(text, with_type_meta(value, api_version, kind, arena));
    context.audit->set_response(std::move(text));
  }
  if (context.direct) {
    context.direct->answer = value.clone(*context.direct->arena);
    return net::Response{.status = status};
  }
  Accept accept = TRY(negotiate(context.http, context.query, offer));
  auto slash = api_version.find('/');
  auto group = slash == std::string_view::npos ? std::string_view() : api_version.substr(0, slash);
  auto version = slash == std::string_view::npos ? api_version : api_version.substr(slash + 1);
  Arena arena;
  const auto* type = schema::builtin_kind(group, version.empty() ? "v1" : version, kind);
  auto body = TRY(encode_value(with_type_meta(value, api_version, kind, arena), type, api_version, kind, accept));
  return make_response(status, accept, std::move(body));
}

net::Response respond_error(const net::Request& request, const Query& query, const Error& error) {
  Arena arena;
  Accept accept = accept_for_error(request, query);
  auto body = encode_value(status_tree(error, arena), &status_type(), "v1", "Status", accept);
  auto response = make_response(error.code(), accept, body ? std::move(*body) : std::string());
  if (error.data().retry_after_seconds) response.headers.emplace_back("retry-after", concat(error.data().retry_after_seconds));
  return response;
}

HandlerResult respond_success(Context& context, int status, std::string_view group, std::string_view kind, std::string_view name,
                              std::string_view uid) {
  Arena arena;
  Value tree = Value::object(arena, 5);
  tree.set("metadata", Value::object(arena));
  tree.set("status", "Success");
  Value details = Value::object(arena, 4);
  if (!name.empty()) details.set("name", name);
  if (!group.empty()) details.set("group", group);
  if (!kind.empty()) details.set("kind", kind);
  if (!uid.empty()) details.set("uid", uid);
  if (!details.empty()) tree.set("details", details);
  return respond_value(context, status, tree, "v1", "Status");
}

net::Response plain_text(int status, std::string text) {
  net::Response response;
  response.status = status;
  response.headers.emplace_back("content-type", "text/plain; charset=utf-8");
  response.headers.emplace_back("cache-control", "no-cache, private");
  response.headers.emplace_back("x-content-type-options", "nosniff");
  response.body = std::move(text);
  return response;
}

void add_warnings(Context& context, net::Response& response) {
  // Upstream drops repeated texts and what goes beyond 4 KiB in all.
  constexpr size_t kBytesMax = 4096;
  size_t bytes = 0;
  std::vector<std::string_view> said;
  for (const std::string& text : context.warnings) {
    if (std::find(said.begin(), said.end(), text) != said.end()) continue;
    said.push_back(text);
    std::string escaped = "299 - \"";
    for (char c : text) {
      if (c == '"' || c == '\\') escaped += '\\';
      if (static_cast<unsigned char>(c) >= 0x20) escaped += c;
    }
    escaped += '"';
    bytes += escaped.size();
    if (bytes > kBytesMax) break;
    response.headers.emplace_back("warning", std::move(escaped));
  }
}

}  // namespace sampan::apiserver
