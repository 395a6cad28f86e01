#include "cluster/certificates.h"

#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/encoding.h"
#include "base/text.h"

namespace sampan::cluster {

namespace {

template <auto Free>
struct Deleter {
  template <class T>
  void operator()(T* object) const {
    Free(object);
  }
};
using Certificate = std::unique_ptr<X509, Deleter<X509_free>>;
using Key = std::unique_ptr<EVP_PKEY, Deleter<EVP_PKEY_free>>;
using Bio = std::unique_ptr<BIO, Deleter<BIO_free>>;

Error crypto_error(std::string_view what) {
  char text[256] = "unknown";
  if (auto code = ERR_get_error()) ERR_error_string_n(code, text, sizeof text);
  ERR_clear_error();
  return Error(Reason::InternalError, concat(what, ": ", text));
}

Error file_error(std::string_view what, const std::string& path) {
  return Error(Reason::InternalError, concat(what, " ", path, ": ", std::strerror(errno)));
}

template <class Write>
std::string pem_of(Write write) {
  Bio bio(BIO_new(BIO_s_mem()));
  write(bio.get());
  char* data;
  long size = BIO_get_mem_data(bio.get(), &data);
  return {data, static_cast<size_t>(size)};
}

bool add_extension(X509* certificate, X509* issuer, int id, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, id, value.c_str());
  bool good = extension && X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
  return good;
}

std::string alternative_names(const CertificateRequest& request) {
  std::vector<std::string> names;
  for (const auto& name : request.dns_names) names.push_back("DNS:" + name);
  for (const auto& address : request.ip_addresses) names.push_back("IP:" + address);
  return join(names, ",");
}

bool add_extensions(X509* certificate, X509* issuer, const CertificateRequest& request) {
  bool authority = request.usage == Usage::Authority;
  bool good = add_extension(certificate, issuer, NID_basic_constraints, authority ? "critical,CA:TRUE" : "critical,CA:FALSE") &&
              add_extension(certificate, issuer, NID_key_usage,
                            authority ? "critical,digitalSignature,keyEncipherment,keyCertSign" : "critical,digitalSignature,keyEncipherment") &&
              add_extension(certificate, issuer, NID_subject_key_identifier, "hash");
  if (!authority) {
    good = good && add_extension(certificate, issuer, NID_ext_key_usage, request.usage == Usage::Server ? "serverAuth" : "clientAuth") &&
           add_extension(certificate, issuer, NID_authority_key_identifier, "keyid");
    if (auto names = alternative_names(request); !names.empty())
      good = good && add_extension(certificate, issuer, NID_subject_alt_name, names);
  }
  return good;
}

void add_name(X509_NAME* name, const char* field, const std::string& value) {
  X509_NAME_add_entry_by_txt(name, field, MBSTRING_UTF8, reinterpret_cast<const unsigned char*>(value.data()), static_cast<int>(value.size()), -1, 0);
}

Result<Certificate> read_certificate(const std::string& pem) {
  Bio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  Certificate certificate(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
  if (!certificate) return fail(crypto_error("read a certificate"));
  return certificate;
}

struct Issuer {
  Certificate certificate;
  Key key;
};

Result<Issuer> read_issuer(const KeyPair& pair) {
  Bio certificate(BIO_new_mem_buf(pair.certificate_pem.data(), static_cast<int>(pair.certificate_pem.size())));
  Bio key(BIO_new_mem_buf(pair.key_pem.data(), static_cast<int>(pair.key_pem.size())));
  Issuer issuer;
  issuer.certificate.reset(PEM_read_bio_X509(certificate.get(), nullptr, nullptr, nullptr));
  issuer.key.reset(PEM_read_bio_PrivateKey(key.get(), nullptr, nullptr, nullptr));
  if (!issuer.certificate || !issuer.key) return fail(crypto_error("read the certificate authority"));
  return issuer;
}

}  // namespace

Result<KeyPair> make_certificate(const CertificateRequest& request, const KeyPair* authority) {
  Key key(EVP_EC_gen("P-256"));
  Certificate certificate(X509_new());
  if (!key || !certificate) return fail(crypto_error("make a key"));
  Issuer issuer;
  if (authority) issuer = TRY(read_issuer(*authority));
  X509* issued_by = authority ? issuer.certificate.get() : certificate.get();

  X509_set_version(certificate.get(), X509_VERSION_3);
  unsigned char serial[16];
  RAND_bytes(serial, sizeof serial);
  serial[0] &= 0x7f;
  BIGNUM* number = BN_bin2bn(serial, sizeof serial, nullptr);
  BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate.get()));
  BN_free(number);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -300);  // clocks of other machines may be a little behind
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 86400L * request.days);
  X509_NAME* name = X509_get_subject_name(certificate.get());
  for (const auto& organization : request.organizations) add_name(name, "O", organization);
  add_name(name, "CN", request.common_name);
  X509_set_issuer_name(certificate.get(), X509_get_subject_name(issued_by));
  X509_set_pubkey(certificate.get(), key.get());
  if (!add_extensions(certificate.get(), issued_by, request) ||
      !X509_sign(certificate.get(), authority ? issuer.key.get() : key.get(), EVP_sha256()))
    return fail(crypto_error(concat("make a certificate for ", request.common_name)));

  KeyPair pair;
  pair.certificate_pem = pem_of([&](BIO* bio) { PEM_write_bio_X509(bio, certificate.get()); });
  pair.key_pem = pem_of([&](BIO* bio) { PEM_write_bio_PrivateKey(bio, key.get(), nullptr, nullptr, 0, nullptr, nullptr); });
  return pair;
}

Result<SigningRequest> make_signing_request(const std::string& common_name, const std::vector<std::string>& organizations) {
  Key key(EVP_EC_gen("P-256"));
  std::unique_ptr<X509_REQ, Deleter<X509_REQ_free>> request(X509_REQ_new());
  if (!key || !request) return fail(crypto_error("make a key"));
  X509_NAME* name = X509_REQ_get_subject_name(request.get());
  for (const auto& organization : organizations) add_name(name, "O", organization);
  add_name(name, "CN", common_name);
  if (!X509_REQ_set_version(request.get(), X509_REQ_VERSION_1) || !X509_REQ_set_pubkey(request.get(), key.get()) ||
      !X509_REQ_sign(request.get(), key.get(), EVP_sha256()))
    return fail(crypto_error(concat("make a certificate request for ", common_name)));
  SigningRequest made;
  made.request_pem = pem_of([&](BIO* bio) { PEM_write_bio_X509_REQ(bio, request.get()); });
  made.key_pem = pem_of([&](BIO* bio) { PEM_write_bio_PrivateKey(bio, key.get(), nullptr, nullptr, 0, nullptr, nullptr); });
  return made;
}

Result<Validity> validity_of(const std::string& certificate_pem) {
  auto certificate = TRY(read_certificate(certificate_pem));
  auto seconds = [](const ASN1_TIME* time) -> int64_t {
    tm parts{};
    return ASN1_TIME_to_tm(time, &parts) ? timegm(&parts) : 0;
  };
  return Validity{seconds(X509_get0_notBefore(certificate.get())), seconds(X509_get0_notAfter(certificate.get()))};
}

Result<std::string> common_name_of(const std::string& certificate_pem) {
  auto certificate = TRY(read_certificate(certificate_pem));
  X509_NAME* subject = X509_get_subject_name(certificate.get());
  int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
  unsigned char* text = nullptr;
  int size = at < 0 ? -1 : ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
  if (size < 0) return fail(crypto_error("read a certificate's name"));
  std::string name(reinterpret_cast<char*>(text), static_cast<size_t>(size));
  OPENSSL_free(text);
  return name;
}

Result<std::string> public_key_hash(const std::string& certificate_pem) {
  auto certificate = TRY(read_certificate(certificate_pem));
  unsigned char* bytes = nullptr;
  int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate.get()), &bytes);
  if (size < 0) return fail(crypto_error("read a certificate's key"));
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned digest_size = 0;
  bool good = EVP_Digest(bytes, static_cast<size_t>(size), digest, &digest_size, EVP_sha256(), nullptr);
  OPENSSL_free(bytes);
  if (!good) return fail(crypto_error("hash a certificate's key"));
  return concat("sha256:", hex({reinterpret_cast<char*>(digest), digest_size}));
}

bool belong_together(const std::string& certificate_pem, const std::string& key_pem) {
  auto pair = read_issuer({certificate_pem, key_pem});
  return pair && X509_check_private_key(pair->certificate.get(), pair->key.get()) == 1;
}

Result<void> make_directory(const std::string& path, unsigned mode) {
  for (size_t at = 1; at != std::string::npos;) {
    at = path.find('/', at);
    auto part = path.substr(0, at);
    if (::mkdir(part.c_str(), at == std::string::npos ? mode : 0755) != 0 && errno != EEXIST)
      return fail(internal_error(concat("make the directory ", part, ": ", strerror(errno))));
    if (at != std::string::npos) at++;
  }
  return {};
}

Result<void> write_file(const std::string& path, std::string_view content, unsigned mode) {
  std::string temporary = path + ".new";
  ::unlink(temporary.c_str());
  int fd = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
  if (fd < 0) return fail(file_error("create", temporary));
  bool good = ::write(fd, content.data(), content.size()) == static_cast<ssize_t>(content.size()) && ::fsync(fd) == 0;
  ::close(fd);
  if (!good || ::rename(temporary.c_str(), path.c_str()) != 0) {
    Error error = file_error("write", path);
    ::unlink(temporary.c_str());
    return fail(std::move(error));
  }
  return {};
}

Result<std::string> read_file(const std::string& path) {
  int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return fail(file_error("open", path));
  std::string content;
  char buffer[16384];
  ssize_t size;
  while ((size = ::read(fd, buffer, sizeof buffer)) > 0) content.append(buffer, size);
  ::close(fd);
  if (size < 0) return fail(file_error("read", path));
  return content;
}

Result<KeyPair> load_or_make(const std::string& certificate_file, const std::string& key_file, const CertificateRequest& request,
                             const KeyPair* authority) {
  if (::access(certificate_file.c_str(), R_OK) == 0 && ::access(key_file.c_str(), R_OK) == 0) {
    KeyPair pair;
    pair.certificate_pem = TRY(read_file(certificate_file));
    pair.key_pem = TRY(read_file(key_file));
    return pair;
  }
  auto pair = TRY(make_certificate(request, authority));
  TRY(write_file(key_file, pair.key_pem, 0600));
  TRY(write_file(certificate_file, pair.certificate_pem, 0644));
  return pair;
}

std::string kubeconfig(std::string_view cluster_name, std::string_view server_url, std::string_view authority_pem,
                       std::string_view user_name, const KeyPair& client) {
  std::string authority, certificate, key;
  append_base64(authority, authority_pem);
  append_base64(certificate, client.certificate_pem);
  append_base64(key, client.key_pem);
  return concat("apiVersion: v1\nkind: Config\nclusters:\n- name: ", cluster_name, "\n  cluster:\n    server: ", server_url,
                "\n    certificate-authority-data: ", authority, "\nusers:\n- name: ", user_name,
                "\n  user:\n    client-certificate-data: ", certificate, "\n    client-key-data: ", key, "\ncontexts:\n- name: ",
                cluster_name, "\n  context:\n    cluster: ", cluster_name, "\n    user: ", user_name,
                "\ncurrent-context: ", cluster_name, "\n");
}

}  // namespace sampan::cluster
