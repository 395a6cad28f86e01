#include "images/documents.h"

#include "base/text.h"
#include "schema/json.h"

namespace sampan::images {

namespace {

using schema::Value;

constexpr size_t kManifestsMax = 10'000, kLayersMax = 1000, kTagsMax = 1000, kAnnotationsMax = 1000;
constexpr schema::JsonLimits kLimits{.depth_max = 50};

// A list of at most so many; absent is empty.
Result<std::span<Value>> list_of(Value object, std::string_view name, size_t max) {
  auto list = object[name];
  if (list.is_missing()) return std::span<Value>();
  if (!list.is_list()) return fail(bad_request(concat(quoted(name), " is no list")));
  if (list.size() > max) return fail(bad_request(concat(quoted(name), " has ", list.size(), " entries; at most ", max, " are understood")));
  return list.items();
}

Result<std::vector<std::string>> texts_of(Value object, std::string_view name, size_t max) {
  std::vector<std::string> out;
  for (auto item : TRY(list_of(object, name, max))) {
    if (!item.is_string()) return fail(bad_request(concat(quoted(name), " has an entry that is no text")));
    out.emplace_back(item.as_string());
  }
  return out;
}

Platform platform_of(Value value) {
  return {std::string(value["os"].as_string()), std::string(value["architecture"].as_string()), std::string(value["variant"].as_string())};
}

Result<Descriptor> descriptor_of(Value value, std::string_view where) {
  Descriptor out;
  out.media_type = value["mediaType"].as_string();
  out.digest = value["digest"].as_string();
  out.size = value["size"].as_int();
  if (!is_digest(out.digest)) return fail(bad_request(concat("the digest of ", where, " is ", quoted(out.digest), ", not sha256: and 64 digits")));
  if (!value["size"].is_int() || out.size < 0) return fail(bad_request(concat("the size of ", out.digest, " is missing or no size")));
  auto annotations = value["annotations"].members();
  if (annotations.size() > kAnnotationsMax) return fail(bad_request(concat(out.digest, " has more than ", kAnnotationsMax, " annotations")));
  for (auto& [name, text] : annotations)
    if (text.is_string()) out.annotations.emplace(name, text.as_string());
  out.platform = platform_of(value["platform"]);
  return out;
}

Result<Value> parse_object(std::string_view text, Arena& arena) {
  auto value = TRY(schema::parse_json(text, arena, nullptr, kLimits));
  if (!value.is_object()) return fail(bad_request("it is no JSON object"));
  return value;
}

void append_descriptor(std::string& out, const Descriptor& descriptor) {
  append(out, "{\"mediaType\":", quoted(descriptor.media_type), ",\"digest\":", quoted(descriptor.digest), ",\"size\":", descriptor.size, "}");
}

}  // namespace

bool is_index(const Descriptor& descriptor) {
  return descriptor.media_type == "application/vnd.oci.image.index.v1+json" || descriptor.media_type == "application/vnd.docker.distribution.manifest.list.v2+json";
}

bool is_manifest(const Descriptor& descriptor) {
  return descriptor.media_type == "application/vnd.oci.image.manifest.v1+json" || descriptor.media_type == "application/vnd.docker.distribution.manifest.v2+json";
}

bool is_digest(std::string_view text) {
  constexpr std::string_view kPrefix = "sha256:";
  return text.starts_with(kPrefix) && text.size() == kPrefix.size() + 64 && text.find_first_not_of("0123456789abcdef", kPrefix.size()) == std::string_view::npos;
}

Result<Index> parse_index(std::string_view text) {
  Arena arena;
  auto value = TRY(parse_object(text, arena));
  // A document that can be read in two ways could be one thing for who checked it and another for who runs it.
  if (value.has("layers") || value.has("config") || value.has("fsLayers")) return fail(bad_request("it is an index of images and a single image's manifest at once"));
  Index index;
  for (auto item : TRY(list_of(value, "manifests", kManifestsMax))) index.manifests.push_back(TRY(descriptor_of(item, "a manifest")));
  return index;
}

Result<Manifest> parse_manifest(std::string_view text) {
  Arena arena;
  auto value = TRY(parse_object(text, arena));
  if (value.has("manifests")) return fail(bad_request("it is a single image's manifest and an index of images at once"));
  if (value.has("fsLayers")) return fail(bad_request("it is of Docker's first form, which no runtime understands any more"));
  Manifest manifest;
  manifest.config = TRY(descriptor_of(value["config"], "its config"));
  for (auto item : TRY(list_of(value, "layers", kLayersMax))) manifest.layers.push_back(TRY(descriptor_of(item, "a layer")));
  return manifest;
}

Result<Config> parse_config(std::string_view text) {
  Arena arena;
  auto value = TRY(parse_object(text, arena));
  Config config;
  config.platform = platform_of(value);
  config.diff_ids = TRY(texts_of(value["rootfs"], "diff_ids", kLayersMax));
  for (const auto& id : config.diff_ids)
    if (!is_digest(id)) return fail(bad_request(concat("an entry of rootfs.diff_ids is ", quoted(id), ", not sha256: and 64 digits")));
  return config;
}

Result<std::vector<SavedImage>> parse_saved_images(std::string_view text) {
  Arena arena;
  auto value = TRY(schema::parse_json(text, arena, nullptr, kLimits));
  if (!value.is_list()) return fail(bad_request("it is no JSON list"));
  if (value.size() > kManifestsMax) return fail(bad_request(concat("it lists more than ", kManifestsMax, " images")));
  std::vector<SavedImage> out;
  for (auto item : value.items()) {
    SavedImage image;
    image.config = item["Config"].as_string();
    if (image.config.empty()) return fail(bad_request("an image in it has no Config"));
    image.layers = TRY(texts_of(item, "Layers", kLayersMax));
    image.tags = TRY(texts_of(item, "RepoTags", kTagsMax));
    out.push_back(std::move(image));
  }
  return out;
}

Result<void> check_layout_version(std::string_view text) {
  Arena arena;
  auto version = TRY(parse_object(text, arena))["imageLayoutVersion"].as_string();
  if (version == "1.0.0") return {};
  return fail(bad_request(concat("imageLayoutVersion is ", quoted(version), "; 1.0.0 is understood")));
}

std::string docker_manifest(const Manifest& manifest) {
  std::string out = "{\"schemaVersion\":2,\"mediaType\":\"application/vnd.docker.distribution.manifest.v2+json\",\"config\":";
  append_descriptor(out, manifest.config);
  out += ",\"layers\":[";
  for (const auto& layer : manifest.layers) {
    if (&layer != manifest.layers.data()) out += ',';
    append_descriptor(out, layer);
  }
  return out + "]}";
}

}  // namespace sampan::images
