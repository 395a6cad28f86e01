// The load generator of bench/run: one kind of load against one API server, its result on standard output as JSON.
//
//   load PORT CERTIFICATE KEY create|get|list|watch|churn|flood COUNT [PODS]
//
// create: COUNT pods of 1 KB of spec each. get: COUNT reads of PODS of them (10000). list: COUNT times all pods. watch: COUNT watchers of one namespace; the time
// from sending a change of one pod until the last watcher has it. churn: COUNT watchers as before and 400 changes of PODS, of which 16 at a time are written or not yet told
// to all (a server may cut watchers that are far behind); how many events they get a second. flood: COUNT reads, one after another, by one user; then as many while another user asks
// for 16 lists of all pods at a time, from a process of its own.
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include "http2_client.h"

namespace bench {

namespace {

constexpr const char* pods = "/api/v1/namespaces/default/pods";
constexpr int load_connections = 8, load_streams = 16;   // as many clients as keep either server busy
constexpr int watch_streams = 50;                        // below every server's limit of streams on one connection
constexpr int watch_rounds = 11;
constexpr size_t churn_changes = 400;
constexpr double patience_s = 600;
constexpr unsigned visit_pause_us = 3000;

std::string pod_name(size_t number) { return "bench-" + std::to_string(number); }

// A plain pod, as a deployment makes them: two containers, limits, a probe, variables, a volume. Its spec is 1 KB of JSON.
std::string pod(size_t number) {
  std::string container =
      R"("image":"registry.example.com/team/service:1.14.2","ports":[{"containerPort":8080,"protocol":"TCP"}],)"
      R"("env":[{"name":"LOG_LEVEL","value":"info"},{"name":"POD_NAME","valueFrom":{"fieldRef":{"fieldPath":"metadata.name"}}}],)"
      R"("resources":{"limits":{"cpu":"500m","memory":"128Mi"},"requests":{"cpu":"100m","memory":"64Mi"}},)"
      R"("volumeMounts":[{"name":"data","mountPath":"/data"}])";
  return R"({"apiVersion":"v1","kind":"Pod","metadata":{"name":")" + pod_name(number) + R"(","labels":{"app":"bench","number":"n)" + std::to_string(number) +
         R"("}},"spec":{"automountServiceAccountToken":false,"terminationGracePeriodSeconds":10,"volumes":[{"name":"data","emptyDir":{}}],"containers":[{"name":"main",)" +
         container + R"(,"readinessProbe":{"httpGet":{"path":"/healthz","port":8080},"periodSeconds":5}},{"name":"side",)" + container + "}]}}";
}

void report(const char* format, double a, double b) { std::printf(format, a, b); }

std::string revision_in(const std::string& body) {
  constexpr std::string_view key = "\"resourceVersion\":\"";
  size_t at = body.find(key);
  if (at == std::string::npos) die("no resourceVersion in: " + body.substr(0, 500));
  at += key.size();
  return body.substr(at, body.find('"', at) - at);
}

// Keeps every connection's streams full until `count` requests are answered.
void many(Engine& engine, size_t count, int want, const std::function<Request(size_t)>& make) {
  std::vector<Connection*> connections;
  for (int i = 0; i < load_connections; i++) connections.push_back(&engine.connect());
  size_t next = 0, finished = 0;
  std::function<void(Connection*)> submit = [&](Connection* connection) {
    if (next == count) return;
    Request request = make(next++);
    request.on_done = [&, connection](int status, std::string& body) {
      if (status != want) die("answered " + std::to_string(status) + ": " + body.substr(0, 500));
      finished++;
      submit(connection);
    };
    connection->submit(std::move(request));
  };
  double start = now_seconds();
  for (int i = 0; i < load_streams; i++) {
    for (Connection* connection : connections) submit(connection);
  }
  if (!engine.run_until([&] { return finished == count; }, patience_s)) die("no end within ten minutes");
  double seconds = now_seconds() - start;
  report("{\"seconds\": %.4f, \"per_second\": %.1f}\n", seconds, static_cast<double>(count) / seconds);
}

std::string once(Engine& engine, Connection& connection, Request request) {
  bool finished = false;
  std::string answer;
  request.keep_body = true;
  request.on_done = [&](int status, std::string& body) {
    if (status / 100 != 2) die("answered " + std::to_string(status) + ": " + body.substr(0, 500));
    answer.swap(body);
    finished = true;
  };
  connection.submit(std::move(request));
  if (!engine.run_until([&] { return finished; }, patience_s)) die("no answer within ten minutes");
  return answer;
}

void list(Engine& engine, size_t count) {
  Connection& connection = engine.connect();
  std::vector<double> times;
  size_t bytes = 0;
  for (size_t i = 0; i < count; i++) {
    bool finished = false;
    bytes = 0;
    double start = now_seconds();
    connection.submit({.method = "GET", .path = pods, .on_data = [&](std::string_view piece) { bytes += piece.size(); },
                       .on_done = [&](int status, std::string& body) {
                         if (status != 200) die("answered " + std::to_string(status) + ": " + body.substr(0, 500));
                         finished = true;
                       }});
    if (!engine.run_until([&] { return finished; }, patience_s)) die("no list within ten minutes");
    times.push_back(now_seconds() - start);
  }
  std::sort(times.begin(), times.end());
  report("{\"seconds\": %.4f, \"bytes\": %.0f}\n", times[times.size() / 2], static_cast<double>(bytes));
}

Request change(const std::string& path) {
  return {.method = "PATCH", .path = path, .body = R"({"metadata":{"labels":{"at":"t)" + std::to_string(now_seconds()) + R"("}}})", .content_type = "application/merge-patch+json"};
}

// COUNT watches of one namespace, and how many events each of them has.
class Watchers {
 public:
  Watchers(Engine& engine, size_t count, const std::string& revision, std::function<void(size_t events)> on_event) : events_(count), on_event_(std::move(on_event)) {
    Connection* connection = nullptr;
    for (size_t i = 0; i < count; i++) {
      if (i % watch_streams == 0) connection = &engine.connect();
      connection->submit({.method = "GET", .path = std::string(pods) + "?watch=1&resourceVersion=" + revision,
                          .on_data = [this, i](std::string_view piece) {
                            // Sought with find: megabytes arrive at once, and the generator's own work must not be what is measured.
                            for (size_t at = 0; (at = piece.find('\n', at)) != piece.npos; at++) on_event_(++events_[i]);
                          },
                          .on_done = [](int status, std::string& body) { die("a watch ended with " + std::to_string(status) + ": " + body.substr(0, 500)); }});
    }
  }

 private:
  std::vector<size_t> events_;
  std::function<void(size_t)> on_event_;
};

void watch(Engine& engine, size_t count) {
  Connection& writer = engine.connect();
  std::string path = std::string(pods) + "/" + pod_name(0);
  size_t round = 0, told = 0;
  // A change of its own gives the newest revision: the watches start there.
  Watchers watchers(engine, count, revision_in(once(engine, writer, change(path))), [&](size_t events) { told += events == round + 1; });
  // The first change shows that all watches stand; it is not counted.
  std::vector<double> times;
  for (; round < watch_rounds; round++) {
    told = 0;
    bool written = false;
    double start = now_seconds();
    Request request = change(path);
    request.on_done = [&](int status, std::string& body) {
      if (status != 200) die("answered " + std::to_string(status) + ": " + body.substr(0, 500));
      written = true;
    };
    writer.submit(std::move(request));
    if (!engine.run_until([&] { return written && told == count; }, 60)) die("only " + std::to_string(told) + " watchers have the event after a minute");
    if (round > 0) times.push_back(now_seconds() - start);
    double pause = now_seconds() + 0.1;
    engine.run_until([&] { return now_seconds() > pause; }, 1);
  }
  std::sort(times.begin(), times.end());
  report("{\"seconds\": %.5f, \"best\": %.5f}\n", times[times.size() / 2], times[0]);
}

void churn(Engine& engine, size_t count, size_t stored) {
  Connection& writer = engine.connect();
  size_t told = 0, sent = 0;
  Watchers watchers(engine, count, revision_in(once(engine, writer, change(std::string(pods) + "/" + pod_name(0)))), [&](size_t) { told++; });
  once(engine, writer, change(std::string(pods) + "/" + pod_name(0)));
  if (!engine.run_until([&] { return told == count; }, 60)) die("not all watches stand after a minute");
  told = 0;
  auto go_on = [&] {
    for (; sent < churn_changes && sent < told / count + load_streams; sent++) {
      Request request = change(std::string(pods) + "/" + pod_name(sent * 7919 % stored));
      request.on_done = [](int status, std::string& body) {
        if (status != 200) die("answered " + std::to_string(status) + ": " + body.substr(0, 500));
      };
      writer.submit(std::move(request));
    }
    return told == count * churn_changes;
  };
  double start = now_seconds();
  if (!engine.run_until(go_on, patience_s)) die("only " + std::to_string(told) + " events came in ten minutes");
  double seconds = now_seconds() - start;
  report("{\"seconds\": %.4f, \"per_second\": %.1f}\n", seconds, static_cast<double>(told) / seconds);
}

// Both users may do what they do here, and neither is exempt from flow control.
void admit(Engine& engine, Connection& connection) {
  bool finished = false;
  connection.submit({.method = "POST", .path = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
                     .body = R"({"apiVersion":"rbac.authorization.k8s.io/v1","kind":"ClusterRoleBinding","metadata":{"name":"bench"},)"
                             R"("roleRef":{"apiGroup":"rbac.authorization.k8s.io","kind":"ClusterRole","name":"view"},)"
                             R"("subjects":[{"apiGroup":"rbac.authorization.k8s.io","kind":"User","name":"visitor"},{"apiGroup":"rbac.authorization.k8s.io","kind":"User","name":"flooder"}]})",
                     .on_done = [&](int status, std::string& body) {
                       if (status != 201 && status != 409) die("answered " + std::to_string(status) + ": " + body.substr(0, 500));
                       finished = true;
                     }});
  if (!engine.run_until([&] { return finished; }, patience_s)) die("no answer");
}

// Seconds that a read takes, COUNT of them, sorted. They are asked at even times, so that slow times are not passed over because little is asked in them.
std::vector<double> visit(Engine& engine, Connection& connection, size_t count) {
  std::vector<double> times;
  for (size_t i = 0; i < count; i++) {
    ::usleep(visit_pause_us);
    bool finished = false;
    double start = now_seconds();
    connection.submit({.method = "GET", .path = std::string(pods) + "/" + pod_name(i * 7919 % 1000), .user = "visitor", .on_done = [&](int status, std::string& body) {
                         if (status != 200) die("answered " + std::to_string(status) + ": " + body.substr(0, 500));
                         finished = true;
                       }});
    if (!engine.run_until([&] { return finished; }, patience_s)) die("no answer within ten minutes");
    times.push_back(now_seconds() - start);
  }
  std::sort(times.begin(), times.end());
  return times;
}

// Lists in the forms that clients ask for, until it is killed. Those that are rejected are asked for again a little later. Each that is
// through is told by a byte.
[[noreturn]] void flood(int port, const char* certificate, const char* key, int tell) {
  constexpr const char* forms[] = {"application/json", "application/vnd.kubernetes.protobuf", "application/json;as=Table;g=meta.k8s.io;v=v1"};
  Engine engine(port, certificate, key);
  std::vector<Connection*> ready;
  size_t asked = 0;
  auto ask = [&](Connection* connection) {
    connection->submit({.method = "GET", .path = pods, .accept = forms[asked++ % std::size(forms)], .user = "flooder",
                        .on_done = [&, connection](int status, std::string&) {
                          if (status == 200) (void)!::write(tell, "", 1);
                          ready.push_back(connection);
                        }});
  };
  for (int i = 0; i < 4; i++) {
    Connection& connection = engine.connect();
    for (int k = 0; k < 4; k++) ready.push_back(&connection);
  }
  while (true) {
    for (Connection* connection : std::exchange(ready, {})) ask(connection);
    engine.run_until([&] { return !ready.empty(); }, 1);
  }
}

void flooded(int port, const char* certificate, const char* key, size_t count) {
  int pipe_ends[2];
  if (::pipe(pipe_ends) != 0) die("no pipe");
  Engine engine(port, certificate, key);
  Connection& connection = engine.connect();
  admit(engine, connection);
  visit(engine, connection, count);  // warm
  auto quiet = visit(engine, connection, count);
  pid_t child = ::fork();
  if (child == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)!::nice(19);  // a client elsewhere would not take the server's processor
    flood(port, certificate, key, pipe_ends[1]);
  }
  char told[4096];
  if (::read(pipe_ends[0], told, 1) != 1) die("no flood");  // its first list is through
  double start = now_seconds();
  auto busy = visit(engine, connection, count);
  double seconds = now_seconds() - start;
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  ::close(pipe_ends[1]);
  size_t lists = 0;
  for (ssize_t size; (size = ::read(pipe_ends[0], told, sizeof told)) > 0;) lists += static_cast<size_t>(size);
  auto at = [&](const std::vector<double>& times, double part) { return times[static_cast<size_t>(part * static_cast<double>(times.size() - 1))]; };
  std::printf("{\"quiet\": %.6f, \"flooded\": %.6f, \"quiet_p99\": %.6f, \"flooded_p99\": %.6f, \"lists_per_second\": %.1f}\n", at(quiet, 0.5), at(busy, 0.5),
              at(quiet, 0.99), at(busy, 0.99), static_cast<double>(lists) / seconds);
}

}  // namespace

}  // namespace bench

int main(int count, char** arguments) {
  if (count != 6 && count != 7) bench::die("usage: load PORT CERTIFICATE KEY create|get|list|watch|flood COUNT [PODS]");
  std::string what = arguments[4];
  size_t number = std::strtoul(arguments[5], nullptr, 10), made = count == 7 ? std::strtoul(arguments[6], nullptr, 10) : 10000;
  if (made == 0) bench::die("PODS: how many there are");
  if (what == "flood") return bench::flooded(std::atoi(arguments[1]), arguments[2], arguments[3], number), 0;
  bench::Engine engine(std::atoi(arguments[1]), arguments[2], arguments[3]);
  if (what == "create") {
    bench::many(engine, number, 201, [](size_t i) { return bench::Request{.method = "POST", .path = bench::pods, .body = bench::pod(i)}; });
  } else if (what == "get") {
    bench::many(engine, number, 200, [made](size_t i) {
      return bench::Request{.method = "GET", .path = std::string(bench::pods) + "/" + bench::pod_name(i * 7919 % made)};
    });
  } else if (what == "list") {
    bench::list(engine, number);
  } else if (what == "watch") {
    bench::watch(engine, number);
  } else if (what == "churn") {
    bench::churn(engine, number, made);
  } else {
    bench::die("no such load: " + what);
  }
}
