#include "apiserver/access/request_headers.h"

#include "apiserver/query.h"
#include "base/text.h"

namespace sampan::apiserver {

namespace {

void lower(std::vector<std::string>& names) {
  for (auto& name : names) name = to_lower(trim(name));
}

class RequestHeaders final : public Authenticator {
 public:
  explicit RequestHeaders(RequestHeaderConfig config) : config_(std::move(config)) {
    for (auto* names : {&config_.username_headers, &config_.uid_headers, &config_.group_headers, &config_.extra_prefixes}) lower(*names);
  }

  IdentityResult authenticate(net::Request& request) override {
    if (!request.peer || !request.peer->is_proxy) return nullptr;
    const auto& allowed = config_.allowed_names;
    if (!allowed.empty() && std::find(allowed.begin(), allowed.end(), request.peer->common_name) == allowed.end()) return nullptr;
    auto identity = std::make_unique<Identity>();
    User& user = identity->user;
    user.name = first(request, config_.username_headers);
    if (user.name.empty()) return nullptr;
    user.uid = first(request, config_.uid_headers);
    for (const auto& wanted : config_.group_headers)
      for (const auto& [name, value] : request.headers)
        if (name == wanted && !value.empty()) user.groups.push_back(value);
    for (const auto& prefix : config_.extra_prefixes)
      for (const auto& [name, value] : request.headers)
        if (name.starts_with(prefix)) user.add_extra(percent_decode(std::string_view(name).substr(prefix.size()), false), value);
    std::erase_if(request.headers, [&](const auto& header) { return is_ours(header.first); });
    return identity;
  }

 private:
  static std::string first(const net::Request& request, const std::vector<std::string>& names) {
    for (const auto& name : names)
      if (auto value = request.header(name); !value.empty()) return std::string(value);
    return {};
  }
  bool is_ours(std::string_view name) const {
    for (const auto* names : {&config_.username_headers, &config_.uid_headers, &config_.group_headers})
      if (std::find(names->begin(), names->end(), name) != names->end()) return true;
    return std::any_of(config_.extra_prefixes.begin(), config_.extra_prefixes.end(), [&](const auto& prefix) { return name.starts_with(prefix); });
  }
  RequestHeaderConfig config_;
};

}  // namespace

std::unique_ptr<Authenticator> request_header_authenticator(RequestHeaderConfig config) { return std::make_unique<RequestHeaders>(std::move(config)); }

}  // namespace sampan::apiserver
