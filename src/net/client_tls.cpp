#include "net/client_tls.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>

#include "base/check.h"
#include "base/environment.h"
#include "base/log.h"
#include "base/text.h"
#include "net/address.h"

namespace sampan::net {

namespace {

constexpr int64_t kLookEvery_us = 5'000'000;

using BioPtr = std::unique_ptr<BIO, decltype(&BIO_free)>;
BioPtr bio_of(const std::string& text) { return BioPtr(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())), BIO_free); }

Result<std::string> text_of(const std::string& pem, const std::string& file) {
  if (!pem.empty() || file.empty()) return pem;
  std::unique_ptr<FILE, decltype(&fclose)> opened(fopen(file.c_str(), "re"), fclose);
  if (!opened) return fail(internal_error(concat("open ", file, ": ", error_words(errno))));
  std::string text;
  char buffer[4096];
  for (size_t size; (size = fread(buffer, 1, sizeof buffer, opened.get())) > 0;) text.append(buffer, size);
  return text;
}

Result<void> trust(SSL_CTX* context, const ClientTls& tls) {
  auto pem = TRY(text_of(tls.ca_pem, tls.ca_file));
  if (pem.empty()) {
    SSL_CTX_set_default_verify_paths(context);
    return {};
  }
  auto bio = bio_of(pem);
  int count = 0;
  while (SslPtr<X509> certificate{PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)})
    count += X509_STORE_add_cert(SSL_CTX_get_cert_store(context), certificate.get());
  ERR_clear_error();
  if (count == 0) return fail(internal_error("unable to load root certificates: no valid certificate found"));
  return {};
}

Result<void> introduce(SSL_CTX* context, const ClientTls& tls) {
  auto pem = TRY(text_of(tls.certificate_pem, tls.certificate_file)), key_pem = TRY(text_of(tls.key_pem, tls.key_file));
  if (pem.empty() && key_pem.empty()) return {};
  auto problem = [](const char* what) { return fail(internal_error(concat("client certificate: ", what, ": ", last_ssl_error()))); };
  auto bio = bio_of(pem), key_bio = bio_of(key_pem);
  SslPtr<X509> own(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
  if (!own || SSL_CTX_use_certificate(context, own.get()) != 1) return problem("certificate");
  while (SslPtr<X509> issuer{PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)}) SSL_CTX_add1_chain_cert(context, issuer.get());
  ERR_clear_error();
  std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(PEM_read_bio_PrivateKey(key_bio.get(), nullptr, nullptr, nullptr), EVP_PKEY_free);
  if (!key || SSL_CTX_use_PrivateKey(context, key.get()) != 1 || SSL_CTX_check_private_key(context) != 1) return problem("key");
  return {};
}

// The names and addresses a certificate is for, as Go lists them.
std::string names_of(X509* certificate) {
  std::string list;
  auto names = static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr));
  for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
    auto name = sk_GENERAL_NAME_value(names, i);
    char address[INET6_ADDRSTRLEN] = "";
    std::string_view text;
    if (name->type == GEN_DNS) {
      text = {reinterpret_cast<const char*>(ASN1_STRING_get0_data(name->d.dNSName)), static_cast<size_t>(ASN1_STRING_length(name->d.dNSName))};
    } else if (name->type == GEN_IPADD) {
      inet_ntop(ASN1_STRING_length(name->d.iPAddress) == 4 ? AF_INET : AF_INET6, ASN1_STRING_get0_data(name->d.iPAddress), address, sizeof address);
      text = address;
    }
    if (!text.empty()) append(list, list.empty() ? "" : ", ", text);
  }
  GENERAL_NAMES_free(names);
  return list;
}

// OpenSSL shows a certificate that it refuses to nobody else.
thread_local std::string names_refused;

int look_at_refused(int fine, X509_STORE_CTX* verification) {
  int error = X509_STORE_CTX_get_error(verification);
  if (!fine && (error == X509_V_ERR_HOSTNAME_MISMATCH || error == X509_V_ERR_IP_ADDRESS_MISMATCH))
    names_refused = names_of(X509_STORE_CTX_get_current_cert(verification));
  return fine;
}

Result<std::shared_ptr<SSL_CTX>> make_context(const ClientTls& tls) {
  ERR_clear_error();
  std::shared_ptr<SSL_CTX> made(SSL_CTX_new(TLS_client_method()), SSL_CTX_free);
  auto context = made.get();
  check(context);
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  static constexpr unsigned char protocols[] = "\x08http/1.1";
  SSL_CTX_set_alpn_protos(context, protocols, sizeof protocols - 1);
  SSL_CTX_set_verify(context, tls.skip_verify ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, look_at_refused);
  // As in Go: each certificate that is trusted is an anchor, and only alternative names count.
  auto parameters = SSL_CTX_get0_param(context);
  X509_VERIFY_PARAM_set_flags(parameters, X509_V_FLAG_PARTIAL_CHAIN);
  X509_VERIFY_PARAM_set_hostflags(parameters, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT | X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  if (!tls.skip_verify) TRY(trust(context, tls));
  TRY(introduce(context, tls));
  return made;
}

}  // namespace

std::string name_mismatch(SSL* ssl) {
  std::string wanted = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name) ? SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name) : "";
  if (wanted.empty()) {
    auto address = X509_VERIFY_PARAM_get1_ip_asc(SSL_get0_param(ssl));
    wanted = address ? address : "";
    OPENSSL_free(address);
  }
  auto names = std::move(names_refused);
  return names.empty() ? concat("certificate is not valid for any names, but wanted to match ", wanted)
                       : concat("certificate is valid for ", names, ", not ", wanted);
}

Result<std::unique_ptr<ClientTlsContexts>> ClientTlsContexts::create(ClientTls tls) {
  std::unique_ptr<ClientTlsContexts> contexts(new ClientTlsContexts(std::move(tls)));
  contexts->stamp_ = contexts->stamp();
  contexts->current_ = TRY(make_context(contexts->tls_));
  contexts->looked_at_us_ = real_clock().monotonic_us();
  return contexts;
}

std::string ClientTlsContexts::stamp() const {
  std::string stamp;
  for (auto file : {&tls_.ca_file, &tls_.certificate_file, &tls_.key_file}) {
    struct stat s;
    if (!file->empty() && stat(file->c_str(), &s) == 0)
      append(stamp, s.st_mtim.tv_sec, '.', s.st_mtim.tv_nsec, ' ', s.st_size, ' ', s.st_ino, ';');
  }
  return stamp;
}

std::shared_ptr<SSL_CTX> ClientTlsContexts::current() {
  std::lock_guard lock(mutex_);
  auto now_us = real_clock().monotonic_us();
  if (now_us - looked_at_us_ < kLookEvery_us) return current_;
  looked_at_us_ = now_us;
  auto now = stamp();
  if (now == stamp_) return current_;
  auto made = make_context(tls_);
  if (made) {
    current_ = std::move(*made);
    stamp_ = std::move(now);
  } else {
    LOG_WARNING("a client's TLS files changed but cannot be used, keeping the last ones: ", made.error().message());
  }
  return current_;
}

Result<SSL*> ClientTlsContexts::make(const std::string& name) {
  auto ssl = SSL_new(current().get());
  check(ssl);
  SSL_set_connect_state(ssl);
  if (is_ip_address(name)) {
    X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name.c_str());
  } else if (SSL_set_tlsext_host_name(ssl, name.c_str()) != 1 || SSL_set1_host(ssl, name.c_str()) != 1) {
    SSL_free(ssl);
    return fail(bad_request(concat("tls: ", quoted(name), " cannot be a server's name")));
  }
  return ssl;
}

}  // namespace sampan::net
