// See api_cluster.h.
#include "kubelet/api_cluster.h"

#include "base/encoding.h"
#include "base/text.h"
#include "kubelet/failure.h"

namespace sampan::kubelet {

using schema::Value;

namespace {

constexpr size_t kKeptMax = 2000;

const schema::Resource& resource_of(std::string_view group_version, std::string_view resource) {
  auto slash = group_version.find('/');
  return client::builtin(slash == std::string_view::npos ? std::string_view() : group_version.substr(0, slash), resource);
}

}  // namespace

ApiCluster::ApiCluster(client::Api& api, client::Informers* caches, Clock& clock, int64_t keep_us)
    : api_(api), caches_(caches), clock_(clock), keep_us_(keep_us) {
  if (!caches_) return;
  for (std::string_view name : {"configmaps", "secrets"}) {
    auto of = informer(client::builtin("", name));
    if (!of) continue;
    subscriptions_.push_back(of->on_change([this, name](const client::Change& change) {
      std::function<void(std::string_view, std::string_view, std::string_view)> call;
      {
        std::lock_guard lock(mutex_);
        call = changed_;
      }
      auto meta = change.any()["metadata"];
      if (call) call(name, meta["namespace"].as_string(), meta["name"].as_string());
    }));
  }
}

client::Informer* ApiCluster::informer(const schema::Resource& resource) {
  {
    std::lock_guard lock(mutex_);
    if (auto at = informers_.find(&resource); at != informers_.end()) return at->second;
  }
  auto of = caches_->of(resource);
  auto made = of ? *of : nullptr;
  std::lock_guard lock(mutex_);
  return informers_[&resource] = made;
}

Result<schema::ObjectRef> ApiCluster::get(std::string_view group_version, std::string_view name_of_resource, std::string_view namespace_, std::string_view name) {
  auto& resource = resource_of(group_version, name_of_resource);
  if (!caches_) return get_kept(resource, namespace_, name);
  if (auto of = informer(resource))
    if (auto object = of->find(namespace_, name)) return object;
  return api_.get(resource, namespace_, name);  // newer than the cache, or not there: in the server's own words
}

Result<schema::ObjectRef> ApiCluster::get_kept(const schema::Resource& resource, std::string_view namespace_, std::string_view name) {
  auto key = concat(resource.resource, "/", namespace_, "/", name);
  auto now = clock_.monotonic_us();
  {
    std::lock_guard lock(mutex_);
    auto at = kept_.find(key);
    if (at != kept_.end() && now - at->second.got_at < keep_us_) {
      at->second.used_at = now;
      return at->second.object;
    }
  }
  auto got = api_.get(resource, namespace_, name);
  std::lock_guard lock(mutex_);
  if (!got) {
    if (got.error().is(Reason::NotFound)) kept_.erase(key);
    return got;
  }
  kept_[key] = {*got, now, now};
  if (kept_.size() > kKeptMax) std::erase_if(kept_, [&](auto& entry) { return now - entry.second.used_at > keep_us_; });
  return got;
}

Result<ServiceAccountToken> ApiCluster::service_account_token(const TokenRequest& request) {
  Arena arena;
  auto tree = Value::object(arena);
  auto spec = tree.ensure_object("spec");
  if (!request.audience.empty()) {
    spec.ensure_list("audiences").push(std::string_view(request.audience));
  }
  spec.set("expirationSeconds", request.expiration_seconds);
  auto bound = spec.ensure_object("boundObjectRef");
  bound.set("apiVersion", "v1");
  bound.set("kind", "Pod");
  bound.set("name", std::string_view(request.pod_name));
  bound.set("uid", std::string_view(request.pod_uid));
  auto answer = TRY(api_.post(client::builtin("", "serviceaccounts"), request.namespace_, request.service_account, "token", tree, arena));
  ServiceAccountToken out;
  out.token = answer["status"]["token"].as_string();
  int64_t expires = 0;
  if (out.token.empty() || !parse_time(answer["status"]["expirationTimestamp"].as_string(), expires))
    return fail(failure("the API server answered with no token"));
  out.expires_at = expires / 1'000'000;
  return out;
}

void ApiCluster::on_change(std::function<void(std::string_view, std::string_view, std::string_view)> changed) {
  std::lock_guard lock(mutex_);
  changed_ = std::move(changed);
}

}  // namespace sampan::kubelet
