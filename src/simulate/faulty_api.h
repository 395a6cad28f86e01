// An Api on a bad day: writes that lose a race that never was, and writes that are done though the answer says they failed.
#pragma once
#include "client/api.h"
#include "simulate/world.h"

namespace sampan::simulate {

class FaultyApi final : public client::Api {
 public:
  FaultyApi(std::unique_ptr<client::Api> api, Faults faults, Random& random) : api_(std::move(api)), faults_(faults), random_(random) {}

  Result<client::ObjectRef> get(const schema::Resource& resource, std::string_view name_space, std::string_view name) override {
    return api_->get(resource, name_space, name);
  }
  Result<std::vector<client::ObjectRef>> list(const schema::Resource& resource, std::string_view name_space, std::string_view label_selector,
                                              std::string_view field_selector) override {
    return api_->list(resource, name_space, label_selector, field_selector);
  }
  Result<client::ObjectRef> create(const schema::Resource& resource, std::string_view name_space, schema::Value object,
                                   const client::Options& options) override {
    auto created = api_->create(resource, name_space, object, options);
    return created ? answered(std::move(created)) : std::move(created);
  }
  Result<client::ObjectRef> update(const schema::Resource& resource, schema::Value object, const client::Options& options) override {
    if (loses()) return fail(lost(resource, object["metadata"]["name"].as_string()));
    return answered(api_->update(resource, object, options));
  }
  Result<client::ObjectRef> patch(const schema::Resource& resource, std::string_view name_space, std::string_view name, client::PatchType type,
                                  schema::Value patch, const client::Options& options) override {
    return answered(api_->patch(resource, name_space, name, type, patch, options));
  }
  Result<void> remove(const schema::Resource& resource, std::string_view name_space, std::string_view name,
                      const client::DeleteOptions& options) override {
    return answered(api_->remove(resource, name_space, name, options));
  }
  Result<schema::Value> post(const schema::Resource& resource, std::string_view name_space, std::string_view name, std::string_view subresource,
                             schema::Value request, Arena& arena) override {
    return answered(api_->post(resource, name_space, name, subresource, request, arena));
  }
  Result<std::vector<const schema::Resource*>> resources() override { return api_->resources(); }

 private:
  bool loses() { return random_.below(1000) < faults_.conflicts; }
  static Error lost(const schema::Resource& resource, std::string_view name) {
    return conflict(resource.group, resource.resource, name, "the object has been modified; please apply your changes to the latest version and try again");
  }
  template <class T>
  Result<T> answered(Result<T> result) {
    if (result && random_.below(1000) < faults_.timeouts)
      return fail(Error(Reason::Timeout, "the server was unable to return a response in the time allotted, but may still be processing the request"));
    return result;
  }

  std::unique_ptr<client::Api> api_;
  const Faults faults_;
  Random& random_;
};

}  // namespace sampan::simulate
