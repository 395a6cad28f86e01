// Certificate requests and bootstrap tokens.
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "base/encoding.h"
#include "base/text.h"
#include "controllers/seeds_for_test.h"
#include "controllers/signing.h"
#include "controllers/tree.h"

namespace sampan::controllers {
namespace {

using simulate::World;

std::string text_of(BIO* bio) {
  char* text = nullptr;
  long size = BIO_get_mem_data(bio, &text);
  std::string result(text, static_cast<size_t>(size));
  BIO_free(bio);
  return result;
}

std::string key_text(EVP_PKEY* key) {
  BIO* bio = BIO_new(BIO_s_mem());
  PEM_write_bio_PrivateKey(bio, key, nullptr, nullptr, 0, nullptr, nullptr);
  return text_of(bio);
}

void set_subject(X509_NAME* name, std::string_view organization, std::string_view common_name) {
  auto add = [&](const char* field, std::string_view value) {
    if (!value.empty())
      X509_NAME_add_entry_by_txt(name, field, MBSTRING_UTF8, reinterpret_cast<const unsigned char*>(value.data()), static_cast<int>(value.size()), -1, 0);
  };
  add("O", organization);
  add("CN", common_name);
}

Authority make_authority(int64_t now, int64_t seconds) {
  EVP_PKEY* key = EVP_EC_gen("P-256");
  X509* certificate = X509_new();
  X509_set_version(certificate, X509_VERSION_3);
  set_subject(X509_get_subject_name(certificate), "", "kubernetes-ca");
  X509_set_issuer_name(certificate, X509_get_subject_name(certificate));
  X509_set_pubkey(certificate, key);
  ASN1_TIME_set(X509_getm_notBefore(certificate), now - 60);
  ASN1_TIME_set(X509_getm_notAfter(certificate), now + seconds);
  X509V3_CTX context;
  X509V3_set_ctx(&context, certificate, certificate, nullptr, nullptr, 0);
  for (auto [nid, value] : {std::pair(NID_basic_constraints, "critical,CA:TRUE"), {NID_subject_key_identifier, "hash"}}) {
    auto* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value);
    X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
  }
  X509_sign(certificate, key, EVP_sha256());
  BIO* bio = BIO_new(BIO_s_mem());
  PEM_write_bio_X509(bio, certificate);
  Authority authority{text_of(bio), key_text(key)};
  X509_free(certificate);
  EVP_PKEY_free(key);
  return authority;
}

std::string make_request(std::string_view organization, std::string_view common_name, std::string_view names = {}) {
  EVP_PKEY* key = EVP_EC_gen("P-256");
  X509_REQ* request = X509_REQ_new();
  set_subject(X509_REQ_get_subject_name(request), organization, common_name);
  X509_REQ_set_pubkey(request, key);
  if (!names.empty()) {
    auto* extensions = sk_X509_EXTENSION_new_null();
    sk_X509_EXTENSION_push(extensions, X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, std::string(names).c_str()));
    X509_REQ_add_extensions(request, extensions);
    sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
  }
  X509_REQ_sign(request, key, EVP_sha256());
  BIO* bio = BIO_new(BIO_s_mem());
  PEM_write_bio_X509_REQ(bio, request);
  X509_REQ_free(request);
  EVP_PKEY_free(key);
  return text_of(bio);
}

constexpr int64_t kNow = 1'767'225'600;

TEST(Signing, WhatASignerTakes) {
  const std::string kServing = "kubernetes.io/kubelet-serving", kClient = "kubernetes.io/kube-apiserver-client-kubelet",
                    kApiClient = "kubernetes.io/kube-apiserver-client";
  const std::vector<std::string> client = {"digital signature", "client auth"}, server = {"digital signature", "key encipherment", "server auth"};
  const struct {
    std::string signer, organization, common_name, names;
    std::vector<std::string> usages;
    std::string complaint;
  } cases[] = {
      {kClient, "system:nodes", "system:node:n1", "", client, ""},
      {kClient, "system:masters", "system:node:n1", "", client, "subject organization is not system:nodes"},
      {kClient, "system:nodes", "admin", "", client, "subject common name does not begin with system:node:"},
      {kClient, "system:nodes", "system:node:n1", "DNS:n1", client, "DNS subjectAltNames are not allowed"},
      {kClient, "system:nodes", "system:node:n1", "", server, "usages did not match [client auth digital signature key encipherment]"},
      {kServing, "system:nodes", "system:node:n1", "IP:10.0.0.1", server, ""},
      {kServing, "system:nodes", "system:node:n1", "", server, "DNS or IP subjectAltName is required"},
      {kServing, "system:nodes", "system:node:n1", "DNS:n1", client, "usages did not match [digital signature key encipherment server auth]"},
      {kServing, "system:nodes", "system:node:n1", "DNS:n1,URI:http://x", server, "URI subjectAltNames are not allowed"},
      {kApiClient, "dev", "jane", "", client, ""},
      {kApiClient, "dev", "jane", "", server, "invalid usage for client certificate: server auth"},
  };
  for (const auto& c : cases) {
    auto facts = read_certificate_request(make_request(c.organization, c.common_name, c.names));
    ASSERT_TRUE(facts.has_value()) << facts.error().message();
    bool known = false;
    EXPECT_EQ(signer_complaint(c.signer, *facts, c.usages, known), c.complaint) << c.signer << " " << c.common_name;
    EXPECT_TRUE(known);
  }
  bool known = true;
  EXPECT_EQ(signer_complaint("example.com/mine", {}, {}, known), "");
  EXPECT_FALSE(known);
}

TEST(Signing, ACertificateIsWhatWasAskedFor) {
  auto authority = make_authority(kNow, 3600 * 24 * 30);
  auto signed_pem = sign_certificate(make_request("system:nodes", "system:node:n1", "DNS:n1,IP:10.0.0.1"), {"digital signature", "server auth"}, authority,
                                     kNow, 3600 * 24);
  ASSERT_TRUE(signed_pem.has_value()) << signed_pem.error().message();
  EXPECT_EQ(certificate_end(*signed_pem), kNow + 3600 * 24 - 300);
  auto read = [](const std::string& pem) {
    BIO* bio = BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()));
    X509* certificate = PEM_read_bio_X509(bio, nullptr, nullptr, nullptr);
    BIO_free(bio);
    return certificate;
  };
  X509 *certificate = read(*signed_pem), *signer = read(authority.certificate_pem);
  EXPECT_EQ(X509_verify(certificate, X509_get0_pubkey(signer)), 1);
  EXPECT_EQ(X509_check_host(certificate, "n1", 2, 0, nullptr), 1);
  EXPECT_EQ(X509_check_ip_asc(certificate, "10.0.0.1", 0), 1);
  EXPECT_EQ(X509_get_extended_key_usage(certificate), static_cast<uint32_t>(XKU_SSL_SERVER));
  EXPECT_EQ(X509_get_key_usage(certificate), static_cast<uint32_t>(KU_DIGITAL_SIGNATURE));
  EXPECT_EQ(X509_check_ca(certificate), 0);
  X509_free(certificate);
  X509_free(signer);

  auto ends = [&](int64_t seconds) {
    auto one = sign_certificate(make_request("", "x"), {"client auth"}, authority, kNow, seconds);
    return one ? certificate_end(*one) - kNow : -1;
  };
  EXPECT_EQ(ends(3600), 3600);                        // a short one is not shortened
  EXPECT_EQ(ends(3600 * 24 * 365), 3600 * 24 * 30);   // none outlives its signer
  EXPECT_FALSE(sign_certificate(make_request("", "x"), {"dancing"}, authority, kNow, 3600).has_value());
  EXPECT_FALSE(sign_certificate("nonsense", {"client auth"}, authority, kNow, 3600).has_value());
  EXPECT_FALSE(sign_certificate(make_request("", "x"), {"client auth"}, authority, kNow + 3600 * 24 * 31, 3600).has_value());
}

std::string request_yaml(std::string_view name, const std::string& pem, std::string_view signer, std::string_view usages) {
  std::string encoded;
  append_base64(encoded, pem);
  return concat("apiVersion: certificates.k8s.io/v1\nkind: CertificateSigningRequest\nmetadata: {name: ", name, "}\nspec: {signerName: ", signer,
                ", usages: [", usages, "], request: ", encoded, "}\n");
}

void approve(World& world, std::string_view name) {
  auto approved = client::update_latest(world.api(), client::builtin("certificates.k8s.io", "certificatesigningrequests"), "", name,
                                        {.subresource = "approval"}, [](const schema::Object&, schema::Value tree) -> Result<bool> {
                                          auto condition = tree_of(tree.arena(), {{"type", "Approved"}, {"status", "True"}, {"reason", "Test"}});
                                          tree.ensure_object("status").ensure_list("conditions").push(condition);
                                          return true;
                                        });
  ASSERT_TRUE(approved.has_value()) << approved.error().message();
}

TEST(Certificates, WhatIsApprovedIsSignedAndAllEnd) {
  for_seeds(
      [](World& world) {
        auto authority = make_authority(kNow, 3600 * 24 * 365);
        world.settings.signing_certificate_pem = authority.certificate_pem;
        world.settings.signing_key_pem = authority.key_pem;
        world.start_controllers({"certificatesigningrequest-signing-controller", "certificatesigningrequest-cleaner-controller"});
        world.apply(request_yaml("node", make_request("system:nodes", "system:node:n1"), "kubernetes.io/kube-apiserver-client-kubelet",
                                 "digital signature, client auth"));
        world.apply(request_yaml("person", make_request("dev", "jane"), "kubernetes.io/kube-apiserver-client", "client auth"));
        approve(world, "node");
        auto certificate = [&](std::string_view name) {
          auto request = world.get("certificates.k8s.io", "certificatesigningrequests", "", name);
          return request ? std::string((*request)["status"]["certificate"].as_string()) : "gone";
        };
        EXPECT_TRUE(world.run_until([&] { return certificate("node").starts_with("-----BEGIN CERTIFICATE"); }, 120));
        EXPECT_EQ(certificate("person"), "");
        world.run_for(3 * 3600);
        EXPECT_EQ(certificate("node"), "gone");
        world.run_for(26 * 3600);
        EXPECT_EQ(certificate("person"), "gone");
      },
      3);
}

TEST(BootstrapTokens, SignAndEnd) {
  for_seeds(
      [](World& world) {
        world.apply("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: cluster-info, namespace: kube-public}\ndata: {kubeconfig: hello}\n");
        world.apply(
            "apiVersion: v1\nkind: Secret\nmetadata: {name: bootstrap-token-abcdef, namespace: kube-system}\ntype: bootstrap.kubernetes.io/token\n"
            "stringData: {token-id: abcdef, token-secret: 0123456789abcdef, usage-bootstrap-signing: 'true', expiration: '2026-01-01T01:00:00Z'}\n");
        world.start_controllers({"bootstrap-signer-controller", "token-cleaner-controller"});
        auto signature = [&] {
          auto info = world.get("", "configmaps", "kube-public", "cluster-info");
          return std::string((*info)["data"]["jws-kubeconfig-abcdef"].as_string());
        };
        EXPECT_TRUE(world.run_until([&] { return !signature().empty(); }, 60));
        EXPECT_EQ(signature(), detached_signature("hello", "abcdef", "0123456789abcdef"));
        EXPECT_TRUE(world.run_until([&] { return !world.get("", "secrets", "kube-system", "bootstrap-token-abcdef"); }, 4000));
        EXPECT_TRUE(world.run_until([&] { return signature().empty(); }, 600));
      },
      20);
}

TEST(BootstrapTokens, Signature) {
  // Made with HMAC-SHA256 over "<header>.<content>", both in base64 for URLs.
  EXPECT_EQ(detached_signature("payload", "keyid", "secret").substr(0, 41), "eyJhbGciOiJIUzI1NiIsImtpZCI6ImtleWlkIn0..");
}

}  // namespace
}  // namespace sampan::controllers
