#include "apiserver/request_info.h"

#include <vector>

#include "base/text.h"

namespace sampan::apiserver {

namespace {

std::vector<std::string_view> segments_of(std::string_view path) {
  while (!path.empty() && path.front() == '/') path.remove_prefix(1);
  while (!path.empty() && path.back() == '/') path.remove_suffix(1);
  if (path.empty()) return {};
  return split(path, '/');
}

std::string_view verb_of(std::string_view method) {
  if (method == "POST") return "create";
  if (method == "GET" || method == "HEAD") return "get";
  if (method == "PUT") return "update";
  if (method == "PATCH") return "patch";
  if (method == "DELETE") return "delete";
  return "";
}

}  // namespace

RequestInfo request_info(std::string_view method, std::string_view raw_path, const Query& query) {
  RequestInfo info;
  info.path = percent_decode(raw_path, false);
  info.verb = to_lower(method);
  auto parts = segments_of(info.path);
  size_t at = 0;
  if (parts.size() >= 3 && parts[0] == "api") {
    at = 1;
  } else if (parts.size() >= 4 && parts[0] == "apis") {
    info.group = parts[1];
    at = 2;
  } else {
    return info;
  }
  info.is_resource = true;
  info.version = parts[at++];
  info.verb = verb_of(method);
  // The old form /api/v1/watch/...; /proxy/... is long gone.
  bool watch_path = parts[at] == "watch" && at + 1 < parts.size();
  if (watch_path) {
    at++;
    info.verb = "watch";
  }
  if (parts[at] == "namespaces" && parts.size() > at + 1) {
    info.name_space = parts[at + 1];
    // namespaces/x, namespaces/x/status and namespaces/x/finalize are the namespace itself; anything else lies in it.
    if (parts.size() > at + 2 && parts[at + 2] != "status" && parts[at + 2] != "finalize") at += 2;
  }
  info.resource = parts[at++];
  if (at < parts.size()) info.name = parts[at++];
  if (at < parts.size()) info.subresource = parts[at++];
  for (; at < parts.size(); at++) append(info.tail, info.tail.empty() ? "" : "/", parts[at]);
  if (info.name.empty()) {
    if (info.verb == "get") info.verb = query.is_true("watch") ? "watch" : "list";
    if (info.verb == "delete") info.verb = "deletecollection";
  }
  if (info.verb == "list" || info.verb == "watch" || info.verb == "deletecollection") {
    info.field_selector = query.get("fieldSelector");
    info.label_selector = query.get("labelSelector");
  }
  return info;
}

}  // namespace sampan::apiserver
