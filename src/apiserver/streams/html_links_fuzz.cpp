// Any page: what is rewritten never gets shorter, and a page without links stays as it is.
#include "apiserver/streams/html_links.h"
#include "base/check.h"

using namespace sampan::apiserver;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const ProxiedPage page{.prefix = "/p", .backend_host = "h", .client_host = "c"}, same{.prefix = "", .backend_host = "\xff", .client_host = "\xff"};
  std::string_view html(reinterpret_cast<const char*>(data), size);
  rewrite_links(page, html);
  check(html.find('\xff') != std::string_view::npos || rewrite_links(same, html) == html);
  return 0;
}
