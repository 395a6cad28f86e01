// What webhooks for tokens and for rights have in common: how a review is sent, and how answers are kept. Used by them alone.
#pragma once
#include <functional>
#include <list>
#include <mutex>
#include <optional>
#include <unordered_map>

#include "apiserver/access/webhooks.h"
#include "schema/value.h"

namespace sampan::apiserver {

// Answers by their questions, until they are too old; beyond a limit the one that was not asked for the longest goes.
template <class T>
class Kept {
 public:
  explicit Kept(Clock& clock) : clock_(clock) {}
  std::optional<T> find(const std::string& key) {
    std::lock_guard lock(mutex_);
    auto at = by_key_.find(key);
    if (at == by_key_.end()) return std::nullopt;
    auto entry = at->second;
    if (entry->until_us < clock_.monotonic_us()) {
      by_key_.erase(at);
      entries_.erase(entry);
      return std::nullopt;
    }
    entries_.splice(entries_.begin(), entries_, entry);
    return entry->value;
  }
  void keep(const std::string& key, T value, int64_t ttl_us) {
    if (ttl_us <= 0) return;
    std::lock_guard lock(mutex_);
    if (auto at = by_key_.find(key); at != by_key_.end()) {
      entries_.erase(at->second);
      by_key_.erase(at);
    }
    entries_.push_front({key, std::move(value), clock_.monotonic_us() + ttl_us});
    by_key_[entries_.front().key] = entries_.begin();
    if (entries_.size() <= kKeptMax) return;
    by_key_.erase(entries_.back().key);
    entries_.pop_back();
  }

 private:
  static constexpr size_t kKeptMax = 8192;
  struct Entry {
    std::string key;
    T value;
    int64_t until_us;
  };
  Clock& clock_;
  std::mutex mutex_;
  std::list<Entry> entries_;  // the last asked for first
  std::unordered_map<std::string_view, typename std::list<Entry>::iterator> by_key_;
};

class WebhookClient {
 public:
  static Result<std::unique_ptr<WebhookClient>> open(const WebhookConfig& config);

  // Told of each try: "success", "timeout" or "error".
  using Tried = std::function<void(std::string_view result, double seconds)>;
  // The `status` of the review that comes back; it lives in `arena`, whose texts may point into `answer_text`. Who is busy is asked again.
  Result<schema::Value> ask(const std::string& body, std::string& answer_text, Arena& arena, const Tried& tried = {});

 private:
  // `again`: it may go better soon.
  Result<schema::Value> try_once(const net::ClientRequest& request, std::string& answer_text, Arena& arena, bool& again);

  std::unique_ptr<net::Client> client_;
  net::ClientRequest request_;
  int64_t retry_pause_ms_ = 0;
};

schema::Value list_of(const std::vector<std::string>& texts, Arena& arena);
std::vector<std::string> read_list(schema::Value list);
// Puts what the request selects into a review's resourceAttributes. What cannot be read or told narrows nothing: then the question is about more, and who
// may do that may do less.
void set_selectors(schema::Value attributes, const RequestInfo& request, Arena& arena);
// A review without its spec.
schema::Value review(std::string_view group, const std::string& version, std::string_view kind, Arena& arena);

}  // namespace sampan::apiserver
