#include "controllers/signing.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <algorithm>

#include "base/encoding.h"
#include "base/text.h"

namespace sampan::controllers {

namespace {

constexpr int64_t kBackdateSeconds = 5 * 60, kShortSeconds = 8 * 3600;

template <auto Free>
struct Freed {
  template <class T>
  void operator()(T* pointer) const {
    Free(pointer);
  }
};
using Bio = std::unique_ptr<BIO, Freed<BIO_free_all>>;
using Request = std::unique_ptr<X509_REQ, Freed<X509_REQ_free>>;
using Certificate = std::unique_ptr<X509, Freed<X509_free>>;
using Key = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY_free>>;
using Names = std::unique_ptr<GENERAL_NAMES, Freed<GENERAL_NAMES_free>>;
using Number = std::unique_ptr<BIGNUM, Freed<BN_free>>;

void free_extensions(STACK_OF(X509_EXTENSION) * extensions) { sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free); }
using Extensions = std::unique_ptr<STACK_OF(X509_EXTENSION), Freed<free_extensions>>;

Error crypto_error(std::string_view what) {
  char text[256];
  ERR_error_string_n(ERR_get_error(), text, sizeof text);
  ERR_clear_error();
  return internal_error(concat(what, ": ", text));
}

Bio open_text(std::string_view text) { return Bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size()))); }

Result<Request> parse_request(std::string_view pem) {
  Request request(PEM_read_bio_X509_REQ(open_text(pem).get(), nullptr, nullptr, nullptr));
  if (!request) return fail(crypto_error("PEM block type must be CERTIFICATE REQUEST"));
  return request;
}

std::vector<std::string> entries(X509_NAME* name, int nid) {
  std::vector<std::string> values;
  for (int at = -1; (at = X509_NAME_get_index_by_NID(name, nid, at)) >= 0;) {
    unsigned char* text = nullptr;
    int size = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at)));
    if (size < 0) continue;
    values.emplace_back(reinterpret_cast<char*>(text), static_cast<size_t>(size));
    OPENSSL_free(text);
  }
  return values;
}

// ---- usages ----

struct UsageName {
  std::string_view name, openssl;
};
constexpr UsageName kKeyUsages[] = {{"signing", "digitalSignature"},
                                    {"digital signature", "digitalSignature"},
                                    {"content commitment", "nonRepudiation"},
                                    {"key encipherment", "keyEncipherment"},
                                    {"key agreement", "keyAgreement"},
                                    {"data encipherment", "dataEncipherment"},
                                    {"cert sign", "keyCertSign"},
                                    {"crl sign", "cRLSign"},
                                    {"encipher only", "encipherOnly"},
                                    {"decipher only", "decipherOnly"}};
constexpr UsageName kExtendedUsages[] = {{"any", "anyExtendedKeyUsage"},
                                         {"server auth", "serverAuth"},
                                         {"client auth", "clientAuth"},
                                         {"code signing", "codeSigning"},
                                         {"email protection", "emailProtection"},
                                         {"s/mime", "emailProtection"},
                                         {"ipsec end system", "1.3.6.1.5.5.7.3.5"},
                                         {"ipsec tunnel", "1.3.6.1.5.5.7.3.6"},
                                         {"ipsec user", "1.3.6.1.5.5.7.3.7"},
                                         {"timestamping", "timeStamping"},
                                         {"ocsp signing", "OCSPSigning"},
                                         {"microsoft sgc", "msSGC"},
                                         {"netscape sgc", "nsSGC"}};

// OpenSSL's list of those of the usages that the table knows, in the table's order.
std::string usage_list(std::span<const UsageName> table, const std::vector<std::string>& usages) {
  std::vector<std::string> found;
  for (const auto& known : table)
    if (std::find(usages.begin(), usages.end(), known.name) != usages.end() &&
        std::find(found.begin(), found.end(), known.openssl) == found.end())
      found.emplace_back(known.openssl);
  return join(found, ",");
}

bool is_known_usage(std::string_view usage) {
  auto has = [&](const UsageName& known) { return known.name == usage; };
  return std::any_of(std::begin(kKeyUsages), std::end(kKeyUsages), has) ||
         std::any_of(std::begin(kExtendedUsages), std::end(kExtendedUsages), has);
}

bool are_exactly(std::vector<std::string> usages, std::initializer_list<std::string_view> wanted) {
  std::sort(usages.begin(), usages.end());
  usages.erase(std::unique(usages.begin(), usages.end()), usages.end());
  std::vector<std::string> sorted(wanted.begin(), wanted.end());
  std::sort(sorted.begin(), sorted.end());
  return usages == sorted;
}

// "" or the complaint about what node clients and node servers have in common.
std::string node_complaint(const RequestFacts& request) {
  if (request.organizations != std::vector<std::string>{"system:nodes"}) return "subject organization is not system:nodes";
  return {};
}

std::string node_usage_complaint(const RequestFacts& request, const std::vector<std::string>& usages, std::string_view purpose) {
  if (!are_exactly(usages, {"digital signature", "key encipherment", purpose}) && !are_exactly(usages, {"digital signature", purpose})) {
    bool first = purpose < std::string_view("digital signature");
    return concat("usages did not match [", first ? concat(purpose, " digital signature key encipherment") : concat("digital signature key encipherment ", purpose), "]");
  }
  if (!request.common_name.starts_with("system:node:")) return "subject common name does not begin with system:node:";
  return {};
}

std::string client_complaint(const RequestFacts& request, const std::vector<std::string>& usages) {
  if (auto complaint = node_complaint(request); !complaint.empty()) return complaint;
  if (request.dns_names) return "DNS subjectAltNames are not allowed";
  if (request.emails) return "Email subjectAltNames are not allowed";
  if (request.ip_addresses) return "IP subjectAltNames are not allowed";
  if (request.uris) return "URI subjectAltNames are not allowed";
  return node_usage_complaint(request, usages, "client auth");
}

std::string serving_complaint(const RequestFacts& request, const std::vector<std::string>& usages) {
  if (auto complaint = node_complaint(request); !complaint.empty()) return complaint;
  if (!request.dns_names && !request.ip_addresses) return "DNS or IP subjectAltName is required";
  if (request.emails) return "Email subjectAltNames are not allowed";
  if (request.uris) return "URI subjectAltNames are not allowed";
  return node_usage_complaint(request, usages, "server auth");
}

std::string api_client_complaint(const std::vector<std::string>& usages) {
  bool is_client = false;
  for (const auto& usage : usages) {
    is_client |= usage == "client auth";
    if (usage != "client auth" && usage != "digital signature" && usage != "key encipherment")
      return concat("invalid usage for client certificate: ", usage);
  }
  return is_client ? std::string() : "missing required usage for client certificate: client auth";
}

// ---- the certificate ----

bool add_extension(X509* certificate, X509V3_CTX* context, int nid, const std::string& value) {
  auto* extension = X509V3_EXT_conf_nid(nullptr, context, nid, value.c_str());
  if (!extension) return false;
  bool added = X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
  return added;
}

int64_t seconds_of(const ASN1_TIME* time) {
  tm parts{};
  return ASN1_TIME_to_tm(time, &parts) ? static_cast<int64_t>(timegm(&parts)) : 0;
}

Result<void> set_times(X509* certificate, int64_t authority_end, int64_t now, int64_t seconds) {
  int64_t begin = now - kBackdateSeconds, end = std::min(now + seconds - (seconds < kShortSeconds ? 0 : kBackdateSeconds), authority_end);
  if (begin >= authority_end) return fail(internal_error("the signer has expired"));
  if (now >= authority_end) return fail(internal_error("refusing to sign a certificate that expired in the past"));
  if (!ASN1_TIME_set(X509_getm_notBefore(certificate), begin) || !ASN1_TIME_set(X509_getm_notAfter(certificate), end))
    return fail(crypto_error("cannot set the times of a certificate"));
  return {};
}

Result<void> set_extensions(X509* certificate, X509* authority, X509_REQ* request, const std::vector<std::string>& usages) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, authority, certificate, request, nullptr, 0);
  auto key_usage = usage_list(kKeyUsages, usages), extended = usage_list(kExtendedUsages, usages);
  bool good = key_usage.empty() || add_extension(certificate, &context, NID_key_usage, concat("critical,", key_usage));
  good = good && (extended.empty() || add_extension(certificate, &context, NID_ext_key_usage, extended));
  good = good && add_extension(certificate, &context, NID_basic_constraints, "critical,CA:FALSE");
  good = good && add_extension(certificate, &context, NID_authority_key_identifier, "keyid");
  Extensions asked(X509_REQ_get_extensions(request));
  int at = asked ? X509v3_get_ext_by_NID(asked.get(), NID_subject_alt_name, -1) : -1;
  good = good && (at < 0 || X509_add_ext(certificate, X509v3_get_ext(asked.get(), at), -1));
  if (!good) return fail(crypto_error("cannot set the extensions of a certificate"));
  return {};
}

Result<void> set_serial(X509* certificate) {
  unsigned char bytes[16];
  if (RAND_bytes(bytes, sizeof bytes) != 1) return fail(crypto_error("no random number"));
  bytes[0] &= 0x7f;  // positive
  Number number(BN_bin2bn(bytes, sizeof bytes, nullptr));
  if (!number || !BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(certificate))) return fail(crypto_error("cannot set a serial number"));
  return {};
}

std::string url_base64(std::string_view bytes) {
  std::string text;
  append_base64(text, bytes);
  while (text.ends_with('=')) text.pop_back();
  std::replace(text.begin(), text.end(), '+', '-');
  std::replace(text.begin(), text.end(), '/', '_');
  return text;
}

}  // namespace

Result<RequestFacts> read_certificate_request(std::string_view pem) {
  Request request = TRY(parse_request(pem));
  RequestFacts facts;
  X509_NAME* subject = X509_REQ_get_subject_name(request.get());
  auto names = entries(subject, NID_commonName);
  if (!names.empty()) facts.common_name = names.back();
  facts.organizations = entries(subject, NID_organizationName);
  Extensions extensions(X509_REQ_get_extensions(request.get()));
  if (!extensions) return facts;
  Names others(static_cast<GENERAL_NAMES*>(X509V3_get_d2i(extensions.get(), NID_subject_alt_name, nullptr, nullptr)));
  for (int i = 0; others && i < sk_GENERAL_NAME_num(others.get()); i++) {
    switch (sk_GENERAL_NAME_value(others.get(), i)->type) {
      case GEN_DNS: facts.dns_names++; break;
      case GEN_IPADD: facts.ip_addresses++; break;
      case GEN_EMAIL: facts.emails++; break;
      case GEN_URI: facts.uris++; break;
    }
  }
  return facts;
}

std::string signer_complaint(std::string_view signer, const RequestFacts& request, const std::vector<std::string>& usages, bool& known) {
  known = true;
  if (signer == "kubernetes.io/kubelet-serving") return serving_complaint(request, usages);
  if (signer == "kubernetes.io/kube-apiserver-client-kubelet") return client_complaint(request, usages);
  if (signer == "kubernetes.io/kube-apiserver-client") return api_client_complaint(usages);
  known = signer == "kubernetes.io/legacy-unknown";
  return {};
}

bool is_node_client(std::string_view signer, const RequestFacts& request, const std::vector<std::string>& usages) {
  return signer == "kubernetes.io/kube-apiserver-client-kubelet" && client_complaint(request, usages).empty();
}

Result<std::string> sign_certificate(std::string_view request_pem, const std::vector<std::string>& usages, const Authority& authority,
                                     int64_t now_seconds, int64_t seconds) {
  std::vector<std::string> unknown;
  for (const auto& usage : usages)
    if (!is_known_usage(usage)) unknown.push_back(quoted(usage));
  if (!unknown.empty()) return fail(internal_error(concat("unrecognized usage values: [", join(unknown, " "), "]")));
  Request request = TRY(parse_request(request_pem));
  Certificate signer(PEM_read_bio_X509(open_text(authority.certificate_pem).get(), nullptr, nullptr, nullptr));
  Key key(PEM_read_bio_PrivateKey(open_text(authority.key_pem).get(), nullptr, nullptr, nullptr));
  if (!signer || !key) return fail(crypto_error("cannot read the signer's certificate and key"));
  EVP_PKEY* requested_key = X509_REQ_get0_pubkey(request.get());
  if (!requested_key || X509_REQ_verify(request.get(), requested_key) != 1) return fail(crypto_error("the request is not signed by its own key"));

  Certificate certificate(X509_new());
  bool good = certificate && X509_set_version(certificate.get(), X509_VERSION_3) &&
              X509_set_subject_name(certificate.get(), X509_REQ_get_subject_name(request.get())) &&
              X509_set_issuer_name(certificate.get(), X509_get_subject_name(signer.get())) && X509_set_pubkey(certificate.get(), requested_key);
  if (!good) return fail(crypto_error("cannot make a certificate"));
  TRY(set_serial(certificate.get()));
  TRY(set_times(certificate.get(), seconds_of(X509_get0_notAfter(signer.get())), now_seconds, seconds));
  TRY(set_extensions(certificate.get(), signer.get(), request.get(), usages));
  bool has_own_digest = EVP_PKEY_get_id(key.get()) == EVP_PKEY_ED25519;
  if (!X509_sign(certificate.get(), key.get(), has_own_digest ? nullptr : EVP_sha256())) return fail(crypto_error("cannot sign a certificate"));
  Bio out(BIO_new(BIO_s_mem()));
  if (!PEM_write_bio_X509(out.get(), certificate.get())) return fail(crypto_error("cannot write a certificate"));
  char* text = nullptr;
  long size = BIO_get_mem_data(out.get(), &text);
  return std::string(text, static_cast<size_t>(size));
}

int64_t certificate_end(std::string_view pem) {
  Certificate certificate(PEM_read_bio_X509(open_text(pem).get(), nullptr, nullptr, nullptr));
  ERR_clear_error();
  return certificate ? seconds_of(X509_get0_notAfter(certificate.get())) : 0;
}

std::string detached_signature(std::string_view content, std::string_view key_id, std::string_view secret) {
  auto header = url_base64(concat("{\"alg\":\"HS256\",\"kid\":", quoted(key_id), "}"));
  auto signed_text = concat(header, ".", url_base64(content));
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()), reinterpret_cast<const unsigned char*>(signed_text.data()), signed_text.size(), digest,
       &size);
  return concat(header, "..", url_base64({reinterpret_cast<char*>(digest), size}));
}

}  // namespace sampan::controllers
