#include "cluster/renewal.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <unistd.h>

#include <algorithm>
#include <ctime>
#include <memory>

#include "base/encoding.h"
#include "base/text.h"

namespace sampan::cluster {

namespace {

using Certificate = std::unique_ptr<X509, decltype(&X509_free)>;

Certificate parse(std::string_view pem) {
  BIO* bio = BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()));
  Certificate certificate(PEM_read_bio_X509(bio, nullptr, nullptr, nullptr), X509_free);
  BIO_free(bio);
  ERR_clear_error();
  return certificate;
}

std::vector<std::string> entries(const X509_NAME* name, int id) {
  std::vector<std::string> values;
  for (int i = -1; (i = X509_NAME_get_index_by_NID(name, id, i)) >= 0;) {
    unsigned char* text = nullptr;
    int size = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, i)));
    if (size >= 0) values.emplace_back(reinterpret_cast<char*>(text), static_cast<size_t>(size));
    OPENSSL_free(text);
  }
  return values;
}

std::string common_name(const X509_NAME* name) {
  auto names = entries(name, NID_commonName);
  return names.empty() ? std::string() : names.back();
}

int64_t seconds_of(const ASN1_TIME* time) {
  tm parts{};
  return ASN1_TIME_to_tm(time, &parts) == 1 ? timegm(&parts) : 0;
}

void read_names(X509* certificate, CertificateRequest& request) {
  auto names = static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr));
  for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
    auto name = sk_GENERAL_NAME_value(names, i);
    char address[INET6_ADDRSTRLEN] = "";
    if (name->type == GEN_DNS) {
      request.dns_names.emplace_back(reinterpret_cast<const char*>(ASN1_STRING_get0_data(name->d.dNSName)),
                                     static_cast<size_t>(ASN1_STRING_length(name->d.dNSName)));
    } else if (name->type == GEN_IPADD) {
      bool v4 = ASN1_STRING_length(name->d.iPAddress) == 4;
      if (inet_ntop(v4 ? AF_INET : AF_INET6, ASN1_STRING_get0_data(name->d.iPAddress), address, sizeof address)) request.ip_addresses.emplace_back(address);
    }
  }
  GENERAL_NAMES_free(names);
}

bool is_signed_by(std::string_view pem, std::string_view authority_pem) {
  auto certificate = parse(pem), authority = parse(authority_pem);
  bool good = certificate && authority && X509_verify(certificate.get(), X509_get0_pubkey(authority.get())) == 1;
  ERR_clear_error();
  return good;
}

std::string base64(std::string_view text) {
  std::string out;
  append_base64(out, text);
  return out;
}

// A credential inside a kubeconfig, where it is that one.
Result<void> replace_in(const std::string& path, const KeyPair& old, const KeyPair& renewed) {
  if (::access(path.c_str(), R_OK) != 0) return {};
  auto text = TRY(read_file(path));
  bool changed = false;
  for (auto [from, to] : {std::pair{base64(old.certificate_pem), base64(renewed.certificate_pem)}, {base64(old.key_pem), base64(renewed.key_pem)}})
    if (auto at = text.find(from); at != std::string::npos) {
      text.replace(at, from.size(), to);
      changed = true;
    }
  if (!changed) return {};
  return write_file(path, text, 0600);
}

}  // namespace

Result<CertificateFacts> read_certificate(std::string_view pem) {
  auto certificate = parse(pem);
  if (!certificate) return fail(bad_request("this is no certificate"));
  X509* x509 = certificate.get();
  CertificateFacts facts;
  facts.subject = common_name(X509_get_subject_name(x509));
  facts.signer = common_name(X509_get_issuer_name(x509));
  facts.begins_s = seconds_of(X509_get0_notBefore(x509));
  facts.ends_s = seconds_of(X509_get0_notAfter(x509));
  facts.request.common_name = facts.subject;
  facts.request.organizations = entries(X509_get_subject_name(x509), NID_organizationName);
  bool server = (X509_get_extension_flags(x509) & EXFLAG_XKUSAGE) && (X509_get_extended_key_usage(x509) & XKU_SSL_SERVER);
  facts.request.usage = X509_check_ca(x509) ? Usage::Authority : server ? Usage::Server : Usage::Client;
  facts.request.days = static_cast<int>((facts.ends_s - facts.begins_s) / 86400);
  read_names(x509, facts.request);
  return facts;
}

std::vector<CertificateFile> certificates_in(const std::string& folder) {
  std::vector<CertificateFile> files;
  DIR* opened = ::opendir(folder.c_str());
  if (!opened) return files;
  while (auto* entry = ::readdir(opened)) {
    std::string_view file = entry->d_name;
    if (!file.ends_with(".crt")) continue;
    std::string name(file.substr(0, file.size() - 4)), base = concat(folder, "/", name);
    if (::access((base + ".key").c_str(), F_OK) != 0) continue;
    auto pem = read_file(base + ".crt");
    auto facts = pem ? read_certificate(*pem) : Result<CertificateFacts>(fail(std::move(pem).error()));
    if (facts) files.push_back({std::move(name), base + ".crt", base + ".key", std::move(*facts)});
  }
  ::closedir(opened);
  std::sort(files.begin(), files.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  return files;
}

Result<std::vector<std::string>> renew_certificates(const std::string& folder, const Renewal& renewal, int64_t now_s) {
  auto files = certificates_in(folder);
  for (const auto& name : renewal.names)
    if (std::none_of(files.begin(), files.end(), [&](const auto& file) { return file.name == name && !file.facts.is_authority(); }))
      return fail(bad_request(concat("there is no certificate ", quoted(name), " in ", folder, " that can be renewed")));
  KeyPair authority{TRY(read_file(folder + "/ca.crt")), TRY(read_file(folder + "/ca.key"))};
  std::vector<std::string> renewed;
  for (const CertificateFile& file : files) {
    bool wanted = renewal.names.empty() || std::find(renewal.names.begin(), renewal.names.end(), file.name) != renewal.names.end();
    if (!wanted || file.facts.is_authority() || (renewal.only_due && !file.facts.is_due(now_s))) continue;
    KeyPair old{TRY(read_file(file.certificate_file)), TRY(read_file(file.key_file))};
    if (!is_signed_by(old.certificate_pem, authority.certificate_pem)) continue;
    auto made = TRY(make_certificate(file.facts.request, &authority));
    TRY(write_file(file.key_file, made.key_pem, 0600));
    TRY(write_file(file.certificate_file, made.certificate_pem, 0644));
    TRY(replace_in(concat(folder, "/", file.name, ".kubeconfig"), old, made));
    for (const auto& path : renewal.kubeconfigs) TRY(replace_in(path, old, made));
    renewed.push_back(file.name);
  }
  return renewed;
}

}  // namespace sampan::cluster
