// An Api that remembers what was written through it, so that a controller does not look again before its informers know.
#pragma once
#include <string>
#include <vector>

#include "client/api.h"
#include "client/informer.h"

namespace sampan::controllers {

// What one reconcile wrote.
class OwnWrites {
 public:
  void note(const schema::Resource& resource, const schema::Object& object);
  void note_removed(const schema::Resource& resource, std::string_view name_space, std::string_view name, std::string uid);
  bool empty() const { return writes_.empty(); }
  // True if the informers know of every write, or show what can only come after it.
  bool seen(client::Informers& informers) const;

 private:
  struct Write {
    const schema::Resource* resource;
    std::string name_space, name, uid;
    int64_t revision = 0;  // 0: it was removed
  };
  std::vector<Write> writes_;
};

// Of the reconcile that runs on this thread; null outside of one.
OwnWrites*& own_writes();

class RememberingApi final : public client::Api {
 public:
  RememberingApi(std::unique_ptr<client::Api> api, client::Informers& informers) : api_(std::move(api)), informers_(informers) {}
  Result<client::ObjectRef> get(const schema::Resource& resource, std::string_view name_space, std::string_view name) override;
  Result<std::vector<client::ObjectRef>> list(const schema::Resource& resource, std::string_view name_space, std::string_view label_selector,
                                              std::string_view field_selector) override;
  Result<client::ObjectRef> create(const schema::Resource& resource, std::string_view name_space, schema::Value object,
                                   const client::Options& options) override;
  Result<client::ObjectRef> update(const schema::Resource& resource, schema::Value object, const client::Options& options) override;
  Result<client::ObjectRef> patch(const schema::Resource& resource, std::string_view name_space, std::string_view name, client::PatchType type,
                                  schema::Value patch, const client::Options& options) override;
  Result<void> remove(const schema::Resource& resource, std::string_view name_space, std::string_view name,
                      const client::DeleteOptions& options) override;
  Result<schema::Value> post(const schema::Resource& resource, std::string_view name_space, std::string_view name, std::string_view subresource,
                             schema::Value request, Arena& arena) override;
  Result<std::vector<const schema::Resource*>> resources() override { return api_->resources(); }

 private:
  Result<client::ObjectRef> noted(const schema::Resource& resource, Result<client::ObjectRef> written);
  std::unique_ptr<client::Api> api_;
  client::Informers& informers_;
};

}  // namespace sampan::controllers
