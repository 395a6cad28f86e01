#include "images/plan.h"

#include <gtest/gtest.h>

#include "images/own_images.h"
#include "images/tasks.h"
#include "images/testing.h"

namespace sampan::images {
namespace {

Result<Plan> plan_of(const std::vector<File>& files, const std::string& name = "") {
  auto bytes = tar_of(files);
  return plan_import(MemoryBytes(bytes), name);
}

std::vector<File> operator+(std::vector<File> a, const std::vector<File>& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

constexpr std::string_view kOther = kArchitecture == "amd64" ? "arm64" : "amd64";

TEST(Plan, own_images) {
  auto archive = oci_archive(own_images());
  auto plan = plan_import(MemoryBytes(archive), "");
  ASSERT_TRUE(plan) << plan.error().message();
  EXPECT_EQ(plan->images.size(), 4u);
  EXPECT_EQ(plan->blobs.size(), 9u) << "one layer, four configs, four manifests";
  EXPECT_EQ(plan->images[0].names, std::vector<std::string>{std::string(kPauseImage)});
}

TEST(Plan, labels_keep_what_belongs_together) {
  TestImage image("x");
  auto index = document(concat("{\"schemaVersion\":2,\"manifests\":[", image.manifest.descriptor(kManifestType), "]}"));
  auto plan = plan_of(layout_of(index.descriptor(kIndexType, ",\"annotations\":{\"io.containerd.image.name\":\"app:1\"}"), blobs_of(image) + std::vector{blob_of(index)}));
  ASSERT_TRUE(plan) << plan.error().message();
  EXPECT_EQ(plan->images[0].target.digest, index.digest);
  EXPECT_EQ(plan->images[0].names[0], "docker.io/library/app:1");
  EXPECT_EQ(plan->blobs.at(index.digest).labels, (Labels{{"containerd.io/gc.ref.content.m.0", image.manifest.digest}}));
  EXPECT_EQ(plan->blobs.at(image.manifest.digest).labels,
            (Labels{{"containerd.io/gc.ref.content.config", image.config.digest}, {"containerd.io/gc.ref.content.l.0", image.layer.digest}}));
}

TEST(Plan, this_machines_platform_is_taken) {
  TestImage ours("ours"), other("other", kOther);
  auto platform = [](std::string_view architecture) { return concat(",\"platform\":{\"os\":\"linux\",\"architecture\":\"", architecture, "\"}"); };
  auto index = document(concat("{\"manifests\":[", other.manifest.descriptor(kManifestType, platform(kOther)), ",", ours.manifest.descriptor(kManifestType, platform(kArchitecture)), "]}"));
  auto name = std::string(",\"annotations\":{\"io.containerd.image.name\":\"app:1\"}");
  // The other platform's blobs need not even be in the archive.
  auto plan = plan_of(layout_of(index.descriptor(kIndexType, name), blobs_of(ours) + std::vector{blob_of(index)}));
  ASSERT_TRUE(plan) << plan.error().message();
  EXPECT_EQ(plan->images[0].layers, std::vector<std::string>{ours.layer.digest});
  EXPECT_FALSE(plan->blobs.contains(other.manifest.digest));
  // Side by side, and what they are for said by the config alone.
  plan = plan_of(layout_of(concat(other.named("b:1"), ",", ours.named("a:1")), blobs_of(ours) + blobs_of(other)));
  ASSERT_TRUE(plan) << plan.error().message();
  ASSERT_EQ(plan->images.size(), 1u);
  EXPECT_EQ(plan->images[0].names[0], "docker.io/library/a:1");
  EXPECT_EQ(plan->skipped, std::vector<std::string>{concat("b:1 is for linux/", kOther)});
}

TEST(Plan, saved_by_docker) {
  TestImage image("x");
  auto plan = plan_of(saved(image, R"(["app:1","localhost:5000/team/app:2"])"));
  ASSERT_TRUE(plan) << plan.error().message();
  EXPECT_EQ(plan->images[0].names, (std::vector<std::string>{"docker.io/library/app:1", "localhost:5000/team/app:2"}));
  const auto& layer = plan->blobs.at(image.layer.digest);
  EXPECT_EQ(layer.file, "abc/layer.tar");
  EXPECT_EQ(layer.descriptor.media_type, "application/vnd.docker.image.rootfs.diff.tar");
  EXPECT_EQ(plan->images[0].target.media_type, "application/vnd.docker.distribution.manifest.v2+json");
  // A layer that is a link to another's file, and one that is compressed.
  auto files = saved(image, "null");
  files[0].path = "real/layer.tar";
  files.push_back({"abc/layer.tar", "../real/layer.tar", 0777, File::Kind::Link});
  plan = plan_of(files, "given");
  ASSERT_TRUE(plan) << plan.error().message();
  EXPECT_EQ(plan->images[0].names[0], "docker.io/library/given:latest");
  files = saved(image, R"(["app:1"])");
  files[0].content = "\x1f\x8b pretends";
  plan = plan_of(files);
  ASSERT_TRUE(plan) << plan.error().message();
  EXPECT_TRUE(plan->blobs.contains(concat("sha256:", sha256_hex(files[0].content))));
}

TEST(Plan, names) {
  TestImage image("x");
  auto with = [&](std::string_view annotations) {
    return layout_of(image.manifest.descriptor(kManifestType, concat(",\"annotations\":{", annotations, "}")), blobs_of(image));
  };
  constexpr std::string_view kName = "\"io.containerd.image.name\":", kRef = "\"org.opencontainers.image.ref.name\":";
  EXPECT_EQ(plan_of(with(concat(kName, "\"a:1\",", kRef, "\"1\"")))->images[0].names[0], "docker.io/library/a:1");
  EXPECT_EQ(plan_of(with(concat(kRef, "\"quay.io/a/b:2\"")))->images[0].names[0], "quay.io/a/b:2");
  EXPECT_EQ(plan_of(with(concat(kRef, "\"2\"")), "b:2")->images[0].names[0], "docker.io/library/b:2");
  auto both = plan_of(layout_of(concat(image.named("a:1"), ",", image.named("a:2")), blobs_of(image)));
  EXPECT_EQ(both->images[0].names.size(), 2u);
  EXPECT_EQ(both->images.size(), 1u);
}

// Each case is a good archive with one thing made wrong.
TEST(Plan, what_is_wrong_is_said) {
  TestImage image("x"), other("other", kOther);
  auto good = [&] { return layout_of(image.named("a:1"), blobs_of(image)); };
  auto changed = [&](size_t file, auto change) {
    auto files = good();
    change(files[file]);
    return files;
  };
  auto manifest_of = [&](std::string text) {
    auto made = document(std::move(text));
    return layout_of(made.descriptor(kManifestType, R"(,"annotations":{"io.containerd.image.name":"a:1"})"), {blob_of(image.layer), blob_of(image.config), blob_of(made)});
  };
  std::string deep;
  for (int i = 0; i < 100; i++) deep += '[';
  struct {
    std::string name;
    std::vector<File> files;
    std::string says;
  } cases[] = {
      {"nothing known", {{"file", "x"}}, "neither oci-layout (OCI) nor manifest.json (docker save) is in it"},
      {"no index", {{"oci-layout", R"({"imageLayoutVersion":"1.0.0"})"}}, "it has no file index.json"},
      {"version", {{"oci-layout", R"({"imageLayoutVersion":"2.0.0"})"}}, "its file oci-layout: imageLayoutVersion is \"2.0.0\"; 1.0.0 is understood"},
      {"not JSON", changed(4, [](File& file) { file.content = "{"; }), "its file index.json: unexpected end of JSON input"},
      {"deep JSON", changed(4, [&](File& file) { file.content = deep; }), "its file index.json: "},
      {"empty", layout_of("", {}), "there is no image in it"},
      {"digest", layout_of(R"({"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:../../../etc","size":3})", {}), "the digest of a manifest is \"sha256:../../../etc\""},
      {"manifest missing", layout_of(image.named("a:1"), {blob_of(image.layer), blob_of(image.config)}), concat("it has no file blobs/sha256/", image.manifest.digest.substr(7))},
      {"manifest damaged", changed(2, [](File& file) { file.content.back() = ' '; }), "is damaged: its content has another digest than its name says"},
      {"manifest size", changed(2, [](File& file) { file.content += ' '; }), "what refers to it says"},
      {"layer size", changed(0, [](File& file) { file.content += ' '; }), "what refers to it says"},
      {"both kinds", manifest_of(image.manifest.text.substr(0, image.manifest.text.size() - 1) + ",\"manifests\":[]}"), "an index of images at once"},
      {"layers", manifest_of(concat("{\"config\":", image.config.descriptor("x"), ",\"layers\":[]}")), "names 0 layers, and the image's config 1"},
      {"platform", layout_of(other.named("a:1"), blobs_of(other)), concat("there is no image for linux/", kArchitecture, " in it: a:1 is for linux/", kOther)},
      {"name", layout_of(image.named("A B"), blobs_of(image)), "\"A B\" is no name of an image: invalid reference format"},
      {"no name", layout_of(image.manifest.descriptor(kManifestType), blobs_of(image)), "give it one with --name"},
      {"large document", changed(4, [](File& file) { file.content.resize((8 << 20) + 1, ' '); }), "index.json in it is too large for a document"},
      {"saved config", {{"manifest.json", R"([{"Config":"../../etc/passwd","Layers":[]}])"}}, "it has no file ../../etc/passwd"},
      {"saved without config", {{"manifest.json", "[{}]"}}, "its file manifest.json: an image in it has no Config"},
      {"saved layers", {{"c", "{}"}, {"manifest.json", R"([{"Config":"c","Layers":["x"]}])"}}, "names 1 layers, and the image's config c has 0"},
  };
  for (const auto& one : cases) {
    auto plan = plan_of(one.files);
    ASSERT_FALSE(plan) << one.name;
    EXPECT_NE(plan.error().message().find(one.says), std::string::npos) << one.name << ": " << plan.error().message();
  }
}

TEST(Plan, missing_layers_may_be_in_the_runtime) {
  TestImage image("x");
  auto plan = plan_of(layout_of(image.named("a:1"), {blob_of(image.config), blob_of(image.manifest)}));
  ASSERT_TRUE(plan);
  EXPECT_FALSE(plan->blobs.at(image.layer.digest).in_archive);
}

TEST(Plan, chains) {
  EXPECT_EQ(chain_id("", "sha256:a"), "sha256:a");
  EXPECT_EQ(chain_id("sha256:a", "sha256:b"), concat("sha256:", sha256_hex("sha256:a sha256:b")));
}

TEST(Tasks, order_and_errors) {
  for (unsigned threads : {1u, 4u}) {
    Tasks tasks;
    std::atomic<int> done = 0;
    std::vector<size_t> first;
    for (int i = 0; i < 20; i++) first.push_back(tasks.add([&] { return done++, Result<void>(); }));
    int seen = 0;
    auto last = tasks.add([&] { return seen = done, Result<void>(); }, first);
    tasks.add([&]() -> Result<void> { return fail(bad_request("no")); }, {last});
    auto result = tasks.run(threads);
    EXPECT_EQ(seen, 20);
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().message(), "no");
  }
  EXPECT_TRUE(Tasks().run(4));
}

}  // namespace
}  // namespace sampan::images
