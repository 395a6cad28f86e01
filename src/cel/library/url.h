// URLs as Go's net/url package takes them apart.
#pragma once
#include <expected>
#include <string>
#include <string_view>
#include <vector>

namespace sampan::cel::library {

class Url {
 public:
  // Parse, or ParseRequestURI where `for_request`: that wants an absolute URI or path, and knows no fragment. The error is Go's:
  // `parse "a b": invalid URI for request`.
  static std::expected<Url, std::string> parse(std::string_view text, bool for_request);

  const std::string& scheme() const { return scheme_; }
  const std::string& host() const { return host_; }  // with the port
  std::string_view host_name() const;                // without brackets
  std::string_view port() const;
  std::string escaped_path() const;
  struct Parameter {
    std::string name;
    std::vector<std::string> values;
  };
  std::vector<Parameter> query() const;
  std::string text() const;

 private:
  using Parsed = std::expected<void, std::string>;
  Parsed parse_parts(std::string_view text, bool for_request);
  Parsed parse_authority(std::string_view text);
  Parsed parse_host(std::string_view text);
  Parsed parse_bracketed_host(std::string_view text);
  std::pair<std::string_view, std::string_view> host_and_port() const;

  std::string scheme_, opaque_, host_, path_, raw_path_, raw_query_, fragment_, raw_fragment_, user_, password_;
  bool has_user_ = false, has_password_ = false, forced_query_ = false, omits_host_ = false;
};

}  // namespace sampan::cel::library
