#include "base/log.h"

namespace sampan {
namespace {

TEST(Log, Lines) {
  constexpr int64_t kNow = 1'777'777'777'123'456;
  EXPECT_EQ(log_line(LogFormat::Json, LogLevel::Info, "/a/b.cpp", 42, "say \"it\"\n\x01\\", kNow),
            "{\"ts\":1777777777123.456,\"caller\":\"b.cpp:42\",\"msg\":\"say \\\"it\\\"\\n\\u0001\\\\\",\"v\":0}\n");
  EXPECT_EQ(log_line(LogFormat::Json, LogLevel::Error, "b.cpp", 1, "lost", kNow), "{\"ts\":1777777777123.456,\"caller\":\"b.cpp:1\",\"msg\":\"lost\"}\n");
  auto text = log_line(LogFormat::Text, LogLevel::Warning, "a/b.cpp", 42, "slow", kNow);
  EXPECT_TRUE(text.starts_with("W0503 03:09:37.123456 ")) << text;
  EXPECT_TRUE(text.ends_with(" b.cpp:42] slow\n")) << text;
}

}  // namespace
}  // namespace sampan
