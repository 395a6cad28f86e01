// Flow control as the server's chain sees it: requests go in, and their seats are given back when their answers are made or, if those are long, sent.
#pragma once
#include <atomic>
#include <memory>
#include <unordered_map>

#include "apiserver/context.h"
#include "apiserver/fairness/flow_control.h"
#include "apiserver/fairness/watch_counts.h"

namespace sampan::apiserver::fairness {

class Gate;

// A request on its way from its credentials to its answer.
class Passage final : public std::enable_shared_from_this<Passage>, private Waiter {
 public:
  Passage(std::shared_ptr<net::Exchange> call, const Services& services);
  ~Passage() { leave(); }
  Passage(const Passage&) = delete;

  const std::shared_ptr<net::Exchange> exchange;
  Context context;
  const int64_t began_us;
  std::string audit_id;
  Executor::Timer timer = 0;          // ends its time; 0 = none does
  std::atomic<bool> answered{false};  // by who comes first, the handler or the end of its time

  void leave();                         // gives its seats back; once is enough
  bool visits_many() const { return visits_many_; }  // it is a list of many objects
  int retry_after_s() const { return ticket_.retry_after_s; }
  const std::string& flow_uid() const { return flow_uid_; }
  const std::string& level_uid() const { return level_uid_; }

 private:
  friend class Gate;
  void resume(bool execute) override;

  Gate* gate_ = nullptr;
  Ticket ticket_;
  std::atomic<bool> inside_{false};
  bool visits_many_ = false;
  std::string flow_uid_, level_uid_;
  std::shared_ptr<Passage> kept_;  // by itself, while it waits
};

class Gate {
 public:
  struct Options {
    int seats = 600;
    int64_t request_timeout_us = 60'000'000;
  };
  // Who waited goes on by `go_on`, on the executor: true, or false if it has waited too long.
  using GoOn = std::function<void(std::shared_ptr<Passage>, bool execute)>;
  Gate(Options options, Catalog& catalog, Clock& clock, Random& random, Executor& executor, GoOn go_on);

  enum class Verdict : uint8_t { Go, Wait, Rejected };
  Verdict enter(const std::shared_ptr<Passage>& passage);
  // The answer takes the seats along if it is not whole yet, and is counted among the watches if it is one.
  void hold(const std::shared_ptr<Passage>& passage, net::Response& response);
  // Which schema and level it was, by their uids: names would tell what the administrator thinks of whom.
  static void name_flow(const Passage& passage, net::Response& response);

  FlowControl& control() { return control_; }

 private:
  friend class Passage;
  class SeatedSource;
  class TextSource;
  struct Sample {
    ObjectStats stats;
    int64_t taken_us = 0;
  };

  Work estimate(Passage& passage, const Flow& flow);
  Work estimate_list(Passage& passage, const Flow& flow);
  ObjectStats stats_of(registry::ObjectStore& store);

  const Options options_;
  Catalog& catalog_;
  Clock& clock_;
  Executor& executor_;
  const GoOn go_on_;
  FlowControl control_;
  WatchCounts watches_;
  std::mutex mutex_;  // guards the samples
  std::unordered_map<registry::ObjectStore*, Sample> samples_;
};

// Goes on for as long as its client likes, and is no watch: it takes no seats.
bool is_connection(const RequestInfo& info);

net::Response too_many_requests(int retry_after_s);

}  // namespace sampan::apiserver::fairness
