#include "registry/line_diff.h"

#include <gtest/gtest.h>

namespace sampan::registry {

TEST(LineDiff, Hunks) {
  struct {
    std::string_view before, after, want;
  } cases[] = {
      {"a\nb", "a\nb", ""},
      {"a", "b", "@@ -1 +1 @@\n-a\n+b\n"},
      {"1\n2\n3\n4\n5\n6\n7\n8\n9", "1\n2\n3\n4\nx\n6\n7\n8\n9", "@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+x\n 6\n 7\n 8\n"},
      {"a\nb", "a\nx\nb", "@@ -1,2 +1,3 @@\n a\n+x\n b\n"},
      {"a\nx\nb", "a\nb", "@@ -1,3 +1,2 @@\n a\n-x\n b\n"},
      // Two changes that are far apart are two hunks.
      {"x\n1\n2\n3\n4\n5\n6\n7\ny", "X\n1\n2\n3\n4\n5\n6\n7\nY",
       "@@ -1,4 +1,4 @@\n-x\n+X\n 1\n 2\n 3\n@@ -6,4 +6,4 @@\n 5\n 6\n 7\n-y\n+Y\n"},
  };
  for (auto& c : cases) EXPECT_EQ(line_diff(c.before, c.after), c.want) << c.before;
}

TEST(LineDiff, RepetitionIsCheap) {
  std::string before, after;
  for (int i = 0; i < 100'000; i++) {
    before += std::to_string(i % 500) + "\n";
    after += std::to_string((i + 250) % 500) + "\n";
  }
  EXPECT_FALSE(line_diff("same\n" + before, "same\n" + after).empty());
}

}  // namespace sampan::registry
