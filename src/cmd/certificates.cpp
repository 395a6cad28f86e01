// `sampan certificates`: when the cluster's own certificates end, and new ones.
#include <unistd.h>

#include <cstdio>

#include "base/environment.h"
#include "base/text.h"
#include "base/time_text.h"
#include "cluster/renewal.h"
#include "cmd/commands.h"
#include "cmd/machine.h"
#include "schema/json.h"

namespace sampan::cmd {

namespace {

constexpr std::string_view kAbout =
    "sampan certificates check-expiration   shows the certificates of the cluster on this machine\n"
    "sampan certificates renew NAME ...     makes new ones with the same names; `all` for all but the authority's\n\n"
    "A server that runs takes the new ones by itself, and renews its own when two thirds of their time are over.";

constexpr Flag kFlags[] = {
    {"Output", "output", Flag::Type::String, "", Flag::Effect::Works, "json, for machines.", 'o'},
};

std::string residual(int64_t seconds) {
  if (seconds <= 0) return "ended";
  if (seconds >= 2 * 365 * 86400ll) return concat(seconds / (365 * 86400), "y");
  if (seconds >= 86400) return concat(seconds / 86400, "d");
  return seconds >= 3600 ? concat(seconds / 3600, "h") : concat(seconds / 60, "m");
}

// "2027-01-31 12:00 UTC"
std::string moment(int64_t seconds) {
  auto text = rfc3339(seconds);
  return concat(text.substr(0, 10), " ", text.substr(11, 5), " UTC");
}

schema::Value tree_of(const cluster::CertificateFile& file, int64_t now_s, Arena& arena) {
  schema::Value tree = schema::Value::object(arena);
  tree.set("name", std::string_view(file.name));
  tree.set("file", std::string_view(file.certificate_file));
  tree.set("subject", std::string_view(file.facts.subject));
  tree.set("signer", std::string_view(file.facts.signer));
  tree.set("isAuthority", file.facts.is_authority());
  tree.set("expirationDate", arena.copy(rfc3339(file.facts.ends_s)));
  tree.set("residualSeconds", std::max<int64_t>(file.facts.ends_s - now_s, 0));
  schema::Value names = schema::Value::list(arena);
  for (const auto& name : file.facts.request.dns_names) names.push(std::string_view(name));
  for (const auto& address : file.facts.request.ip_addresses) names.push(std::string_view(address));
  tree.set("names", names);
  return tree;
}

Result<void> show(const Machine& machine, bool as_json) {
  auto files = cluster::certificates_in(machine.data_dir);
  if (files.empty()) return fail(bad_request(concat("there are no certificates in ", machine.data_dir, "; --data-dir names another cluster")));
  int64_t now_s = real_clock().now_us() / 1'000'000;
  if (as_json) {
    Arena arena;
    schema::Value list = schema::Value::list(arena);
    for (const auto& file : files) list.push(tree_of(file, now_s, arena));
    std::string text;
    schema::write_json(text, list);
    std::printf("%s\n", text.c_str());
    return {};
  }
  std::printf("%-28s %-22s %-10s %-14s %s\n", "CERTIFICATE", "EXPIRES", "RESIDUAL", "SIGNER", "SUBJECT");
  for (const auto& file : files)
    std::printf("%-28s %-22s %-10s %-14s %s\n", file.name.c_str(), moment(file.facts.ends_s).c_str(), residual(file.facts.ends_s - now_s).c_str(),
                file.facts.signer.c_str(), file.facts.subject.c_str());
  return {};
}

Result<void> renew(const Machine& machine, std::vector<std::string> names) {
  if (names.empty()) return fail(bad_request("which certificate? `sampan certificates check-expiration` shows them; `all` is all of them"));
  cluster::Renewal renewal{.names = std::move(names), .kubeconfigs = {machine.kubeconfig}};
  if (renewal.names == std::vector<std::string>{"all"}) renewal.names.clear();
  auto renewed = TRY(cluster::renew_certificates(machine.data_dir, renewal, real_clock().now_us() / 1'000'000));
  for (const auto& name : renewed) std::printf("certificate %s renewed\n", name.c_str());
  return {};
}

}  // namespace

int run_certificates(Arguments arguments) {
  // Words first, flags behind them or between.
  std::vector<std::string> words;
  std::vector<char*> rest;
  for (char* argument : arguments)
    if (argument[0] == '-' || (!rest.empty() && rest.back()[0] == '-' && std::string_view(rest.back()).find('=') == std::string_view::npos))
      rest.push_back(argument);
    else
      words.emplace_back(argument);
  auto table = with_machine_flags(kFlags);
  FlagSet flags(table);
  if (auto code = parse_or_exit(flags, rest, "sampan certificates", kAbout)) return *code;
  return report([&]() -> Result<void> {
    auto machine = TRY(machine_of(flags));
    TRY(check_access(machine));
    if (words.empty() || words == std::vector<std::string>{"check-expiration"}) return show(machine, flags.text("output") == "json");
    if (words[0] == "renew") return renew(machine, {words.begin() + 1, words.end()});
    return fail(bad_request(concat("unknown command ", quoted(words[0]), "; it is check-expiration or renew")));
  }());
}

}  // namespace sampan::cmd
