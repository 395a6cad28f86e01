// /version
#include "apiserver/pages.h"
#include "apiserver/respond.h"
#include "apiserver/version.h"
#include "base/text.h"

namespace sampan::apiserver {

namespace {

class VersionPage : public Page {
 public:
  bool serves(std::string_view path) const override { return path == "/version" || path == "/version/"; }
  void list_paths(std::vector<std::string>& out) const override { out.emplace_back("/version"); }
  HandlerResult handle(Context& context) override {
    if (context.http.method != "GET" && context.http.method != "HEAD")
      return fail(Error(Reason::MethodNotAllowed, "the server does not allow this method on the requested resource").about("", "", ""));
    net::Response response;
    response.headers.emplace_back("content-type", "application/json");
    response.headers.emplace_back("cache-control", "no-cache, private");
    response.body = "{\n";
    auto line = [&](std::string_view name, std::string_view value, bool last = false) {
      append(response.body, "  \"", name, "\": \"", value, last ? "\"\n" : "\",\n");
    };
    line("major", kMajor);
    line("minor", kMinor);
    line("emulationMajor", kMajor);
    line("emulationMinor", kMinor);
    line("minCompatibilityMajor", kMajor);
    line("minCompatibilityMinor", "35");
    line("gitVersion", kGitVersion);
    line("gitCommit", "unknown");
    line("gitTreeState", "clean");
    line("buildDate", "1970-01-01T00:00:00Z");
    line("goVersion", "none");
    line("compiler", "g++ " __VERSION__);
    line("platform",
#ifdef __aarch64__
         "linux/arm64",
#else
         "linux/amd64",
#endif
         true);
    response.body += '}';
    return response;
  }
};

}  // namespace

std::unique_ptr<Page> version_page() { return std::make_unique<VersionPage>(); }

}  // namespace sampan::apiserver
