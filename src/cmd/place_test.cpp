#include "cmd/place.h"

#include <gtest/gtest.h>

namespace sampan::cmd {
namespace {

TEST(Place, NetworksThatNobodyHas) {
  auto choose = [](std::initializer_list<const char*> taken) {
    std::vector<network::Address> addresses;
    for (auto text : taken) addresses.push_back(*network::parse_address(text));
    auto found = free_networks(addresses);
    return found ? found->pods + " " + found->services : "none";
  };
  EXPECT_EQ(choose({}), "10.244.0.0/16 10.96.0.0/16");
  EXPECT_EQ(choose({"127.0.0.1", "192.0.2.1", "10.0.0.7"}), "10.244.0.0/16 10.96.0.0/16");
  EXPECT_EQ(choose({"10.244.0.1"}), "10.243.0.0/16 10.97.0.0/16");
  EXPECT_EQ(choose({"10.97.3.4", "10.244.255.1"}), "10.242.0.0/16 10.98.0.0/16");
  EXPECT_EQ(choose({"10.244.0.1", "10.243.0.1", "10.242.0.1", "10.241.0.1", "10.240.0.1", "10.239.0.1", "10.238.0.1", "10.237.0.1", "10.236.0.1", "10.235.0.1", "10.234.0.1",
                    "10.233.0.1", "10.232.0.1", "10.231.0.1", "10.230.0.1", "10.229.0.1"}),
            "none");
}

}  // namespace
}  // namespace sampan::cmd
