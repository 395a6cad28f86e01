// Archives for tests, put together from their documents.
#pragma once
#include "base/text.h"
#include "images/archive.h"
#include "images/platform.h"

namespace sampan::images {

struct Document {
  std::string digest, text;
  std::string descriptor(std::string_view media_type, std::string_view more = "") const {
    return concat("{\"mediaType\":\"", media_type, "\",\"digest\":\"", digest, "\",\"size\":", text.size(), more, "}");
  }
};
inline Document document(std::string text) { return {concat("sha256:", sha256_hex(text)), std::move(text)}; }

inline constexpr std::string_view kIndexType = "application/vnd.oci.image.index.v1+json", kManifestType = "application/vnd.oci.image.manifest.v1+json";

// One image with one layer, and where its parts are in an OCI layout.
struct TestImage {
  Document layer, config, manifest;
  explicit TestImage(std::string_view content, std::string_view architecture = kArchitecture)
      : layer(document(tar_of({{"file", std::string(content)}}))),
        config(document(concat("{\"architecture\":\"", architecture, "\",\"os\":\"linux\",\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"", layer.digest, "\"]}}"))),
        manifest(document(concat("{\"schemaVersion\":2,\"config\":", config.descriptor("application/vnd.oci.image.config.v1+json"), ",\"layers\":[",
                                 layer.descriptor("application/vnd.oci.image.layer.v1.tar"), "]}"))) {}
  std::string named(std::string_view name, std::string_view more = "") const {
    return manifest.descriptor(kManifestType, concat(",\"annotations\":{\"io.containerd.image.name\":\"", name, "\"}", more));
  }
};

inline File blob_of(const Document& document) { return {concat("blobs/sha256/", document.digest.substr(7)), document.text}; }
inline std::vector<File> blobs_of(const TestImage& image) { return {blob_of(image.layer), blob_of(image.config), blob_of(image.manifest)}; }

inline std::vector<File> layout_of(std::string_view manifests, std::vector<File> blobs) {
  blobs.push_back({"oci-layout", "{\"imageLayoutVersion\":\"1.0.0\"}"});
  blobs.push_back({"index.json", concat("{\"schemaVersion\":2,\"manifests\":[", manifests, "]}")});
  return blobs;
}

// As `docker save` had it before it wrote OCI's layout.
inline std::vector<File> saved(const TestImage& image, std::string_view tags) {
  return {{"abc/layer.tar", image.layer.text},
          {"config.json", image.config.text},
          {"manifest.json", concat("[{\"Config\":\"config.json\",\"RepoTags\":", tags, ",\"Layers\":[\"abc/layer.tar\"]}]")}};
}

}  // namespace sampan::images
