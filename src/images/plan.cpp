#include "images/plan.h"

#include <openssl/evp.h>

#include <climits>

#include "base/encoding.h"
#include "base/text.h"
#include "images/archive.h"
#include "images/reference.h"
#include "images/tar.h"

namespace sampan::images {

namespace {

constexpr uint64_t kDocumentsBytesMax = 64 << 20;  // of all documents together, since they are held in memory
constexpr int kIndexDepthMax = 4;
constexpr std::string_view kNameAnnotation = "io.containerd.image.name", kRefAnnotation = "org.opencontainers.image.ref.name";
constexpr std::string_view kDockerConfig = "application/vnd.docker.container.image.v1+json", kDockerManifest = "application/vnd.docker.distribution.manifest.v2+json";
constexpr std::string_view kDockerLayer = "application/vnd.docker.image.rootfs.diff.tar";

std::string digest_of(std::string_view bytes) { return concat("sha256:", sha256_hex(bytes)); }

Result<std::string> digest_of(const Bytes& bytes, uint64_t offset, uint64_t size) {
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> hash(EVP_MD_CTX_new(), EVP_MD_CTX_free);
  EVP_DigestInit_ex(hash.get(), EVP_sha256(), nullptr);
  std::string chunk(std::min<uint64_t>(size, 1 << 20), '\0');
  for (uint64_t done = 0; done < size;) {
    auto got = TRY(bytes.read(offset + done, chunk.data(), std::min<uint64_t>(chunk.size(), size - done)));
    if (got == 0) return fail(bad_request("the file is cut off"));
    EVP_DigestUpdate(hash.get(), chunk.data(), got);
    done += got;
  }
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned digest_size = 0;
  EVP_DigestFinal_ex(hash.get(), digest, &digest_size);
  return concat("sha256:", hex({reinterpret_cast<const char*>(digest), digest_size}));
}

std::string blob_file(std::string_view digest) { return concat("blobs/sha256/", digest.substr(digest.find(':') + 1)); }

class Planner {
 public:
  explicit Planner(const Bytes& archive, Tar tar) : archive_(archive), tar_(std::move(tar)) {}
  Result<void> read();
  Result<Plan> finish(const std::string& name);

 private:
  Result<void> read_oci_layout();
  Result<void> read_docker_save();
  // `file` may be missing: then the text is absent.
  Result<std::optional<std::string>> read_document(const std::string& file);
  template <class Parse>
  auto parse_document(const std::string& file, Parse parse) -> decltype(parse(std::string_view()));
  // A document that others refer to by its digest.
  Result<std::string> read_blob(const Descriptor& descriptor);

  // Whether it has an image for this machine; then `image` and what it needs are filled in.
  Result<bool> resolve(const Descriptor& descriptor, int depth, PlannedImage& image);
  Result<bool> resolve_index(const Descriptor& descriptor, int depth, PlannedImage& image);
  Result<bool> resolve_manifest(const Descriptor& descriptor, PlannedImage& image);
  Result<bool> add_image(const Manifest& manifest, const Config& config, const Descriptor& target, std::string manifest_text, std::string config_text, PlannedImage& image);
  Result<Manifest> manifest_of(const SavedImage& saved, const Config& config, const std::string& config_text);
  Result<Descriptor> saved_layer(const std::string& file, const std::string& diff_id);

  void add_blob(Blob blob, PlannedImage& image);
  void add_layer(const Descriptor& layer, PlannedImage& image);
  Result<void> keep(PlannedImage image, std::span<const std::string> names);

  const Bytes& archive_;
  const Tar tar_;
  Plan plan_;
  std::map<std::string, std::string> saved_files_;  // of `docker save`: where a layer of that digest is
  std::set<std::string> other_platforms_;           // of the image that is being resolved
  uint64_t documents_bytes_ = 0;
};

Result<std::optional<std::string>> Planner::read_document(const std::string& file) {
  const TarEntry* entry = tar_.find(file);
  if (!entry) return std::nullopt;
  documents_bytes_ += entry->size;
  if (entry->size > kDocumentBytesMax || documents_bytes_ > kDocumentsBytesMax) return fail(bad_request(concat(file, " in it is too large for a document: ", entry->size, " bytes")));
  return TRY(read_all(archive_, entry->offset, entry->size));
}

template <class Parse>
auto Planner::parse_document(const std::string& file, Parse parse) -> decltype(parse(std::string_view())) {
  auto text = TRY(read_document(file));
  if (!text) return fail(bad_request(concat("it has no file ", file)));
  auto parsed = parse(*text);
  if (!parsed) return fail(std::move(parsed.error()).context(concat("its file ", file)));
  return parsed;
}

Result<std::string> Planner::read_blob(const Descriptor& descriptor) {
  auto file = blob_file(descriptor.digest);
  auto text = TRY(read_document(file));
  if (!text) return fail(bad_request(concat("it has no file ", file, ", to which another in it refers")));
  if (static_cast<int64_t>(text->size()) != descriptor.size)
    return fail(bad_request(concat("its file ", file, " has ", text->size(), " bytes; what refers to it says ", descriptor.size)));
  if (digest_of(*text) != descriptor.digest) return fail(bad_request(concat("its file ", file, " is damaged: its content has another digest than its name says")));
  return *std::move(text);
}

void Planner::add_blob(Blob blob, PlannedImage& image) {
  auto digest = blob.descriptor.digest;
  if (std::ranges::find(image.blobs, digest) == image.blobs.end()) image.blobs.push_back(digest);
  auto [known, is_new] = plan_.blobs.try_emplace(digest, std::move(blob));
  if (!is_new) known->second.labels.merge(blob.labels);
}

void Planner::add_layer(const Descriptor& layer, PlannedImage& image) {
  Blob blob{.descriptor = layer, .file = blob_file(layer.digest)};
  if (auto saved = saved_files_.find(layer.digest); saved != saved_files_.end()) blob.file = saved->second;
  const TarEntry* entry = tar_.find(blob.file);
  blob.in_archive = entry != nullptr;
  if (entry) blob.offset = entry->offset;
  add_blob(std::move(blob), image);
}

Result<bool> Planner::add_image(const Manifest& manifest, const Config& config, const Descriptor& target, std::string manifest_text, std::string config_text,
                                PlannedImage& image) {
  auto file = blob_file(target.digest);
  if (manifest.layers.size() != config.diff_ids.size())
    return fail(bad_request(concat("its file ", file, " names ", manifest.layers.size(), " layers, and the image's config ", config.diff_ids.size())));
  Labels labels = {{"containerd.io/gc.ref.content.config", manifest.config.digest}};
  for (size_t i = 0; i < manifest.layers.size(); i++) {
    const auto& layer = manifest.layers[i];
    auto* entry = tar_.find(saved_files_.contains(layer.digest) ? saved_files_[layer.digest] : blob_file(layer.digest));
    if (entry && static_cast<int64_t>(entry->size) != layer.size)
      return fail(bad_request(concat("its file ", blob_file(layer.digest), " has ", entry->size, " bytes; what refers to it says ", layer.size)));
    labels.emplace(concat("containerd.io/gc.ref.content.l.", i), layer.digest);
    add_layer(layer, image);
    image.layers.push_back(layer.digest);
  }
  image.diff_ids = config.diff_ids;
  image.config = manifest.config.digest;
  add_blob({.descriptor = manifest.config, .file = blob_file(manifest.config.digest), .document = std::move(config_text), .is_document = true}, image);
  add_blob({.descriptor = target, .labels = std::move(labels), .file = file, .document = std::move(manifest_text), .is_document = true}, image);
  return true;
}

Result<bool> Planner::resolve_manifest(const Descriptor& descriptor, PlannedImage& image) {
  auto text = TRY(read_blob(descriptor));
  auto manifest = parse_manifest(text);
  if (!manifest) return fail(std::move(manifest.error()).context(concat("its file ", blob_file(descriptor.digest))));
  auto config_text = TRY(read_blob(manifest->config));
  auto config = parse_config(config_text);
  if (!config) return fail(std::move(config.error()).context(concat("its file ", blob_file(manifest->config.digest))));
  if (!descriptor.platform.is_said() && config->platform.is_said() && rank_of(config->platform) < 0) {
    other_platforms_.insert(text_of(config->platform));
    return false;
  }
  return add_image(*manifest, *config, descriptor, std::move(text), std::move(config_text), image);
}

Result<bool> Planner::resolve_index(const Descriptor& descriptor, int depth, PlannedImage& image) {
  if (depth >= kIndexDepthMax) return fail(bad_request("its indexes of images are nested too deeply"));
  auto text = TRY(read_blob(descriptor));
  auto index = parse_index(text);
  if (!index) return fail(std::move(index.error()).context(concat("its file ", blob_file(descriptor.digest))));
  // The best for this machine first; those that do not say what they are for are looked into last.
  std::vector<std::pair<int, const Descriptor*>> candidates;
  for (const auto& one : index->manifests) {
    int rank = one.platform.is_said() ? rank_of(one.platform) : INT_MAX;
    if (rank >= 0)
      candidates.emplace_back(rank, &one);
    else if (one.platform.os != "unknown")  // attestations say that
      other_platforms_.insert(text_of(one.platform));
  }
  std::ranges::stable_sort(candidates, {}, [](const auto& one) { return one.first; });
  for (const auto& [rank, one] : candidates) {
    if (!TRY(resolve(*one, depth + 1, image))) continue;
    add_blob({.descriptor = descriptor, .labels = {{"containerd.io/gc.ref.content.m.0", one->digest}}, .file = blob_file(descriptor.digest),
              .document = std::move(text), .is_document = true},
             image);
    return true;
  }
  return false;
}

Result<bool> Planner::resolve(const Descriptor& descriptor, int depth, PlannedImage& image) {
  if (descriptor.platform.is_said() && rank_of(descriptor.platform) < 0) {
    other_platforms_.insert(text_of(descriptor.platform));
    return false;
  }
  if (is_index(descriptor)) return resolve_index(descriptor, depth, image);
  if (is_manifest(descriptor)) return resolve_manifest(descriptor, image);
  return false;
}

Result<void> Planner::keep(PlannedImage image, std::span<const std::string> names) {
  auto same = std::ranges::find(plan_.images, image.target.digest, [](const PlannedImage& one) -> const std::string& { return one.target.digest; });
  if (same == plan_.images.end()) same = plan_.images.insert(same, std::move(image));
  for (const auto& name : names) {
    auto canonical = TRY(canonical_name(name));
    for (auto& one : plan_.images) std::erase(one.names, canonical);  // the last one has the name
    same->names.push_back(std::move(canonical));
  }
  return {};
}

Result<void> Planner::read_oci_layout() {
  TRY(parse_document("oci-layout", check_layout_version));
  auto index = TRY(parse_document("index.json", parse_index));
  for (const auto& descriptor : index.manifests) {
    std::vector<std::string> names;
    auto name = descriptor.annotations.find(std::string(kNameAnnotation));
    auto ref = descriptor.annotations.find(std::string(kRefAnnotation));
    if (name != descriptor.annotations.end())
      names.push_back(name->second);
    else if (ref != descriptor.annotations.end() && ref->second.find_first_of("/:") != std::string::npos)  // a tag alone is no name
      names.push_back(ref->second);
    PlannedImage image{.target = descriptor};
    other_platforms_.clear();
    bool is_known = std::ranges::any_of(plan_.images, [&](const PlannedImage& one) { return one.target.digest == descriptor.digest; });
    if (is_known || TRY(resolve(descriptor, 0, image))) {
      TRY(keep(std::move(image), names));
    } else {
      auto is_for = join({other_platforms_.begin(), other_platforms_.end()}, ", ");
      plan_.skipped.push_back(concat(names.empty() ? descriptor.digest : names[0], is_for.empty() ? " is no image" : " is for ", is_for));
    }
  }
  return {};
}

Result<Descriptor> Planner::saved_layer(const std::string& file, const std::string& diff_id) {
  const TarEntry* entry = tar_.find(file);
  if (!entry) return fail(bad_request(concat("it has no file ", file, ", which manifest.json names as a layer")));
  char begin[4] = {};
  auto got = TRY(archive_.read(entry->offset, begin, std::min<uint64_t>(sizeof begin, entry->size)));
  std::string_view magic(begin, got);
  bool is_gzip = magic.starts_with("\x1f\x8b"), is_zstd = magic == "\x28\xb5\x2f\xfd";
  Descriptor layer;
  layer.size = static_cast<int64_t>(entry->size);
  layer.media_type = concat(kDockerLayer, is_gzip ? ".gzip" : is_zstd ? ".zstd" : "");
  // Of an unpacked layer the config says the digest, and the runtime finds out whether it is right.
  layer.digest = is_gzip || is_zstd ? TRY(digest_of(archive_, entry->offset, entry->size)) : diff_id;
  saved_files_[layer.digest] = file;
  return layer;
}

Result<Manifest> Planner::manifest_of(const SavedImage& saved, const Config& config, const std::string& config_text) {
  if (saved.layers.size() != config.diff_ids.size())
    return fail(bad_request(concat("its file manifest.json names ", saved.layers.size(), " layers, and the image's config ", saved.config, " has ", config.diff_ids.size())));
  Manifest manifest;
  manifest.config.media_type = kDockerConfig;
  manifest.config.digest = digest_of(config_text);
  manifest.config.size = static_cast<int64_t>(config_text.size());
  for (size_t i = 0; i < saved.layers.size(); i++) manifest.layers.push_back(TRY(saved_layer(saved.layers[i], config.diff_ids[i])));
  return manifest;
}

Result<void> Planner::read_docker_save() {
  for (const auto& saved : TRY(parse_document("manifest.json", parse_saved_images))) {
    auto config_text = TRY(read_document(saved.config));
    if (!config_text) return fail(bad_request(concat("it has no file ", saved.config, ", which manifest.json names as a config")));
    auto config = parse_config(*config_text);
    if (!config) return fail(std::move(config.error()).context(concat("its file ", saved.config)));
    if (config->platform.is_said() && rank_of(config->platform) < 0) {
      plan_.skipped.push_back(concat(saved.tags.empty() ? saved.config : saved.tags[0], " is for ", text_of(config->platform)));
      continue;
    }
    auto manifest = TRY(manifest_of(saved, *config, *config_text));
    auto text = docker_manifest(manifest);
    PlannedImage image{.target = {.media_type = std::string(kDockerManifest), .digest = digest_of(text), .size = static_cast<int64_t>(text.size())}};
    TRY(add_image(manifest, *config, image.target, text, *config_text, image));
    TRY(keep(std::move(image), saved.tags));
  }
  return {};
}

Result<void> Planner::read() {
  if (tar_.find("oci-layout")) return read_oci_layout();
  if (tar_.find("manifest.json")) return read_docker_save();
  return fail(bad_request("it is no archive of images: neither oci-layout (OCI) nor manifest.json (docker save) is in it"));
}

Result<Plan> Planner::finish(const std::string& name) {
  if (plan_.images.empty() && plan_.skipped.empty()) return fail(bad_request("there is no image in it"));
  if (plan_.images.empty())
    return fail(bad_request(concat("there is no image for linux/", kArchitecture, " in it: ", join(plan_.skipped, "; "))));
  if (!name.empty()) {
    if (plan_.images.size() > 1) return fail(bad_request(concat("there are ", plan_.images.size(), " images in it; one name cannot be all of theirs")));
    plan_.images[0].names = {TRY(canonical_name(name))};
  }
  for (const auto& image : plan_.images)
    if (image.names.empty()) plan_.skipped.push_back(concat(image.target.digest, " has no name"));
  std::erase_if(plan_.images, [](const PlannedImage& image) { return image.names.empty(); });
  if (plan_.images.empty()) return fail(bad_request("it says no name for its image; give it one with --name"));
  return std::move(plan_);
}

}  // namespace

std::string chain_id(std::string_view parent, std::string_view diff_id) {
  return parent.empty() ? std::string(diff_id) : digest_of(concat(parent, " ", diff_id));
}

Result<Plan> plan_import(const Bytes& archive, const std::string& name) {
  Planner planner(archive, TRY(Tar::read(archive)));
  TRY(planner.read());
  return planner.finish(name);
}

}  // namespace sampan::images
