// Archives brought into a real containerd, and their images as the node agent finds them then.
#include "images/import.h"

#include "images/testing.h"
#include "kubelet/cri/containerd_for_test.h"

namespace sampan::kubelet {
namespace {

using images::Imported;
using images::TestImage;

Result<Imported> import_bytes(std::string_view archive, images::ImportOptions options = {}) {
  return images::import_archive(*images::connect_containerd(containerd_for_test()->socket()), images::MemoryBytes(archive), options);
}

// Content that no other test has, so that it is not there yet.
std::string fresh_content(size_t size = 100) {
  static int number = 0;
  auto out = concat("content ", number++, " ");
  uint64_t state = static_cast<uint64_t>(number) * 0x9e3779b97f4a7c15;
  while (out.size() < size) {
    state = state * 6364136223846793005 + 1442695040888963407;
    out += static_cast<char>(state >> 56);
  }
  return out;
}

std::string archive_of(const TestImage& image, std::string_view name) { return images::tar_of(images::layout_of(image.named(name), images::blobs_of(image))); }

class ImageImport : public testing::Test {
 protected:
  void SetUp() override {
    if (!containerd_for_test()) GTEST_SKIP();
    runtime_ = std::move(*connect_cri({.endpoint = containerd_for_test()->endpoint()}));
    containerd_ = images::connect_containerd(containerd_for_test()->socket());
  }
  // containerd's CRI hears of new images by events.
  std::string image_id(const std::string& name) {
    for (int i = 0; i < 200; i++) {
      if (auto image = runtime_->image(name); image && *image) return (*image)->id;
      ::usleep(10'000);
    }
    return {};
  }
  std::unique_ptr<Runtime> runtime_;
  std::unique_ptr<images::Containerd> containerd_;
};

TEST_F(ImageImport, once_and_again) {
  TestImage image(fresh_content());
  auto archive = archive_of(image, "imported:1");
  auto first = import_bytes(archive);
  ASSERT_TRUE(first) << first.error().message();
  ASSERT_EQ(first->images.size(), 1u);
  EXPECT_EQ(first->images[0].name, "docker.io/library/imported:1");
  EXPECT_FALSE(first->images[0].was_there);
  EXPECT_EQ(first->bytes_written, image.layer.text.size() + image.config.text.size() + image.manifest.text.size());
  EXPECT_EQ(first->layers_unpacked, 1u);
  EXPECT_EQ(image_id("imported:1"), image.config.digest);

  auto second = import_bytes(archive);
  ASSERT_TRUE(second) << second.error().message();
  EXPECT_TRUE(second->images[0].was_there);
  EXPECT_EQ(second->bytes_written, 0u);

  // Another name for the same: nothing but the name is new.
  auto other = import_bytes(archive_of(image, "imported:2"));
  ASSERT_TRUE(other) << other.error().message();
  EXPECT_FALSE(other->images[0].was_there);
  EXPECT_EQ(other->bytes_written, 0u);
  EXPECT_EQ(image_id("imported:2"), image.config.digest);

  // The same name for another image.
  TestImage newer(fresh_content());
  ASSERT_TRUE(import_bytes(archive_of(newer, "imported:1")));
  for (int i = 0; i < 200 && image_id("imported:1") != newer.config.digest; i++) ::usleep(10'000);
  EXPECT_EQ(image_id("imported:1"), newer.config.digest);
}

TEST_F(ImageImport, garbage_collection_keeps_all) {
  TestImage image(fresh_content()), gone(fresh_content());
  ASSERT_TRUE(import_bytes(archive_of(image, "kept:1")));
  // What no name stands for goes: a blob that only a lease kept.
  ASSERT_TRUE(containerd_->begin_lease());
  images::Descriptor blob{.media_type = "text/plain", .digest = gone.layer.digest, .size = static_cast<int64_t>(gone.layer.text.size())};
  ASSERT_TRUE(containerd_->write_content(blob, {}, images::MemoryBytes(gone.layer.text), 0, [](uint64_t) {}));
  ASSERT_TRUE(*containerd_->content_labels(gone.layer.digest));
  ASSERT_TRUE(containerd_->end_lease(true));
  EXPECT_FALSE(*containerd_->content_labels(gone.layer.digest));
  for (const auto& digest : {image.layer.digest, image.config.digest, image.manifest.digest}) EXPECT_TRUE(*containerd_->content_labels(digest)) << digest;
  EXPECT_TRUE(*containerd_->has_snapshot(image.layer.digest));
}

TEST_F(ImageImport, what_fails_leaves_nothing) {
  TestImage good(fresh_content()), bad(fresh_content());
  auto files = images::layout_of(concat(good.named("half:1"), ",", bad.named("half:2")), images::blobs_of(good));
  for (auto& file : images::blobs_of(bad)) files.push_back(file);
  for (auto& file : files)
    if (file.path.ends_with(bad.layer.digest.substr(7))) file.content[600] ^= 1;
  auto imported = import_bytes(images::tar_of(files));
  ASSERT_FALSE(imported);
  EXPECT_NE(imported.error().message().find(concat("its file blobs/sha256/", bad.layer.digest.substr(7), ": ")), std::string::npos) << imported.error().message();
  for (const auto* name : {"docker.io/library/half:1", "docker.io/library/half:2"}) EXPECT_FALSE(*containerd_->image_target(name)) << name;
  for (const auto& digest : {good.layer.digest, good.manifest.digest, bad.manifest.digest, bad.layer.digest})
    EXPECT_FALSE(*containerd_->content_labels(digest)) << digest;

  // Saved by docker, with a layer that is not what its config says.
  auto saved = images::saved(TestImage(fresh_content()), R"(["half:3"])");
  saved[0].content[600] ^= 1;
  imported = import_bytes(images::tar_of(saved));
  ASSERT_FALSE(imported);
  EXPECT_NE(imported.error().message().find("its file abc/layer.tar: "), std::string::npos) << imported.error().message();

  // Without a layer that the runtime has not either.
  TestImage lacking(fresh_content());
  auto blobs = images::blobs_of(lacking);
  blobs.erase(blobs.begin());
  imported = import_bytes(images::tar_of(images::layout_of(lacking.named("half:4"), blobs)));
  ASSERT_FALSE(imported);
  EXPECT_NE(imported.error().message().find("a layer, and the container runtime has no such layer either"), std::string::npos) << imported.error().message();
}

// Breaks off in the middle, as an import that is killed does.
class Breaking : public images::Bytes {
 public:
  Breaking(std::string_view bytes, uint64_t until) : bytes_(bytes), until_(until) {}
  uint64_t size() const override { return bytes_.size(); }
  Result<size_t> read(uint64_t offset, char* to, size_t size) const override {
    if (offset + size > until_) return fail(Error(Reason::ServiceUnavailable, "broken off"));
    return bytes_.read(offset, to, size);
  }

 private:
  const images::MemoryBytes bytes_;
  const uint64_t until_;
};

TEST_F(ImageImport, an_interrupted_write_goes_on) {
  TestImage image(fresh_content(5 << 19));
  const auto& layer = image.layer;
  images::Descriptor blob{.media_type = "x", .digest = layer.digest, .size = static_cast<int64_t>(layer.text.size())};
  ASSERT_FALSE(containerd_->write_content(blob, {}, Breaking(layer.text, 2 << 20), 0, [](uint64_t) {}));
  ASSERT_FALSE(*containerd_->content_labels(layer.digest));
  uint64_t first = 0, all = 0;
  ASSERT_TRUE(containerd_->write_content(blob, {}, images::MemoryBytes(layer.text), 0, [&](uint64_t more) { all += more, first = first ? first : more; }));
  EXPECT_EQ(first, 2u << 20) << "what was there";
  EXPECT_EQ(all, layer.text.size());
  ASSERT_TRUE(*containerd_->content_labels(layer.digest));
  // Content that nobody leased may be collected at any time; the import that uses it keeps it.
  ASSERT_TRUE(import_bytes(archive_of(image, "large:1")));
  EXPECT_EQ(image_id("large:1"), image.config.digest);
}

TEST_F(ImageImport, several_at_once) {
  TestImage shared(fresh_content(1 << 20));
  std::vector<std::thread> threads;
  std::atomic<int> done = 0;
  for (int i = 0; i < 4; i++)
    threads.emplace_back([&, i] {
      auto imported = import_bytes(archive_of(shared, concat("shared:", i)));
      if (imported)
        done++;
      else
        ADD_FAILURE() << imported.error().message();
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(done, 4);
  for (int i = 0; i < 4; i++) EXPECT_EQ(image_id(concat("shared:", i)), shared.config.digest);
}

TEST_F(ImageImport, a_file_with_gzip) {
  TestImage image(fresh_content(1 << 20));
  auto path = containerd_for_test()->folder() + "/compressed.tar.gz";
  auto* gzip = ::popen(concat("gzip -1 > ", path).c_str(), "w");
  auto archive = images::tar_of(images::saved(image, R"(["compressed:1"])"));
  ASSERT_EQ(::fwrite(archive.data(), 1, archive.size(), gzip), archive.size());
  ASSERT_EQ(::pclose(gzip), 0);
  auto bytes = images::open_archive(path, containerd_for_test()->folder());
  ASSERT_TRUE(bytes) << bytes.error().message();
  EXPECT_EQ((*bytes)->size(), archive.size());
  auto imported = images::import_archive(*containerd_, **bytes, {});
  ASSERT_TRUE(imported) << imported.error().message();
  EXPECT_EQ(image_id("compressed:1"), image.config.digest);

  ::truncate(path.c_str(), 1000);
  auto cut = images::open_archive(path, containerd_for_test()->folder());
  ASSERT_FALSE(cut);
  EXPECT_EQ(cut.error().message(), "its gzip compression ends in the middle: the file is cut off");
}

}  // namespace
}  // namespace sampan::kubelet
