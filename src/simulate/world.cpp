#include "simulate/world.h"

#include "apiserver/in_process.h"
#include "base/check.h"
#include "base/text.h"
#include "controllers/controllers.h"
#include "schema/yaml.h"
#include "simulate/faulty_api.h"
#include "simulate/hollow_node.h"
#include "store/memory.h"

namespace sampan::simulate {

using client::Resource;
using schema::ObjectRef;
using schema::Value;

namespace {

constexpr std::string_view kNamespaces[] = {"default", "kube-system", "kube-public", "kube-node-lease"};

// "apps/v1" and "Deployment" -> the resource.
const Resource* resource_of(std::string_view api_version, std::string_view kind) {
  for (const auto& resource : schema::builtin_resources()) {
    auto version = resource.group.empty() ? std::string(resource.version) : concat(resource.group, "/", resource.version);
    if (resource.kind == kind && version == api_version && (resource.verbs & schema::Create)) return &resource;
  }
  return nullptr;
}

}  // namespace

World::World(uint64_t seed, Faults faults) : faults_(faults), random_(seed), time_(seed ^ 0x5bd1e995), store_(store::make_memory_store(time_)) {
  apiserver::ServerConfig config;
  config.workers = 1;
  config.access.chain = apiserver::authorizer_modes({"AlwaysAllow"});
  config.admission.disable = {"ServiceAccount"};  // it waits for accounts, and nobody could make them meanwhile
  auto server = apiserver::ApiServer::create(*store_, time_, random_, std::move(config));
  check(server.has_value());
  server_ = std::move(*server);
  admin_ = apiserver::in_process_api(*server_, {"admin", {"system:masters"}, "test"});
  informers_ = std::make_unique<client::Informers>(apiserver::in_process_caches(*server_), time_);
  Arena arena;
  for (auto name : kNamespaces) {
    Value name_space = Value::object(arena);
    name_space.ensure_object("metadata").set("name", name);
    check(admin_->create(client::builtin("", "namespaces"), "", name_space).has_value());
  }
  if (faults_.dropped_watches) break_watches();
}

World::~World() {
  scheduler_.reset();
  frame_.reset();
  nodes_.clear();
  time_.drop_all();
  informers_.reset();
}

std::unique_ptr<client::Api> World::connect(client::Identity identity) {
  auto api = apiserver::in_process_api(*server_, std::move(identity));
  if (!faults_.conflicts && !faults_.timeouts) return api;
  return std::make_unique<FaultyApi>(std::move(api), faults_, random_);
}

// Every second of the cluster's time each informer may lose its stream.
void World::break_watches() {
  informers_->each([&](client::Informer& informer) {
    if (random_.below(1000) < faults_.dropped_watches) informer.restart();
  });
  time_.after(1'000'000, [this] { break_watches(); });
}

void World::start_controllers(std::vector<std::string_view> names) {
  std::vector<const controllers::Entry*> entries;
  for (const auto& entry : controllers::all_controllers())
    if (names.empty() ? entry.on_by_default : std::find(names.begin(), names.end(), entry.name) != names.end()) entries.push_back(&entry);
  check(names.empty() || entries.size() == names.size());
  controllers::Setup setup{[this](client::Identity identity) { return connect(std::move(identity)); }, informers_.get(), &time_, &random_, &time_, settings};
  auto frame = controllers::Frame::create(setup, entries);
  check(frame.has_value());
  frame_ = std::move(*frame);
  frame_->start();
}

void World::start_scheduler(std::string_view config) {
  scheduler::Setup setup{[this](client::Identity identity) { return connect(std::move(identity)); }, informers_.get(), &time_, &random_, &time_, {}};
  if (!config.empty()) {
    auto read = scheduler::parse_config(config);
    check(read.has_value());
    setup.config = *std::move(read);
  }
  auto scheduler = scheduler::Scheduler::create(std::move(setup));
  check(scheduler.has_value());
  scheduler_ = std::move(*scheduler);
  scheduler_->start();
}

void World::add_node(std::string_view name, int64_t start_us) {
  nodes_.push_back(std::make_unique<HollowNode>(std::string(name), connect({concat("system:node:", name), {"system:nodes"}, "kubelet"}), *informers_,
                                                time_, time_, start_us));
}

void World::stop_node(std::string_view name) {
  for (auto& node : nodes_)
    if (node->name() == name) node->stop();
}

std::vector<ObjectRef> World::apply(std::string_view yaml) {
  Arena arena;
  auto documents = schema::parse_yaml(std::string(yaml), arena);
  check(documents.has_value());
  std::vector<ObjectRef> applied;
  for (Value document : *documents) {
    const Resource* resource = resource_of(document["apiVersion"].as_string(), document["kind"].as_string());
    check(resource != nullptr);
    Value metadata = document["metadata"];
    if (resource->namespaced && !metadata.has("namespace")) metadata.set("namespace", "default");
    auto result = admin_->patch(*resource, metadata["namespace"].as_string(), metadata["name"].as_string(), client::PatchType::Apply, document,
                                {.force = true});
    if (!result) fprintf(stderr, "apply: %s\n", result.error().message().c_str());
    check(result.has_value());
    applied.push_back(*result);
  }
  return applied;
}

ObjectRef World::get(std::string_view group, std::string_view resource, std::string_view name_space, std::string_view name) {
  auto found = admin_->get(client::builtin(group, resource), name_space, name);
  return found ? *found : nullptr;
}

std::vector<ObjectRef> World::list(std::string_view group, std::string_view resource, std::string_view name_space) {
  auto found = admin_->list(client::builtin(group, resource), name_space);
  check(found.has_value());
  return std::move(*found);
}

}  // namespace sampan::simulate
