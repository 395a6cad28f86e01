#include "apiserver/streams/backends.h"

#include <gtest/gtest.h>

#include "api/core_v1.h"
#include "base/arena.h"
#include "base/text.h"
#include "schema/yaml.h"

namespace sampan::apiserver {
namespace {

TEST(Backends, WhatMayBeDialled) {
  for (auto address : {"10.0.0.1", "192.168.1.1", "8.8.8.8", "fd00::1", "2001:db8::1", "::ffff:10.0.0.1", "240.0.0.1"}) EXPECT_TRUE(may_be_dialled(address)) << address;
  for (auto address : {"", "localhost", "127.0.0.1", "127.9.9.9", "0.0.0.0", "255.255.255.255", "169.254.169.254", "224.0.0.1", "239.1.1.1", "::", "::1",
                       "0:0:0:0:0:0:0:1", "::ffff:127.0.0.1", "::ffff:169.254.0.1", "fe80::1", "FEBF::1", "ff02::1", "10.0.0.1x"})
    EXPECT_FALSE(may_be_dialled(address)) << address;
}

TEST(Backends, WhereAKubeletIs) {
  struct Case {
    const char* name;
    std::vector<std::string> types;
    const char* node;
    const char* want;
  } cases[] = {
      {"first type that is there", {"Hostname", "InternalIP"}, "{status: {addresses: [{type: InternalIP, address: 10.0.0.1}, {type: Hostname, address: n1}], daemonEndpoints: {kubeletEndpoint: {Port: 10251}}}}", "n1:10251"},
      {"preference counts", {"InternalIP", "Hostname"}, "{status: {addresses: [{type: Hostname, address: n1}, {type: InternalIP, address: 10.0.0.1}]}}", "10.0.0.1:10250"},
      {"the label is a name", {"Hostname", "InternalIP"}, "{metadata: {labels: {kubernetes.io/hostname: h}}, status: {addresses: [{type: InternalIP, address: 10.0.0.1}]}}", "h:10250"},
      {"none", {"ExternalIP"}, "{status: {addresses: [{type: InternalIP, address: 10.0.0.1}, {type: Hostname, address: n1}]}}",
       "no preferred addresses found; known addresses: [{InternalIP 10.0.0.1} {Hostname n1}]"},
  };
  for (auto& c : cases) {
    Arena arena;
    auto documents = schema::parse_yaml(c.node, arena);
    auto node = schema::freeze((*documents)[0], api::core_v1::Node::schema_type());
    ASSERT_TRUE(node) << c.name;
    auto backends = Backends::create({.kubelet_address_types = c.types});
    auto found = (*backends)->kubelet_of(**node);
    EXPECT_EQ(found ? concat(found->host, ':', found->port) : found.error().message(), c.want) << c.name;
  }
}

}  // namespace
}  // namespace sampan::apiserver
