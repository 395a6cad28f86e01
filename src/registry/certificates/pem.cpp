#include "registry/certificates/pem.h"

#include <openssl/evp.h>
#include <openssl/x509.h>

#include <memory>

#include "base/encoding.h"
#include "base/text.h"

namespace sampan::registry {

namespace {

constexpr std::string_view kBegin = "-----BEGIN ", kEnd = "-----END ", kDashes = "-----";

struct Free {
  void operator()(X509_REQ* request) const { X509_REQ_free(request); }
  void operator()(X509* certificate) const { X509_free(certificate); }
};

std::string_view take_line(std::string_view& rest) {
  auto end = rest.find('\n');
  auto line = rest.substr(0, end);
  rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  return trim(line);
}

// Where a line begins that begins so.
size_t find_line(std::string_view text, std::string_view start) {
  for (size_t at = text.find(start); at != std::string_view::npos; at = text.find(start, at + 1))
    if (at == 0 || text[at - 1] == '\n') return at;
  return std::string_view::npos;
}

// What follows a BEGIN line, up to its END line.
bool read_block(std::string_view& rest, PemBlock& out) {
  auto after = rest;
  while (true) {  // headers
    auto peek = after;
    auto line = take_line(peek);
    if (line.find(':') == std::string_view::npos) break;
    out.has_headers = true;
    after = peek;
  }
  auto end = find_line(after, kEnd);
  if (end == std::string_view::npos) return false;
  auto body = after.substr(0, end);
  after.remove_prefix(end + kEnd.size());
  if (take_line(after) != concat(out.type, kDashes)) return false;
  std::string packed;
  for (char c : body)
    if (c != ' ' && c != '\t' && c != '\r' && c != '\n') packed += c;
  if (!decode_base64(packed, out.bytes)) return false;
  rest = after;
  return true;
}

std::string_view signature_complaint(EVP_PKEY* key) {
  switch (key ? EVP_PKEY_base_id(key) : EVP_PKEY_NONE) {
    case EVP_PKEY_RSA: return "crypto/rsa: verification error";
    case EVP_PKEY_EC: return "x509: ECDSA verification failure";
    case EVP_PKEY_ED25519: return "x509: Ed25519 verification failure";
    default: return "x509: unsupported public key";
  }
}

}  // namespace

bool next_pem_block(std::string_view& rest, PemBlock& out) {
  while (true) {
    auto at = find_line(rest, kBegin);
    if (at == std::string_view::npos) return false;
    rest.remove_prefix(at + kBegin.size());
    auto line = take_line(rest);
    if (!line.ends_with(kDashes)) continue;
    line.remove_suffix(kDashes.size());
    out = PemBlock{.type = std::string(line), .bytes = {}};
    if (read_block(rest, out)) return true;
  }
}

std::string certificate_request_complaint(std::string_view pem) {
  PemBlock block;
  if (!next_pem_block(pem, block) || block.type != "CERTIFICATE REQUEST") return "PEM block type must be CERTIFICATE REQUEST";
  auto bytes = reinterpret_cast<const unsigned char*>(block.bytes.data()), end = bytes + block.bytes.size();
  std::unique_ptr<X509_REQ, Free> request(d2i_X509_REQ(nullptr, &bytes, static_cast<long>(block.bytes.size())));
  if (!request) return "asn1: structure error: malformed certificate request";
  if (bytes != end) return "asn1: syntax error: trailing data";
  EVP_PKEY* key = X509_REQ_get0_pubkey(request.get());
  if (!key || X509_REQ_verify(request.get(), key) != 1) return std::string(signature_complaint(key));
  return {};
}

std::string certificates_complaint(std::string_view pem) {
  if (pem.empty()) return {};
  PemBlock block;
  int blocks = 0;
  for (; next_pem_block(pem, block); blocks++) {
    if (block.type != "CERTIFICATE") return concat("only CERTIFICATE PEM blocks are allowed, found ", quoted(block.type));
    if (block.has_headers) return "no PEM block headers are permitted";
    if (block.bytes.empty()) return "found CERTIFICATE PEM block containing 0 certificates";
    auto bytes = reinterpret_cast<const unsigned char*>(block.bytes.data()), end = bytes + block.bytes.size();
    while (bytes != end) {
      std::unique_ptr<X509, Free> certificate(d2i_X509(nullptr, &bytes, end - bytes));
      if (!certificate) return "x509: malformed certificate";
    }
  }
  return blocks ? std::string() : "must contain at least one CERTIFICATE PEM block";
}

}  // namespace sampan::registry
