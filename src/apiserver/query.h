// The query of a request, decoded.
#pragma once
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sampan::apiserver {

// %XX and (in queries) + decoded; bad escapes stay as they are.
std::string percent_decode(std::string_view text, bool plus_is_space);

class Query {
 public:
  Query() = default;
  explicit Query(std::string_view raw);
  std::string_view get(std::string_view name) const;  // first value, "" if absent
  bool has(std::string_view name) const;
  std::vector<std::string_view> all(std::string_view name) const;
  bool is_true(std::string_view name) const;  // "true" or "1", and "" when present, as upstream reads booleans
  const std::vector<std::pair<std::string, std::string>>& entries() const { return entries_; }

 private:
  std::vector<std::pair<std::string, std::string>> entries_;
};

}  // namespace sampan::apiserver
