// The parameters that requests take, as OpenAPI tells them.
#pragma once
#include <span>
#include <string_view>

namespace sampan::apiserver {

struct Parameter {
  std::string_view key;  // what version 2 calls it among the shared ones; "" = not shared
  std::string_view name, type, description;
  bool in_path = false;
};

std::span<const Parameter> list_parameters();               // of lists, watches and (without the last) deletions of collections
std::span<const Parameter> write_parameters_documented();   // of POST and PUT
std::span<const Parameter> patch_parameters();
std::span<const Parameter> delete_parameters();
const Parameter& pretty_parameter();
const Parameter& namespace_parameter();
const Parameter& path_parameter();
std::span<const Parameter> shared_parameters();             // all of the above

}  // namespace sampan::apiserver
