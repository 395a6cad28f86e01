// From a client through the API server and a node's server to real containers and back: logs, exec, attach, port forwarding, proxies.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include "base/text.h"
#include "cluster/certificates.h"
#include "cmd/api_process.h"
#include "kubelet/cri/containerd_for_test.h"
#include "kubelet/server/server.h"
#include "net/spdy.h"
#include "net/websocket.h"

namespace sampan::cmd {
namespace {

using kubelet::containerd_for_test;

uint16_t free_port() {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in name{.sin_family = AF_INET, .sin_port = 0, .sin_addr = {htonl(INADDR_LOOPBACK)}, .sin_zero = {}};
  socklen_t size = sizeof name;
  check(bind(fd, reinterpret_cast<sockaddr*>(&name), size) == 0 && getsockname(fd, reinterpret_cast<sockaddr*>(&name), &size) == 0);
  close(fd);
  return ntohs(name.sin_port);
}

// The agent's knowledge of its pods, as the tests say it is.
class KnownPods : public kubelet::Pods {
 public:
  struct Known {
    kubelet::PodInfo info;
    std::string name;
  };
  std::vector<Known> pods;
  std::map<uint64_t, std::function<void()>> listeners;
  std::mutex mutex;

  std::vector<schema::ObjectRef> list() override {
    std::vector<schema::ObjectRef> all;
    for (auto& known : pods) all.push_back(known.info.pod);
    return all;
  }
  Result<kubelet::PodInfo> find(std::string_view, std::string_view name, std::string_view) override {
    for (auto& known : pods)
      if (known.name == name) return known.info;
    return fail(Error(Reason::NotFound, "pod not found"));
  }
  Result<kubelet::ContainerInfo> running(std::string_view space, std::string_view name, std::string_view, std::string_view container) override {
    auto info = log_of(space, name, container, false);
    if (info && info->state == kubelet::ContainerState::Running) return info;
    return fail(Error(500, Reason::Unknown, concat("container not found (", quoted(container), ")")));
  }
  Result<kubelet::ContainerInfo> log_of(std::string_view space, std::string_view name, std::string_view container, bool previous) override {
    auto pod = TRY(find(space, name, ""));
    for (auto& info : pod.containers)
      if (info.name == container && !previous) return info;
    return fail(bad_request(concat("previous terminated container ", quoted(container), " in pod ", quoted(name), " not found")));
  }
  uint64_t when_stopped(const std::string&, std::function<void()> changed) override {
    std::lock_guard lock(mutex);
    listeners[listeners.size() + 1] = std::move(changed);
    return listeners.size();
  }
  void forget(uint64_t number) override {
    std::lock_guard lock(mutex);
    listeners.erase(number);
  }
  std::string stats_summary(bool) override { return R"({"node":{}})"; }
  std::string resource_metrics() override { return usage(); }
  std::function<std::string()> usage = [] { return "node_cpu_usage_seconds_total 1\n"; };
};

// One cluster for all tests: an API server, a node with real containers.
class Cluster {
 public:
  Cluster() {
    ApiserverOptions options;
    options.data_dir = options.cert_dir = folder() + "/api";
    options.bind_address = options.advertise_address = "127.0.0.1";
    options.port = free_port();
    options.service_cidr = "10.0.0.0/24";
    options.runtime_config = {{"metrics.k8s.io/v1beta1", true}};
    options.access.authorizers = {{.type = "RBAC", .name = "rbac"}};
    options.access.account_issuers = {"https://kubernetes.default.svc"};
    options.access.anonymous = false;
    auto started = ApiProcess::start(options);
    check(started.has_value());
    api_ = std::move(*started);
    kubeconfig = options.data_dir + "/admin.kubeconfig";
    endpoint = {.host = "127.0.0.1", .port = options.port};
    client = std::move(*net::Client::create({.tls = {.ca_file = options.cert_dir + "/ca.crt", .certificate_file = options.data_dir + "/admin.crt", .key_file = options.data_dir + "/admin.key"}}));
    runtime = std::move(*kubelet::connect_cri({.endpoint = containerd_for_test()->endpoint()}));
    start_node(options);
    make_objects();
  }
  ~Cluster() {
    api_->stop();
    node_ = nullptr;
  }

  static std::string folder() { return containerd_for_test()->folder(); }
  net::Answer send(std::string method, std::string target, std::string body = {}, std::string type = "application/json") {
    for (char& c : body)
      if (c == '\'') c = '"';
    auto answer = client->send({.method = std::move(method), .endpoint = endpoint, .target = std::move(target), .headers = {{"content-type", std::move(type)}}, .body = std::move(body), .timeout_ms = 20'000});
    check(answer.has_value());
    return std::move(*answer);
  }
  std::string get(std::string target) { return send("GET", std::move(target)).body; }

  std::unique_ptr<net::Client> client;
  net::Endpoint endpoint;
  std::string kubeconfig;
  KnownPods pods;
  std::unique_ptr<kubelet::Runtime> runtime;
  std::string main_id;

 private:
  void start_node(const ApiserverOptions& options) {
    auto authority = cluster::KeyPair{*cluster::read_file(options.cert_dir + "/ca.crt"), *cluster::read_file(options.cert_dir + "/ca.key")};
    auto own = cluster::make_certificate({.common_name = "system:node:n", .usage = cluster::Usage::Server, .ip_addresses = {"127.0.0.1"}}, &authority);
    kubelet::NodeServerOptions node{.address = "127.0.0.1", .port = 0};
    node.tls = {.certificate_file = folder() + "/node.crt", .key_file = folder() + "/node.key", .client_ca_file = options.cert_dir + "/ca.crt"};
    check(cluster::write_file(node.tls.certificate_file, own->certificate_pem, 0600) && cluster::write_file(node.tls.key_file, own->key_pem, 0600));
    auto started = kubelet::NodeServer::start(std::move(node), {.pods = pods, .runtime = *runtime, .access = *access_, .metrics = [] { return "kubelet_up 1\n"; }});
    check(started.has_value());
    node_ = std::move(*started);
  }

  void make_objects() {
    send("POST", "/api/v1/nodes", "{'metadata':{'name':'n'}}");
    send("PATCH", "/api/v1/nodes/n/status", concat("{'status':{'conditions':[{'type':'Ready','status':'True'}],'addresses':[{'type':'InternalIP','address':'127.0.0.1'}],'daemonEndpoints':{'kubeletEndpoint':{'Port':", node_->port(), "}}}}"), "application/merge-patch+json");
    send("POST", "/api/v1/namespaces/default/serviceaccounts", "{'metadata':{'name':'default'}}");
    send("POST", "/api/v1/namespaces/default/pods", "{'metadata':{'name':'p'},'spec':{'nodeName':'n','containers':[{'name':'main','image':'i'},{'name':'talk','image':'i','stdin':true}]}}");
    send("PATCH", "/api/v1/namespaces/default/pods/p/status", "{'status':{'phase':'Running'}}", "application/merge-patch+json");
    kubelet::SandboxConfig config{.name = "p", .uid = "p-uid", .namespace_ = "default", .log_directory = folder() + "/logs-p"};
    ::mkdir(config.log_directory.c_str(), 0755);
    config.cgroup_parent = "/" + containerd_for_test()->cgroup();
    config.security.namespaces.network = kubelet::NamespaceMode::Node;
    KnownPods::Known known{.name = "p"};
    known.info.pod = pod_object();
    auto sandbox = runtime->run_sandbox(config, "");
    check(sandbox.has_value());
    known.info.sandbox_id = *sandbox;
    served_port = free_port();
    main_id = run(known, config, "main", {"serve", concat(served_port)}, false);
    run(known, config, "talk", {"cat"}, true);
    pods.pods.push_back(std::move(known));
  }

  // As the agent sees it, with its status.
  schema::ObjectRef pod_object() {
    auto* store = api_->server().catalog().store_of("", "pods");
    auto pod = store->get("default", "p");
    check(pod.has_value());
    return *pod;
  }

  std::string run(KnownPods::Known& known, const kubelet::SandboxConfig& sandbox, std::string name, std::vector<std::string> args, bool stdin) {
    kubelet::ContainerConfig config{.name = name, .image = std::string(kubelet::kTestImage), .args = std::move(args), .log_path = name + ".log", .stdin = stdin};
    config.security.namespaces.network = kubelet::NamespaceMode::Node;
    auto id = runtime->create_container(known.info.sandbox_id, config, sandbox);
    check(id.has_value() && runtime->start_container(*id).has_value());
    known.info.containers.push_back({.name = name, .id = *id, .state = kubelet::ContainerState::Running, .log_path = concat(sandbox.log_directory, "/", name, ".log"), .stdin = stdin});
    return *id;
  }

  std::unique_ptr<ApiProcess> api_;
  std::unique_ptr<kubelet::NodeAccess> access_ = kubelet::certificate_access({});
  std::unique_ptr<kubelet::NodeServer> node_;

 public:
  uint16_t served_port = 0;
};

class Streams : public testing::Test {
 protected:
  static void TearDownTestSuite() { shared_ = nullptr; }
  void SetUp() override {
    if (!containerd_for_test()) GTEST_SKIP();
    if (!shared_) shared_ = std::make_unique<Cluster>();
    cluster = shared_.get();
  }
  // A WebSocket of the subprotocol v5, from whose channels everything is gathered.
  struct Command {
    std::unique_ptr<net::WebSocket> socket;
    std::map<int, std::string> said;
    int status = 0;
    void send(char channel, std::string_view data) { EXPECT_TRUE(socket->write({&channel, 1}, data, false)); }
    void until_closed() {
      net::WebSocket::Message message;
      while (true) {
        auto read = socket->read(message, net::deadline_in_ms(20'000));
        if (!read || !*read) break;
        said[message.data[0]] += message.data.substr(1);
      }
    }
  };
  Command exec(std::string query, std::string verb = "exec") {
    net::ClientRequest request{.endpoint = cluster->endpoint, .target = concat("/api/v1/namespaces/default/pods/p/", verb, "?", query)};
    request.headers = {{"upgrade", "websocket"}, {"sec-websocket-version", "13"}, {"sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="}, {"sec-websocket-protocol", "v5.channel.k8s.io"}};
    auto upgraded = cluster->client->upgrade(request);
    EXPECT_TRUE(upgraded);
    Command command;
    command.status = upgraded->answer.status;
    if (upgraded->stream) command.socket = std::make_unique<net::WebSocket>(std::move(upgraded->stream), net::WebSocket::Role::Client);
    return command;
  }
  // A WebSocket without channels, of the subprotocol `protocol` ("": none).
  std::unique_ptr<net::WebSocket> read(std::string target, std::string protocol) {
    net::ClientRequest request{.endpoint = cluster->endpoint, .target = std::move(target)};
    request.headers = {{"upgrade", "websocket"}, {"sec-websocket-version", "13"}, {"sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="}};
    if (!protocol.empty()) request.headers.emplace_back("sec-websocket-protocol", protocol);
    auto upgraded = cluster->client->upgrade(request);
    EXPECT_TRUE(upgraded);
    EXPECT_EQ(upgraded->answer.header("sec-websocket-protocol"), protocol);
    return upgraded->stream ? std::make_unique<net::WebSocket>(std::move(upgraded->stream), net::WebSocket::Role::Client) : nullptr;
  }
  static std::string message_of(net::WebSocket& socket, bool text) {
    net::WebSocket::Message message;
    auto read = socket.read(message, net::deadline_in_ms(10'000));
    if (!read) return std::string(read.error().message());
    if (!*read) return "closed";
    EXPECT_EQ(message.text, text);
    return message.data;
  }
  static std::unique_ptr<Cluster> shared_;
  Cluster* cluster = nullptr;
};
std::unique_ptr<Cluster> Streams::shared_;

constexpr std::string_view kSuccess = R"({"metadata":{},"status":"Success"})";

TEST_F(Streams, ExecOverWebSocket) {
  auto echo = exec("container=main&stdout=true&stderr=true&command=/program&command=echo&command=a%20b&command=c");
  ASSERT_EQ(echo.status, 101);
  echo.until_closed();
  EXPECT_EQ(echo.said[1], "a b c\n");
  EXPECT_EQ(echo.said[3], kSuccess);

  auto input = exec("container=main&stdin=true&stdout=true&command=/program&command=cat");
  std::string sent(300'000, 'i');
  std::thread writer([&] {
    for (size_t at = 0; at < sent.size(); at += 30'000) input.send(0, std::string_view(sent).substr(at, 30'000));
    input.send('\xff', std::string_view("\0", 1));  // no more input
  });
  input.until_closed();
  writer.join();
  EXPECT_TRUE(input.said[1] == sent);
  EXPECT_EQ(input.said[3], kSuccess);

  auto flood = exec("container=main&stdout=true&stderr=true&command=/program&command=flood&command=20000");
  flood.until_closed();
  EXPECT_TRUE(flood.said[1].ends_with("line 19999 of a flood that is long enough to fill buffers\n"));
  EXPECT_EQ(flood.said[2], "done\n");

  auto failing = exec("container=main&stdout=true&command=/program&command=exit&command=7");
  failing.until_closed();
  EXPECT_EQ(failing.said[3], R"({"metadata":{},"status":"Failure","message":"command terminated with non-zero exit code: command terminated with exit code 7","reason":"NonZeroExitCode","details":{"causes":[{"reason":"ExitCode","message":"7"}]}})");

  auto terminal = exec("container=main&stdin=true&stdout=true&tty=true&command=/program&command=size");
  terminal.send(4, R"({"Width":101,"Height":31})");
  terminal.until_closed();
  EXPECT_EQ(terminal.said[1], "31x101\r\n");
}

TEST_F(Streams, ExecThatFails) {
  auto unknown = exec("container=main&stdout=true&command=/nothing");
  unknown.until_closed();
  EXPECT_TRUE(unknown.said[3].starts_with(R"({"metadata":{},"status":"Failure","message":"Internal error occurred: )")) << unknown.said[3];
  auto none = exec("container=main&command=/program");
  none.until_closed();
  EXPECT_NE(none.said[3].find("unable to upgrade connection: you must specify at least 1 of stdin, stdout, stderr"), std::string::npos) << none.said[3];
  EXPECT_EQ(exec("container=none&stdout=true&command=x").status, 400);
  EXPECT_EQ(cluster->send("POST", "/api/v1/namespaces/default/pods/p/exec?container=main&stdout=true&command=x").status, 400);  // no upgrade
}

TEST_F(Streams, AttachAndLogs) {
  auto attached = exec("container=talk&stdin=true&stdout=true", "attach");
  ASSERT_EQ(attached.status, 101);
  attached.send(0, "one\ntwo\n");
  net::WebSocket::Message message;
  std::string heard;
  while (heard.size() < 8) {
    ASSERT_TRUE(*attached.socket->read(message, net::deadline_in_ms(10'000)));
    heard += message.data.substr(1);
  }
  EXPECT_EQ(heard, "one\ntwo\n");
  attached.socket->cancel();

  const std::string log = "/api/v1/namespaces/default/pods/p/log";
  for (int i = 0; i < 200 && cluster->get(log + "?container=talk") != "one\ntwo\n"; i++) usleep(20'000);  // it may take longer than what was heard
  EXPECT_EQ(cluster->get(log + "?container=talk"), "one\ntwo\n");
  EXPECT_EQ(cluster->get(log + "?container=talk&tailLines=1"), "two\n");
  EXPECT_EQ(cluster->get(log + "?container=talk&limitBytes=5"), "one\nt");
  EXPECT_EQ(cluster->get(log + "?container=talk&timestamps=true").find("Z one\n"), 30u - 1);
  auto followed = cluster->client->open({.endpoint = cluster->endpoint, .target = log + "?container=talk&follow=true&tailLines=1"});
  ASSERT_TRUE(followed);
  EXPECT_EQ((*followed)->head().headers[0].second, "text/plain");
  std::string text;
  EXPECT_TRUE(*(*followed)->read_some(text, net::deadline_in_ms(10'000)));
  EXPECT_EQ(text, "two\n");
  auto more = exec("container=talk&stdin=true", "attach");
  more.send(0, "three\n");
  EXPECT_TRUE(*(*followed)->read_some(text, net::deadline_in_ms(10'000)));
  EXPECT_EQ(text, "two\nthree\n");
  more.socket->cancel();

  struct Case {
    const char* query;
    int status;
    const char* part;
  } cases[] = {
      {"?container=talk&tailLines=-1", 422, "PodLogOptions \\\"p\\\" is invalid: tailLines: Invalid value: -1: must be greater than or equal to 0"},
      {"?container=talk&limitBytes=0", 422, "must be greater than 0"},
      {"?container=talk&sinceSeconds=1&sinceTime=2026-01-02T03:04:05Z", 422, "at most one of `sinceTime` or `sinceSeconds` may be specified"},
      {"?container=talk&tailLines=x", 400, "invalid syntax"},
      {"?container=none", 400, "container none is not valid for pod p"},
      {"", 400, "a container name must be specified for pod p, choose one of: [main talk]"},
      {"?container=talk&previous=true", 400, "previous terminated container \\\"talk\\\" in pod \\\"p\\\" not found"},
  };
  for (auto& c : cases) {
    auto answer = cluster->send("GET", log + c.query);
    EXPECT_EQ(answer.status, c.status) << c.query << answer.body;
    EXPECT_NE(answer.body.find(c.part), std::string::npos) << answer.body;
  }
}

// What browsers do.
TEST_F(Streams, LogsAndWatchesInMessages) {
  const std::string log = "/api/v1/namespaces/default/pods/p/log?container=talk&limitBytes=3";
  auto speaking = exec("container=talk&stdin=true", "attach");
  speaking.send(0, "one\n");
  for (int i = 0; i < 200 && cluster->get(log).empty(); i++) usleep(20'000);
  speaking.socket->cancel();
  for (auto protocol : {"", "binary.k8s.io"}) {
    auto socket = read(log, protocol);
    ASSERT_TRUE(socket);
    EXPECT_EQ(message_of(*socket, false), "");
    EXPECT_EQ(message_of(*socket, false), "one");
    EXPECT_EQ(message_of(*socket, false), "closed");
  }
  auto encoded = read(log, "base64.binary.k8s.io");
  ASSERT_TRUE(encoded);
  EXPECT_EQ(message_of(*encoded, true), "");
  EXPECT_EQ(message_of(*encoded, true), "b25l");

  auto watch = read("/api/v1/namespaces?watch=true&fieldSelector=metadata.name=seen", "");
  ASSERT_TRUE(watch);
  cluster->send("POST", "/api/v1/namespaces", "{'metadata':{'name':'seen'}}");
  cluster->send("PATCH", "/api/v1/namespaces/seen", "{'metadata':{'labels':{'a':'b'}}}", "application/merge-patch+json");
  for (auto type : {"ADDED", "MODIFIED"}) {
    auto event = message_of(*watch, true);
    EXPECT_TRUE(event.starts_with(concat(R"({"type":")", type, R"(","object":{"kind":"Namespace")"))) << event;
    EXPECT_TRUE(event.ends_with("}}\n")) << event;
  }
}

TEST_F(Streams, PortForwardInATunnel) {
  net::ClientRequest request{.endpoint = cluster->endpoint, .target = "/api/v1/namespaces/default/pods/p/portforward"};
  request.headers = {{"upgrade", "websocket"}, {"sec-websocket-version", "13"}, {"sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="}, {"sec-websocket-protocol", "SPDY/3.1+portforward.k8s.io"}};
  auto upgraded = cluster->client->upgrade(request);
  ASSERT_TRUE(upgraded);
  ASSERT_EQ(upgraded->answer.status, 101) << upgraded->answer.body;
  EXPECT_EQ(upgraded->answer.header("sec-websocket-protocol"), "SPDY/3.1+portforward.k8s.io");
  auto socket = std::make_unique<net::WebSocket>(std::move(upgraded->stream), net::WebSocket::Role::Client);
  net::SpdySession session(std::make_unique<net::WebSocketStream>(std::move(socket)), net::SpdySession::Role::Client);
  auto port = concat(cluster->served_port);
  auto error = session.open({{"streamtype", "error"}, {"port", port}, {"requestid", "0"}}, true);
  auto data = session.open({{"streamtype", "data"}, {"port", port}, {"requestid", "0"}});
  ASSERT_TRUE(error && data);
  ASSERT_TRUE(session.send(*data, "GET / HTTP/1.0\r\n\r\n"));
  net::SpdyFrame frame;
  std::string got, problem;
  while (got.find("hi\n") == std::string::npos) {
    auto read = session.read(frame, net::deadline_in_ms(10'000));
    ASSERT_TRUE(read && *read);
    (frame.stream == *data ? got : problem) += frame.data;
  }
  EXPECT_EQ(problem, "");
  EXPECT_TRUE(got.starts_with("HTTP/1.1 200 OK\r\n"));
}

TEST_F(Streams, Proxies) {
  EXPECT_EQ(cluster->send("GET", "/api/v1/nodes/n/proxy/metrics").status, 400);  // this machine's own address
  EXPECT_EQ(cluster->send("GET", "/api/v1/namespaces/default/pods/p:80/proxy/").status, 400);
  EXPECT_EQ(cluster->send("GET", "/api/v1/namespaces/default/pods/http:p:80:x/proxy/").status, 400);
  auto address = default_address();
  if (address.starts_with("127.")) GTEST_SKIP() << "this machine has no address but its own";
  cluster->send("PATCH", "/api/v1/namespaces/default/pods/p/status", concat("{'status':{'podIP':'", address, "','podIPs':[{'ip':'", address, "'}]}}"), "application/merge-patch+json");
  cluster->send("POST", "/api/v1/namespaces/default/services", "{'metadata':{'name':'s'},'spec':{'ports':[{'name':'web','port':81}]}}");
  auto endpoints = [&](std::string_view pod) {
    return concat("{'metadata':{'name':'s'},'subsets':[{'addresses':[{'ip':'", address, "','targetRef':{'kind':'Pod','namespace':'default','name':'", pod, "'}}],'ports':[{'name':'web','port':", cluster->served_port, "}]}]}");
  };
  cluster->send("POST", "/api/v1/namespaces/default/endpoints", endpoints("other"));
  auto refused = cluster->send("GET", "/api/v1/namespaces/default/services/s:web/proxy/");
  EXPECT_EQ(refused.status, 503);  // the address is nobody's pod
  EXPECT_NE(refused.body.find("no endpoints available for service \\\"s:web\\\""), std::string::npos) << refused.body;
  cluster->send("PUT", "/api/v1/namespaces/default/endpoints/s", endpoints("p"));
  struct Case {
    const char* name;
    int status;
    const char* part;
  } cases[] = {
      {"services/s:web/proxy/", 200, "hi\n"},
      {"services/http:s:web/proxy/a?b=c", 200, "hi\n"},
      {"services/s:81/proxy/", 200, "hi\n"},
      {"services/s:82/proxy/", 503, "no service port 82 found for service \\\"s\\\""},
      {"services/https:s:web/proxy/", 503, "error trying to reach service: "},
      {"services/none/proxy/", 404, "\\\"none\\\" not found"},
      {"services/s:web/proxy", 301, ""},
  };
  for (auto& c : cases) {
    auto answer = cluster->send("GET", concat("/api/v1/namespaces/default/", c.name));
    EXPECT_EQ(answer.status, c.status) << c.name << answer.body;
    EXPECT_NE(answer.body.find(c.part), std::string::npos) << c.name << answer.body;
  }
  auto pod = concat("/api/v1/namespaces/default/pods/p:", cluster->served_port, "/proxy");
  for (auto method : {"GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"}) EXPECT_EQ(cluster->send(method, pod + "/x").body, "hi\n") << method;
  EXPECT_EQ(cluster->send("GET", pod + "?q=1").header("location"), pod + "/?q=1");
  EXPECT_EQ(cluster->send("HEAD", pod + "/x").status, 200);
}

TEST_F(Streams, ANodeTellsWhatItUses) {
  auto usual = std::exchange(cluster->pods.usage, [seconds = 0]() mutable {
    seconds++;  // of a core that is never idle
    return concat("node_cpu_usage_seconds_total ", seconds, " ", seconds * 1000, "\nnode_memory_working_set_bytes 1024 ", seconds * 1000, "\n");
  });
  auto answer = cluster->send("GET", "/apis/metrics.k8s.io/v1beta1/nodes/n");
  EXPECT_EQ(answer.status, 200) << answer.body;
  EXPECT_NE(answer.body.find(R"("window":"1s","usage":{"cpu":"1","memory":"1Ki"})"), std::string::npos) << answer.body;
  cluster->pods.usage = std::move(usual);
}

TEST_F(Streams, RealKubectl) {
  const char* kubectl = getenv("KUBECTL");
  if (!kubectl) GTEST_SKIP() << "KUBECTL does not name one";
  auto run = [&](std::string_view environment, std::string_view words) {
    auto command = concat(environment, " timeout 20 ", kubectl, " --kubeconfig ", cluster->kubeconfig, " ", words, " 2>&1");
    std::string out;
    auto pipe = popen(command.c_str(), "r");
    char buffer[4096];
    for (size_t size; (size = fread(buffer, 1, sizeof buffer, pipe)) > 0;) out.append(buffer, size);
    return concat(out, "=", WEXITSTATUS(pclose(pipe)));
  };
  for (std::string_view environment : {"", "KUBECTL_REMOTE_COMMAND_WEBSOCKETS=false"}) {
    EXPECT_EQ(run(environment, "exec p -c main -- /program echo hello there"), "hello there\n=0");
    EXPECT_EQ(run(concat("printf 'in\\nput' |", environment), "exec -i p -c main -- /program cat"), "in\nput=0");
    EXPECT_EQ(run(environment, "exec p -c main -- /program exit 7"), "command terminated with exit code 7\n=7");
    EXPECT_EQ(run(environment, "exec p -c main -- /program flood 20000 | tail -n 1"), "line 19999 of a flood that is long enough to fill buffers\n=0");
  }
  EXPECT_TRUE(run("", "logs p -c talk --tail=1").ends_with("\n=0"));
  for (std::string_view environment : {"", "KUBECTL_PORT_FORWARD_WEBSOCKETS=false"}) {
    auto port = free_port();
    auto forward = concat("sh -c '", environment, " timeout 20 ", kubectl, " --kubeconfig ", cluster->kubeconfig, " port-forward p ", port, ":", cluster->served_port, " 2>&1 & echo $!; wait'");
    auto pipe = popen(forward.c_str(), "r");
    char pid[64] = "", line[256] = "";
    ASSERT_TRUE(fgets(pid, sizeof pid, pipe) && fgets(line, sizeof line, pipe));
    EXPECT_EQ(std::string_view(line).substr(0, 16), "Forwarding from ") << line;
    for (int i = 0; i < 2; i++) {
      auto answer = cluster->client->send({.endpoint = {.host = "127.0.0.1", .port = port, .tls = false}, .timeout_ms = 10'000, .keep_alive = false});
      EXPECT_TRUE(answer && answer->body == "hi\n") << environment << (answer ? answer->body : answer.error().message());
    }
    kill(atoi(pid), SIGTERM);
    pclose(pipe);
  }
}

TEST_F(Streams, TheNodesServerKnowsWhoAsks) {
  auto kubelet = cluster->send("GET", "/api/v1/nodes/n").body;
  auto at = kubelet.find("\"Port\":");
  uint16_t port = static_cast<uint16_t>(atoi(kubelet.c_str() + at + 7));
  auto stranger = std::move(*net::Client::create({.tls = {.skip_verify = true}}));
  net::ClientRequest request{.endpoint = {.host = "127.0.0.1", .port = port}, .target = "/pods"};
  EXPECT_EQ(stranger->send(request)->status, 401);
  EXPECT_NE(cluster->client->send(request)->body.find("\"name\":\"p\""), std::string::npos);
  struct Case {
    const char* target;
    int status;
    const char* body;
  } cases[] = {
      {"/healthz", 200, "ok"},
      {"/metrics", 200, "kubelet_up 1\n"},
      {"/metrics/resource", 200, "node_cpu_usage_seconds_total 1\n"},
      {"/stats/summary", 200, "{\"node\":{}}"},
      {"/configz", 200, "{\"kubeletconfig\":{}}"},
      {"/logs/", 405, "logs endpoint is disabled.\n"},
      {"/nothing", 404, "404 page not found\n"},
      {"/containerLogs/default/none/main", 404, "pod \"none\" does not exist"},
      {"/exec/default/p/main?command=x", 400, "you must specify at least 1 of stdin, stdout, stderr"},
      {"/exec/default/p/none?command=x&output=1", 500, "container not found (\"none\")"},
  };
  for (auto& c : cases) {
    request.target = c.target;
    auto answer = cluster->client->send(request);
    EXPECT_EQ(answer->status, c.status) << c.target;
    EXPECT_EQ(answer->body, c.body) << c.target;
  }
  request.method = "POST";
  request.target = "/run/default/p/main?cmd=/program%20echo%20x";
  EXPECT_EQ(cluster->client->send(request)->body, "x\n");
}

}  // namespace
}  // namespace sampan::cmd
