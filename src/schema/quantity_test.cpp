#include "schema/quantity.h"

#include "base/text.h"

namespace sampan::schema {

namespace {
std::string canonical(std::string_view text) {
  auto quantity = Quantity::parse(text);
  return quantity ? quantity->text() : quantity.error().message();
}
Quantity of(std::string_view text) { return *Quantity::parse(text); }
constexpr std::string_view kFormat = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";
constexpr std::string_view kSuffix = "unable to parse quantity's suffix";
}  // namespace

TEST(Quantity, Canonical) {
  struct Case {
    std::string_view text, want;
  };
  const Case cases[] = {
      {"0", "0"}, {"0Mi", "0"}, {"1", "1"}, {"1000m", "1"}, {"1500m", "1500m"}, {"0.5", "500m"}, {"1.5", "1500m"}, {"1000", "1k"}, {"1024", "1024"},
      {"1024Mi", "1Gi"}, {"1.5Gi", "1536Mi"}, {"0.5Ki", "512"}, {"1Ki", "1Ki"}, {"1000k", "1M"}, {"-5", "-5"}, {"-1000m", "-1"}, {".5", "500m"}, {"5.", "5."},
      {"100n", "100n"}, {"0.1n", "1n"}, {"-0.1n", "-1n"}, {"1e3", "1e3"}, {"1E3", "1E3"}, {"12e6", "12e6"}, {"1e1", "10"}, {"100e1", "1e3"}, {"1e-3", "1e-3"},
      {"10E", "10E"}, {"10Ei", "9223372036854775807"}, {"1.1Ki", "1126400m"}, {"0.1Mi", "104857600m"},
      {"9223372036854775807", "9223372036854775807"}, {"9223372036854775808", "9223372036854775808"}, {"123456789012345678901234567890", "123456789012345678901234567890"},
      {"+1", "+1"}, {".", "0"},
      // Texts that upstream takes for canonical and therefore keeps.
      {"05", "05"}, {"1.500", "1.500"}, {"1500M", "1500M"},
      {"", kFormat}, {"abc", kFormat}, {"1x", kFormat}, {" 1", kFormat}, {"1 ", kFormat}, {"1.2.3", kFormat}, {"--1", kSuffix}, {"1i", kSuffix}, {"1Kii", kSuffix},
      {"1e", kSuffix}, {"1K", kSuffix}, {"1ee3", kSuffix},
  };
  for (const Case& c : cases) EXPECT_EQ(canonical(c.text), c.want) << c.text;
}

TEST(Quantity, Arithmetic) {
  struct Case {
    std::string_view a, b, sum, difference;
    int order;
  };
  const Case cases[] = {
      {"1", "500m", "1500m", "500m", 1},
      {"100m", "1", "1100m", "-900m", -1},
      {"1Gi", "1Gi", "2Gi", "0", 0},
      {"1Gi", "1G", "2073741824", "73741824", 1},
      {"0", "1Ki", "1Ki", "-1Ki", -1},
      {"1n", "1E", "1000000000000000000000000001n", "-999999999999999999999999999n", -1},
      {"9223372036854775807", "1", "9223372036854775808", "9223372036854775806", 1},
      {"1e3", "1", "1001", "999", 1},
      {"-1", "1", "0", "-2", -1},
  };
  for (const Case& c : cases) {
    Quantity sum = of(c.a), difference = of(c.a);
    sum += of(c.b);
    difference -= of(c.b);
    EXPECT_EQ(sum.text(), c.sum) << c.a << " + " << c.b;
    EXPECT_EQ(difference.text(), c.difference) << c.a << " - " << c.b;
    EXPECT_EQ(of(c.a).compare(of(c.b)), c.order) << c.a << " ? " << c.b;
  }
  Quantity product = of("1500m");
  product.multiply(3);
  EXPECT_EQ(product.text(), "4500m");
  product = of("5E");
  product.multiply(1'000'000);
  EXPECT_EQ(product.compare(of("5000000E")), 0);
}

TEST(Quantity, Values) {
  struct Case {
    std::string_view text;
    int64_t value, milli;
  };
  const Case cases[] = {{"1500m", 2, 1500}, {"1Ki", 1024, 1'024'000}, {"100n", 1, 1}, {"-1500m", -2, -1500}, {"0", 0, 0}, {"10E", INT64_MAX, INT64_MAX}, {"1e2000000000", INT64_MAX, INT64_MAX}};
  for (const Case& c : cases) {
    EXPECT_EQ(of(c.text).value(), c.value) << c.text;
    EXPECT_EQ(of(c.text).milli_value(), c.milli) << c.text;
  }
  EXPECT_EQ(Quantity::milli(2500).text(), "2500m");
  EXPECT_EQ(Quantity(1 << 30, Quantity::Format::BinarySi).text(), "1Gi");
  EXPECT_DOUBLE_EQ(of("1500m").approximate(), 1.5);
  Quantity rounded = of("1.2");
  EXPECT_FALSE(rounded.round_up(0));
  EXPECT_EQ(rounded.text(), "2");
  EXPECT_TRUE(of("3").round_up(0));
}

TEST(Quantity, HostileExponents) {
  EXPECT_TRUE(of("1e2000000000") > of("1e1999999999"));
  Quantity sum = of("1e2000000000");
  sum += of("1");
  EXPECT_EQ(sum.compare(of("1e2000000000")), 0);
  EXPECT_EQ(canonical("1e-2000000000"), "1e-9");
}

}  // namespace sampan::schema
