// EventRateLimit: so many events a second, of the server, a namespace, a user, or a source and an object together; more are refused with 429.
#include <list>
#include <mutex>

#include "apiserver/admission/plugin.h"
#include "apiserver/admission/settings.h"
#include "base/text.h"

namespace sampan::apiserver {

using schema::Object;
using schema::Value;

namespace {

constexpr size_t kDefaultBuckets = 4096;

struct Bucket {
  std::string key;
  double tokens;
  int64_t filled_at_us;
};

// The latest used buckets of one kind, each with so many tokens at most.
class Limit {
 public:
  Limit(std::string type, int64_t per_second, int64_t burst, size_t buckets)
      : type_(std::move(type)), per_second_(static_cast<double>(per_second)), burst_(static_cast<double>(burst)), buckets_max_(buckets) {}

  const std::string& type() const { return type_; }

  bool take(const std::string& key, int64_t now_us) {
    std::lock_guard lock(mutex_);
    auto found = places_.find(key);
    if (found == places_.end()) {
      buckets_.push_front({key, burst_, now_us});
      places_[key] = buckets_.begin();
      if (buckets_.size() > buckets_max_) {
        places_.erase(buckets_.back().key);
        buckets_.pop_back();
      }
    } else {
      buckets_.splice(buckets_.begin(), buckets_, found->second);
    }
    Bucket& bucket = buckets_.front();
    bucket.tokens = std::min(burst_, bucket.tokens + static_cast<double>(now_us - bucket.filled_at_us) / 1e6 * per_second_);
    bucket.filled_at_us = now_us;
    if (bucket.tokens < 1) return false;
    bucket.tokens -= 1;
    return true;
  }

 private:
  const std::string type_;
  const double per_second_, burst_;
  const size_t buckets_max_;
  std::mutex mutex_;
  std::list<Bucket> buckets_;  // the latest used first
  std::map<std::string, std::list<Bucket>::iterator> places_;
};

class EventRateLimit final : public AdmissionPlugin {
 public:
  EventRateLimit(std::vector<std::unique_ptr<Limit>> limits, Clock& clock) : limits_(std::move(limits)), clock_(clock) {}
  std::string_view name() const override { return "EventRateLimit"; }

  Result<void> validate(const Attributes& attributes, const Object* object, const Object*) override {
    bool writes = attributes.operation == Operation::Create || attributes.operation == Operation::Update;
    if (!writes || !object || attributes.served.resource->kind != "Event" || attributes.dry_run) return {};
    std::vector<std::string> complaints;
    for (auto& limit : limits_) {
      auto key = key_of(*limit, attributes, *object);
      if (!limit->take(key, clock_.monotonic_us())) complaints.push_back(concat("limit reached on type ", limit->type(), " for key ", key));
    }
    if (complaints.empty()) return {};
    return fail(Error(Reason::TooManyRequests, one_text(complaints)));
  }

 private:
  static std::string key_of(const Limit& limit, const Attributes& attributes, const Object& event) {
    if (limit.type() == "Namespace") return attributes.info.name_space;
    if (limit.type() == "User") return attributes.user.name;
    if (limit.type() == "Server") return {};
    auto source = event["source"], about = event["involvedObject"];
    std::string key = concat(source["component"].as_string(), source["host"].as_string());
    for (std::string_view member : {"kind", "namespace", "name", "uid", "apiVersion"}) key += about[member].as_string();
    return key;
  }

  std::vector<std::unique_ptr<Limit>> limits_;
  Clock& clock_;
};

}  // namespace

Result<std::unique_ptr<AdmissionPlugin>> event_rate_limit(std::string_view settings, Clock& clock) {
  std::vector<std::unique_ptr<Limit>> limits;
  if (settings.empty()) return std::make_unique<EventRateLimit>(std::move(limits), clock);
  Arena arena;
  Value tree = TRY(read_settings(settings, "EventRateLimit", "eventratelimit.admission.k8s.io", "Configuration", arena));
  if (tree["limits"].empty()) return fail(bad_request("settings of EventRateLimit: limits: Invalid value: []: must not be empty"));
  for (Value it : tree["limits"].items()) {
    auto type = it["type"].as_string();
    int64_t qps = it["qps"].as_int(), burst = it["burst"].as_int(), buckets = it["cacheSize"].as_int();
    if (type != "Server" && type != "Namespace" && type != "User" && type != "SourceAndObject")
      return fail(bad_request(concat("settings of EventRateLimit: limits.type: Unsupported value: ", quoted(type))));
    if (qps <= 0 || burst <= 0 || buckets < 0) return fail(bad_request("settings of EventRateLimit: limits: qps and burst must be positive"));
    limits.push_back(std::make_unique<Limit>(std::string(type), qps, burst, buckets ? static_cast<size_t>(buckets) : kDefaultBuckets));
  }
  return std::make_unique<EventRateLimit>(std::move(limits), clock);
}

}  // namespace sampan::apiserver
