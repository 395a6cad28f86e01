// The operations on a path: what each is called, takes and answers.
#include "apiserver/openapi_parameters.h"
#include "apiserver/openapi_paths.h"
#include "base/text.h"

namespace sampan::apiserver {

using schema::Type;
using schema::Value;

namespace {

using Form = PathPlan::Form;

constexpr std::string_view kJson = "application/json", kYaml = "application/yaml", kProtobuf = "application/vnd.kubernetes.protobuf";
constexpr std::string_view kProduces[] = {kJson, kYaml, kProtobuf};
constexpr std::string_view kProducesLog[] = {"text/plain", kJson, kYaml, kProtobuf};
constexpr std::string_view kProducesStreams[] = {kJson, kYaml, kProtobuf, "application/json;stream=watch",
                                                 "application/vnd.kubernetes.protobuf;stream=watch"};
constexpr std::string_view kProducesJson[] = {kJson};
constexpr std::string_view kAny[] = {"*/*"};
constexpr std::string_view kPatches[] = {"application/json-patch+json", "application/merge-patch+json",
                                         "application/strategic-merge-patch+json", "application/apply-patch+yaml"};

struct Operation {
  std::string_view method, action;  // "get", "list"
  std::string id, description;
  std::vector<const Parameter*> parameters;
  const Type* body = nullptr;
  bool body_required = true;
  std::span<const std::string_view> consumes = kAny, produces = kProduces;
  std::vector<int> statuses = {200};
  const Type* answer = nullptr;  // null: a string
  std::string_view kind_group, kind_version, kind;
};

struct Operations {
  std::vector<Operation> list;
  std::vector<Parameter> own;                 // of this path alone; reserved, so that pointers stay good
  std::vector<const Parameter*> of_the_path;  // what all of them take
  std::string tag;
};

const Type* meta_type(std::string_view name) { return schema::builtin_type(concat("io.k8s.apimachinery.pkg.apis.meta.v1.", name)); }

std::string capitalized(std::string_view text) {
  std::string out(text);
  if (!out.empty() && out[0] >= 'a' && out[0] <= 'z') out[0] = static_cast<char>(out[0] - 'a' + 'A');
  return out;
}

// "rbac.authorization.k8s.io" -> "RbacAuthorization", "" -> "Core".
std::string group_word(std::string_view group) {
  if (group.empty()) return "Core";
  if (group.ends_with(".k8s.io")) group.remove_suffix(7);
  std::string out;
  for (auto part : split(group, '.')) out += capitalized(part);
  return out;
}

std::string tag_of(const PathPlan& plan) {
  switch (plan.form) {
    case Form::Version: return "version";
    case Form::CoreRoot: return "core";
    case Form::GroupsRoot: return "apis";
    default: break;
  }
  auto word = group_word(plan.group);
  word[0] = static_cast<char>(word[0] - 'A' + 'a');
  return plan.version.empty() ? word : concat(word, "_", plan.version);
}

void add(std::vector<const Parameter*>& to, std::span<const Parameter> parameters) {
  for (const auto& parameter : parameters) to.push_back(&parameter);
}

class Planner {
 public:
  explicit Planner(const PathPlan& plan) : plan_(plan) {
    operations_.tag = tag_of(plan);
    operations_.own.reserve(kOwnMax);
  }

  Operations make() {
    if (!plan_.served) {
      add_document();
      return std::move(operations_);
    }
    resource_ = plan_.served->resource;
    switch (plan_.form) {
      case Form::Collection: add_collection(); break;
      case Form::AllNamespaces: add_list("ForAllNamespaces"); break;
      case Form::Item: add_item(resource_->verbs, resource_->type, resource_->kind, {}); break;
      case Form::Sub:
      case Form::SubWithPath: add_subresource(); break;
      case Form::WatchCollection: add_watch("watchlist", "List", ""); break;
      case Form::WatchAllNamespaces: add_watch("watchlist", "List", "ForAllNamespaces"); break;
      case Form::WatchItem: add_watch("watch", "", ""); break;
      default: break;
    }
    finish();
    return std::move(operations_);
  }

 private:
  static constexpr size_t kOwnMax = 24;

  void add_document() {
    Operation operation{.method = "get"};
    switch (plan_.form) {
      case Form::Version:
        operation.id = "getCodeVersion";
        operation.description = "get the version information for this server";
        operation.answer = schema::builtin_type("io.k8s.apimachinery.pkg.version.Info");
        operation.produces = kProducesJson;
        break;
      case Form::CoreRoot:
        operation.id = "getCoreAPIVersions";
        operation.description = "get available API versions";
        operation.answer = meta_type("APIVersions");
        break;
      case Form::GroupsRoot:
        operation.id = "getAPIVersions";
        operation.description = "get available API versions";
        operation.answer = meta_type("APIGroupList");
        break;
      case Form::Group:
        operation.id = concat("get", group_word(plan_.group), "APIGroup");
        operation.description = "get information of a group";
        operation.answer = meta_type("APIGroup");
        break;
      default:
        operation.id = concat("get", group_word(plan_.group), capitalized(plan_.version), "APIResources");
        operation.description = "get available resources";
        operation.answer = meta_type("APIResourceList");
        break;
    }
    operations_.list.push_back(std::move(operation));
  }

  // "NamespacedPod": what most names of operations end in.
  std::string object_word() const {
    bool namespaced = resource_->namespaced && plan_.form != Form::AllNamespaces && plan_.form != Form::WatchAllNamespaces;
    return concat(namespaced ? "Namespaced" : "", resource_->kind);
  }
  std::string id(std::string_view verb, std::string_view infix, std::string_view suffix) const {
    return concat(verb, group_word(plan_.group), capitalized(plan_.version), infix, object_word(), suffix);
  }

  Operation& start(std::string_view method, std::string_view action, std::string id, std::string description) {
    Operation& operation = operations_.list.emplace_back();
    operation.method = method;
    operation.action = action;
    operation.id = std::move(id);
    operation.description = std::move(description);
    operation.kind_group = resource_->group;
    operation.kind_version = resource_->version;
    operation.kind = resource_->kind;
    return operation;
  }

  void add_list(std::string_view suffix) {
    if (!(resource_->verbs & schema::List_)) return;
    auto what = resource_->verbs & schema::Watch ? "list or watch objects of kind " : "list objects of kind ";
    auto& operation = start("get", "list", id("list", "", suffix), concat(what, resource_->kind));
    add(operation.parameters, list_parameters());
    operation.answer = resource_->list_type;
    operation.produces = kProducesStreams;
  }

  void add_collection() {
    add_list("");
    if (resource_->verbs & schema::Create) {
      auto& operation = start("post", "post", id("create", "", ""), concat("create a ", resource_->kind));
      as_write(operation, resource_->type, {200, 201, 202});
    }
    if (resource_->verbs & schema::DeleteCollection) {
      auto& operation = start("delete", "deletecollection", id("delete", "Collection", ""), concat("delete collection of ", resource_->kind));
      auto of_list = list_parameters();
      for (const auto& parameter : of_list)
        if (parameter.name != "watch" && parameter.name != "allowWatchBookmarks") operation.parameters.push_back(&parameter);
      as_delete(operation, {200}, meta_type("Status"));
    }
  }

  static void as_write(Operation& operation, const Type* type, std::vector<int> statuses) {
    add(operation.parameters, write_parameters_documented());
    operation.body = operation.answer = type;
    operation.statuses = std::move(statuses);
  }

  static void as_delete(Operation& operation, std::vector<int> statuses, const Type* answer) {
    add(operation.parameters, write_parameters_documented().first(1));
    add(operation.parameters, delete_parameters());
    operation.body = meta_type("DeleteOptions");
    operation.body_required = false;
    operation.answer = answer;
    operation.statuses = std::move(statuses);
  }

  // `sub`: "Status" in names, with "status of" in descriptions; empty for the resource itself.
  void add_item(uint16_t verbs, const Type* type, std::string_view kind, std::string_view sub) {
    auto suffix = capitalized(sub);
    auto which = sub.empty() ? concat("the specified ", kind) : concat(sub, " of the specified ", resource_->kind);
    if (verbs & schema::Get) {
      auto& operation = start("get", "get", id("read", "", suffix), concat("read ", which));
      operation.answer = type;
    }
    if (verbs & schema::Update) {
      auto& operation = start("put", "put", id("replace", "", suffix), concat("replace ", which));
      as_write(operation, type, {200, 201});
    }
    if (verbs & schema::Delete) {
      auto& operation = start("delete", "delete", id("delete", "", suffix), concat("delete a ", kind));
      as_delete(operation, {200, 202}, plan_.served->rules->returns_deleted_object ? type : meta_type("Status"));
    }
    if (verbs & schema::Patch) {
      auto& operation = start("patch", "patch", id("patch", "", suffix), concat("partially update ", which));
      add(operation.parameters, patch_parameters());
      operation.body = meta_type("Patch");
      operation.answer = type;
      operation.consumes = kPatches;
      operation.statuses = {200, 201};
    }
    if (!sub.empty() && (verbs & schema::Create)) {
      auto& operation = start("post", "post", id("create", "", suffix), concat("create ", sub, " of a ", resource_->kind));
      as_write(operation, type, {200, 201, 202});
    }
  }

  void add_subresource() {
    const auto& sub = *plan_.subresource;
    auto group = sub.group.empty() && sub.version.empty() ? resource_->group : sub.group;
    auto version = sub.version.empty() ? resource_->version : sub.version;
    const Type* type = schema::builtin_kind(group, version, sub.kind);
    if (sub.kind.ends_with("Options")) {
      add_connections(sub, type);
    } else if (sub.name == "log") {
      add_item(schema::Get, nullptr, sub.kind, sub.name);
      operations_.list.back().produces = kProducesLog;
      add_options(schema::builtin_kind(group, version, "PodLogOptions"));
    } else {
      add_item(sub.verbs, type, sub.kind, sub.name);
    }
    for (auto& operation : operations_.list) {
      operation.kind_group = group;
      operation.kind_version = version;
      operation.kind = sub.kind;
    }
  }

  // exec, attach, portforward, proxy: connections to something behind.
  void add_connections(const schema::Subresource& sub, const Type* options) {
    constexpr std::string_view all[] = {"get", "put", "post", "delete", "options", "head", "patch"};
    constexpr std::string_view streams[] = {"get", "post"};
    auto methods = sub.name == "proxy" ? std::span<const std::string_view>(all) : std::span<const std::string_view>(streams);
    auto suffix = concat(capitalized(sub.name), plan_.form == Form::SubWithPath ? "WithPath" : "");
    for (auto method : methods) {
      auto verb = method;
      auto upper = std::string(method);
      for (char& c : upper) c = static_cast<char>(c - 'a' + 'A');
      auto& operation = start(verb, "connect", id("connect", capitalized(verb), suffix), concat("connect ", upper, " requests to ", sub.name, " of ", resource_->kind));
      operation.produces = kAny;
    }
    add_options(options);
  }

  // The fields of an options kind are what the query takes.
  void add_options(const Type* options) {
    if (!options) return;
    for (const auto& field : options->fields) {
      if (field.name == "kind" || field.name == "apiVersion" || operations_.own.size() + 2 >= kOwnMax) continue;
      const Type& type = field.type->kind == schema::Kind::List ? *field.type->element : *field.type;
      std::string_view word = "string";
      if (type.kind == schema::Kind::Bool) word = "boolean";
      if (type.kind == schema::Kind::Int32 || type.kind == schema::Kind::Int64) word = "integer";
      if (type.kind == schema::Kind::Time) continue;
      operations_.own.push_back({"", field.name, word, field.description, false});
      operations_.of_the_path.push_back(&operations_.own.back());
    }
  }

  void add_watch(std::string_view action, std::string_view list, std::string_view suffix) {
    auto what = list.empty() ? concat("watch changes to an object of kind ", resource_->kind,
                                      ". deprecated: use the 'watch' parameter with a list operation instead, filtered to a single item with the "
                                      "'fieldSelector' parameter.")
                             : concat("watch individual changes to a list of ", resource_->kind,
                                      ". deprecated: use the 'watch' parameter with a list operation instead.");
    auto& operation = start("get", action, id("watch", "", concat(list, suffix)), std::move(what));
    add(operation.parameters, list_parameters());
    operation.answer = meta_type("WatchEvent");
    operation.produces = kProducesStreams;
  }

  // What all operations take belongs to the path.
  void finish() {
    auto& path = operations_.of_the_path;
    auto& list = operations_.list;
    if (!list.empty()) {
      auto candidates = list[0].parameters;
      for (const Parameter* parameter : candidates) {
        auto takes = [&](const Operation& it) { return std::find(it.parameters.begin(), it.parameters.end(), parameter) != it.parameters.end(); };
        if (!std::all_of(list.begin(), list.end(), takes)) continue;
        path.push_back(parameter);
        for (auto& it : list) std::erase(it.parameters, parameter);
      }
    }
    bool connects = !list.empty() && list[0].action == "connect";
    if (!connects) path.push_back(&pretty_parameter());
    bool in_namespace = resource_->namespaced && plan_.form != Form::AllNamespaces && plan_.form != Form::WatchAllNamespaces;
    if (in_namespace) path.push_back(&namespace_parameter());
    if (plan_.form == Form::SubWithPath) path.push_back(&path_parameter());
    if (plan_.path.find("{name}") != std::string::npos) {
      operations_.own.push_back({"", "name", "string", "The name of the object.", true});
      path.push_back(&operations_.own.back());
    }
    auto by_name = [](const Parameter* a, const Parameter* b) { return a->name < b->name; };
    std::stable_sort(path.begin(), path.end(), by_name);
    for (auto& it : list) std::stable_sort(it.parameters.begin(), it.parameters.end(), by_name);
  }

  const PathPlan& plan_;
  const schema::Resource* resource_ = nullptr;
  Operations operations_;
};

Value texts(std::span<const std::string_view> list, Arena& arena) {
  Value out = Value::list(arena, static_cast<uint32_t>(list.size()));
  for (auto text : list) out.push(text);
  return out;
}

std::string_view status_word(int status) { return status == 200 ? "OK" : status == 201 ? "Created" : "Accepted"; }

// {"application/json": {"schema": ...}, ...}
Value content_of(std::span<const std::string_view> types, const Type* type, OpenApi dialect, Arena& arena) {
  std::vector<std::string_view> sorted(types.begin(), types.end());
  std::sort(sorted.begin(), sorted.end());
  Value content = Value::object(arena);
  for (auto media : sorted) {
    Value entry = Value::object(arena, 1);
    entry.set("schema", openapi_reference(type, dialect, arena));
    content.set(media, entry);
  }
  return content;
}

Value parameters_of(const std::vector<const Parameter*>& parameters, OpenApi dialect, Arena& arena) {
  Value list = Value::list(arena, static_cast<uint32_t>(parameters.size()));
  for (const Parameter* parameter : parameters) {
    if (dialect == OpenApi::V3 || parameter->key.empty()) {
      list.push(openapi_parameter(*parameter, dialect, arena));
      continue;
    }
    Value reference = Value::object(arena, 1);
    reference.set("$ref", arena.copy(concat("#/parameters/", parameter->key)));
    list.push(reference);
  }
  return list;
}

Value responses_of(const Operation& operation, OpenApi dialect, Arena& arena) {
  Value responses = Value::object(arena, 4);
  for (int status : operation.statuses) {
    Value response = Value::object(arena, 2);
    response.set("description", status_word(status));
    if (dialect == OpenApi::V2)
      response.set("schema", openapi_reference(operation.answer, dialect, arena));
    else
      response.set("content", content_of(operation.produces, operation.answer, dialect, arena));
    responses.set(arena.copy(concat(status)), response);
  }
  Value unauthorized = Value::object(arena, 1);
  unauthorized.set("description", "Unauthorized");
  responses.set("401", unauthorized);
  return responses;
}

void set_body(Value out, const Operation& operation, OpenApi dialect, Value parameters) {
  Arena& arena = out.arena();
  if (dialect == OpenApi::V3) {
    Value body = Value::object(arena, 2);
    body.set("content", content_of(operation.consumes, operation.body, dialect, arena));
    if (operation.body_required) body.set("required", true);
    out.set("requestBody", body);
    return;
  }
  Value body = Value::object(arena, 4);
  body.set("name", "body");
  body.set("in", "body");
  if (operation.body_required) body.set("required", true);
  body.set("schema", openapi_reference(operation.body, dialect, arena));
  parameters.insert(0, body);
}

Value operation_tree(const Operation& operation, std::string_view tag, OpenApi dialect, Arena& arena) {
  Value out = Value::object(arena, 12);
  Value tags = Value::list(arena, 1);
  tags.push(arena.copy(tag));
  out.set("tags", tags);
  out.set("description", arena.copy(operation.description));
  out.set("operationId", arena.copy(operation.id));
  if (dialect == OpenApi::V2) {
    bool document = operation.action.empty();
    out.set("consumes", texts(document ? operation.produces : operation.consumes, arena));
    out.set("produces", texts(operation.produces, arena));
    constexpr std::string_view schemes[] = {"https"};
    out.set("schemes", texts(schemes, arena));
  }
  Value parameters = parameters_of(operation.parameters, dialect, arena);
  if (operation.body) set_body(out, operation, dialect, parameters);
  if (!parameters.empty()) out.set("parameters", parameters);
  out.set("responses", responses_of(operation, dialect, arena));
  if (operation.action.empty()) return out;
  out.set("x-kubernetes-action", operation.action);
  Value kind = Value::object(arena, 3);
  kind.set("group", operation.kind_group);
  kind.set("version", operation.kind_version);
  kind.set("kind", operation.kind);
  out.set("x-kubernetes-group-version-kind", kind);
  return out;
}

}  // namespace

void collect_path_types(const PathPlan& plan, TypeSet& types) {
  auto operations = Planner(plan).make();
  for (const auto& operation : operations.list) {
    collect_types(operation.body, types);
    collect_types(operation.answer, types);
  }
}

Value openapi_parameter(const Parameter& parameter, OpenApi dialect, Arena& arena) {
  Value out = Value::object(arena, 6);
  out.set("name", parameter.name);
  out.set("in", parameter.in_path ? "path" : "query");
  if (!parameter.description.empty()) out.set("description", parameter.description);
  if (parameter.in_path) out.set("required", true);
  Value where = out;
  if (dialect == OpenApi::V3) {
    where = Value::object(arena, 2);
    out.set("schema", where);
  }
  where.set("type", parameter.type);
  where.set("uniqueItems", true);
  return out;
}

Value openapi_path(const PathPlan& plan, OpenApi dialect, Arena& arena) {
  auto operations = Planner(plan).make();
  Value out = Value::object(arena, 4);
  for (const auto& operation : operations.list) out.set(operation.method, operation_tree(operation, operations.tag, dialect, arena));
  if (!operations.of_the_path.empty()) out.set("parameters", parameters_of(operations.of_the_path, dialect, arena));
  return out;
}

}  // namespace sampan::apiserver
