// Parsing and writing of DNS messages.
#include "network/dns/message.h"

namespace sampan::network::dns {
namespace {

constexpr int kPointersMax = 16;
constexpr int kRecordsMax = 64;  // of a query: there is use for one

uint16_t get16(std::string_view bytes, size_t at) {
  return static_cast<uint16_t>(static_cast<uint8_t>(bytes[at]) << 8 | static_cast<uint8_t>(bytes[at + 1]));
}

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

void store16(char* at, uint16_t value) {
  at[0] = static_cast<char>(value >> 8);
  at[1] = static_cast<char>(value);
}

// What follows the question: of interest is only the OPT record.
bool parse_records(std::string_view message, size_t at, size_t before, size_t additional, Question& question) {
  if (before + additional > kRecordsMax) return false;
  for (size_t i = 0; i < before + additional; ++i) {
    size_t owner = at;
    if (!skip_name(message, at) || message.size() - at < 10) return false;
    uint16_t type = get16(message, at), klass = get16(message, at + 2), size = get16(message, at + 8);
    if (type == OPT && i >= before) {
      if (question.has_edns || at != owner + 1) return false;  // twice, or not at the root
      question.has_edns = true;
      question.udp_bytes = std::max<uint16_t>(klass, kUdpBytesDefault);
      question.edns_version = static_cast<uint8_t>(message[at + 5]);
      question.wants_dnssec = message[at + 6] & 0x80;
    }
    at += 10;
    if (message.size() - at < size) return false;
    at += size;
  }
  return true;
}

}  // namespace

Parsed parse_query(std::string_view message, Question& question) {
  if (message.size() < kHeaderBytes) return Parsed::Ignore;
  question.id = get16(message, 0);
  question.flags = get16(message, 2);
  question.end = kHeaderBytes;
  question.name_size = 1;
  question.name_bytes[0] = 0;
  question.has_edns = question.wants_dnssec = false;
  question.edns_version = 0;
  question.udp_bytes = kUdpBytesDefault;
  question.type = question.klass = 0;
  if (question.flags & 0x8000) return Parsed::Ignore;
  if ((question.flags >> 11 & 15) != 0) return Parsed::NotAQuery;
  if (get16(message, 4) != 1) return Parsed::Malformed;
  size_t at = kHeaderBytes, size = 0;
  while (true) {  // there is nothing before it that a pointer could lead to
    if (at >= message.size()) return Parsed::Malformed;
    uint8_t label = static_cast<uint8_t>(message[at]);
    if (label > 63 || size + label + 1 > kNameBytesMax - (label ? 1 : 0) || message.size() - at < label + 1u) return Parsed::Malformed;
    question.name_bytes[size++] = message[at++];
    if (label == 0) break;
    for (uint8_t i = 0; i < label; ++i) question.name_bytes[size++] = lower(message[at++]);
  }
  if (message.size() - at < 4) return Parsed::Malformed;
  question.name_size = static_cast<uint8_t>(size);
  question.type = get16(message, at);
  question.klass = get16(message, at + 2);
  question.end = static_cast<uint16_t>(at + 4);
  size_t before = size_t{get16(message, 6)} + get16(message, 8), additional = get16(message, 10);
  if ((before || additional) && !parse_records(message, at + 4, before, additional, question)) return Parsed::Malformed;
  return Parsed::Good;
}

bool skip_name(std::string_view message, size_t& at) {
  while (at < message.size()) {
    uint8_t label = static_cast<uint8_t>(message[at]);
    if (label >= 0xc0) {
      at += 2;
      return at <= message.size();
    }
    if (label > 63) return false;
    at += 1 + label;
    if (label == 0) return at <= message.size();
  }
  return false;
}

bool read_name(std::string_view message, size_t& at, WireName& name) {
  name.clear();
  size_t from = at;
  if (!skip_name(message, at)) return false;
  for (int pointers = 0;;) {
    if (from >= message.size()) return false;
    uint8_t label = static_cast<uint8_t>(message[from]);
    if (label == 0) return true;
    if (label >= 0xc0) {
      if (from + 1 >= message.size() || ++pointers > kPointersMax) return false;
      from = static_cast<size_t>(label & 0x3f) << 8 | static_cast<uint8_t>(message[from + 1]);
      continue;
    }
    if (label > 63 || message.size() - from < label + 1u || name.size() + label + 2 > kNameBytesMax) return false;
    name.push_back(message[from++]);
    for (uint8_t i = 0; i < label; ++i) name.push_back(lower(message[from++]));
  }
}

WireName to_wire(std::string_view dotted) {
  WireName name;
  if (dotted.ends_with('.')) dotted.remove_suffix(1);
  while (!dotted.empty()) {
    size_t dot = std::min(dotted.find('.'), dotted.size());
    if (dot == 0 || dot > 63 || name.size() + dot + 2 > kNameBytesMax) return {};
    name.push_back(static_cast<char>(dot));
    for (char c : dotted.substr(0, dot)) name.push_back(lower(c));
    dotted.remove_prefix(std::min(dot + 1, dotted.size()));
  }
  return name;
}

std::string to_text(std::string_view wire) {
  std::string text;
  for (; !wire.empty(); wire = without_first(wire)) {
    text += first_label(wire);
    text += '.';
  }
  return text.empty() ? "." : text;
}

void Writer::put16(uint16_t value) {
  store16(at_ + size_, value);
  size_ += 2;
}

void Writer::put32(uint32_t value) {
  put16(static_cast<uint16_t>(value >> 16));
  put16(static_cast<uint16_t>(value));
}

void Writer::begin(std::string_view query, const Question& question, bool authoritative) {
  put(query.substr(0, question.end));
  // QR, the query's RD and CD, RA: names of the world are looked up for whoever asks.
  store16(at_ + 2, static_cast<uint16_t>(0x8080 | (question.flags & 0x0110) | (authoritative ? 0x0400 : 0)));
  store16(at_ + 4, question.end > kHeaderBytes ? 1 : 0);
  question_name_ = question.name();
  edns_ = question.has_edns;
  dnssec_ = question.wants_dnssec;
}

void Writer::record(Section section, std::string_view owner, Type type, uint32_t ttl, std::initializer_list<std::string_view> data) {
  size_t size = 0;
  for (std::string_view part : data) size += part.size();
  bool asked = owner == question_name_;
  if (truncated_ || !fits((asked ? 2 : owner.size() + 1) + 10 + size)) {
    truncated_ |= section != Section::Additional;  // what is only said besides is left out silently
    return;
  }
  if (asked) {
    put16(0xc000 | kHeaderBytes);
  } else {
    put(owner);
    put({"\0", 1});
  }
  put16(type);
  put16(1);
  put32(ttl);
  put16(static_cast<uint16_t>(size));
  for (std::string_view part : data) put(part);
  ++counts_[static_cast<int>(section)];
}

void Writer::address(Section section, std::string_view owner, uint32_t ttl, const Address& address) {
  record(section, owner, address.v6 ? AAAA : A, ttl, {address.view()});
}

void Writer::name_record(Section section, std::string_view owner, Type type, uint32_t ttl, std::string_view target) {
  record(section, owner, type, ttl, {target, {"\0", 1}});
}

void Writer::service(Section section, std::string_view owner, uint32_t ttl, uint16_t port, uint16_t weight, std::string_view target) {
  char head[6] = {};
  store16(head + 2, weight);
  store16(head + 4, port);
  record(section, owner, SRV, ttl, {{head, sizeof head}, target, {"\0", 1}});
}

void Writer::text(Section section, std::string_view owner, uint32_t ttl, std::string_view text) {
  char size = static_cast<char>(std::min<size_t>(text.size(), 255));
  record(section, owner, TXT, ttl, {{&size, 1}, text.substr(0, 255)});
}

void Writer::start_of_authority(Section section, std::string_view owner, uint32_t ttl, uint32_t serial) {
  char numbers[20];
  const uint32_t values[] = {serial, 7200, 1800, 86400, ttl};
  for (int i = 0; i < 5; ++i) {
    store16(numbers + 4 * i, static_cast<uint16_t>(values[i] >> 16));
    store16(numbers + 4 * i + 2, static_cast<uint16_t>(values[i]));
  }
  using namespace std::string_view_literals;
  record(section, owner, SOA, ttl, {"\2ns\3dns"sv, owner, "\0"sv, "\12hostmaster"sv, owner, "\0"sv, {numbers, sizeof numbers}});
}

size_t Writer::finish(Code code) {
  if (truncated_) at_[2] |= 0x02;
  at_[3] = static_cast<char>((at_[3] & 0xf0) | (code & 15));
  if (edns_) {
    put({"\0", 1});
    put16(OPT);
    put16(kUdpBytesOffered);
    put32(static_cast<uint32_t>(code >> 4) << 24 | (dnssec_ ? 0x8000 : 0));
    put16(0);
  }
  store16(at_ + 6, counts_[0]);
  store16(at_ + 8, counts_[1]);
  store16(at_ + 10, static_cast<uint16_t>(counts_[2] + edns_));
  return size_;
}

}  // namespace sampan::network::dns
