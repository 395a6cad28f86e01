// DNS messages (RFC 1035, EDNS0 of RFC 6891): reading a query without trusting it, and writing an answer into a buffer of a given size.
#pragma once
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

#include "network/address.h"

namespace sampan::network::dns {

enum Type : uint16_t { A = 1, NS = 2, CNAME = 5, SOA = 6, PTR = 12, MX = 15, TXT = 16, AAAA = 28, SRV = 33, OPT = 41, ANY = 255 };
enum Code : uint8_t { NoError = 0, FormatError = 1, ServerFailure = 2, NoSuchName = 3, NotImplemented = 4, Refused = 5, BadVersion = 16 };

inline constexpr size_t kHeaderBytes = 12, kNameBytesMax = 255, kUdpBytesDefault = 512, kMessageBytesMax = 65535;
inline constexpr uint16_t kUdpBytesOffered = 1232;  // what we say that we take: no fragments on any path

// A name as labels are on the wire, without the root: "\3web\7default..."; in lower case.
using WireName = std::string;

struct Question {
  uint16_t id = 0, flags = 0, type = 0, klass = 0;
  char name_bytes[kNameBytesMax];  // lower case
  uint8_t name_size = 0;           // with the root's zero
  uint16_t end = 0;                // where the question ends in the message
  bool has_edns = false, wants_dnssec = false;
  uint8_t edns_version = 0;
  uint16_t udp_bytes = kUdpBytesDefault;

  std::string_view name() const { return {name_bytes, static_cast<size_t>(name_size - 1)}; }  // without the root
  bool recursion_desired() const { return flags & 0x0100; }
  bool checking_disabled() const { return flags & 0x0010; }
};

enum class Parsed : uint8_t { Good, Ignore, Malformed, NotAQuery };
// Ignore: no answer at all (too short for a header, or itself an answer).
Parsed parse_query(std::string_view message, Question& question);

// The name at `at`, in lower case, pointers followed; false if it is none. `at` is then behind it.
bool read_name(std::string_view message, size_t& at, WireName& name);
bool skip_name(std::string_view message, size_t& at);

WireName to_wire(std::string_view dotted);  // "" if it is no name
std::string to_text(std::string_view wire);  // "web.default." ("." for the root)
inline std::string_view first_label(std::string_view name) { return name.empty() ? name : name.substr(1, static_cast<uint8_t>(name[0])); }
inline std::string_view without_first(std::string_view name) { return name.empty() ? name : name.substr(1 + static_cast<uint8_t>(name[0])); }

// An answer being written. Records that do not fit are left out and noted; finish() says so to the client.
class Writer {
 public:
  Writer(char* buffer, size_t size_max) : at_(buffer), size_max_(size_max) {}

  // Header and question, as they were asked (the name in the client's own letters).
  void begin(std::string_view query, const Question& question, bool authoritative);
  enum class Section : uint8_t { Answer, Authority, Additional };
  // Owner: the question's name, or a whole name.
  void address(Section section, std::string_view owner, uint32_t ttl, const Address& address);
  void name_record(Section section, std::string_view owner, Type type, uint32_t ttl, std::string_view target);
  void service(Section section, std::string_view owner, uint32_t ttl, uint16_t port, uint16_t weight, std::string_view target);
  void text(Section section, std::string_view owner, uint32_t ttl, std::string_view text);
  void start_of_authority(Section section, std::string_view owner, uint32_t ttl, uint32_t serial);
  size_t finish(Code code);  // the size of the message
  bool answers() const { return counts_[0] || truncated_; }

 private:
  void record(Section section, std::string_view owner, Type type, uint32_t ttl, std::initializer_list<std::string_view> data);
  bool fits(size_t bytes) const { return size_ + bytes + (edns_ ? 11 : 0) <= size_max_; }
  void put(std::string_view bytes) {
    std::memcpy(at_ + size_, bytes.data(), bytes.size());
    size_ += bytes.size();
  }
  void put16(uint16_t value);
  void put32(uint32_t value);

  char* const at_;
  const size_t size_max_;
  size_t size_ = 0;
  std::string_view question_name_;
  uint16_t counts_[3] = {};
  bool edns_ = false, dnssec_ = false, truncated_ = false;
};

}  // namespace sampan::network::dns
