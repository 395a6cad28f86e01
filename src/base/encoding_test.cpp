#include "base/encoding.h"

#include <gtest/gtest.h>

#include <climits>

namespace sampan {
namespace {

TEST(Encoding, DurationsAreReckonedAsGoDoes) {
  const struct {
    const char* text;
    int64_t nanoseconds;
    const char* written;
  } cases[] = {
      {"0", 0, "0s"},
      {"1.001s", 1'001'000'000, "1.001s"},
      {"15.003s", 15'003'000'000, "15.003s"},
      {"1h2m3.5s", 3'723'500'000'000, "1h2m3.5s"},
      {".5s", 500'000'000, "500ms"},
      {"1.s", 1'000'000'000, "1s"},
      {"-1.5h", -5'400'000'000'000, "-1h30m0s"},
      {"+3us", 3'000, "3\xc2\xb5s"},
      {"0.3333333333333333333h", 1'200'000'000'000, "20m0s"},
      {"0.000000001s", 1, "1ns"},
      {"9223372036854775807ns", INT64_MAX, "2562047h47m16.854775807s"},
      {"-9223372036854775808ns", INT64_MIN, "-2562047h47m16.854775808s"},
  };
  for (const auto& c : cases) {
    int64_t nanoseconds = -1;
    EXPECT_TRUE(parse_duration(c.text, nanoseconds)) << c.text;
    EXPECT_EQ(nanoseconds, c.nanoseconds) << c.text;
    std::string written;
    append_duration(written, nanoseconds);
    EXPECT_EQ(written, c.written);
  }
  for (auto bad : {"", "-", "1", ".s", "1.2.3s", "1x", "s", "9223372036854775808ns", "9223372036854775807ns1ns", "9223372036854775808ns9223372036854775808ns", "3000000h", "1e3s", "18446744073709551616ns"}) {
    int64_t nanoseconds;
    EXPECT_FALSE(parse_duration(bad, nanoseconds)) << bad;
  }
}

}  // namespace
}  // namespace sampan
