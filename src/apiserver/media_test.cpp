#include "apiserver/media.h"

#include "apiserver/testing.h"
#include "base/text.h"

namespace sampan::apiserver {

namespace {

std::string chosen(std::string_view accept, const Offer& offer) {
  net::Request request;
  if (!accept.empty()) request.headers.emplace_back("accept", accept);
  auto result = negotiate(request, Query(), offer);
  if (!result) return concat(result.error().message().starts_with("406:") ? "router" : "refused");
  constexpr std::string_view shapes[] = {"", " table", " partial", " other", " discovery"};
  return concat(media_type(result->format), shapes[static_cast<int>(result->shape)], result->pretty ? " pretty" : "");
}

}  // namespace

TEST(Media, Negotiate) {
  struct Case {
    std::string_view accept, want;
  };
  const Case cases[] = {
      {"", "application/json"},
      {"*/*", "application/json"},
      {"text/html", "router"},
      {"application/*", "router"},
      {"APPLICATION/JSON", "router"},
      {"application/json, */*", "application/json"},
      {"application/yaml;q=0.5, application/vnd.kubernetes.protobuf;q=0.9", "application/vnd.kubernetes.protobuf"},
      {"text/html, application/yaml;q=abc", "application/yaml"},
      {"*/*, application/yaml;q=0.1", "application/yaml"},  // what says more goes before
      {"application/json;pretty=1", "application/json pretty"},
      {"application/json;stream=watch", "application/json"},
      {"application/yaml;stream=watch", "refused"},
      {"application/json;as=Table;g=meta.k8s.io;v=v1", "application/json table"},
      {"application/json;as=Table;g=meta.k8s.io;v=v2", "refused"},
      {"application/json;as=;g=;v=", "application/json"},  // without values there are no parameters
      {"application/json;as=Table;g=meta.k8s.io;v=v2, application/json", "application/json"},
      {"application/vnd.kubernetes.protobuf;as=Table;g=meta.k8s.io;v=v1, application/json;q=0.1", "application/json"},
      {"application/vnd.kubernetes.protobuf;as=PartialObjectMetadata;g=meta.k8s.io;v=v1", "application/vnd.kubernetes.protobuf partial"},
      {"application/json;g=meta.k8s.io", "refused"},
      {"application/json;sv=v2", "refused"},
  };
  for (const Case& c : cases) EXPECT_EQ(chosen(c.accept, any_shape(false)), c.want) << c.accept;
}

TEST(Media, Errors) {
  TestServer server;
  struct Case {
    std::string_view path, accept, type, begins;
    int status;
  };
  const Case cases[] = {
      {"/api/v1/namespaces/none", "", "application/json", "{\"kind\":\"Status\"", 404},
      {"/api/v1/namespaces/none", "application/json;as=Table;g=meta.k8s.io;v=v1", "application/json", "{\n  \"kind\": \"Status\"", 404},
      {"/api/v1/namespaces/none", "application/yaml;as=Table;g=meta.k8s.io;v=v1,application/yaml;q=0.1", "application/yaml", "apiVersion: v1", 404},
      {"/api/v1/pods?limit=x", "text/html", "application/json", "{\n", 406},  // before the options are read
      {"/api/v1/pods?watch=1&timeoutSeconds=1", "application/yaml", "application/yaml", "apiVersion: v1", 406},
  };
  for (const Case& c : cases) {
    net::Headers headers;
    if (!c.accept.empty()) headers.emplace_back("accept", c.accept);
    auto response = server.ask("GET", c.path, headers);
    EXPECT_EQ(response.status, c.status) << c.path << " " << c.accept;
    EXPECT_EQ(header(response, "content-type"), c.type) << c.accept;
    EXPECT_TRUE(response.body.starts_with(c.begins)) << c.accept << ": " << response.body;
  }
}

}  // namespace sampan::apiserver
