#include "apiserver/streams/html_links.h"

#include <gtest/gtest.h>

namespace sampan::apiserver {
namespace {

const ProxiedPage kPage{.prefix = "/p/proxy", .backend_host = "10.0.0.1:80", .client_host = "api:6443"};

TEST(HtmlLinks, Urls) {
  struct Case {
    const char* url;
    const char* want;
  } cases[] = {
      {"/rewriteme", "/p/proxy/rewriteme"},
      {"/", "/p/proxy/"},
      {"relative/x", "relative/x"},
      {"?q", "?q"},
      {"#f", "#f"},
      {"", ""},
      {"/p/proxy/already", "/p/proxy/already"},
      {"http://10.0.0.1:80/a?b#c", "/p/proxy/a?b#c"},
      {"//10.0.0.1:80/a", "/p/proxy/a"},
      {"https://api:6443/a", "https://api:6443/p/proxy/a"},
      {"http://elsewhere/a", "http://elsewhere/a"},
      {"//elsewhere/a", "//elsewhere/a"},
      {"mailto:x@y", "mailto:x@y"},
      {"/go?to=http://elsewhere/", "/p/proxy/go?to=http://elsewhere/"},
  };
  for (auto& c : cases) EXPECT_EQ(rewrite_url(kPage, c.url), c.want) << c.url;
}

TEST(HtmlLinks, Pages) {
  struct Case {
    const char* html;
    const char* want;
  } cases[] = {
      {"<a href=\"/rewriteme\">test</a>", "<a href=\"/p/proxy/rewriteme\">test</a>"},
      {"<A class=x HREF='/a' /><b href=\"/b\">", "<A class=x HREF='/p/proxy/a' /><b href=\"/b\">"},
      {"<img src=/i.png alt>", "<img src=/p/proxy/i.png alt>"},
      {"<!-- <a href=\"/c\"> --><p>1 < 2 & <", "<!-- <a href=\"/c\"> --><p>1 < 2 & <"},
      {"<video src=\"/v\" poster = \"/w\"></video>", "<video src=\"/p/proxy/v\" poster = \"/p/proxy/w\"></video>"},
      {"<a href=\"/cut", "<a href=\"/p/proxy/cut"},
      {"<a href", "<a href"},
      {"<a =x \"=y href=/z>", "<a =x \"=y href=/p/proxy/z>"},
  };
  for (auto& c : cases) EXPECT_EQ(rewrite_links(kPage, c.html), c.want) << c.html;
}

}  // namespace
}  // namespace sampan::apiserver
