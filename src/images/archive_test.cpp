#include "images/archive.h"

#include <gtest/gtest.h>

#include "base/text.h"
#include "images/own_images.h"

namespace sampan::images {
namespace {

TEST(Archive, TarIsUnderstoodByTar) {
  std::string deep = "a/very/long/path";
  for (int i = 0; i < 10; i++) deep += "/with-many-parts";
  auto tar = tar_of({{"folder/", "", 0755, File::Kind::Directory}, {"folder/file", "content", 0640}, {"link", "folder/file", 0777, File::Kind::Link}, {deep, "x"}});
  EXPECT_EQ(tar.size() % 512, 0u);
  char name[] = "/tmp/sampan-archive-XXXXXX";
  int fd = mkstemp(name);
  ASSERT_EQ(write(fd, tar.data(), tar.size()), static_cast<ssize_t>(tar.size()));
  close(fd);
  FILE* list = popen(concat("tar -tvf ", name).c_str(), "r");
  std::string said;
  char buffer[4096];
  while (size_t n = fread(buffer, 1, sizeof buffer, list)) said.append(buffer, n);
  EXPECT_EQ(pclose(list), 0);
  unlink(name);
  for (auto part : {"drwxr-xr-x", "-rw-r-----", "folder/file", "link -> folder/file", deep.c_str()}) EXPECT_NE(said.find(part), std::string::npos) << part << "\n" << said;
}

TEST(Archive, SharedLayersAreThereOnce) {
  auto archive = oci_archive(own_images());
  EXPECT_LT(archive.size(), 64u * 1024);
  EXPECT_NE(archive.find("docker.io/library/hello:v3"), std::string::npos);
  EXPECT_EQ(archive, oci_archive(own_images()));
}

TEST(Archive, DigestsAreOfTheirContent) {
  EXPECT_EQ(sha256_hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

}  // namespace
}  // namespace sampan::images
