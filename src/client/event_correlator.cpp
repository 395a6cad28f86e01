#include "client/event_correlator.h"

#include "base/text.h"

namespace sampan::client {

namespace {

constexpr double kBurst = 25, kTokensPerSecond = 1.0 / 300;
constexpr size_t kDistinctMax = 10;                    // messages of one kind about one object, then they are counted together
constexpr int64_t kDistinctWindowUs = 600'000'000;
constexpr int64_t kSeriesEndsUs = 360'000'000;         // a modern event that was silent so long is a new one

std::string text_of(const Reference& r) {
  return concat(r.kind, "\n", r.name_space, "\n", r.name, "\n", r.uid, "\n", r.api_version, "\n", r.field_path, "\n");
}

}  // namespace

bool EventCorrelator::has_token(const Happening& happening) {
  Bucket& bucket = buckets_[text_of(happening.about)];
  if (bucket.at_us)
    bucket.tokens = std::min(kBurst, bucket.tokens + static_cast<double>(happening.at_us - bucket.at_us) / 1e6 * kTokensPerSecond);
  bucket.at_us = happening.at_us;
  if (bucket.tokens < 1) return false;
  bucket.tokens -= 1;
  return true;
}

std::string EventCorrelator::fold(Happening& happening) {
  auto kind = concat(text_of(happening.about), happening.type, "\n", happening.reason, "\n");
  if (happening.modern) return concat(kind, happening.action, "\n", happening.has_related ? text_of(happening.related) : "");
  Similar& similar = similar_[kind];
  if (happening.at_us - similar.at_us > kDistinctWindowUs) similar.messages.clear();
  similar.at_us = happening.at_us;
  if (similar.messages.size() < kDistinctMax) similar.messages.insert(happening.message);
  if (similar.messages.size() < kDistinctMax) return concat(kind, happening.message);
  happening.message = concat("(combined from similar events): ", happening.message);
  return kind;
}

EventCorrelator::Written* EventCorrelator::admit(Happening& happening) {
  auto key = fold(happening);
  Written& written = written_[key];
  if (happening.modern && written.count && happening.at_us - written.last_us > kSeriesEndsUs) written = {};
  if (!happening.modern && !has_token(happening)) return nullptr;
  if (!written.count) written.first_us = happening.at_us;
  written.count++;
  written.last_us = happening.at_us;
  return &written;
}

}  // namespace sampan::client
