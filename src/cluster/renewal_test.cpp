#include "cluster/renewal.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "base/encoding.h"
#include "base/environment.h"
#include "base/text.h"

namespace sampan::cluster {
namespace {

class RenewalTest : public ::testing::Test {
 protected:
  RenewalTest() {
    char name[] = "/tmp/sampan-renewal-XXXXXX";
    folder = ::mkdtemp(name);
    authority = *load_or_make(folder + "/ca.crt", folder + "/ca.key", {.common_name = "the-ca", .usage = Usage::Authority, .days = 3650}, nullptr);
    make("serving", {.common_name = "server", .dns_names = {"localhost", "a.example"}, .ip_addresses = {"127.0.0.1", "fd00::1"}, .days = 90});
    make("admin", {.common_name = "kubernetes-admin", .organizations = {"system:masters", "more"}, .usage = Usage::Client});
  }
  ~RenewalTest() override { (void)!::system(concat("rm -r ", folder).c_str()); }
  void make(const std::string& name, const CertificateRequest& request) {
    ASSERT_TRUE(load_or_make(concat(folder, "/", name, ".crt"), concat(folder, "/", name, ".key"), request, &authority).has_value());
  }
  std::string text(std::string_view file) { return *read_file(concat(folder, "/", file)); }
  static int64_t now_s() { return real_clock().now_us() / 1'000'000; }

  std::string folder;
  KeyPair authority;
};

TEST_F(RenewalTest, ReadsWhatWasMade) {
  auto facts = read_certificate(text("serving.crt"));
  ASSERT_TRUE(facts.has_value());
  EXPECT_EQ(facts->subject, "server");
  EXPECT_EQ(facts->signer, "the-ca");
  EXPECT_EQ(facts->request.usage, Usage::Server);
  EXPECT_EQ(facts->request.dns_names, (std::vector<std::string>{"localhost", "a.example"}));
  EXPECT_EQ(facts->request.ip_addresses, (std::vector<std::string>{"127.0.0.1", "fd00::1"}));
  EXPECT_EQ(facts->request.days, 90);
  facts = read_certificate(text("admin.crt"));
  EXPECT_EQ(facts->request.organizations, (std::vector<std::string>{"system:masters", "more"}));
  EXPECT_EQ(facts->request.usage, Usage::Client);
  EXPECT_TRUE(read_certificate(text("ca.crt"))->is_authority());
  EXPECT_FALSE(read_certificate("nothing").has_value());
  EXPECT_FALSE(facts->is_due(now_s()));
  EXPECT_TRUE(facts->is_due(facts->ends_s - 86400 * 100));
}

TEST_F(RenewalTest, RenewsWhatIsDueAndNothingElse) {
  auto serving = text("serving.crt"), admin = text("admin.crt"), ca = text("ca.crt");
  auto renewed = renew_certificates(folder, {.only_due = true}, now_s());
  ASSERT_TRUE(renewed.has_value());
  EXPECT_TRUE(renewed->empty());
  renewed = renew_certificates(folder, {.only_due = true}, now_s() + 70 * 86400);
  EXPECT_EQ(*renewed, (std::vector<std::string>{"serving"}));
  EXPECT_NE(text("serving.crt"), serving);
  EXPECT_EQ(text("admin.crt"), admin);
  auto facts = read_certificate(text("serving.crt"));
  EXPECT_EQ(facts->request.ip_addresses, (std::vector<std::string>{"127.0.0.1", "fd00::1"}));
  EXPECT_EQ(facts->signer, "the-ca");
  EXPECT_EQ(text("ca.crt"), ca);
}

TEST_F(RenewalTest, KubeconfigsGetTheNewCredential) {
  KeyPair old{text("admin.crt"), text("admin.key")};
  auto config = kubeconfig("c", "https://127.0.0.1:6443", authority.certificate_pem, "kubernetes-admin", old);
  ASSERT_TRUE(write_file(folder + "/admin.kubeconfig", config, 0600).has_value());
  ASSERT_TRUE(write_file(folder + "/copy", config, 0600).has_value());
  auto renewed = renew_certificates(folder, {.names = {"admin"}, .kubeconfigs = {folder + "/copy"}}, now_s());
  EXPECT_EQ(*renewed, (std::vector<std::string>{"admin"}));
  auto want = kubeconfig("c", "https://127.0.0.1:6443", authority.certificate_pem, "kubernetes-admin", {text("admin.crt"), text("admin.key")});
  EXPECT_NE(want, config);
  EXPECT_EQ(text("admin.kubeconfig"), want);
  EXPECT_EQ(text("copy"), want);
}

TEST_F(RenewalTest, LeavesWhatIsNotOurs) {
  auto other = make_certificate({.common_name = "other-ca", .usage = Usage::Authority}, nullptr);
  ASSERT_TRUE(load_or_make(folder + "/foreign.crt", folder + "/foreign.key", {.common_name = "foreign"}, &*other).has_value());
  auto foreign = text("foreign.crt");
  EXPECT_EQ(*renew_certificates(folder, {}, now_s()), (std::vector<std::string>{"admin", "serving"}));
  EXPECT_EQ(text("foreign.crt"), foreign);
  EXPECT_FALSE(renew_certificates(folder, {.names = {"ca"}}, now_s()).has_value());
  EXPECT_FALSE(renew_certificates(folder, {.names = {"none"}}, now_s()).has_value());
}

}  // namespace
}  // namespace sampan::cluster
