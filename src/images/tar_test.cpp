#include "images/tar.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "base/text.h"
#include "images/archive.h"

namespace sampan::images {
namespace {

std::string content_of(const std::string& bytes, const TarEntry& entry) { return bytes.substr(entry.offset, entry.size); }

// What the machine's tar makes of some files, told how to write.
std::string tar_with(std::string_view flags, std::string_view script) {
  char folder[] = "/tmp/sampan-tar-XXXXXX";
  if (!mkdtemp(folder)) return {};
  auto command = concat("cd ", folder, " && ", script, " && tar -c ", flags, " -f - * && rm -rf ", folder);
  FILE* pipe = popen(command.c_str(), "r");
  std::string out;
  char buffer[4096];
  while (size_t n = fread(buffer, 1, sizeof buffer, pipe)) out.append(buffer, n);
  pclose(pipe);
  return out;
}

TEST(Tar, formats_of_tar) {
  std::string name = "f";
  for (int i = 0; i < 30; i++) name += "/deep-and-long";
  auto script = concat("mkdir -p ", name, " && echo hello > ", name, "/file && ln -s file ", name, "/link && ln ", name, "/file hard && echo short > z");
  for (std::string_view format : {"--format=gnu", "--format=pax"}) {
    auto bytes = tar_with(format, script);
    auto tar = Tar::read(MemoryBytes(bytes));
    ASSERT_TRUE(tar) << format << ": " << tar.error().message();
    for (const auto& file : {name + "/file", name + "/link", std::string("hard"), "./" + name + "/../deep-and-long//file"}) {
      auto* entry = tar->find(file);
      ASSERT_TRUE(entry) << format << " " << file;
      EXPECT_EQ(content_of(bytes, *entry), "hello\n") << format << " " << file;
    }
    EXPECT_EQ(content_of(bytes, *tar->find("z")), "short\n") << format;
    EXPECT_FALSE(tar->find(name)) << "a folder is no file";
  }
}

TEST(Tar, what_is_wrong_is_said) {
  auto good = tar_of({{"a", std::string(1000, 'x')}, {"b", "y"}});
  auto changed = [&](auto change) {
    auto bytes = good;
    change(bytes);
    return bytes;
  };
  // A header with its sum made right again.
  auto reheaded = [&](auto change) {
    return changed([&](std::string& bytes) {
      change(bytes);
      std::fill_n(bytes.begin() + 148, 8, ' ');
      unsigned sum = 0;
      for (size_t i = 0; i < 512; i++) sum += static_cast<unsigned char>(bytes[i]);
      char text[8];
      std::snprintf(text, sizeof text, "%06o", sum);
      bytes.replace(148, 7, text, 7);
    });
  };
  struct {
    std::string name, bytes, says;
  } cases[] = {
      {"empty", "", "it ends in the middle of a header at byte 0"},
      {"text", std::string(2000, 'a'), "a header's checksum is wrong at byte 0"},
      {"cut in a header", good.substr(0, 1700), "it ends in the middle of a header at byte 1536"},
      {"cut in a file", good.substr(0, 900), "it is cut off: \"a\" should go on to byte 1512, and the file has 900"},
      {"a bit", changed([](auto& bytes) { bytes[3] ^= 1; }), "a header's checksum is wrong at byte 0"},
      {"size", reheaded([](auto& bytes) { bytes[130] = 'z'; }), "a size is no number at byte 0"},
      {"huge", reheaded([](auto& bytes) { bytes.replace(124, 12, "\x80\0\0\0\x7f\xff\xff\xff\xff\xff\xff\xff", 12); }), "it is cut off"},
      {"beyond all", reheaded([](auto& bytes) { bytes.replace(124, 12, "\x80\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 12); }), "a size is no number"},
      {"pax", reheaded([](auto& bytes) { bytes[156] = 'x'; }), "an extended header is malformed at byte 0"},
  };
  for (const auto& one : cases) {
    auto tar = Tar::read(MemoryBytes(one.bytes));
    ASSERT_FALSE(tar) << one.name;
    EXPECT_NE(tar.error().message().find(one.says), std::string::npos) << one.name << ": " << tar.error().message();
  }
}

TEST(Tar, names_stay_inside) {
  auto bytes = tar_of({{"../../etc/passwd", "x"}, {"loop", "loop", 0777, File::Kind::Link}, {"a/up", "../../../b", 0777, File::Kind::Link}, {"b", "old"}, {"b", "new"}});
  auto tar = Tar::read(MemoryBytes(bytes));
  ASSERT_TRUE(tar);
  EXPECT_TRUE(tar->find("etc/passwd"));
  EXPECT_TRUE(tar->find("/etc/passwd"));
  EXPECT_FALSE(tar->find("loop"));
  EXPECT_EQ(content_of(bytes, *tar->find("a/up")), "new");
  EXPECT_EQ(clean_path("./a//b/../c/."), "a/c");
}

TEST(Tar, end_without_empty_blocks) {
  auto bytes = tar_of({{"a", "x"}});
  EXPECT_TRUE(Tar::read(MemoryBytes(bytes.substr(0, 1024)))->find("a"));
}

}  // namespace
}  // namespace sampan::images
