// EventRateLimit: so many events a second, of the server, a namespace, a user, or a source and an object together; more are refused with 429.
#include <list>
#include <mutex>

#include "apiserver/admission/plugin.h"
#include "base/text.h"
#include "registry/field_errors.h"
#include "schema/config_file.h"

namespace sampan::apiserver {

using schema::Object;
using schema::Value;

namespace {

constexpr size_t kDefaultBuckets = 4096;
constexpr std::string_view kTypes[] = {"Server", "Namespace", "User", "SourceAndObject"};
constexpr std::string_view kVersions[] = {"v1alpha1"};
constexpr schema::ConfigKind kKind{"eventratelimit.admission.k8s.io", "Configuration", kVersions,
                                   "io.k8s.kubernetes.plugin.pkg.admission.eventratelimit.apis.eventratelimit.v1alpha1.Configuration"};

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
  Arena arena;
  Value tree;
  if (!settings.empty()) tree = TRY(schema::read_config(settings, {&kKind, 1}, arena));
  std::vector<std::unique_ptr<Limit>> limits;
  registry::FieldErrors errors;
  auto list = registry::Path("limits");
  if (tree["limits"].empty()) errors.invalid(list, registry::Shown::null(), "must not be empty");
  for (Value it : tree["limits"].items()) {
    auto at = list.index(static_cast<uint32_t>(limits.size()));
    auto type = it["type"].as_string();
    int64_t qps = it["qps"].as_int(), burst = it["burst"].as_int(), buckets = it["cacheSize"].as_int();
    if (std::find(std::begin(kTypes), std::end(kTypes), type) == std::end(kTypes)) errors.not_supported(at.child("type"), type, kTypes);
    if (burst <= 0) errors.invalid(at.child("burst"), burst, "must be positive");
    if (qps <= 0) errors.invalid(at.child("qps"), qps, "must be positive");
    if (buckets < 0 && type != "Server") errors.invalid(at.child("cacheSize"), buckets, "must not be negative");
    limits.push_back(std::make_unique<Limit>(std::string(type), qps, burst, buckets > 0 ? static_cast<size_t>(buckets) : kDefaultBuckets));
  }
  if (!errors.empty()) return fail(bad_request(errors.text()));
  return std::make_unique<EventRateLimit>(std::move(limits), clock);
}

}  // namespace sampan::apiserver
