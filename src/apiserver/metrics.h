// What the API server counts about itself, by upstream's names.
#pragma once
#include "apiserver/catalog.h"
#include "apiserver/request_info.h"
#include "base/metrics.h"

namespace sampan::apiserver {

struct Context;

class ServerMetrics {
 public:
  ServerMetrics();

  // A request is answered. Names that a client made up are not kept.
  void answered(const Context& context, int status, double seconds);
  // It was given up, and the client was told `status`.
  void terminated(const Context& context, int status);
  // A watch has begun: the gauge to take one from when it ends.
  Series& long_running(const Context& context);
  Series& watch_events(const schema::Resource& resource);
  Series& in_flight(bool mutating);

  void write(std::string& out, const Catalog& catalog) const;

 private:
  MetricFamily requests_, durations_, terminations_, long_running_, watch_events_, in_flight_;
};

}  // namespace sampan::apiserver
