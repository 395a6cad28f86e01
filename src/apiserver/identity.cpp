#include "apiserver/identity.h"

#include <openssl/crypto.h>

#include <cstdio>

#include "base/text.h"

namespace sampan::apiserver {

bool User::in(std::string_view group) const {
  for (const auto& mine : groups)
    if (mine == group) return true;
  return false;
}

void User::add_extra(std::string_view key, std::string_view value) {
  auto at = std::find_if(extra.begin(), extra.end(), [&](const auto& entry) { return entry.first >= key; });
  if (at == extra.end() || at->first != key) at = extra.insert(at, {std::string(key), {}});
  at->second.emplace_back(value);
}

namespace {

constexpr std::string_view kAuthenticated = "system:authenticated";

class CertificateAuthenticator : public Authenticator {
 public:
  IdentityResult authenticate(net::Request& request) override {
    if (!request.peer || !request.peer->is_client || request.peer->common_name.empty()) return nullptr;
    auto identity = std::make_unique<Identity>();
    identity->user.name = request.peer->common_name;
    identity->user.groups = request.peer->organizations;
    identity->user.groups.emplace_back(kAuthenticated);
    identity->user.add_extra("authentication.kubernetes.io/credential-id", concat("X509SHA256=", request.peer->fingerprint));
    return identity;
  }
};

struct TokenEntry {
  std::string token;
  User user;
};

bool same_secret(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

class TokenFileAuthenticator : public TokenAuthenticator {
 public:
  explicit TokenFileAuthenticator(std::vector<TokenEntry> entries) : entries_(std::move(entries)) {}
  IdentityResult authenticate_token(std::string_view token, const std::vector<std::string>*) override {
    const User* found = nullptr;
    for (const auto& entry : entries_)  // all of them: the time says nothing of which one matched
      if (same_secret(entry.token, token)) found = &entry.user;
    if (!found) return nullptr;
    return std::make_unique<Identity>(Identity{*found, {}, {}});
  }

 private:
  std::vector<TokenEntry> entries_;
};

// One line of CSV, with quoted fields.
std::vector<std::string> csv_fields(std::string_view line) {
  std::vector<std::string> fields(1);
  bool in_quotes = false;
  for (size_t i = 0; i < line.size(); i++) {
    char c = line[i];
    if (c == '"' && in_quotes && i + 1 < line.size() && line[i + 1] == '"') {
      fields.back() += c;
      i++;
    } else if (c == '"') {
      in_quotes = !in_quotes;
    } else if (c == ',' && !in_quotes) {
      fields.emplace_back();
    } else {
      fields.back() += c;
    }
  }
  return fields;
}

class MastersAuthorizer : public Authorizer {
 public:
  Decision authorize(const User& user, const RequestInfo&, std::string&) override {
    return user.in("system:masters") ? Decision::Allow : Decision::NoOpinion;
  }
};

class AlwaysAllowAuthorizer : public Authorizer {
 public:
  Decision authorize(const User&, const RequestInfo&, std::string&) override { return Decision::Allow; }
  void rules_for(const User&, std::string_view, SubjectRules& out) override {
    out.rules.push_back({.verbs = {"*"}, .groups = {"*"}, .resources = {"*"}});
    out.rules.push_back({.verbs = {"*"}, .urls = {"*"}});
  }
};

// Leaves the word to who comes after it, as upstream's.
class AlwaysDenyAuthorizer : public Authorizer {
 public:
  Decision authorize(const User&, const RequestInfo&, std::string& reason) override {
    reason = "Everything is forbidden.";
    return Decision::NoOpinion;
  }
};

}  // namespace

std::unique_ptr<Authenticator> certificate_authenticator() { return std::make_unique<CertificateAuthenticator>(); }
std::unique_ptr<Authorizer> masters_authorizer() { return std::make_unique<MastersAuthorizer>(); }
std::unique_ptr<Authorizer> always_allow_authorizer() { return std::make_unique<AlwaysAllowAuthorizer>(); }
std::unique_ptr<Authorizer> always_deny_authorizer() { return std::make_unique<AlwaysDenyAuthorizer>(); }

Result<std::unique_ptr<TokenAuthenticator>> token_file_authenticator(const std::string& path) {
  FILE* file = std::fopen(path.c_str(), "re");
  if (!file) return fail(Error(Reason::InternalError, concat("token file ", path, ": ", std::strerror(errno))));
  std::string text;
  char buffer[4096];
  for (size_t n; (n = std::fread(buffer, 1, sizeof buffer, file)) > 0;) text.append(buffer, n);
  std::fclose(file);
  std::vector<TokenEntry> entries;
  int number = 0;
  for (std::string_view line : split(text, '\n')) {
    number++;
    line = trim(line);
    if (line.empty() || line[0] == '#') continue;
    auto fields = csv_fields(line);
    if (fields.size() < 3 || fields[0].empty())
      return fail(Error(Reason::InternalError, concat("token file ", path, " line ", number, ": wants token,user,uid[,\"group1,group2\"]")));
    TokenEntry entry;
    entry.token = fields[0];
    entry.user.name = fields[1];
    entry.user.uid = fields[2];
    if (fields.size() > 3)
      for (auto group : split(fields[3], ','))
        if (!trim(group).empty()) entry.user.groups.emplace_back(trim(group));
    entry.user.groups.emplace_back(kAuthenticated);
    entries.push_back(std::move(entry));
  }
  return std::make_unique<TokenFileAuthenticator>(std::move(entries));
}

Error forbidden(const User& user, const RequestInfo& request, std::string_view reason) {
  if (!request.is_resource) {
    auto text = concat("forbidden: User ", quoted(user.name), " cannot ", request.verb, " path ", quoted(request.path));
    if (!reason.empty()) append(text, ": ", reason);
    return Error(Reason::Forbidden, std::move(text)).about("", "", "");
  }
  auto resource = request.subresource.empty() ? request.resource : concat(request.resource, "/", request.subresource);
  auto qualified = request.group.empty() ? request.resource : concat(request.resource, ".", request.group);
  std::string text = qualified;
  if (!request.name.empty()) append(text, " ", quoted(request.name));
  append(text, " is forbidden: User ", quoted(user.name), " cannot ", request.verb, " resource ", quoted(resource),
         " in API group ", quoted(request.group));
  if (request.name_space.empty())
    text += " at the cluster scope";
  else
    append(text, " in the namespace ", quoted(request.name_space));
  if (!reason.empty()) append(text, ": ", reason);
  return Error(Reason::Forbidden, std::move(text)).about(request.group, request.resource, request.name);
}

}  // namespace sampan::apiserver
