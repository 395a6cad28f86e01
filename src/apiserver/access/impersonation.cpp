#include "apiserver/access/impersonation.h"

#include "apiserver/query.h"
#include "base/text.h"
#include "base/names.h"

namespace sampan::apiserver {

namespace {

constexpr std::string_view kUser = "impersonate-user", kUid = "impersonate-uid", kGroup = "impersonate-group", kExtra = "impersonate-extra-";
constexpr std::string_view kAuthentication = "authentication.k8s.io";
constexpr std::string_view kAccountPrefix = "system:serviceaccount:", kNodePrefix = "system:node:";
constexpr size_t kMany = 4;  // so many of a kind are first asked for with a wildcard

// As Go prints the struct with %#v, which upstream's message does.
std::string go_text(const User& wanted) {
  auto list = [](const std::vector<std::string>& texts) {
    std::string out = "[]string{";
    for (size_t i = 0; i < texts.size(); i++) append(out, i ? ", " : "", quoted(texts[i]));
    return out + "}";
  };
  std::string extra = "map[string][]string(nil)";
  if (!wanted.extra.empty()) {
    extra = "map[string][]string{";
    for (size_t i = 0; i < wanted.extra.size(); i++)
      append(extra, i ? ", " : "", quoted(wanted.extra[i].first), ":", list(wanted.extra[i].second));
    extra += '}';
  }
  return concat("&user.DefaultInfo{Name:", quoted(wanted.name), ", UID:", quoted(wanted.uid),
                ", Groups:", wanted.groups.empty() ? "[]string(nil)" : list(wanted.groups), ", Extra:", extra, "}");
}

std::string extra_key(std::string_view encoded) {
  auto lower = to_lower(encoded);
  for (size_t at = 0; (at = lower.find('%', at)) != std::string::npos; at += 3)
    if (at + 2 >= lower.size() || !std::isxdigit(static_cast<unsigned char>(lower[at + 1])) || !std::isxdigit(static_cast<unsigned char>(lower[at + 2])))
      return lower;  // kept as it came
  return percent_decode(lower, false);
}

// Who is wanted, exactly as the headers say. False: nobody.
Result<bool> read_headers(net::Request& request, User& wanted) {
  bool any = false;
  wanted.name = request.header(kUser);
  wanted.uid = request.header(kUid);
  for (const auto& [name, value] : request.headers) {
    bool is_group = name == kGroup, is_extra = name.starts_with(kExtra);
    if (is_group) wanted.groups.push_back(value);
    if (is_extra) wanted.add_extra(extra_key(std::string_view(name).substr(kExtra.size())), value);
    any |= is_group || is_extra;
  }
  if (wanted.name.empty() && (any || !wanted.uid.empty()))
    return fail(bad_request(concat("requested ", go_text(wanted), " without impersonating a user name")));
  if (wanted.name.empty()) return false;
  std::erase_if(request.headers, [](const auto& header) {
    return header.first == kUser || header.first == kUid || header.first == kGroup || header.first.starts_with(kExtra);
  });
  return true;
}

// "system:serviceaccount:NAMESPACE:NAME"
bool split_account(std::string_view user, std::string_view& name_space, std::string_view& name) {
  if (!user.starts_with(kAccountPrefix)) return false;
  user.remove_prefix(kAccountPrefix.size());
  auto colon = user.find(':');
  if (colon == std::string_view::npos || user.find(':', colon + 1) != std::string_view::npos) return false;
  name_space = user.substr(0, colon);
  name = user.substr(colon + 1);
  Complaints complaints;
  check_dns1123_label(name_space, complaints);
  check_dns1123_subdomain(name, complaints);
  return complaints.empty();
}

bool is_account(std::string_view user) {
  std::string_view name_space, name;
  return split_account(user, name_space, name);
}

bool is_node(std::string_view user) {
  if (!user.starts_with(kNodePrefix)) return false;
  Complaints complaints;
  check_dns1123_subdomain(user.substr(kNodePrefix.size()), complaints);
  return complaints.empty();
}

// One way to be allowed. The constrained ones, which do not give all that the other may do, are tried before the old, all-or-nothing one.
struct Mode {
  std::string_view name;  // "" for the old one
  bool (*fits)(const User& requestor, const User& wanted);
};

bool only_name(const User& user) { return user.uid.empty() && user.groups.empty() && user.extra.empty(); }

bool is_own_node(const User& requestor, const User& wanted) {
  if (!only_name(wanted) || !is_node(wanted.name) || !is_account(requestor.name)) return false;
  for (const auto& [key, values] : requestor.extra)
    if (key == "authentication.kubernetes.io/node-name") return values.size() == 1 && values[0] == wanted.name.substr(kNodePrefix.size());
  return false;
}

constexpr Mode kModes[] = {
    {"associated-node", is_own_node},
    {"arbitrary-node", [](const User&, const User& wanted) { return only_name(wanted) && is_node(wanted.name); }},
    {"serviceaccount", [](const User&, const User& wanted) { return only_name(wanted) && is_account(wanted.name); }},
    {"user-info", [](const User&, const User& wanted) { return !is_node(wanted.name) && !is_account(wanted.name); }},
    {"", [](const User&, const User&) { return true; }},
};

class Check {
 public:
  Check(Access& access, const User& requestor, const Mode& mode) : access_(access), requestor_(requestor), mode_(mode) {
    if (mode.name != "associated-node") return;
    // What differs between the pods of an account does not count here, and nor does the node's name.
    requestor_.extra.clear();
    for (const auto& [key, values] : requestor.extra) requestor_.add_extra("authentication.kubernetes.io/associated-node-keys", key);
  }

  Result<User> run(const RequestInfo& info, const User& wanted) {
    if (constrained()) {
      RequestInfo on = info;
      on.verb = concat("impersonate-on:", mode_.name, ":", info.verb);
      TRY(ask(on));
    }
    User actual = wanted;
    TRY(check_name(wanted, actual));
    if (!wanted.uid.empty()) TRY(ask(about(kAuthentication, "uids", wanted.uid)));
    TRY(check_groups(wanted.groups));
    TRY(check_extra(wanted.extra));
    bool anonymous = actual.name == "system:anonymous", strange = actual.in("system:unauthenticated");
    if (anonymous && !strange) actual.groups.emplace_back("system:unauthenticated");
    if (!anonymous && !strange && !actual.in("system:authenticated")) actual.groups.emplace_back("system:authenticated");
    return actual;
  }

 private:
  bool constrained() const { return !mode_.name.empty(); }

  RequestInfo about(std::string_view group, std::string_view resource, std::string_view name) const {
    RequestInfo info;
    info.is_resource = true;
    info.verb = constrained() ? concat("impersonate:", mode_.name) : "impersonate";
    info.group = group;
    info.version = "v1";
    info.resource = resource;
    info.name = name;
    return info;
  }
  std::string_view identity_group() const { return constrained() ? kAuthentication : std::string_view(); }

  Result<void> ask(const RequestInfo& info) {
    std::string reason;
    if (access_.authorize(requestor_, info, reason) == Decision::Allow) return {};
    return fail(forbidden(requestor_, info, reason));
  }

  Result<void> check_name(const User& wanted, User& actual) {
    auto info = about(identity_group(), "users", wanted.name);
    std::string_view name_space, name;
    if (constrained() && is_node(wanted.name)) {
      info.resource = "nodes";
      info.name = mode_.name == "associated-node" ? "*" : wanted.name.substr(kNodePrefix.size());
      actual.groups = {"system:nodes"};
    }
    if (split_account(wanted.name, name_space, name)) {
      info.resource = "serviceaccounts";
      info.name_space = name_space;
      info.name = name;
      if (wanted.groups.empty()) actual.groups = {"system:serviceaccounts", concat("system:serviceaccounts:", name_space)};
    }
    return ask(info);
  }

  Result<void> check_groups(const std::vector<std::string>& groups) {
    if (groups.empty()) return {};
    auto info = about(identity_group(), "groups", "");
    if (constrained()) {
      for (std::string_view never : {"", "system:masters"}) {
        if (std::find(groups.begin(), groups.end(), never) == groups.end()) continue;
        info.name = never;
        return fail(forbidden(requestor_, info, concat("impersonating the ", never.empty() ? "empty string" : never, " group is not allowed")));
      }
      info.name = "*";
      if (groups.size() >= kMany && ask(info)) return {};
    }
    for (const auto& group : groups) {
      info.name = group;
      TRY(ask(info));
    }
    return {};
  }

  Result<void> check_extra(const Extra& extra) {
    if (extra.empty()) return {};
    auto info = about(kAuthentication, "userextras", "");
    if (constrained()) {
      if (auto why = bad_extra(extra); !why.empty()) return fail(forbidden(requestor_, info, why));
      size_t count = 0;
      for (const auto& [key, values] : extra) count += values.size();
      info.subresource = info.name = "*";
      if (count >= kMany && ask(info)) return {};
    }
    for (const auto& [key, values] : extra)
      for (const auto& value : values) {
        info.subresource = key;
        info.name = value;
        TRY(ask(info));
      }
    return {};
  }

  static std::string bad_extra(const Extra& extra) {
    for (const auto& [key, values] : extra) {
      if (key.empty()) return "impersonating the empty string key in extra is not allowed";
      auto slash = key.find('/');
      Complaints complaints;
      check_dns1123_subdomain(std::string_view(key).substr(0, slash), complaints);
      if (slash == std::string::npos || slash + 1 == key.size() || !complaints.empty())
        return concat("impersonating an invalid key in extra is not allowed: extra.key: Invalid value: ", quoted(key), ": must be a domain-prefixed path (such as \"acme.io/foo\")");
      if (std::find(values.begin(), values.end(), "") != values.end()) return "impersonating the empty string value in extra is not allowed";
    }
    return {};
  }

  Access& access_;
  User requestor_;
  const Mode& mode_;
};

}  // namespace

Result<Impersonation> impersonate(Access& access, net::Request& request, const RequestInfo& info, User& user) {
  User wanted;
  if (!TRY(read_headers(request, wanted))) return Impersonation{};
  std::optional<Error> first;
  for (const Mode& mode : kModes) {
    if (!mode.fits(user, wanted)) continue;
    auto actual = Check(access, user, mode).run(info, wanted);
    if (actual) {
      user = std::move(*actual);
      return Impersonation{true, mode.name.empty() ? std::string() : concat("impersonate:", mode.name)};
    }
    if (!first) first = std::move(actual).error();
  }
  return fail(std::move(*first));
}

}  // namespace sampan::apiserver
