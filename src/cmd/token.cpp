// `sampan token create|list|delete`: the tokens with which machines join.
#include <unistd.h>

#include <cstdio>

#include "base/text.h"
#include "client/https.h"
#include "cluster/certificates.h"
#include "cmd/commands.h"
#include "cmd/join_info.h"
#include "cmd/machine.h"
#include "cmd/progress.h"

namespace sampan::cmd {

namespace {

constexpr std::string_view kAbout =
    "sampan token create      makes a token and says how a machine joins with it\n"
    "sampan token list        lists them, without their secrets\n"
    "sampan token delete ID   ends one before its time";

constexpr Flag kFlags[] = {
    {"Token", "ttl", Flag::Type::Duration, "24h0m0s", Flag::Effect::Works, "How long a new token is good; 0 is until it is deleted."},
    {"Token", "description", Flag::Type::String, "", Flag::Effect::Works, "What it is for."},
};

constexpr std::string_view kPrefix = "bootstrap-token-";
constexpr int64_t kSignedTimeoutUs = 10'000'000;

// A machine that joins wants the cluster's description signed with its token: a controller does that, a moment later.
Result<void> wait_until_signed(client::Api& api, const Token& token) {
  for (int64_t until = now_us() + kSignedTimeoutUs; now_us() < until; usleep(20'000)) {
    auto info = TRY(api.get(client::builtin("", "configmaps"), "kube-public", "cluster-info"));
    if ((*info)["data"][concat("jws-kubeconfig-", token.id)].present()) return {};
  }
  return fail(internal_error("the token is made, but the cluster's description has not been signed with it: does bootstrap-signer-controller run?"));
}

Result<void> create(client::Api& api, const FlagSet& flags) {
  auto seconds = flags.nanoseconds("ttl") / 1'000'000'000;
  if (seconds < 0) return fail(bad_request("--ttl must not be negative"));
  auto token = Token::make(secure_random());
  auto info = TRY(api.get(client::builtin("", "configmaps"), "kube-public", "cluster-info"));
  // The administrator's own file may name the server by an address of this machine alone.
  auto server = TRY(described_cluster((*info)["data"]["kubeconfig"].as_string()));
  TRY(add_token(api, token, seconds, flags.text("description")));
  TRY(wait_until_signed(api, token));
  std::printf("On the machine that is to join, as root:\n\n  sampan join --server %s --token %s \\\n    --discovery-token-ca-cert-hash %s\n", server.server.c_str(), token.text().c_str(),
              TRY(cluster::public_key_hash(server.authority_pem)).c_str());
  return {};
}

Result<void> list(client::Api& api) {
  std::printf("%-8s %-24s %s\n", "ID", "UNTIL", "DESCRIPTION");
  for (auto& secret : TRY(api.list(client::builtin("", "secrets"), "kube-system", {}, "type=bootstrap.kubernetes.io/token"))) {
    auto data = (*secret)["data"];
    auto until = data["expiration"].as_string();
    std::printf("%-8s %-24s %s\n", std::string(data["token-id"].as_string()).c_str(), until.empty() ? "deleted" : std::string(until).c_str(),
                std::string(data["description"].as_string()).c_str());
  }
  return {};
}

Result<void> run(const FlagSet& flags, const std::vector<std::string>& words) {
  auto machine = TRY(machine_of(flags));
  TRY(check_access(machine));
  auto config = client::load_kubeconfig(machine.kubeconfig);
  if (!config) return fail(bad_request(concat("there is no cluster on this machine: ", config.error().message())));
  auto remote = TRY(client::Remote::connect(*config, "sampan"));
  auto api = client::https_api(remote, "sampan");
  if (words.size() == 1 && words[0] == "create") return create(*api, flags);
  if (words.size() == 1 && words[0] == "list") return list(*api);
  if (words.size() == 2 && words[0] == "delete")
    return api->remove(client::builtin("", "secrets"), "kube-system", concat(kPrefix, std::string_view(words[1]).substr(0, words[1].find('.'))));
  return fail(bad_request("say `sampan token create`, `sampan token list` or `sampan token delete ID`"));
}

}  // namespace

int run_token(Arguments arguments) {
  auto table = with_machine_flags(kFlags);
  FlagSet flags(table);
  auto [words, rest] = words_and_flags(arguments);
  if (auto code = parse_or_exit(flags, rest, "sampan token", kAbout)) return *code;
  return report(run(flags, words));
}

}  // namespace sampan::cmd
