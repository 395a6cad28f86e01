// /openapi/v2 and /openapi/v3. Documents are made while they are sent; what is kept of them is their hash, by which clients know
// whether the one they have is still good.
#include <openssl/evp.h>

#include "apiserver/openapi.h"
#include "apiserver/pages.h"
#include "apiserver/respond.h"
#include "base/encoding.h"
#include "base/text.h"

namespace sampan::apiserver {

namespace {

constexpr std::string_view kJson = "application/json";
constexpr std::string_view kGnostic = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";
constexpr int64_t kYear_s = 365 * 24 * 3600;

class DocumentSource : public net::BodySource {
 public:
  explicit DocumentSource(OpenApiDocument document) : document_(std::move(document)) {}
  Pull pull(std::string& out, size_t want) override {
    size_t end = out.size() + want;
    while (out.size() < end)
      if (!document_.next(out)) return Pull::End;
    return Pull::More;
  }

 private:
  OpenApiDocument document_;
};

// SHA-512 of the whole document, in upper case as Go's %X prints it.
std::string hash_of(OpenApiDocument document) {
  auto* context = EVP_MD_CTX_new();
  EVP_DigestInit_ex(context, EVP_sha512(), nullptr);
  std::string piece;
  while (document.next(piece)) {
    EVP_DigestUpdate(context, piece.data(), piece.size());
    piece.clear();
  }
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  EVP_DigestFinal_ex(context, digest, &size);
  EVP_MD_CTX_free(context);
  auto text = hex({reinterpret_cast<const char*>(digest), size});
  for (char& c : text)
    if (c >= 'a') c = static_cast<char>(c - 'a' + 'A');
  return text;
}

// "Sat, 21 Nov 2026 13:29:25 GMT"
std::string http_date(int64_t seconds) {
  time_t time = seconds;
  tm parts{};
  gmtime_r(&time, &parts);
  char text[40];
  size_t size = strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &parts);
  return {text, size};
}

class OpenApiPages : public Page {
 public:
  explicit OpenApiPages(const Catalog& catalog) : catalog_(catalog) {}

  bool serves(std::string_view path) const override { return path == "/openapi/v2" || path == "/openapi/v3" || path.starts_with("/openapi/v3/"); }
  void list_paths(std::vector<std::string>& out) const override { out.insert(out.end(), {"/openapi/v2", "/openapi/v3", "/openapi/v3/"}); }

  HandlerResult handle(Context& context) override {
    std::string_view path = context.info.path;
    if (path == "/openapi/v2") return second(context);
    if (path == "/openapi/v3") return index();
    return third(context, path.substr(std::string_view("/openapi/v3/").size()));
  }

 private:
  // "apps/v1" -> "apis/apps/v1"
  static std::string key_of(const GroupVersion& it) {
    return it.group.empty() ? concat("api/", it.version) : concat("apis/", it.group, "/", it.version);
  }

  static std::string key_of(const PathPlan& plan) { return plan.path.substr(1, plan.path.size() - 2); }

  std::optional<OpenApiDocument> document_of(std::string_view key) const {
    for (const auto& it : catalog_.group_versions())
      if (key_of(it) == key) return OpenApiDocument::of_version(catalog_, it);
    for (auto& plan : root_paths(catalog_))
      if (key_of(plan) == key) return OpenApiDocument::of_root(catalog_, std::move(plan));
    return {};
  }

  std::vector<std::string> keys() const {
    std::vector<std::string> keys;
    for (const auto& it : catalog_.group_versions()) keys.push_back(key_of(it));
    for (const auto& plan : root_paths(catalog_)) keys.push_back(key_of(plan));
    std::sort(keys.begin(), keys.end());
    return keys;
  }

  // Made once; "" is version 2.
  std::string hash_for(const std::string& key) {
    std::lock_guard lock(mutex_);
    auto& hash = hashes_[key];
    if (hash.empty())
      hash = hash_of(key.empty() ? OpenApiDocument::everything(catalog_, OpenApiDocument::Encoding::Json) : *document_of(key));
    return hash;
  }

  HandlerResult index() {
    net::Response response;
    // No JSON by its name, as upstream.
    response.headers.emplace_back("content-type", "text/plain; charset=utf-8");
    response.headers.emplace_back("cache-control", "no-cache, private");
    response.body = "{\"paths\":{";
    bool first = true;
    for (const auto& key : keys()) {
      append(response.body, first ? "\"" : ",\"", key, "\":{\"serverRelativeURL\":\"/openapi/v3/", key, "?hash=", hash_for(key), "\"}");
      first = false;
    }
    response.body += "}}";
    return response;
  }

  static Error not_acceptable(std::string_view types) {
    return Error(Reason::NotAcceptable, concat("only the following media types are accepted: ", types));
  }

  static net::Response with_tag(const std::string& hash) {
    net::Response response;
    response.headers.emplace_back("etag", concat("\"", hash, "\""));
    response.headers.emplace_back("vary", "Accept");
    return response;
  }

  static HandlerResult send(Context& context, net::Response response, std::string_view type, OpenApiDocument document) {
    auto tag = response.headers[0].second;
    if (context.http.header("if-none-match") == tag) {
      response.status = 304;
      return response;
    }
    response.headers.emplace_back("content-type", type);
    response.source = std::make_unique<DocumentSource>(std::move(document));
    return response;
  }

  HandlerResult second(Context& context) {
    std::string_view type;
    auto accepted = context.http.header("accept");
    if (accepted.empty()) type = kJson;
    for (auto part : split(accepted, ',')) {
      if (!type.empty()) break;
      auto media = media_type_of(part);
      if (media == kJson || media == "*/*" || media == "application/*") type = kJson;
      if (media == kGnostic || media == "application/com.github.proto-openapi.spec.v2@v1.0+protobuf") type = kGnostic;
    }
    if (type.empty()) return fail(not_acceptable(concat(kJson, ", ", kGnostic)));
    auto response = with_tag(hash_for(""));
    response.headers.emplace_back("cache-control", "no-cache, private");
    auto encoding = type == kJson ? OpenApiDocument::Encoding::Json : OpenApiDocument::Encoding::Gnostic;
    return send(context, std::move(response), type, OpenApiDocument::everything(catalog_, encoding));
  }

  HandlerResult third(Context& context, std::string_view key) {
    auto document = document_of(key);
    if (!document) {
      net::Response response;
      response.status = 404;
      response.headers.emplace_back("cache-control", "no-cache, private");
      return response;
    }
    bool json = context.http.header("accept").empty();
    for (auto part : split(context.http.header("accept"), ',')) {
      auto media = media_type_of(part);
      json |= media == kJson || media == "*/*" || media == "application/*";
    }
    if (!json) return fail(not_acceptable(kJson));
    auto hash = hash_for(std::string(key));
    auto response = with_tag(hash);
    auto asked = context.query.get("hash");
    if (!asked.empty() && asked != hash) {
      response.status = 301;
      response.headers.emplace_back("location", concat("/openapi/v3/", key, "?hash=", hash));
      return response;
    }
    // Whoever names the hash may keep the document: another one would have another name.
    if (!asked.empty()) response.headers.emplace_back("expires", http_date(context.now_seconds() + kYear_s));
    response.headers.emplace_back("cache-control", asked.empty() ? "no-cache, private" : "public, immutable");
    return send(context, std::move(response), kJson, std::move(*document));
  }

  const Catalog& catalog_;
  std::mutex mutex_;  // guards hashes_
  std::map<std::string, std::string> hashes_;
};

}  // namespace

std::unique_ptr<Page> openapi_pages(const Catalog& catalog) { return std::make_unique<OpenApiPages>(catalog); }

}  // namespace sampan::apiserver
