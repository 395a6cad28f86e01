// /healthz, /livez and /readyz, with ?verbose and ?exclude, and each check under its own path.
#include "apiserver/pages.h"
#include "apiserver/respond.h"
#include "base/text.h"

namespace sampan::apiserver {

namespace {

class HealthPages : public Page {
 public:
  explicit HealthPages(std::vector<HealthCheck> checks) : checks_(std::move(checks)) {}

  bool serves(std::string_view path) const override {
    std::string_view rest;
    return !root_of(path, rest).empty() && (rest.empty() || rest.front() == '/');
  }

  void list_paths(std::vector<std::string>& out) const override {
    for (std::string_view root : {"/healthz", "/livez", "/readyz"}) {
      out.emplace_back(root);
      for (const auto& check : checks_)
        if (belongs(check, root)) out.push_back(concat(root, "/", check.name));
    }
  }
  HandlerResult handle(Context& context) override {
    std::string_view rest;
    std::string_view root = root_of(context.info.path, rest);
    if (rest.size() > 1) return one(root, rest.substr(1));
    return all(context, root);
  }

 private:
  static std::string_view root_of(std::string_view path, std::string_view& rest) {
    for (std::string_view root : {"/healthz", "/livez", "/readyz"}) {
      if (!path.starts_with(root)) continue;
      rest = path.substr(root.size());
      return root;
    }
    return {};
  }
  static bool belongs(const HealthCheck& check, std::string_view root) {
    return root == "/readyz" ? check.in_readyz : check.in_livez;
  }

  HandlerResult one(std::string_view root, std::string_view name) {
    for (const auto& check : checks_) {
      if (check.name != name || !belongs(check, root)) continue;
      auto good = check.run();
      if (good) return plain_text(200, "ok");
      return plain_text(500, concat("internal server error: ", good.error().message(), "\n"));
    }
    return plain_text(404, "404 page not found\n");
  }

  HandlerResult all(Context& context, std::string_view root) {
    auto excluded = context.query.all("exclude");
    std::string lines;
    bool failed = false;
    for (const auto& check : checks_) {
      if (!belongs(check, root)) continue;
      auto found = std::find(excluded.begin(), excluded.end(), check.name);
      if (found != excluded.end()) {
        excluded.erase(found);
        append(lines, "[+]", check.name, " excluded: ok\n");
        continue;
      }
      auto good = check.run();
      // What went wrong may name files or addresses: it goes to the log, not to whoever asks.
      append(lines, good ? "[+]" : "[-]", check.name, good ? " ok\n" : " failed: reason withheld\n");
      failed |= !good;
    }
    for (auto name : excluded) append(lines, "warn: some health checks cannot be excluded: no matches for ", quoted(name), "\n");
    if (failed) return plain_text(500, concat(lines, root.substr(1), " check failed\n"));
    if (!context.query.has("verbose")) return plain_text(200, "ok");
    return plain_text(200, concat(lines, root.substr(1), " check passed\n"));
  }

  std::vector<HealthCheck> checks_;
};

}  // namespace

std::unique_ptr<Page> health_pages(std::vector<HealthCheck> checks) { return std::make_unique<HealthPages>(std::move(checks)); }

}  // namespace sampan::apiserver
