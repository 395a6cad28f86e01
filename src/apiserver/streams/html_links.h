// Pages that come through a proxy: links to the server's own paths must lead through the proxy again.
#pragma once
#include <string>
#include <string_view>

namespace sampan::apiserver {

struct ProxiedPage {
  std::string prefix;        // "/api/v1/namespaces/x/services/y/proxy"
  std::string backend_host;  // host:port that was asked
  std::string client_host;   // the Host field of the client
};

// One URL, as a Location field or an attribute has it.
std::string rewrite_url(const ProxiedPage& page, std::string_view url);
// The attributes of tags that hold URLs; everything else stays as it is.
std::string rewrite_links(const ProxiedPage& page, std::string_view html);

}  // namespace sampan::apiserver
