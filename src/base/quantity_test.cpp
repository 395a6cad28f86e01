#include "base/quantity.h"

#include <gtest/gtest.h>

namespace sampan {

TEST(Quantity, Canonical) {
  struct { std::string_view in, want; } cases[] = {
      {"0", "0"}, {"100m", "100m"}, {"0.1", "100m"}, {"1000m", "1"}, {"1.5Gi", "1536Mi"}, {"1024Ki", "1Mi"}, {"1000", "1k"},
      {"1500", "1500"}, {"1e3", "1e3"}, {"1500e0", "1500"}, {"1E", "1E"}, {"+5", "5"}, {"-5k", "-5k"}, {"0.5Ki", "512"},
      {"0.0000000001", "1n"}, {"1Ei", "1Ei"}, {"16Ei", "9223372036854775807"}, {"100000", "100k"}, {".5", "500m"},
      {"5.", "5"}, {"123456789012", "123456789012"}, {"512Mi", "512Mi"}, {"1.1Ki", "1126400m"}, {"12e6", "12e6"},
  };
  for (auto& c : cases) {
    Quantity quantity;
    ASSERT_TRUE(Quantity::parse(c.in, quantity)) << c.in;
    EXPECT_EQ(quantity.text(), c.want) << c.in;
  }
  Quantity quantity;
  for (auto bad : {"", "x", "1x", "1.2.3", "-", "1ki", "1e", "1 ", " 1", "1Kib", ".", "+-1", "1e+-2"})
    EXPECT_FALSE(Quantity::parse(bad, quantity)) << bad;
}

TEST(Quantity, Arithmetic) {
  Quantity sum;
  sum.add(Quantity::of("512Mi"));
  sum.add(Quantity::of("512Mi"));
  EXPECT_EQ(sum.text(), "1Gi");
  EXPECT_EQ(sum.value(), 1 << 30);
  EXPECT_EQ(Quantity::of("100m").value(), 1);
  EXPECT_EQ(Quantity::of("100m").milli_value(), 100);
  EXPECT_EQ(Quantity::of("-1500m").value(), -2);
  EXPECT_LT(Quantity::of("999m"), Quantity::of("1"));
  EXPECT_EQ(Quantity::of("1Ki"), Quantity::of("1024"));
  Quantity rounded = Quantity::of("1500u");
  rounded.round_up_to_milli();
  EXPECT_EQ(rounded.text(), "2m");
}

}  // namespace sampan
