// What a path asks for, as authorisation, audit and routing see it. Made once, from the decoded path.
#pragma once
#include <string>
#include <string_view>

#include "apiserver/query.h"

namespace sampan::apiserver {

struct RequestInfo {
  bool is_resource = false;
  std::string path;  // decoded
  // "get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"; for other paths the method in lower case
  std::string verb;
  std::string group, version;
  std::string name_space, resource, subresource, name;
  std::string field_selector, label_selector;  // of list, watch and deletecollection, as sent
  std::string tail;  // behind the subresource: what proxies pass on
};

RequestInfo request_info(std::string_view method, std::string_view raw_path, const Query& query);

}  // namespace sampan::apiserver
