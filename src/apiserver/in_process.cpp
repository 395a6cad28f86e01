#include "apiserver/in_process.h"

#include "base/text.h"
#include "client/paths.h"

namespace sampan::apiserver {

namespace {

using client::add_query;
using client::ObjectRef;
using client::path_of;
using client::Resource;
using client::Value;

class InProcessApi final : public client::Api {
 public:
  InProcessApi(ApiServer& server, client::Identity identity) : server_(server), manager_(identity.manager) {
    user_.name = std::move(identity.user);
    user_.groups = std::move(identity.groups);
  }

  Result<ObjectRef> get(const Resource& resource, std::string_view name_space, std::string_view name) override {
    Direct direct;
    TRY(call("GET", path_of(resource, name_space, name), {}, direct));
    return one(direct);
  }

  Result<std::vector<ObjectRef>> list(const Resource& resource, std::string_view name_space, std::string_view label_selector,
                                      std::string_view field_selector) override {
    Direct direct;
    std::string query;
    if (!label_selector.empty()) add_query(query, "labelSelector", label_selector);
    if (!field_selector.empty()) add_query(query, "fieldSelector", field_selector);
    TRY(call("GET", path_of(resource, name_space, {}), std::move(query), direct));
    return std::move(direct.objects);
  }

  Result<ObjectRef> create(const Resource& resource, std::string_view name_space, Value object, const client::Options& options) override {
    Direct direct{.body = object};
    TRY(call("POST", path_of(resource, name_space, {}), query_of(options), direct));
    return one(direct);
  }

  Result<ObjectRef> update(const Resource& resource, Value object, const client::Options& options) override {
    Direct direct{.body = object};
    Value metadata = object["metadata"];
    TRY(call("PUT", path_of(resource, metadata["namespace"].as_string(), metadata["name"].as_string(), options.subresource), query_of(options),
             direct));
    return one(direct);
  }

  Result<ObjectRef> patch(const Resource& resource, std::string_view name_space, std::string_view name, client::PatchType type, Value patch,
                          const client::Options& options) override {
    Direct direct{.body = patch};
    auto query = query_of(options);
    Arena arena;
    if (type == client::PatchType::Apply) {
      direct.body = patch.clone(arena);
      direct.body.set("apiVersion", arena.copy(client::api_version_of(resource)));
      direct.body.set("kind", resource.kind);
      if (options.force) add_query(query, "force", "true");
      if (options.manager.empty()) add_query(query, "fieldManager", manager_);
    }
    TRY(call("PATCH", path_of(resource, name_space, name, options.subresource), std::move(query), direct, client::media_of(type)));
    return one(direct);
  }

  Result<void> remove(const Resource& resource, std::string_view name_space, std::string_view name,
                      const client::DeleteOptions& options) override {
    Arena arena;
    Direct direct{.body = client::tree_of(options, arena), .arena = &arena};
    return call("DELETE", path_of(resource, name_space, name), {}, direct);
  }

  Result<Value> post(const Resource& resource, std::string_view name_space, std::string_view name, std::string_view subresource, Value request,
                     Arena& arena) override {
    Direct direct{.body = request, .arena = &arena};
    TRY(call("POST", path_of(resource, name_space, name, subresource), {}, direct));
    if (!direct.objects.empty()) return schema::thaw(*direct.objects.front(), arena).clone(arena);
    return direct.answer;
  }

  Result<std::vector<const Resource*>> resources() override {
    std::vector<const Resource*> all;
    for (const auto& store : server_.catalog().stores()) all.push_back(&store->resource());
    return all;
  }

 private:
  static Result<ObjectRef> one(Direct& direct) {
    if (direct.objects.size() != 1) return fail(internal_error("the server answered no object"));
    return std::move(direct.objects.front());
  }

  static std::string query_of(const client::Options& options) {
    std::string query;
    if (!options.manager.empty()) add_query(query, "fieldManager", options.manager);
    if (options.dry_run) add_query(query, "dryRun", "All");
    return query;
  }

  Result<void> call(std::string_view method, std::string path, std::string query, Direct& direct, std::string_view media = {}) {
    net::Request request;
    request.method = method;
    request.path = std::move(path);
    request.query = std::move(query);
    request.headers.emplace_back("user-agent", manager_);
    if (!media.empty()) request.headers.emplace_back("content-type", media);
    return server_.call(std::move(request), user_, direct);
  }

  ApiServer& server_;
  const std::string manager_;
  User user_;
};

}  // namespace

std::unique_ptr<client::Api> in_process_api(ApiServer& server, client::Identity identity) {
  return std::make_unique<InProcessApi>(server, std::move(identity));
}

client::Informers::Open in_process_caches(ApiServer& server) {
  return [&server](const Resource& resource) -> Result<store::Cache*> {
    auto* store = server.catalog().store_of(resource.group, resource.resource);
    return store ? &store->cache() : nullptr;
  };
}

}  // namespace sampan::apiserver
