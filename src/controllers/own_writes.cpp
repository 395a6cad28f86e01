#include "controllers/own_writes.h"

namespace sampan::controllers {

using client::ObjectRef;
using schema::Resource;
using schema::Value;

OwnWrites*& own_writes() {
  thread_local OwnWrites* current = nullptr;
  return current;
}

void OwnWrites::note(const Resource& resource, const schema::Object& object) {
  auto metadata = object["metadata"];
  writes_.push_back({&resource, std::string(metadata["namespace"].as_string()), std::string(metadata["name"].as_string()),
                     std::string(metadata["uid"].as_string()), object.revision()});
}

void OwnWrites::note_removed(const Resource& resource, std::string_view name_space, std::string_view name, std::string uid) {
  writes_.push_back({&resource, std::string(name_space), std::string(name), std::move(uid), 0});
}

bool OwnWrites::seen(client::Informers& informers) const {
  for (const Write& write : writes_) {
    auto* informer = informers.find(*write.resource);
    if (!informer) continue;  // nobody looks at it
    informer->catch_up();
    if (write.revision && informer->told() >= write.revision) continue;
    auto known = informer->find(write.name_space, write.name);
    if (write.revision) {
      if (known && known->revision() >= write.revision && informer->told() >= known->revision()) continue;
      return false;
    }
    if (!known) continue;
    auto metadata = (*known)["metadata"];
    if (metadata["uid"].as_string() == write.uid && !metadata["deletionTimestamp"].present()) return false;
  }
  return true;
}

Result<ObjectRef> RememberingApi::get(const Resource& resource, std::string_view name_space, std::string_view name) {
  return api_->get(resource, name_space, name);
}

Result<std::vector<ObjectRef>> RememberingApi::list(const Resource& resource, std::string_view name_space, std::string_view label_selector,
                                                    std::string_view field_selector) {
  return api_->list(resource, name_space, label_selector, field_selector);
}

Result<ObjectRef> RememberingApi::noted(const Resource& resource, Result<ObjectRef> written) {
  if (written && own_writes()) own_writes()->note(resource, **written);
  return written;
}

Result<ObjectRef> RememberingApi::create(const Resource& resource, std::string_view name_space, Value object, const client::Options& options) {
  auto created = api_->create(resource, name_space, object, options);
  return options.dry_run ? std::move(created) : noted(resource, std::move(created));
}

Result<ObjectRef> RememberingApi::update(const Resource& resource, Value object, const client::Options& options) {
  auto updated = api_->update(resource, object, options);
  // Of a scale the answer is another object, and is seen with what is scaled.
  return options.dry_run || options.subresource == "scale" ? std::move(updated) : noted(resource, std::move(updated));
}

Result<ObjectRef> RememberingApi::patch(const Resource& resource, std::string_view name_space, std::string_view name, client::PatchType type,
                                        Value patch, const client::Options& options) {
  auto patched = api_->patch(resource, name_space, name, type, patch, options);
  return options.dry_run || options.subresource == "scale" ? std::move(patched) : noted(resource, std::move(patched));
}

Result<void> RememberingApi::remove(const Resource& resource, std::string_view name_space, std::string_view name,
                                    const client::DeleteOptions& options) {
  std::string uid(options.uid);
  if (auto* informer = informers_.find(resource); informer && uid.empty())
    if (auto known = informer->find(name_space, name)) uid = (*known)["metadata"]["uid"].as_string();
  TRY(api_->remove(resource, name_space, name, options));
  if (own_writes() && !uid.empty()) own_writes()->note_removed(resource, name_space, name, std::move(uid));
  return {};
}

Result<Value> RememberingApi::post(const Resource& resource, std::string_view name_space, std::string_view name, std::string_view subresource,
                                   Value request, Arena& arena) {
  return api_->post(resource, name_space, name, subresource, request, arena);
}

}  // namespace sampan::controllers
