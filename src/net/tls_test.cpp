#include "net/tls.h"

#include <gtest/gtest.h>

#include "net/testing.h"

namespace sampan::net {
namespace {

std::string name_in(const TlsGeneration& generation) {
  char text[256] = "";
  X509_NAME_get_text_by_NID(X509_get_subject_name(SSL_CTX_get0_certificate(generation.context.get())), NID_commonName, text, sizeof text);
  return text;
}

TEST(TlsFiles, ChangedFilesAreTakenUp) {
  TestFolder folder;
  auto authority = make_certificate({.common_name = "ca", .authority = true}, nullptr);
  auto first = make_certificate({.common_name = "first", .key_usage = "serverAuth"}, &authority);
  auto second = make_certificate({.common_name = "second", .key_usage = "serverAuth"}, &authority);
  TlsOptions options{.certificate_file = folder.write("crt", first.certificate), .key_file = folder.write("key", first.key), .client_ca_file = folder.write("ca", authority.certificate)};
  auto files = TlsFiles::open(options);
  ASSERT_TRUE(files) << files.error().message();
  int64_t now = 1'000'000'000;
  auto before = (*files)->current(now);
  EXPECT_EQ(name_in(*before), "first");

  folder.write("crt", second.certificate);
  EXPECT_EQ((*files)->current(now += 100'000), before);  // not looked at again yet
  EXPECT_EQ((*files)->current(now += 3'000'000), before);  // the key does not fit yet
  folder.write("key", second.key);
  EXPECT_EQ(name_in(*(*files)->current(now += 3'000'000)), "second");
  auto after = (*files)->current(now += 3'000'000);
  EXPECT_EQ((*files)->current(now += 3'000'000), after);  // nothing changed, nothing read

  auto stranger = make_certificate({.common_name = "ca2", .authority = true}, nullptr);
  folder.write("ca", stranger.certificate);
  EXPECT_NE((*files)->current(now += 3'000'000)->client_ca_text, after->client_ca_text);
  EXPECT_EQ(name_in(*before), "first");  // connections in progress keep theirs
}

TEST(TlsFiles, Options) {
  TestFolder folder;
  auto own = make_certificate({.common_name = "x"}, nullptr);
  TlsOptions good{.certificate_file = folder.write("crt", own.certificate), .key_file = folder.write("key", own.key)};
  struct Case {
    const char* name;
    std::string version;
    std::vector<std::string> ciphers;
    bool fine;
  } cases[] = {
      {"default", "", {}, true},
      {"1.2", "VersionTLS12", {}, true},
      {"1.3", "VersionTLS13", {}, true},
      {"unknown version", "VersionTLS14", {}, false},
      {"IANA names", "", {"TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "TLS_AES_128_GCM_SHA256"}, true},
      {"unknown suite", "", {"TLS_ECDHE_RSA_WITH_ROT13"}, false},
  };
  for (auto& c : cases) {
    auto options = good;
    options.minimum_version = c.version;
    options.cipher_suites = c.ciphers;
    EXPECT_EQ(TlsFiles::open(options).has_value(), c.fine) << c.name;
  }
}

}  // namespace
}  // namespace sampan::net
