// What a machine has to know and to be allowed so that it can become a node: published by the server, found by who joins. The public part
// (kube-public/cluster-info) and the tokens are as kubeadm has them.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "base/environment.h"
#include "client/api.h"

namespace sampan::cmd {

// What all nodes of a cluster have in common.
struct ClusterSettings {
  std::vector<std::string> cluster_cidrs, service_cidrs;
  std::string dns_ip, domain;
};

// ---- the server ----

// The group of tokens that may join nodes.
inline constexpr std::string_view kJoinGroup = "system:bootstrappers:kubeadm:default-node-token";

// Where the API is, whom to trust, what nodes share; and the rights of tokens and of nodes. Safe to repeat.
Result<void> publish_join_info(client::Api& admin, std::string_view server_url, std::string_view authority_pem, const ClusterSettings& settings);

// The service kube-dns; its endpoints are a controller's. Safe to repeat.
Result<void> publish_dns(client::Api& admin, std::string_view address);

struct Token {
  std::string id, secret;
  std::string text() const { return id + "." + secret; }
  static Result<Token> parse(std::string_view text);
  static Token make(Random& random);
};
// For `seconds`; 0: until it is deleted.
Result<void> add_token(client::Api& admin, const Token& token, int64_t seconds, std::string_view description);

// ---- who joins ----

struct Cluster {
  std::string server;  // the API's URL
  std::string authority_pem;
};
// From the text of cluster-info.
Result<Cluster> described_cluster(std::string_view kubeconfig);
// Asks the server at `url`, whom nobody can vouch for yet, for its description, and believes it if the authority's key has this hash ("sha256:...") and the
// description is signed with the token.
Result<Cluster> discover(std::string_view url, const Token& token, std::string_view authority_hash);

Result<ClusterSettings> read_settings(client::Api& api);

}  // namespace sampan::cmd
