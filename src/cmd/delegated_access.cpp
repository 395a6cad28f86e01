#include "cmd/delegated_access.h"

#include <map>
#include <mutex>

#include "base/text.h"

namespace sampan::cmd {

using client::Value;
using kubelet::NodeUser;

namespace {

// What was answered, until it is too old. Full, it begins anew.
template <class T>
class Kept {
 public:
  std::optional<T> find(const std::string& key, int64_t now_us) {
    std::lock_guard lock(mutex_);
    auto it = entries_.find(key);
    if (it == entries_.end() || it->second.until_us <= now_us) return {};
    return it->second.answer;
  }
  void put(const std::string& key, T answer, int64_t until_us) {
    std::lock_guard lock(mutex_);
    if (entries_.size() >= kEntriesMax) entries_.clear();
    entries_[key] = {std::move(answer), until_us};
  }

 private:
  static constexpr size_t kEntriesMax = 1024;
  struct Entry {
    T answer;
    int64_t until_us;
  };
  std::mutex mutex_;
  std::map<std::string, Entry> entries_;
};

class DelegatedAccess final : public kubelet::NodeAccess {
 public:
  DelegatedAccess(client::Api& api, Clock& clock, DelegatedAccessOptions options) : api_(api), clock_(clock), options_(std::move(options)) {}

  Result<std::optional<NodeUser>> authenticate(const net::Request& request) override {
    if (request.peer && request.peer->is_client) {
      NodeUser user{request.peer->common_name, request.peer->organizations};
      user.groups.emplace_back("system:authenticated");
      return user;
    }
    constexpr std::string_view kScheme = "Bearer ";
    auto said = request.header("authorization");
    if (options_.tokens && said.size() > kScheme.size() && to_lower(said.substr(0, kScheme.size())) == "bearer ")
      return of_token(std::string(trim(said.substr(kScheme.size()))));
    if (said.empty() && options_.anonymous) return NodeUser{"system:anonymous", {"system:unauthenticated"}};
    return std::nullopt;
  }

  Result<bool> authorize(const NodeUser& user, std::string_view verb, std::string_view subresource, std::string_view) override {
    if (options_.always_allow) return true;
    auto key = concat(user.name, "\n", join(user.groups, "\n"), "\n\n", verb, " ", subresource);
    int64_t now = clock_.monotonic_us();
    if (auto known = allowed_.find(key, now)) return *known;
    Arena arena;
    Value review = Value::object(arena);
    Value spec = review.ensure_object("spec");
    spec.set("user", std::string_view(user.name));
    for (const auto& group : user.groups) spec.ensure_list("groups").push(std::string_view(group));
    Value attributes = spec.ensure_object("resourceAttributes");
    attributes.set("verb", verb);
    attributes.set("version", "v1");
    attributes.set("resource", "nodes");
    attributes.set("subresource", subresource);
    attributes.set("name", std::string_view(options_.node_name));
    auto answer = TRY(api_.post(client::builtin("authorization.k8s.io", "subjectaccessreviews"), {}, {}, {}, review, arena));
    bool allowed = answer["status"]["allowed"].as_bool();
    allowed_.put(key, allowed, now + (allowed ? options_.allowed_keep_us : options_.denied_keep_us));
    return allowed;
  }

 private:
  Result<std::optional<NodeUser>> of_token(const std::string& token) {
    int64_t now = clock_.monotonic_us();
    if (auto known = users_.find(token, now)) return *known;
    Arena arena;
    Value review = Value::object(arena);
    review.ensure_object("spec").set("token", std::string_view(token));
    auto answer = TRY(api_.post(client::builtin("authentication.k8s.io", "tokenreviews"), {}, {}, {}, review, arena));
    std::optional<NodeUser> user;
    if (answer["status"]["authenticated"].as_bool()) {
      Value who = answer["status"]["user"];
      user = NodeUser{std::string(who["username"].as_string()), {}};
      for (Value group : who["groups"].items()) user->groups.emplace_back(group.as_string());
      users_.put(token, user, now + options_.token_keep_us);
    }
    return user;
  }

  client::Api& api_;
  Clock& clock_;
  const DelegatedAccessOptions options_;
  Kept<std::optional<NodeUser>> users_;
  Kept<bool> allowed_;
};

}  // namespace

std::unique_ptr<kubelet::NodeAccess> delegated_access(client::Api& api, Clock& clock, DelegatedAccessOptions options) {
  return std::make_unique<DelegatedAccess>(api, clock, std::move(options));
}

}  // namespace sampan::cmd
