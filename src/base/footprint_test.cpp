#include "base/footprint.h"

#include <fstream>

#include "base/text.h"

namespace sampan {
namespace {

// Of this program's own file, in KB.
int64_t resident_of_program() {
  std::ifstream maps("/proc/self/smaps");
  char name[4096];
  ssize_t size = ::readlink("/proc/self/exe", name, sizeof name);
  std::string program(name, size > 0 ? size : 0);
  int64_t sum = 0;
  bool ours = false;
  for (std::string line; std::getline(maps, line);) {
    if (line.find('-') < line.find(' ')) ours = line.ends_with(program);
    if (ours && line.starts_with("Rss:")) sum += std::stoll(line.substr(4));
  }
  return sum;
}

int changed = 1;  // of what the program may write to

TEST(Footprint, WhatIsNotNeededIsGivenBackAndComesAgain) {
  auto before = resident_of_program();
  ASSERT_GT(before, 0);
  changed = 2;
  leave_startup_behind();
  EXPECT_EQ(changed, 2);
  EXPECT_LT(resident_of_program(), before);
  EXPECT_EQ(concat("still ", "here"), "still here");
}

}  // namespace
}  // namespace sampan
