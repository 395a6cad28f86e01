// Reading and keeping other servers' answers.
#include "network/dns/answers.h"

#include <algorithm>

namespace sampan::network::dns {
namespace {

uint16_t get16(std::string_view bytes, size_t at) {
  return static_cast<uint16_t>(static_cast<uint8_t>(bytes[at]) << 8 | static_cast<uint8_t>(bytes[at + 1]));
}
uint32_t get32(std::string_view bytes, size_t at) { return uint32_t{get16(bytes, at)} << 16 | get16(bytes, at + 2); }

void put16(std::string& out, uint16_t value) {
  out.push_back(static_cast<char>(value >> 8));
  out.push_back(static_cast<char>(value));
}

// Calls each(section, type, where the record's fields begin) for all records; false: malformed.
template <class F>
bool each_record(std::string_view message, size_t at, F&& each) {
  for (int section = 0; section < 3; ++section) {
    for (int count = get16(message, 6 + 2 * section); count > 0; --count) {
      size_t owner = at;
      if (!skip_name(message, at) || message.size() - at < 10) return false;
      uint16_t type = get16(message, at), size = get16(message, at + 8);
      if (message.size() - at - 10 < size) return false;
      each(section, type, owner, at, size);
      at += 10 + size;
    }
  }
  return true;
}

bool skip_question(std::string_view message, size_t& at) {
  if (message.size() < kHeaderBytes || !(message[2] & 0x80) || get16(message, 4) != 1) return false;
  at = kHeaderBytes;
  if (!skip_name(message, at) || message.size() - at < 4) return false;
  at += 4;
  return true;
}

}  // namespace

bool parse_answer(std::string_view message, Answer& answer) {
  size_t at;
  if (message.size() > kMessageBytesMax || !skip_question(message, at)) return false;
  answer.id = get16(message, 0);
  answer.code = static_cast<Code>(message[3] & 15);
  answer.truncated = message[2] & 2;
  answer.question_end = static_cast<uint16_t>(at);
  answer.lifetimes.clear();
  uint32_t smallest = UINT32_MAX;
  bool good = each_record(message, at, [&](int section, uint16_t type, size_t, size_t fields, uint16_t size) {
    if (type == OPT) return;
    answer.lifetimes.push_back(static_cast<uint16_t>(fields + 4));
    uint32_t ttl = get32(message, fields + 4);
    if (section == 1 && type == SOA && size >= 22) ttl = std::min(ttl, get32(message, fields + 10 + size - 4));  // the last number: of denials
    if (section < 2) smallest = std::min(smallest, ttl);
  });
  answer.ttl_s = smallest == UINT32_MAX ? 0 : smallest;
  return good;
}

bool same_question(std::string_view query, std::string_view answer) {
  if (query.size() < kHeaderBytes || answer.size() < kHeaderBytes || get16(answer, 4) != 1) return false;
  size_t a = kHeaderBytes, b = kHeaderBytes;
  WireName asked, answered;
  if (!read_name(query, a, asked) || !read_name(answer, b, answered) || query.size() - a < 4 || answer.size() - b < 4) return false;
  return asked == answered && query.substr(a, 4) == answer.substr(b, 4);
}

void copy_addresses(std::string_view message, Writer& writer) {
  size_t at;
  if (!skip_question(message, at)) return;
  each_record(message, at, [&](int section, uint16_t type, size_t owner_at, size_t fields, uint16_t size) {
    WireName owner, target;
    if (section != 0 || !read_name(message, owner_at, owner)) return;
    uint32_t ttl = get32(message, fields + 4);
    size_t data = fields + 10;
    if ((type == A && size == 4) || (type == AAAA && size == 16)) writer.address(Writer::Section::Answer, owner, ttl, *address_of(message.substr(data, size)));
    if (type == CNAME && read_name(message, data, target)) writer.name_record(Writer::Section::Answer, owner, CNAME, ttl, target);
  });
}

std::string wire_query(std::string_view name, uint16_t type, uint16_t id) {
  std::string out;
  for (uint16_t value : {id, uint16_t{0x0100}, uint16_t{1}, uint16_t{0}, uint16_t{0}, uint16_t{0}}) put16(out, value);
  out += name;
  out.push_back('\0');
  put16(out, type);
  put16(out, 1);
  return out;
}

std::string AnswerCache::key(const Question& question) {
  std::string key(question.name());
  put16(key, question.type);
  put16(key, question.klass);
  key.push_back(static_cast<char>(question.has_edns | question.wants_dnssec << 1 | question.checking_disabled() << 2));
  return key;
}

bool AnswerCache::find(std::string_view key, int64_t now_us, std::string& out) {
  std::lock_guard lock(mutex_);
  auto found = entries_.find(key);
  if (found == entries_.end() || found->second.until_us <= now_us) return false;
  const Entry& entry = found->second;
  out = entry.message;
  uint32_t age_s = static_cast<uint32_t>((now_us - entry.from_us) / 1'000'000);
  for (uint16_t at : entry.lifetimes) {
    uint32_t ttl = get32(out, at), left = ttl > age_s ? ttl - age_s : 0;
    for (int i = 0; i < 4; ++i) out[at + i] = static_cast<char>(left >> (24 - 8 * i));
  }
  return true;
}

void AnswerCache::put(std::string_view key, std::string_view message, const Answer& answer, int64_t now_us) {
  if (answer.truncated || (answer.code != NoError && answer.code != NoSuchName) || answer.ttl_s == 0 || message.size() > kEntryBytesMax) return;
  std::lock_guard lock(mutex_);
  int64_t until = now_us + int64_t{std::min(answer.ttl_s, kTtlMax_s)} * 1'000'000;
  auto [found, fresh] = entries_.try_emplace(std::string(key));
  Entry& entry = found->second;
  bytes_ -= entry.message.size();
  entry = {std::string(message), answer.lifetimes, now_us, until};
  bytes_ += entry.message.size();
  if (fresh) order_.push_back(found->first);
  while (entries_.size() > kEntriesMax || bytes_ > kBytesMax) {
    auto oldest = entries_.find(order_.front());
    bytes_ -= oldest->second.message.size();
    entries_.erase(oldest);
    order_.pop_front();
  }
}

size_t AnswerCache::entries() const {
  std::lock_guard lock(mutex_);
  return entries_.size();
}

}  // namespace sampan::network::dns
