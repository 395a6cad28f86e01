// /api, /apis and what is below them down to a group's version; and "/", the list of all paths.
#include <openssl/sha.h>

#include "apiserver/discovery.h"
#include "apiserver/pages.h"
#include "apiserver/respond.h"
#include "base/encoding.h"
#include "base/text.h"
#include "schema/json.h"

namespace sampan::apiserver {

namespace {

std::string sha512_hex(std::string_view text) {
  unsigned char digest[SHA512_DIGEST_LENGTH];
  SHA512(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest);
  auto out = hex({reinterpret_cast<const char*>(digest), sizeof digest});
  for (char& c : out) c = static_cast<char>(c >= 'a' ? c - 'a' + 'A' : c);
  return out;
}

std::vector<std::string_view> segments_of(std::string_view path) {
  if (path.ends_with('/')) path.remove_suffix(1);
  if (!path.starts_with('/')) return {};
  return split(path.substr(1), '/');
}

class DiscoveryPages : public Page {
 public:
  DiscoveryPages(const Catalog& catalog, std::string server_address) : catalog_(catalog), server_address_(std::move(server_address)) {}

  bool serves(std::string_view path) const override {
    auto segments = segments_of(path);
    if (segments.empty()) return false;
    return (segments[0] == "api" && segments.size() <= 2) || (segments[0] == "apis" && segments.size() <= 3);
  }

  void list_paths(std::vector<std::string>& out) const override {
    out.insert(out.end(), {"/api", "/apis", "/apis/"});
    for (const auto& it : catalog_.group_versions()) {
      if (it.group.empty()) {
        out.push_back(concat("/api/", it.version));
        continue;
      }
      out.push_back(concat("/apis/", it.group));
      out.push_back(concat("/apis/", it.group, "/", it.version));
    }
  }

  HandlerResult handle(Context& context) override {
    auto segments = segments_of(context.info.path);
    bool core = segments[0] == "api";
    if (segments.size() == 1) return root(context, core);
    if (!core && (segments[1].empty() || !catalog_.has_group(segments[1]))) return plain_text(404, "404 page not found\n");
    bool of_group = !core && segments.size() == 2;
    const auto* served = of_group ? nullptr : core ? catalog_.group_version("", segments[1]) : catalog_.group_version(segments[1], segments[2]);
    if (!of_group && !served) return fail(Error(Reason::NotFound, "the server could not find the requested resource").about("", "", ""));
    if (context.http.method != "GET" && context.http.method != "HEAD")
      return fail(Error(Reason::MethodNotAllowed, "the server does not allow this method on the requested resource").about("", "", ""));
    Arena arena;
    if (of_group) return respond_value(context, 200, discovery_group(catalog_, segments[1], arena), "v1", "APIGroup");
    return respond_value(context, 200, discovery_resources(*served, arena), core ? "" : "v1", "APIResourceList");
  }

 private:
  HandlerResult root(Context& context, bool core) {
    constexpr Offer offer{.discovery = true};
    auto accept = TRY(negotiate(context.http, context.query, offer));
    Arena arena;
    if (accept.shape == Shape::Discovery) return aggregated(context, accept, core);
    if (core) return respond_value(context, 200, discovery_versions(catalog_, server_address_, arena), "", "APIVersions");
    return respond_value(context, 200, discovery_groups(catalog_, arena), "v1", "APIGroupList");
  }

  HandlerResult aggregated(Context& context, const Accept& accept, bool core) {
    Arena arena;
    auto tree = discovery_aggregated(catalog_, core, arena);
    std::string text;
    schema::write_json(text, tree);
    auto tag = concat("\"", sha512_hex(text), "\"");
    net::Response response;
    if (context.http.header("if-none-match") == tag)
      response.status = 304;
    else
      response = TRY(respond_value(context, 200, tree, "apidiscovery.k8s.io/v2", "APIGroupDiscoveryList", {.discovery = true}));
    response.headers.clear();
    if (response.status == 200)
      response.headers.emplace_back("content-type", concat(media_type(accept.format), ";g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"));
    response.headers.emplace_back("cache-control", "public");
    response.headers.emplace_back("etag", std::move(tag));
    response.headers.emplace_back("vary", "Accept");
    return response;
  }

  const Catalog& catalog_;
  const std::string server_address_;
};

class RootPage : public Page {
 public:
  explicit RootPage(const ApiServer& server) : server_(server) {}
  bool serves(std::string_view path) const override { return path == "/" || path == "/index.html" || path.empty(); }
  void list_paths(std::vector<std::string>&) const override {}  // upstream's list does not name itself
  HandlerResult handle(Context&) override {
    auto paths = server_.paths();
    std::sort(paths.begin(), paths.end());
    paths.erase(std::unique(paths.begin(), paths.end()), paths.end());
    net::Response response;
    response.headers.emplace_back("content-type", "application/json");
    response.headers.emplace_back("cache-control", "no-cache, private");
    response.body = "{\n  \"paths\": [";
    for (size_t i = 0; i < paths.size(); i++) {
      response.body += i ? ",\n    " : "\n    ";
      schema::write_json_string(response.body, paths[i]);
    }
    response.body += "\n  ]\n}";
    return response;
  }

 private:
  const ApiServer& server_;
};

}  // namespace

std::unique_ptr<Page> discovery_pages(const Catalog& catalog, std::string server_address) {
  return std::make_unique<DiscoveryPages>(catalog, std::move(server_address));
}

std::unique_ptr<Page> root_page(const ApiServer& server) { return std::make_unique<RootPage>(server); }

}  // namespace sampan::apiserver
