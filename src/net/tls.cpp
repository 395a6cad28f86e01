#include "net/tls.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>

#include <ctime>

#include "base/check.h"
#include "base/log.h"
#include "base/text.h"

namespace sampan::net {

namespace {

constexpr int64_t kLookEvery_us = 500'000;

// Go's defaults, best first. The suites of TLS 1.3 are not configurable, as in Go.
constexpr const char* kSuites13 = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";
constexpr const char* kDefaultCiphers =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
    "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305:ECDHE-ECDSA-AES128-SHA:ECDHE-RSA-AES128-SHA:"
    "ECDHE-ECDSA-AES256-SHA:ECDHE-RSA-AES256-SHA";

// `only_http1` is no pointer but a truth.
int choose_alpn(SSL*, const unsigned char** out, unsigned char* out_size, const unsigned char* offered, unsigned offered_size, void* only_http1) {
  static constexpr unsigned char protocols[] = "\x02h2\x08http/1.1";
  std::basic_string_view<unsigned char> ours(protocols, sizeof protocols - 1);
  if (only_http1) ours.remove_prefix(3);
  auto chosen = SSL_select_next_proto(const_cast<unsigned char**>(out), out_size, ours.data(), static_cast<unsigned>(ours.size()), offered, offered_size);
  return chosen == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

Result<std::string> cipher_list(const std::vector<std::string>& suites) {
  std::string list;
  for (auto& suite : suites) {
    if (suite.starts_with("TLS_AES_") || suite.starts_with("TLS_CHACHA20_")) continue;  // of TLS 1.3
    std::string_view name = OPENSSL_cipher_name(suite.c_str());
    if (name == "(NONE)") return fail(bad_request(concat("Cipher suite ", suite, " not supported or doesn't exist")));
    append(list, list.empty() ? "" : ":", name);
  }
  return list.empty() ? std::string(kDefaultCiphers) : list;
}

Result<int> version_number(std::string_view name) {
  if (name.empty() || name == "VersionTLS12") return TLS1_2_VERSION;
  if (name == "VersionTLS13") return TLS1_3_VERSION;
  return fail(bad_request(concat("unknown tls version ", quoted(name))));
}

std::string read_text(const std::string& path) {
  std::string text;
  std::unique_ptr<FILE, decltype(&fclose)> file(fopen(path.c_str(), "re"), fclose);
  char buffer[4096];
  for (size_t size; file && (size = fread(buffer, 1, sizeof buffer, file.get())) > 0;) text.append(buffer, size);
  return text;
}

// Reads the authorities of a file and adds their names to those that clients are told of.
Result<void> load_cas(const std::string& file, SslPtr<X509_STORE>& store, STACK_OF(X509_NAME) * names, std::string& text) {
  if (file.empty()) return {};
  text += read_text(file);
  store.reset(X509_STORE_new());
  if (SSL_add_file_cert_subjects_to_stack(names, file.c_str()) != 1 || X509_STORE_load_file(store.get(), file.c_str()) != 1)
    return fail(internal_error(concat("client CA file ", file, ": ", last_ssl_error())));
  // What OpenSSL works out of an authority when it first needs it, it works out here, and not in the first handshakes of several threads.
  auto loaded = X509_STORE_get0_objects(store.get());
  for (int i = 0; i < sk_X509_OBJECT_num(loaded); i++)
    if (auto authority = X509_OBJECT_get0_X509(sk_X509_OBJECT_value(loaded, i))) X509_check_purpose(authority, -1, 0);
  return {};
}

Result<void> load_client_cas(TlsGeneration& made, const TlsOptions& options) {
  STACK_OF(X509_NAME)* names = sk_X509_NAME_new_null();
  SSL_CTX_set_client_CA_list(made.context.get(), names);  // owns them from here
  if (auto loaded = load_cas(options.client_ca_file, made.client_cas, names, made.client_ca_text); !loaded) return loaded;
  if (auto loaded = load_cas(options.proxy_ca_file, made.proxy_cas, names, made.client_ca_text); !loaded) return loaded;
  auto ask = [](SSL_CTX* context) {
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
    // A certificate that does not verify is no reason to refuse the client: it is a client without a certificate, and may carry a
    // token. That it holds the key is still checked.
    SSL_CTX_set_cert_verify_callback(context, [](X509_STORE_CTX*, void*) { return 1; }, nullptr);
  };
  ask(made.context.get());
  for (auto& named : made.named) {
    SSL_CTX_set_client_CA_list(named.context.get(), SSL_dup_CA_list(names));
    ask(named.context.get());
  }
  return {};
}

Result<SslPtr<SSL_CTX>> make_context(const TlsOptions& options, const std::string& certificate_file, const std::string& key_file) {
  SslPtr<SSL_CTX> made(SSL_CTX_new(TLS_server_method()));
  auto context = made.get();
  check(context);
  SSL_CTX_set_min_proto_version(context, TRY(version_number(options.minimum_version)));
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE |
                                   SSL_OP_PRIORITIZE_CHACHA |  // for clients that like it best: they have no AES in hardware
                                   SSL_OP_NO_TICKET);
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
  // Nothing is resumed: a resumed session carries no certificate chain to verify anew, and each would cost memory.
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(context, 0);
  SSL_CTX_set_alpn_select_cb(context, choose_alpn, options.http2 ? nullptr : context);
  auto ciphers = TRY(cipher_list(options.cipher_suites));
  check(SSL_CTX_set_ciphersuites(context, kSuites13) == 1);
  if (SSL_CTX_set_cipher_list(context, ciphers.c_str()) != 1)
    return fail(bad_request(concat("cipher suites ", ciphers, ": ", last_ssl_error())));
  std::string groups;
  for (auto& group : options.groups) append(groups, groups.empty() ? "" : ":", group);
  if (!groups.empty() && SSL_CTX_set1_groups_list(context, groups.c_str()) != 1)
    return fail(bad_request(concat("curves ", groups, ": ", last_ssl_error())));
  if (SSL_CTX_use_certificate_chain_file(context, certificate_file.c_str()) != 1)
    return fail(internal_error(concat("certificate file ", certificate_file, ": ", last_ssl_error())));
  if (SSL_CTX_use_PrivateKey_file(context, key_file.c_str(), SSL_FILETYPE_PEM) != 1 || SSL_CTX_check_private_key(context) != 1)
    return fail(internal_error(concat("key file ", key_file, ": ", last_ssl_error())));
  return made;
}

int choose_certificate(SSL* ssl, int*, void* generation) {
  auto name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
  if (!name) return SSL_TLSEXT_ERR_NOACK;
  std::string host = to_lower(name);
  for (auto& named : static_cast<const TlsGeneration*>(generation)->named) {
    if (!named.is_for(host)) continue;
    SSL_set_SSL_CTX(ssl, named.context.get());
    break;
  }
  return SSL_TLSEXT_ERR_OK;
}

Result<std::shared_ptr<const TlsGeneration>> read_files(const TlsOptions& options) {
  ERR_clear_error();
  auto made = std::make_shared<TlsGeneration>();
  made->context = TRY(make_context(options, options.certificate_file, options.key_file));
  for (auto& named : options.named_certificates)
    made->named.push_back({TRY(make_context(options, named.certificate_file, named.key_file)), named.names});
  if (!made->named.empty()) {
    SSL_CTX_set_tlsext_servername_callback(made->context.get(), choose_certificate);
    SSL_CTX_set_tlsext_servername_arg(made->context.get(), made.get());
  }
  if (!options.client_ca_file.empty() || !options.proxy_ca_file.empty()) {
    auto loaded = load_client_cas(*made, options);
    if (!loaded) return fail(std::move(loaded).error());
  }
  return made;
}

std::vector<std::string> name_entries(X509* certificate, int nid) {
  std::vector<std::string> values;
  auto subject = X509_get_subject_name(certificate);
  for (int i = -1; (i = X509_NAME_get_index_by_NID(subject, nid, i)) >= 0;) {
    unsigned char* text = nullptr;
    int size = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, i)));
    if (size < 0) continue;
    values.emplace_back(reinterpret_cast<char*>(text), size);
    OPENSSL_free(text);
  }
  return values;
}

int64_t expiry_of(const STACK_OF(X509) * chain) {
  int64_t earliest_s = INT64_MAX;
  for (int i = 0; i < sk_X509_num(chain); i++) {
    tm parts{};
    if (ASN1_TIME_to_tm(X509_get0_notAfter(sk_X509_value(chain, i)), &parts) != 1) return 0;
    earliest_s = std::min<int64_t>(earliest_s, timegm(&parts));
  }
  return earliest_s;
}

std::string fingerprint_of(X509* certificate) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  if (X509_digest(certificate, EVP_sha256(), digest, &size) != 1) return {};
  std::string hex;
  for (unsigned i = 0; i < size; i++) {
    hex += "0123456789abcdef"[digest[i] >> 4];
    hex += "0123456789abcdef"[digest[i] & 15];
  }
  return hex;
}

}  // namespace

std::string last_ssl_error() {
  auto code = ERR_peek_error();
  char text[256] = "unknown error";
  if (code != 0) ERR_error_string_n(code, text, sizeof text);
  ERR_clear_error();
  return text;
}

namespace {

// When the chain to one of the authorities ends; 0: there is none.
int64_t verified_until(X509_STORE* authorities, X509* certificate, STACK_OF(X509) * chain) {
  if (!authorities) return 0;
  std::unique_ptr<X509_STORE_CTX, decltype(&X509_STORE_CTX_free)> verification(X509_STORE_CTX_new(), X509_STORE_CTX_free);
  check(verification && X509_STORE_CTX_init(verification.get(), authorities, certificate, chain) == 1);
  X509_STORE_CTX_set_default(verification.get(), "ssl_client");  // purpose and trust: client authentication
  X509_STORE_CTX_set_flags(verification.get(), X509_V_FLAG_PARTIAL_CHAIN);  // each certificate of the file is an anchor, as in Go
  bool verified = X509_verify_cert(verification.get()) == 1;
  ERR_clear_error();
  return verified ? expiry_of(X509_STORE_CTX_get0_chain(verification.get())) : 0;
}

}  // namespace

bool TlsGeneration::Named::is_for(const std::string& host) const {
  if (names.empty()) return X509_check_host(SSL_CTX_get0_certificate(context.get()), host.data(), host.size(), 0, nullptr) == 1;
  auto dot = host.find('.');
  return std::any_of(names.begin(), names.end(), [&](const std::string& name) {
    return name == host || (name.starts_with("*.") && dot != host.npos && std::string_view(host).substr(dot) == std::string_view(name).substr(1));
  });
}

VerifiedPeer TlsGeneration::verify_peer(SSL* ssl) const {
  SslPtr<X509> certificate(client_cas || proxy_cas ? SSL_get1_peer_certificate(ssl) : nullptr);
  if (!certificate) return {};
  auto chain = SSL_get_peer_cert_chain(ssl);
  int64_t client_until = verified_until(client_cas.get(), certificate.get(), chain);
  int64_t proxy_until = verified_until(proxy_cas.get(), certificate.get(), chain);
  auto peer = std::make_shared<PeerCertificate>();
  if (!client_until && !proxy_until) {
    peer->is_client = false;
    return {.certificate = std::move(peer)};
  }
  auto names = name_entries(certificate.get(), NID_commonName);
  if (!names.empty()) peer->common_name = std::move(names.back());  // of several, Go keeps the last
  peer->organizations = name_entries(certificate.get(), NID_organizationName);
  peer->fingerprint = fingerprint_of(certificate.get());
  peer->is_client = client_until > 0;
  peer->is_proxy = proxy_until > 0;
  bool both = client_until && proxy_until;
  return {.certificate = std::move(peer), .expires_at_s = both ? std::min(client_until, proxy_until) : std::max(client_until, proxy_until)};
}

Result<std::unique_ptr<TlsFiles>> TlsFiles::open(TlsOptions options) {
  std::unique_ptr<TlsFiles> files(new TlsFiles(std::move(options)));
  files->stamp_ = files->stamp();
  files->current_ = TRY(read_files(files->options_));
  return files;
}

std::string TlsFiles::stamp() const {
  std::string stamp;
  auto add = [&](const std::string& file) {
    struct stat s;
    if (!file.empty() && stat(file.c_str(), &s) == 0) append(stamp, s.st_mtim.tv_sec, '.', s.st_mtim.tv_nsec, ' ', s.st_size, ' ', s.st_ino, ';');
  };
  for (auto file : {&options_.certificate_file, &options_.key_file, &options_.client_ca_file, &options_.proxy_ca_file}) add(*file);
  for (auto& named : options_.named_certificates) add(named.certificate_file), add(named.key_file);
  return stamp;
}

std::shared_ptr<const TlsGeneration> TlsFiles::current(int64_t now_us) {
  std::lock_guard lock(mutex_);
  if (now_us - looked_at_us_ < kLookEvery_us) return current_;
  looked_at_us_ = now_us;
  auto now = stamp();
  if (now == stamp_) return current_;
  auto made = read_files(options_);
  if (made) {
    current_ = std::move(*made);
    stamp_ = std::move(now);
  } else {
    // Possibly caught between the writes of two files: the next look tries again.
    LOG_WARNING("TLS files changed but cannot be used, keeping the last ones: ", made.error().message());
  }
  return current_;
}

}  // namespace sampan::net
