// Certificate signing requests. The keys and signatures are made here.
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "base/encoding.h"
#include "registry/certificates/pem.h"
#include "registry/testing.h"

namespace sampan::registry {

extern const Rules kCertificateSigningRequestRules;
constexpr const Rules& kRules = kCertificateSigningRequestRules;

using namespace testing;

namespace {

struct Made {
  std::string request, certificate;  // PEM
};

std::string pem_of(BIO* memory) {
  char* data = nullptr;
  long size = BIO_get_mem_data(memory, &data);
  std::string out(data, static_cast<size_t>(size));
  BIO_free(memory);
  return out;
}

const Made& made() {
  static const Made once = [] {
    EVP_PKEY* key = EVP_EC_gen("P-256");
    X509_REQ* request = X509_REQ_new();
    X509_REQ_set_pubkey(request, key);
    X509_REQ_sign(request, key, EVP_sha256());
    X509* certificate = X509_new();
    X509_set_pubkey(certificate, key);
    X509_gmtime_adj(X509_getm_notBefore(certificate), 0);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 60);
    X509_sign(certificate, key, EVP_sha256());
    Made out;
    BIO* memory = BIO_new(BIO_s_mem());
    PEM_write_bio_X509_REQ(memory, request);
    out.request = pem_of(memory);
    memory = BIO_new(BIO_s_mem());
    PEM_write_bio_X509(memory, certificate);
    out.certificate = pem_of(memory);
    X509_free(certificate);
    X509_REQ_free(request);
    EVP_PKEY_free(key);
    return out;
  }();
  return once;
}

std::string base64(std::string_view text) {
  std::string out;
  append_base64(out, text);
  return out;
}

ObjectRef request(std::string_view spec = "'signerName':'example.com/s','usages':['client auth']", std::string_view status = "{}") {
  return make("certificates.k8s.io/v1", "CertificateSigningRequest",
              concat("{'metadata':{'name':'r'},'spec':{'request':'", base64(made().request), "',", spec, "},'status':", status, "}"));
}
ObjectRef with_status(std::string_view status) { return request("'signerName':'example.com/s','usages':['client auth']", status); }

TEST(CertificateSigningRequest, Spec) {
  const struct {
    std::string_view spec;
    Errors want;
  } cases[] = {
      {"'signerName':'example.com/s','usages':['client auth']", {}},
      {"'usages':['client auth']", {"spec.signerName: Required value"}},
      {"'signerName':'x','usages':['any']",
       {"spec.signerName: Invalid value: \"x\": must be a fully qualified domain and path of the form 'example.com/signer-name'"}},
      {"'signerName':'x/y','usages':['any']",
       {"spec.signerName: Invalid value: \"x\": should be a domain with at least two segments separated by dots"}},
      {"'signerName':'kubernetes.io/legacy-unknown','usages':['any']",
       {"spec.signerName: Invalid value: \"kubernetes.io/legacy-unknown\": the legacy signerName is not allowed via this API version"}},
      {"'signerName':'a.b/c'", {"spec.usages: Required value"}},
      {"'signerName':'a.b/c','usages':['any','any']", {"spec.usages[1]: Duplicate value: \"any\""}},
      {"'signerName':'a.b/c','usages':['any'],'expirationSeconds':599",
       {"spec.expirationSeconds: Invalid value: 599: may not specify a duration less than 600 seconds (10 minutes)"}},
  };
  for (const auto& c : cases) EXPECT_EQ(errors_of(kRules, *request(c.spec)), c.want) << c.spec;
  auto empty = make("certificates.k8s.io/v1", "CertificateSigningRequest",
                    "{'metadata':{'name':'r'},'spec':{'signerName':'a.b/c','usages':['any']}}");
  EXPECT_EQ(errors_of(kRules, *empty), Errors{"spec.request: Invalid value: null: PEM block type must be CERTIFICATE REQUEST"});
}

TEST(CertificateSigningRequest, TheRequesterIsWhoTheServerKnows) {
  Arena arena;
  Value object = tree(arena, "{'spec':{'username':'admin','groups':['system:masters'],'extra':{'a':['b']}},'status':{'certificate':'eA=='}}");
  std::vector<std::string> groups = {"g1", "g2"};
  CreateContext context;
  context.requester = {"alice", "u-1", groups};
  kRules.prepare_create(object, context);
  EXPECT_EQ(json_of(object), "{'spec':{'username':'alice','uid':'u-1','groups':['g1','g2']},'status':{}}");
  kRules.prepare_create(object, {});
  EXPECT_EQ(json_of(object["spec"]), "{}");
}

TEST(CertificateSigningRequest, WhatEachWayMayChange) {
  const std::string certificate = base64(made().certificate);
  auto old = with_status("{}");
  auto approved = with_status("{'conditions':[{'type':'Approved','status':'True'}]}");
  auto issued = with_status(concat("{'certificate':'", certificate, "'}"));
  constexpr std::string_view kAdd = "status.conditions: Forbidden: updates may not add a condition of type \"Approved\"";
  EXPECT_EQ(subresource_errors_of(kRules, "approval", *approved, *old), Errors{});
  EXPECT_EQ(subresource_errors_of(kRules, "status", *approved, *old), Errors{std::string(kAdd)});
  EXPECT_EQ(subresource_errors_of(kRules, "approval", *old, *approved),
            Errors{"status.conditions: Forbidden: updates may not remove a condition of type \"Approved\""});
  EXPECT_EQ(subresource_errors_of(kRules, "status", *issued, *old), Errors{});
  EXPECT_EQ(subresource_errors_of(kRules, "approval", *issued, *old),
            Errors{"status.certificate: Forbidden: updates may not set certificate content"});
  EXPECT_EQ(subresource_errors_of(kRules, "status", *with_status("{'certificate':'eA=='}"), *issued),
            (Errors{"status.certificate: Forbidden: updates may not modify existing certificate content",
                    "status.certificate: Invalid value: \"<certificate data>\": must contain at least one CERTIFICATE PEM block"}));
  auto both = with_status("{'conditions':[{'type':'Approved','status':'True'},{'type':'Denied','status':'False'}]}");
  EXPECT_EQ(subresource_errors_of(kRules, "approval", *both, *approved),
            (Errors{"status.conditions: Invalid value: \"Denied\": Approved and Denied conditions are mutually exclusive",
                    "status.conditions[1].status: Unsupported value: \"False\": supported values: \"True\""}));
}

TEST(CertificateSigningRequest, UpdatesKeepTheRest) {
  auto old = with_status("{'conditions':[{'type':'Approved','status':'True','reason':'old','lastTransitionTime':'2026-01-01T00:00:00Z'}]}");
  Arena arena;
  auto changed = [&] {
    return tree(arena, "{'spec':{'signerName':'other.com/s'},'status':{'certificate':'eA==','conditions':[{'type':'Approved','status':'True',"
                       "'reason':'new'},{'type':'Failed','status':'True'}]}}");
  };
  Value main = changed(), status = changed(), approval = changed();
  kRules.prepare_update(main, *old, "");
  EXPECT_EQ(main["status"]["conditions"].size(), 1u);
  EXPECT_EQ(main["spec"]["signerName"].as_string(), "example.com/s");
  kRules.prepare_update(status, *old, "status");
  EXPECT_EQ(status["status"]["conditions"].at(0)["reason"].as_string(), "old");
  EXPECT_EQ(status["status"]["certificate"].as_string(), "eA==");
  kRules.prepare_update(approval, *old, "approval");
  kRules.stamp_update(approval, *old, "approval", 1'800'000'000);
  EXPECT_TRUE(approval["status"]["certificate"].is_absent());
  Value first = approval["status"]["conditions"].at(0), second = approval["status"]["conditions"].at(1);
  EXPECT_EQ(first["reason"].as_string(), "new");
  EXPECT_EQ(first["lastTransitionTime"].as_string(), "2026-01-01T00:00:00Z");
  EXPECT_EQ(first["lastUpdateTime"].as_string(), "2027-01-15T08:00:00Z");
  EXPECT_EQ(second["lastTransitionTime"].as_string(), "2027-01-15T08:00:00Z");
}

TEST(CertificateSigningRequest, Row) {
  auto object = request("'signerName':'example.com/s','usages':['any'],'username':'alice','expirationSeconds':3600",
                        concat("{'conditions':[{'type':'Approved','status':'True'}],'certificate':'", base64(made().certificate), "'}"));
  EXPECT_EQ(cells_of(kRules, *object), (Cells{"r", "<unknown>", "example.com/s", "alice", "60m", "Approved,Issued"}));
}

TEST(Pem, Blocks) {
  constexpr std::string_view kNoRequest = "PEM block type must be CERTIFICATE REQUEST";
  EXPECT_EQ(certificate_request_complaint(concat("words\n", made().request)), "");
  EXPECT_EQ(certificate_request_complaint(made().certificate), kNoRequest);
  EXPECT_EQ(certificate_request_complaint("-----BEGIN CERTIFICATE REQUEST-----\n"), kNoRequest);
  EXPECT_NE(certificate_request_complaint("-----BEGIN CERTIFICATE REQUEST-----\neA==\n-----END CERTIFICATE REQUEST-----\n"), "");
  EXPECT_EQ(certificates_complaint(concat(made().certificate, made().certificate)), "");
  EXPECT_EQ(certificates_complaint(made().request), "only CERTIFICATE PEM blocks are allowed, found \"CERTIFICATE REQUEST\"");
  EXPECT_EQ(certificates_complaint("-----BEGIN CERTIFICATE-----\na: b\n\neA==\n-----END CERTIFICATE-----\n"), "no PEM block headers are permitted");
  // A signature that is not of the key.
  std::string_view rest = made().request;
  PemBlock block;
  ASSERT_TRUE(next_pem_block(rest, block));
  block.bytes.back() = static_cast<char>(block.bytes.back() ^ 1);
  EXPECT_EQ(certificate_request_complaint(
                concat("-----BEGIN CERTIFICATE REQUEST-----\n", base64(block.bytes), "\n-----END CERTIFICATE REQUEST-----\n")),
            "x509: ECDSA verification failure");
}

}  // namespace
}  // namespace sampan::registry
