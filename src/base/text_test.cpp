#include "base/text.h"

#include <gtest/gtest.h>

#include "base/status.h"

namespace sampan {

TEST(Text, Concat) { EXPECT_EQ(concat("a", 1, std::string("b"), -7, 'c', uint64_t{1} << 63), "a1b-7c9223372036854775808"); }
TEST(Text, Split) { EXPECT_EQ(split("a//b", '/').size(), 3u); }
TEST(Text, Quoted) {
  EXPECT_EQ(quoted("a\"\n\x01é"), "\"a\\\"\\n\\x01é\"");
  EXPECT_EQ(quoted("\xff\xc3"), "\"\\xff\\xc3\"");
  EXPECT_EQ(quoted("\xc2\x85"), "\"\\u0085\"");
}
TEST(Text, ParseInt) {
  int32_t value;
  EXPECT_TRUE(parse_int("-12", value));
  EXPECT_EQ(value, -12);
  for (auto bad : {"", "1x", "+1", " 1", "4294967296"}) EXPECT_FALSE(parse_int(bad, value)) << bad;
}

namespace {
Result<int> half(int n) {
  if (n % 2) return fail(bad_request("odd"));
  return n / 2;
}
Result<int> quarter(int n) { return half(TRY(half(n))); }
}  // namespace

TEST(Status, Try) {
  EXPECT_EQ(quarter(8).value(), 2);
  EXPECT_EQ(quarter(6).error().message(), "odd");
  EXPECT_EQ(not_found("apps", "deployments", "x").message(), "deployments.apps \"x\" not found");
}

}  // namespace sampan
