// Answers of other servers: checking them, keeping them for a while, and taking addresses out of them.
#pragma once
#include <deque>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "network/dns/index.h"
#include "network/dns/message.h"

namespace sampan::network::dns {

struct Answer {
  uint16_t id = 0;
  Code code = NoError;
  bool truncated = false;
  uint16_t question_end = 0;              // where the records begin
  std::vector<uint16_t> lifetimes;        // where the TTLs of records are (not OPT's)
  uint32_t ttl_s = 0;                     // for how long it may be kept: the smallest TTL, of a denial the SOA's
};
// False: it is no whole answer.
bool parse_answer(std::string_view message, Answer& answer);
bool same_question(std::string_view query, std::string_view answer);  // ids and letters' case aside

// Adds the addresses and aliases of an answer to one that is being written.
void copy_addresses(std::string_view message, Writer& writer);

std::string wire_query(std::string_view name, uint16_t type, uint16_t id);  // the name as on the wire

// What others have said, for at most 30 s, as much as there is room for; first in, first out.
class AnswerCache {
 public:
  static constexpr size_t kEntriesMax = 9984, kBytesMax = 8 << 20, kEntryBytesMax = 4096;
  static constexpr uint32_t kTtlMax_s = 30;

  static std::string key(const Question& question);
  // The answer with its TTLs counted down; the id and the question are the caller's to write.
  bool find(std::string_view key, int64_t now_us, std::string& out);
  void put(std::string_view key, std::string_view message, const Answer& answer, int64_t now_us);
  size_t entries() const;

 private:
  struct Entry {
    std::string message;
    std::vector<uint16_t> lifetimes;
    int64_t from_us, until_us;
  };
  mutable std::mutex mutex_;
  std::unordered_map<std::string, Entry, StringHash, std::equal_to<>> entries_;
  std::deque<std::string> order_;
  size_t bytes_ = 0;
};

}  // namespace sampan::network::dns
