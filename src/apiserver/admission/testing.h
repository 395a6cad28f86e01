// A catalog over a memory store and one plug-in on trial, for the tests of plug-ins.
#pragma once
#include "apiserver/access/access.h"
#include "apiserver/admission.h"
#include "registry/testing.h"
#include "store/memory.h"

namespace sampan::apiserver::testing {

using schema::Value;

// Each look is 0.4 s later than the one before, so that who waits does not wait long.
class SteppingClock final : public Clock {
 public:
  int64_t now_us() override { return now_ += 400'000; }
  int64_t monotonic_us() override { return now_ += 400'000; }

 private:
  std::atomic<int64_t> now_{1'700'000'000'000'000};
};

class CountingRandom final : public Random {
 public:
  uint64_t next() override { return count_++; }

 private:
  uint64_t count_ = 0;
};

class Trial {
 public:
  Trial() : store_(store::make_memory_store(clock)) {
    auto catalog = Catalog::open(*store_, clock, random, {});
    check(catalog.has_value());
    catalog_ = std::move(*catalog);
    AccessConfig config;
    config.authorizers.push_back(masters_authorizer());
    config.chain = authorizer_modes({"RBAC"});
    workers_ = make_thread_pool(1);
    access_ = std::move(*Access::create(std::move(config), *catalog_, clock, random, *workers_));
  }

  AdmissionParts parts(const AdmissionConfig& config) { return {*catalog_, clock, random, *access_, config}; }
  Access& access() { return *access_; }
  void act_as(User user) { user_ = std::move(user); }

  Catalog& catalog() { return *catalog_; }

  // Stores an object of a served kind; the namespace is the object's.
  void put(std::string_view group, std::string_view resource, std::string_view json) {
    auto* store = catalog_->store_of(group, resource);
    Arena arena;
    Value object = registry::testing::tree(arena, json);
    if (store->rules().defaults) store->rules().defaults(object, store->resource().version);
    auto made = store->create(object["metadata"]["namespace"].as_string(), object, arena, {});
    if (!made) ADD_FAILURE() << made.error().message();
  }

  // What becomes of the object, with single quotes, or why it is refused. `resource` may name a subresource: "pods/binding". `type` is of the
  // subresource's own kind, if it has one.
  std::string judge(AdmissionPlugin& plugin, Operation operation, std::string_view group, std::string_view resource, std::string_view json,
                    std::string_view old_json = {}, const schema::Type* type = nullptr) {
    auto slash = resource.find('/');
    const Served* served = catalog_->find(group, resource.substr(0, slash));
    check(served != nullptr);
    if (!type) type = served->store ? served->store->resource().type : served->resource->type;
    Arena arena;
    Value object = json.empty() ? Value() : registry::testing::tree(arena, json);
    schema::ObjectRef old = old_json.empty() ? nullptr : registry::testing::frozen(registry::testing::tree(arena, old_json), *type);
    RequestInfo info;
    info.is_resource = true;
    info.group = group;
    info.resource = resource.substr(0, slash);
    if (slash != std::string_view::npos) info.subresource = resource.substr(slash + 1);
    Value metadata = object["metadata"];
    info.name = old ? (*old)["metadata"]["name"].as_string() : metadata["name"].as_string();
    info.name_space = served->resource->namespaced ? "shop" : "";
    Attributes attributes{.operation = operation, .info = info, .user = user_, .served = *served, .what = expected_kind(*served)};
    if (auto done = plugin.mutate(attributes, object, old.get()); !done) return done.error().message();
    auto frozen = object.is_object() ? registry::testing::frozen(object.clone(arena), *type) : schema::ObjectRef();
    if (auto done = plugin.validate(attributes, frozen.get(), old.get()); !done) return done.error().message();
    return registry::testing::json_of(object);
  }

  SteppingClock clock;
  CountingRandom random;

 private:
  User user_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<Catalog> catalog_;
  std::unique_ptr<Executor> workers_;
  std::unique_ptr<Access> access_;
};

}  // namespace sampan::apiserver::testing
