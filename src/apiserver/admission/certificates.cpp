// CertificateApproval, CertificateSigning and CertificateSubjectRestriction: who may have certificates signed, by whom, and with what name.
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "apiserver/access/access.h"
#include "apiserver/admission/certificate_subject.h"
#include "apiserver/admission/plugin.h"
#include "base/text.h"

namespace sampan::apiserver {

using schema::Object;

namespace {

constexpr std::string_view kGroup = "certificates.k8s.io";
constexpr std::string_view kClientSigner = "kubernetes.io/kube-apiserver-client";

bool is_request(const Attributes& attributes, std::string_view subresource) {
  const RequestInfo& info = attributes.info;
  return info.group == kGroup && info.resource == "certificatesigningrequests" && info.subresource == subresource;
}

// Of the signer by its name, or of all that begin with its domain.
bool may_use_signer(Access& access, const User& user, std::string_view verb, std::string_view signer) {
  RequestInfo info;
  info.is_resource = true;
  info.verb = verb;
  info.group = kGroup;
  info.version = "*";
  info.resource = "signers";
  info.name = signer;
  if (access.allows(user, info)) return true;
  info.name = concat(signer.substr(0, signer.find('/')), "/*");
  return access.allows(user, info);
}

class CertificateApproval final : public AdmissionPlugin {
 public:
  explicit CertificateApproval(Access& access) : access_(access) {}
  std::string_view name() const override { return "CertificateApproval"; }
  Result<void> validate(const Attributes& attributes, const Object* object, const Object* old) override {
    if (attributes.operation != Operation::Update || !is_request(attributes, "approval")) return {};
    auto signer = (*old)["spec"]["signerName"].as_string();
    if (may_use_signer(access_, attributes.user, "approve", signer)) return {};
    return fail(refusal(attributes, *object, concat("user not permitted to approve requests with signerName ", quoted(signer))));
  }

 private:
  Access& access_;
};

class CertificateSigning final : public AdmissionPlugin {
 public:
  explicit CertificateSigning(Access& access) : access_(access) {}
  std::string_view name() const override { return "CertificateSigning"; }
  Result<void> validate(const Attributes& attributes, const Object* object, const Object* old) override {
    if (attributes.operation != Operation::Update || !is_request(attributes, "status")) return {};
    auto now = (*object)["status"], before = (*old)["status"];
    auto same = [&](std::string_view member) {
      auto a = now[member], b = before[member];
      return a.present() == b.present() && (!a.present() || a.equals(b));
    };
    if (same("certificate") && same("conditions")) return {};
    auto signer = (*old)["spec"]["signerName"].as_string();
    if (may_use_signer(access_, attributes.user, "sign", signer)) return {};
    return fail(refusal(attributes, *object, concat("user not permitted to sign requests with signerName ", quoted(signer))));
  }

 private:
  Access& access_;
};

class CertificateSubjectRestriction final : public AdmissionPlugin {
 public:
  std::string_view name() const override { return "CertificateSubjectRestriction"; }
  Result<void> validate(const Attributes& attributes, const Object* object, const Object*) override {
    if (attributes.operation != Operation::Create || !is_request(attributes, "")) return {};
    if ((*object)["spec"]["signerName"].as_string() != kClientSigner) return {};
    auto subject = certificate_subject((*object)["spec"]["request"].as_string());
    if (!subject) return fail(refusal(attributes, *object, concat("failed to parse CSR: ", subject.error().message())));
    for (const auto& group : subject->organizations)
      if (group == "system:masters")
        return fail(refusal(attributes, *object, concat("use of ", kClientSigner, " signer with system:masters group is not allowed")));
    return {};
  }
};

std::vector<std::string> name_entries(X509_NAME* name, int id) {
  std::vector<std::string> values;
  for (int i = -1; (i = X509_NAME_get_index_by_NID(name, id, i)) >= 0;) {
    unsigned char* text = nullptr;
    int size = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, i)));
    if (size < 0) continue;
    values.emplace_back(reinterpret_cast<char*>(text), static_cast<size_t>(size));
    OPENSSL_free(text);
  }
  return values;
}

}  // namespace

Result<CertificateSubject> certificate_subject(std::string_view pem) {
  BIO* bio = BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()));
  X509_REQ* request = PEM_read_bio_X509_REQ(bio, nullptr, nullptr, nullptr);
  BIO_free(bio);
  ERR_clear_error();
  if (!request) return fail(bad_request("PEM block type must be CERTIFICATE REQUEST"));
  X509_NAME* name = X509_REQ_get_subject_name(request);
  CertificateSubject subject;
  if (auto names = name_entries(name, NID_commonName); !names.empty()) subject.common_name = std::move(names.back());  // of several, Go keeps the last
  subject.organizations = name_entries(name, NID_organizationName);
  X509_REQ_free(request);
  return subject;
}

std::unique_ptr<AdmissionPlugin> certificate_approval(Access& access) { return std::make_unique<CertificateApproval>(access); }
std::unique_ptr<AdmissionPlugin> certificate_signing(Access& access) { return std::make_unique<CertificateSigning>(access); }
std::unique_ptr<AdmissionPlugin> certificate_subject_restriction() { return std::make_unique<CertificateSubjectRestriction>(); }

}  // namespace sampan::apiserver
