#include "net/testing.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <gtest/gtest.h>
#include <netinet/tcp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>

#include "base/check.h"
#include "base/text.h"

namespace sampan::net {

namespace {

using BioPtr = std::unique_ptr<BIO, decltype(&BIO_free)>;
using KeyPtr = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;

BioPtr bio_of(std::string_view text) { return BioPtr(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())), BIO_free); }
std::string text_of(BIO* bio) {
  char* data = nullptr;
  long size = BIO_get_mem_data(bio, &data);
  return std::string(data, size);
}
KeyPtr read_key(const std::string& pem) { return KeyPtr(PEM_read_bio_PrivateKey(bio_of(pem).get(), nullptr, nullptr, nullptr), EVP_PKEY_free); }
SslPtr<X509> read_certificate(const std::string& pem) { return SslPtr<X509>(PEM_read_bio_X509(bio_of(pem).get(), nullptr, nullptr, nullptr)); }

void extend(X509* certificate, int nid, const char* value) {
  auto extension = X509V3_EXT_conf_nid(nullptr, nullptr, nid, value);
  check(extension && X509_add_ext(certificate, extension, -1) == 1);
  X509_EXTENSION_free(extension);
}

}  // namespace

TestCertificate make_certificate(const CertificateWish& wish, const TestCertificate* issuer) {
  static std::atomic<long> serial = 1;
  KeyPtr key(EVP_EC_gen("P-256"), EVP_PKEY_free);
  SslPtr<X509> certificate(X509_new());
  auto made = certificate.get();
  X509_set_version(made, X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(made), serial++);
  X509_gmtime_adj(X509_getm_notBefore(made), wish.valid_from_s);
  X509_gmtime_adj(X509_getm_notAfter(made), wish.valid_to_s);
  X509_set_pubkey(made, key.get());
  auto name = X509_get_subject_name(made);
  auto add = [&](const char* field, const std::string& text) {
    X509_NAME_add_entry_by_txt(name, field, MBSTRING_UTF8, reinterpret_cast<const unsigned char*>(text.data()), text.size(), -1, 0);
  };
  for (auto& organization : wish.organizations) add("O", organization);
  add("CN", wish.common_name);
  extend(made, NID_basic_constraints, wish.authority ? "critical,CA:TRUE" : "critical,CA:FALSE");
  if (!wish.authority && wish.key_usage) extend(made, NID_ext_key_usage, wish.key_usage);
  if (wish.alternative_names) extend(made, NID_subject_alt_name, wish.alternative_names);
  if (issuer) {
    X509_set_issuer_name(made, X509_get_subject_name(read_certificate(issuer->certificate).get()));
    check(X509_sign(made, read_key(issuer->key).get(), EVP_sha256()) > 0);
  } else {
    X509_set_issuer_name(made, name);
    check(X509_sign(made, key.get(), EVP_sha256()) > 0);
  }
  BioPtr out(BIO_new(BIO_s_mem()), BIO_free), key_out(BIO_new(BIO_s_mem()), BIO_free);
  PEM_write_bio_X509(out.get(), made);
  PEM_write_bio_PrivateKey(key_out.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  return {text_of(out.get()), text_of(key_out.get())};
}

TestFolder::TestFolder() {
  std::string pattern = testing::TempDir() + "/sampan-net-XXXXXX";
  check(mkdtemp(pattern.data()));
  path_ = pattern;
}

TestFolder::~TestFolder() {
  auto folder = opendir(path_.c_str());
  for (auto entry = readdir(folder); entry; entry = readdir(folder)) unlink(concat(path_, "/", entry->d_name).c_str());
  closedir(folder);
  rmdir(path_.c_str());
}

std::string TestFolder::write(std::string_view name, std::string_view text) const {
  auto path = concat(path_, "/", name);
  auto file = fopen(concat(path, ".new").c_str(), "w");
  check(file && fwrite(text.data(), 1, text.size(), file) == text.size());
  fclose(file);
  check(rename(concat(path, ".new").c_str(), path.c_str()) == 0);
  return path;
}

int connect_to(uint16_t port, int receive_buffer) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (receive_buffer > 0) setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
  int at_once = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &at_once, sizeof at_once);
  timeval patience{.tv_sec = 2, .tv_usec = 0};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  sockaddr_in address{.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}, .sin_zero = {}};
  if (connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0) return fd;
  close(fd);
  return -1;
}

TlsClient::TlsClient(uint16_t port, std::string_view alpn, const TestCertificate* certificate, int receive_buffer, const char* host)
    : fd_(connect_to(port, receive_buffer)), context_(SSL_CTX_new(TLS_client_method())) {
  signal(SIGPIPE, SIG_IGN);  // OpenSSL writes to what the server may have closed
  if (certificate) {
    SSL_CTX_use_certificate(context_.get(), read_certificate(certificate->certificate).get());
    SSL_CTX_use_PrivateKey(context_.get(), read_key(certificate->key).get());
  }
  ssl_.reset(SSL_new(context_.get()));
  auto protocols = concat(static_cast<char>(alpn.size()), alpn);
  SSL_set_alpn_protos(ssl_.get(), reinterpret_cast<const unsigned char*>(protocols.data()), protocols.size());
  SSL_set_fd(ssl_.get(), fd_);
  if (*host) SSL_set_tlsext_host_name(ssl_.get(), host);
  const unsigned char* chosen = nullptr;
  unsigned chosen_size = 0;
  if (fd_ < 0 || SSL_connect(ssl_.get()) != 1) return;
  SSL_get0_alpn_selected(ssl_.get(), &chosen, &chosen_size);
  connected_ = std::string_view(reinterpret_cast<const char*>(chosen), chosen_size) == alpn;
}

TlsClient::~TlsClient() { drop(); }

void TlsClient::drop() {
  if (fd_ >= 0) close(std::exchange(fd_, -1));
}

bool TlsClient::write(std::string_view bytes) {
  return SSL_write(ssl_.get(), bytes.data(), static_cast<int>(bytes.size())) == static_cast<int>(bytes.size());
}

std::string TlsClient::read_some() {
  std::string text(64 * 1024, '\0');
  int size = SSL_read(ssl_.get(), text.data(), static_cast<int>(text.size()));
  text.resize(std::max(size, 0));
  return text;
}

std::string TlsClient::read_until(std::string_view mark) {
  std::string text;
  while (text.find(mark) == std::string::npos) {
    auto more = read_some();
    if (more.empty()) break;
    text += more;
  }
  return text;
}

std::string TlsClient::read_all() { return read_until("\x01never\x02"); }

std::string TlsClient::server_name() {
  SslPtr<X509> certificate(SSL_get1_peer_certificate(ssl_.get()));
  char text[256] = "";
  X509_NAME_get_text_by_NID(X509_get_subject_name(certificate.get()), NID_commonName, text, sizeof text);
  return text;
}

bool eventually(const std::function<bool()>& condition) {
  for (int i = 0; i < 400; i++) {
    if (condition()) return true;
    usleep(5000);
  }
  return condition();
}

}  // namespace sampan::net
