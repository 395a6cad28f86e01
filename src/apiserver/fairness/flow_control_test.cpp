// Matching, and levels as they come, change and go.
#include "apiserver/fairness/flow_control.h"

#include <gtest/gtest.h>

#include <deque>
#include <thread>

#include "registry/testing.h"

namespace sampan::registry {
extern const Rules kFlowSchemaRules;
extern const Rules kPriorityLevelConfigurationRules;
}  // namespace sampan::registry

namespace sampan::apiserver::fairness {
namespace {

constexpr std::string_view kVersion = "flowcontrol.apiserver.k8s.io/v1";

LevelConfiguration level_of(std::string_view json) {
  auto object = registry::testing::make_defaulted(registry::kPriorityLevelConfigurationRules, kVersion, json);
  auto level = level_configuration(*object);
  EXPECT_TRUE(level) << json;
  return level.value_or(LevelConfiguration());
}
SchemaConfiguration schema_of(std::string_view json) {
  return schema_configuration(*registry::testing::make_defaulted(registry::kFlowSchemaRules, kVersion, json));
}

User user(std::string name, std::vector<std::string> groups = {}) {
  User user;
  user.name = std::move(name);
  user.groups = std::move(groups);
  user.groups.emplace_back("system:authenticated");
  return user;
}

RequestInfo asked(std::string_view method, std::string_view path, std::string_view query = {}) { return request_info(method, path, Query(query)); }

TEST(FlowMatching, Rules) {
  auto schema = schema_of(
      "{'metadata':{'name':'s','uid':'u1'},'spec':{'priorityLevelConfiguration':{'name':'l'},'matchingPrecedence':7,'distinguisherMethod':{'type':'ByNamespace'},"
      "'rules':[{'subjects':[{'kind':'User','user':{'name':'ann'}},{'kind':'Group','group':{'name':'devs'}},"
      "{'kind':'ServiceAccount','serviceAccount':{'namespace':'a','name':'*'}},{'kind':'ServiceAccount','serviceAccount':{'namespace':'b','name':'bot'}}],"
      "'resourceRules':[{'verbs':['get','list'],'apiGroups':['','apps'],'resources':['pods','pods/log','deployments'],'namespaces':['x','y']},"
      "{'verbs':['*'],'apiGroups':['*'],'resources':['nodes'],'clusterScope':true}],"
      "'nonResourceRules':[{'verbs':['get'],'nonResourceURLs':['/healthz','/debug/*']}]}]}}");
  EXPECT_EQ(schema.uid, "u1");
  EXPECT_EQ(schema.precedence, 7);
  struct Case {
    User user;
    std::string_view method, path;
    bool want;
  };
  const Case cases[] = {
      {user("ann"), "GET", "/api/v1/namespaces/x/pods", true},
      {user("bob"), "GET", "/api/v1/namespaces/x/pods", false},
      {user("bob", {"devs"}), "GET", "/api/v1/namespaces/y/pods/p", true},
      {user("ann"), "GET", "/api/v1/namespaces/z/pods/p", false},
      {user("ann"), "GET", "/api/v1/pods", false},                              // all namespaces are the cluster's scope
      {user("ann"), "POST", "/api/v1/namespaces/x/pods", false},
      {user("ann"), "GET", "/api/v1/namespaces/x/pods/p/log", true},
      {user("ann"), "GET", "/api/v1/namespaces/x/pods/p/status", false},
      {user("ann"), "GET", "/apis/apps/v1/namespaces/x/deployments", true},
      {user("ann"), "GET", "/apis/batch/v1/namespaces/x/deployments", false},
      {user("system:serviceaccount:a:any"), "DELETE", "/api/v1/nodes/n", true},
      {user("system:serviceaccount:aa:any"), "DELETE", "/api/v1/nodes/n", false},
      {user("system:serviceaccount:b:bot"), "GET", "/api/v1/nodes/n", true},
      {user("system:serviceaccount:b:other"), "GET", "/api/v1/nodes/n", false},
      {user("ann"), "GET", "/healthz", true},
      {user("ann"), "GET", "/healthz/etcd", true},
      {user("ann"), "GET", "/healthzz", false},
      {user("ann"), "GET", "/debug/pprof", true},
      {user("ann"), "GET", "/debug", false},
      {user("ann"), "POST", "/healthz", false},
  };
  for (const Case& it : cases) EXPECT_EQ(schema.matches(it.user, asked(it.method, it.path)), it.want) << it.user.name << " " << it.method << " " << it.path;
  EXPECT_EQ(schema.distinguish(user("ann"), asked("GET", "/api/v1/namespaces/x/pods")), "x");
}

TEST(FlowMatching, LevelsThatMakeNoSense) {
  for (std::string_view json : {"{'metadata':{'name':'a'},'spec':{'type':'Exempt'}}", "{'metadata':{'name':'a'},'spec':{'type':'Exempt','exempt':{}}}",
                                "{'metadata':{'name':'exempt'},'spec':{'type':'Limited','limited':{'limitResponse':{'type':'Reject'}}}}"}) {
    auto object = registry::testing::make_defaulted(registry::kPriorityLevelConfigurationRules, kVersion, json);
    EXPECT_FALSE(level_configuration(*object)) << json;
  }
}

class FakeClock final : public Clock {
 public:
  int64_t now = 1'000'000;
  int64_t now_us() override { return now; }
  int64_t monotonic_us() override { return now; }
};

class Numbers final : public Random {
 public:
  uint64_t next() override { return ++last_; }

 private:
  uint64_t last_ = 0;
};

// Timers that fire when the clock is moved.
class FakeExecutor final : public Executor {
 public:
  explicit FakeExecutor(FakeClock& clock) : clock_(clock) {}
  void post(std::function<void()> task) override { task(); }
  Timer after(int64_t delay_us, std::function<void()> task) override {
    timers_.emplace(clock_.now + delay_us, std::move(task));
    return 0;
  }
  void cancel(Timer) override {}
  size_t armed() const { return timers_.size(); }
  void move_to(int64_t now_us) {
    while (!timers_.empty() && timers_.begin()->first <= now_us) {
      auto node = timers_.extract(timers_.begin());
      clock_.now = std::max(clock_.now, node.key());
      node.mapped()();
    }
    clock_.now = now_us;
  }

 private:
  FakeClock& clock_;
  std::multimap<int64_t, std::function<void()>> timers_;
};

struct Asker final : Waiter {
  User who;
  RequestInfo what;
  Ticket ticket;
  int resumed = 0;
  bool executes = false;
  std::string schema;
  Asker(User asking, RequestInfo info) : who(std::move(asking)), what(std::move(info)) {
    ticket.user = &who;
    ticket.info = &what;
    ticket.waiter = this;
  }
  Asker(const Asker&) = delete;
  void resume(bool execute) override { resumed++, executes = execute; }
};

class FlowControlTest : public ::testing::Test {
 protected:
  FlowControl::Arrival arrive(Asker& asker) {
    asker.ticket.wait_until_us = clock_.now + 15'000'000;
    const Flow& flow = control_.classify(asker.who, asker.what);
    asker.schema = flow.schema.name;
    return control_.arrive(flow, asker.ticket);
  }
  static Asker ann() { return {user("ann"), asked("GET", "/api/v1/namespaces/x/pods/p")}; }
  static Asker& add(std::deque<Asker>& all) { return all.emplace_back(user("ann"), asked("GET", "/api/v1/namespaces/x/pods/p")); }

  FakeClock clock_;
  Numbers random_;
  FakeExecutor executor_{clock_};
  FlowControl control_{{.seats = 6}, clock_, random_, executor_};
};

constexpr std::string_view kEverything =
    "'resourceRules':[{'verbs':['*'],'apiGroups':['*'],'resources':['*'],'clusterScope':true,'namespaces':['*']}],"
    "'nonResourceRules':[{'verbs':['*'],'nonResourceURLs':['*']}]";

SchemaConfiguration for_user(std::string_view name, std::string_view who, std::string_view level, int precedence) {
  return schema_of(concat("{'metadata':{'name':'", name, "'},'spec':{'priorityLevelConfiguration':{'name':'", level, "'},'matchingPrecedence':", precedence,
                          ",'distinguisherMethod':{'type':'ByUser'},'rules':[{'subjects':[{'kind':'User','user':{'name':'", who, "'}}],", kEverything, "}]}}"));
}
LevelConfiguration queued(std::string_view name, int shares, int length = 5) {
  return level_of(concat("{'metadata':{'name':'", name, "'},'spec':{'type':'Limited','limited':{'nominalConcurrencyShares':", shares,
                         ",'borrowingLimitPercent':0,'limitResponse':{'type':'Queue','queuing':{'queues':2,'handSize':1,'queueLengthLimit':", length, "}}}}}"));
}

TEST_F(FlowControlTest, MandatoryLevelsAloneServeAll) {
  Asker master(user("root", {"system:masters"}), asked("GET", "/api/v1/pods"));
  EXPECT_EQ(arrive(master), FlowControl::Arrival::Execute);
  EXPECT_EQ(master.schema, "exempt");
  std::deque<Asker> all;
  for (int i = 0; i < 6; i++) EXPECT_EQ(arrive(add(all)), FlowControl::Arrival::Execute);
  EXPECT_EQ(all[0].schema, "catch-all");
  EXPECT_EQ(arrive(add(all)), FlowControl::Arrival::NoSeats);
  control_.leave(all[0].ticket);
  EXPECT_EQ(arrive(add(all)), FlowControl::Arrival::Execute);
}

TEST_F(FlowControlTest, PrecedenceAndMissingLevels) {
  auto found = control_.configure({queued("l", 20)}, {for_user("late", "ann", "l", 900), for_user("early", "ann", "l", 100), for_user("lost", "ann", "none", 50)});
  EXPECT_EQ(found, (std::vector<bool>{true, true, false}));
  auto asker = ann();
  EXPECT_EQ(arrive(asker), FlowControl::Arrival::Execute);
  EXPECT_EQ(asker.schema, "early");
}

TEST_F(FlowControlTest, WaitsAndIsResumed) {
  control_.configure({queued("l", 5)}, {for_user("s", "ann", "l", 100)});  // half of the 6 seats; the catch-all has the same share
  std::deque<Asker> all;
  for (int i = 0; i < 3; i++) EXPECT_EQ(arrive(add(all)), FlowControl::Arrival::Execute);
  EXPECT_EQ(executor_.armed(), 0u);
  for (int i = 0; i < 5; i++) EXPECT_EQ(arrive(add(all)), FlowControl::Arrival::Wait);
  EXPECT_EQ(arrive(add(all)), FlowControl::Arrival::QueueFull);
  EXPECT_EQ(all.back().ticket.retry_after_s, 1);
  EXPECT_EQ(executor_.armed(), 1u);
  control_.leave(all[1].ticket);
  EXPECT_EQ(all[3].resumed, 1);
  EXPECT_TRUE(all[3].executes);
  executor_.move_to(clock_.now + 16'000'000);
  for (size_t i = 4; i < 8; i++) {
    EXPECT_EQ(all[i].resumed, 1) << i;
    EXPECT_FALSE(all[i].executes) << i;
  }
  std::string metrics;
  control_.write_metrics(metrics);
  for (std::string_view line : {"apiserver_flowcontrol_rejected_requests_total{flow_schema=\"s\",priority_level=\"l\",reason=\"time-out\"} 4\n",
                                "apiserver_flowcontrol_rejected_requests_total{flow_schema=\"s\",priority_level=\"l\",reason=\"queue-full\"} 1\n",
                                "apiserver_flowcontrol_current_executing_requests{flow_schema=\"s\",priority_level=\"l\"} 3\n",
                                "apiserver_flowcontrol_dispatched_requests_total{flow_schema=\"s\",priority_level=\"l\"} 4\n",
                                "apiserver_flowcontrol_nominal_limit_seats{priority_level=\"l\"} 3\n"})
    EXPECT_NE(metrics.find(line), std::string::npos) << line << metrics;
}

TEST_F(FlowControlTest, ALevelThatIsGoneLivesUntilItsLastRequestLeaves) {
  control_.configure({queued("l", 5)}, {for_user("s", "ann", "l", 100)});
  auto running = ann();
  ASSERT_EQ(arrive(running), FlowControl::Arrival::Execute);
  const Flow stale = control_.classify(running.who, running.what);
  control_.configure({}, {});
  EXPECT_NE(control_.dump_priority_levels().find("\nl,"), std::string::npos);
  control_.leave(running.ticket);
  control_.adjust();
  EXPECT_EQ(control_.dump_priority_levels().find("\nl,"), std::string::npos);
  auto late = ann();
  EXPECT_EQ(control_.arrive(stale, late.ticket), FlowControl::Arrival::LookAgain);
  EXPECT_EQ(arrive(late), FlowControl::Arrival::Execute);
  EXPECT_EQ(late.schema, "catch-all");
}

TEST_F(FlowControlTest, BorrowsWhatNobodyWants) {
  auto lender = queued("lender", 5), borrower = queued("borrower", 5, 50);
  lender.lendable_percent = 100;
  borrower.borrowing_limit_percent.reset();
  control_.configure({lender, borrower}, {for_user("s", "ann", "borrower", 100)});
  std::deque<Asker> all;
  int ran = 0;
  for (int i = 0; i < 20; i++) ran += arrive(add(all)) == FlowControl::Arrival::Execute;
  EXPECT_EQ(ran, 3);  // a third of 6, and half of what the lender has no use for
  executor_.move_to(clock_.now + 10'000'000);
  control_.adjust();
  EXPECT_EQ(std::count_if(all.begin(), all.end(), [](const Asker& it) { return it.executes; }), 1);  // the other half
  control_.reject_all();
  EXPECT_EQ(std::count_if(all.begin(), all.end(), [](const Asker& it) { return it.resumed && !it.executes; }), 16);
}

TEST_F(FlowControlTest, SharesAndPercentagesWithoutAnEnd) {
  auto greedy = queued("l", INT32_MAX);
  greedy.borrowing_limit_percent = INT32_MAX;
  control_.configure({greedy, queued("other", INT32_MAX)}, {for_user("s", "ann", "l", 100)});
  control_.adjust();
  std::string metrics;
  control_.write_metrics(metrics);
  EXPECT_NE(metrics.find("apiserver_flowcontrol_nominal_limit_seats{priority_level=\"l\"} 3\n"), std::string::npos) << metrics;
}

TEST_F(FlowControlTest, Dumps) {
  control_.configure({queued("l", 5)}, {for_user("s", "ann", "l", 100)});
  std::deque<Asker> all;
  for (int i = 0; i < 4; i++) arrive(add(all));
  EXPECT_EQ(control_.dump_priority_levels(),
            "PriorityLevelName, ActiveQueues, IsIdle, IsQuiescing, WaitingRequests, ExecutingRequests, DispatchedRequests, RejectedRequests, TimedoutRequests, CancelledRequests\n"
            "catch-all,         0,            true,   false,       0,               0,                 0,                  0,                0,                0\n"
            "exempt,            0,            true,   false,       0,               0,                 0,                  0,                0,                0\n"
            "l,                 1,            false,  false,       1,               3,                 3,                  0,                0,                0\n");
  auto queues = control_.dump_queues();
  EXPECT_TRUE(queues.starts_with("PriorityLevelName, Index,  PendingRequests, ExecutingRequests, SeatsInUse, NextDispatchR,"));
  EXPECT_NE(queues.find("0.00900000ss"), std::string::npos) << queues;  // three guesses of 3 ms
  auto requests = control_.dump_requests(true);
  EXPECT_NE(requests.find("ann,      get,    /api/v1/namespaces/x/pods/p, x,         p,      v1,         pods,"), std::string::npos) << requests;
  EXPECT_NE(requests.find("0001-01-01T00:00:00Z"), std::string::npos);
  EXPECT_NE(requests.find("1970-01-01T00:00:01Z"), std::string::npos);
}

// Threads come and go while levels change: nothing is lost, and all is idle in the end.
TEST(FlowControlThreads, NobodyIsForgotten) {
  Numbers random;
  auto executor = make_thread_pool(2);
  FlowControl control({.seats = 4}, real_clock(), random, *executor);
  struct Waiting final : Waiter {
    std::atomic<int> state{0};  // 1: may run
    void resume(bool) override {
      state = 1;
      state.notify_all();
    }
  };
  Waiting waiters[4];  // they outlive their threads: who resumes one still touches it when it is on its way
  std::atomic<bool> ending{false};
  std::atomic<int> served{0};
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; thread++)
    threads.emplace_back([&, thread] {
      auto who = user(concat("user", thread));
      auto what = asked("GET", "/api/v1/namespaces/x/pods/p");
      for (int i = 0; i < 2000; i++) {
        Waiting& waiter = waiters[thread];
        waiter.state = 0;
        Ticket ticket;
        ticket.user = &who;
        ticket.info = &what;
        ticket.waiter = &waiter;
        ticket.work.initial_seats = 1 + i % 3;
        ticket.wait_until_us = real_clock().monotonic_us() + 60'000'000;
        auto arrival = FlowControl::Arrival::LookAgain;
        while (arrival == FlowControl::Arrival::LookAgain) arrival = control.arrive(control.classify(who, what), ticket);
        if (arrival == FlowControl::Arrival::Wait) waiter.state.wait(0);
        if (i % 4 == 0) std::this_thread::yield();  // while it has its seats
        control.leave(ticket);
        served++;
      }
    });
  std::thread changing([&] {
    for (int i = 0; !ending; i++) {
      std::vector<SchemaConfiguration> schemas;
      for (int k = 0; k < 4; k++) schemas.push_back(for_user(concat("s", k), concat("user", k), i % 3 ? "l" : "m", 100));
      control.configure(i % 3 ? std::vector{queued("l", 5)} : std::vector{queued("m", 5)}, std::move(schemas));
      control.adjust();
      std::this_thread::yield();
    }
  });
  for (auto& thread : threads) thread.join();
  ending = true;
  changing.join();
  EXPECT_EQ(served, 8000);
  control.configure({}, {});
  EXPECT_EQ(control.dump_priority_levels().find(", false,  false"), std::string::npos) << control.dump_priority_levels();
}

}  // namespace
}  // namespace sampan::apiserver::fairness
