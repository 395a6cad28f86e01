// The whole proxy with API objects in and packets through: what it follows, its pages, and UDP flows after a change.
#include <arpa/inet.h>

#include "base/text.h"
#include "network/objects_testing.h"
#include "network/packets_testing.h"
#include "network/proxy/proxy.h"
#include "network/testing.h"

namespace sampan::network::proxy {
namespace {

using api::core_v1::Node;
using api::core_v1::Service;
using api::discovery_v1::EndpointSlice;

std::string get_page(uint16_t port, std::string_view path) {
  SocketAddress to("127.0.0.1", port);
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  std::string answer;
  if (connect(fd, reinterpret_cast<sockaddr*>(&to.storage), to.size) == 0) {
    std::string request = concat("GET ", path, " HTTP/1.1\r\nHost: x\r\n\r\n");
    (void)!write(fd, request.data(), request.size());
    char buffer[4096];
    ssize_t got;
    while ((got = read(fd, buffer, sizeof buffer)) > 0) answer.append(buffer, got);
  }
  close(fd);
  return answer;
}

schema::ObjectRef slice(std::string_view address, std::string_view node, std::string_view protocol) {
  return object_of<EndpointSlice>(concat("metadata: {name: s, labels: {kubernetes.io/service-name: web}}\naddressType: IPv4\nports: [{name: p, port: 80, protocol: ",
                                         protocol, "}]\nendpoints: [{addresses: ['", address, "'], nodeName: ", node, "}]\n"));
}

struct Rig {
  Namespace node = make_namespace(), pod = make_namespace(), other = make_namespace();
  std::unique_ptr<Proxy> proxy;

  Rig() {
    wire(pod, "10.1.1.1", "10.1.1.2", "a");
    wire(other, "10.1.2.1", "10.1.2.2", "b");
    in_namespace(node, [&] {
      ProxyOptions options{.node_name = "a", .v6 = false};
      options.health_addresses = {{*parse_address("127.0.0.1"), 10256}};
      options.metrics_addresses = {{*parse_address("127.0.0.1"), 10249}};
      proxy = std::make_unique<Proxy>(std::move(options), real_clock());
      proxy->set_node(object_of<Node>("metadata: {name: a}\nspec: {podCIDRs: [10.1.1.0/24]}\nstatus: {addresses: [{type: InternalIP, address: 10.1.2.1}]}\n"));
      auto started = proxy->start();
      ASSERT_TRUE(started) << started.error().message();
    });
    EXPECT_TRUE(proxy->wait_idle(5'000'000));
  }
  ~Rig() {
    in_namespace(node, [&] { proxy.reset(); });
  }
  void wire(const Namespace& far, std::string_view near_address, std::string_view far_address, const std::string& name) {
    join_with_wire(node, far, near_address, far_address, name);
    in_namespace(far, [&] {
      NetlinkSocket route = std::move(*NetlinkSocket::open(NETLINK_ROUTE));
      ASSERT_TRUE(replace_route(route, {.destination = {Address{}, 0}, .gateway = parse_address(near_address)}));
    });
  }
};

TEST(Proxy, FollowsServicesAndTellsOfItsHealth) {
  if (!can_make_namespaces()) GTEST_SKIP() << "needs root";
  Rig rig;
  Listener on_pod(rig.pod, "10.1.1.2", 80, SOCK_STREAM, "pod");
  auto service = object_of<Service>(
      "metadata: {name: web, namespace: default}\nspec: {type: LoadBalancer, clusterIP: 10.0.0.1, clusterIPs: [10.0.0.1], externalTrafficPolicy: Local,\n"
      "  healthCheckNodePort: 31000, ports: [{name: p, port: 8080, protocol: TCP, nodePort: 30080}]}\n");
  rig.proxy->set_slice("default", "s", "web", slice("10.1.1.2", "a", "TCP"));
  rig.proxy->set_service("default", "web", service);
  ASSERT_TRUE(rig.proxy->wait_idle(5'000'000));
  EXPECT_EQ(ask(rig.other, "10.0.0.1", 8080), "pod");
  EXPECT_EQ(ask(rig.other, "10.1.2.1", 30080), "pod");
  in_namespace(rig.node, [&] {
    EXPECT_NE(get_page(10249, "/proxyMode").find("\r\n\r\nnftables"), std::string::npos);
    EXPECT_NE(get_page(10249, "/healthz").find("\r\n\r\nok"), std::string::npos);
    EXPECT_NE(get_page(10249, "/metrics").find("kubeproxy_sync_proxy_rules_service_changes_total 1\n"), std::string::npos);
    EXPECT_NE(get_page(10249, "/x").find("404"), std::string::npos);
    std::string health = get_page(10256, "/healthz");
    EXPECT_TRUE(health.starts_with("HTTP/1.1 200 OK")) << health;
    EXPECT_NE(health.find("\"nodeEligible\":true,\"healthy\":true,\"status\":{\"IPv4\":{"), std::string::npos) << health;
    EXPECT_EQ(get_page(10256, "/livez").find("nodeEligible"), std::string::npos);
  });
  auto balancer_check = [&] {
    std::string page;
    in_namespace(rig.node, [&] {
      SocketAddress to("10.1.2.1", 31000);
      int fd = socket(AF_INET, SOCK_STREAM, 0);
      char buffer[2048];
      ssize_t got;
      if (connect(fd, reinterpret_cast<sockaddr*>(&to.storage), to.size) == 0 && write(fd, "GET / HTTP/1.1\r\n\r\n", 18) == 18)
        while ((got = read(fd, buffer, sizeof buffer)) > 0) page.append(buffer, got);
      close(fd);
    });
    return page;
  };
  EXPECT_TRUE(balancer_check().starts_with("HTTP/1.1 200"));
  EXPECT_NE(balancer_check().find("X-Load-Balancing-Endpoint-Weight: 1\r\n"), std::string::npos);
  rig.proxy->set_slice("default", "s", "web", slice("10.1.1.2", "elsewhere", "TCP"));
  rig.proxy->set_node(object_of<Node>("metadata: {name: a}\nspec: {taints: [{key: ToBeDeletedByClusterAutoscaler, effect: NoSchedule}]}\n"
                                      "status: {addresses: [{type: InternalIP, address: 10.1.2.1}]}\n"));
  ASSERT_TRUE(rig.proxy->wait_idle(5'000'000));
  EXPECT_TRUE(balancer_check().starts_with("HTTP/1.1 503"));
  in_namespace(rig.node, [&] {
    EXPECT_TRUE(get_page(10256, "/healthz").starts_with("HTTP/1.1 503"));
    EXPECT_TRUE(get_page(10256, "/livez").starts_with("HTTP/1.1 200"));
  });
  rig.proxy->set_service("default", "web", nullptr);
  ASSERT_TRUE(rig.proxy->wait_idle(5'000'000));
  EXPECT_NE(ask(rig.other, "10.0.0.1", 8080), "pod");
  EXPECT_EQ(balancer_check(), "");
}

TEST(Proxy, UdpFlowsLeaveWithTheirEndpoint) {
  if (!can_make_namespaces()) GTEST_SKIP() << "needs root";
  Rig rig;
  Namespace second = make_namespace();
  rig.wire(second, "10.1.3.1", "10.1.3.2", "c");
  Listener first_pod(rig.pod, "10.1.1.2", 80, SOCK_DGRAM, "first"), second_pod(second, "10.1.3.2", 80, SOCK_DGRAM, "second");
  rig.proxy->set_service("default", "web", object_of<Service>("metadata: {name: web, namespace: default}\n"
                                                              "spec: {clusterIP: 10.0.0.1, clusterIPs: [10.0.0.1], ports: [{name: p, port: 53, protocol: UDP}]}\n"));
  rig.proxy->set_slice("default", "s", "web", slice("10.1.1.2", "a", "UDP"));
  ASSERT_TRUE(rig.proxy->wait_idle(5'000'000));
  EXPECT_EQ(ask(rig.other, "10.0.0.1", 53, SOCK_DGRAM, 5353), "first");
  rig.proxy->set_slice("default", "s", "web", slice("10.1.3.2", "a", "UDP"));
  ASSERT_TRUE(rig.proxy->wait_idle(5'000'000));
  EXPECT_EQ(ask(rig.other, "10.0.0.1", 53, SOCK_DGRAM, 5353), "second");
}

}  // namespace
}  // namespace sampan::network::proxy
