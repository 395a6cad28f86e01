#include "registry/core/volume_overlaps.h"

#include "base/text.h"

namespace sampan::registry {

namespace {

using schema::AnyView;

// Every pair of files could be worth one; nobody reads that many.
constexpr size_t kWarningsMax = 1000, kFilesMax = 10'000;

struct File {
  std::string_view path;
  std::string source;  // "ConfigMap \"x\"" in a projected volume
  bool operator==(const File&) const = default;
  std::string text() const { return source.empty() ? quoted(path) : concat(quoted(path), " (", source, ")"); }
};

bool contains(std::string_view directory, std::string_view path) {
  return path == directory || (path.starts_with(directory) && path[directory.size()] == '/');
}

class Overlaps {
 public:
  Overlaps(std::string_view volume, std::string description, std::vector<std::string>& warnings)
      : volume_(volume), description_(std::move(description)), warnings_(warnings) {}

  void add(std::string_view path, std::string source = {}) {
    if (files_.size() >= kFilesMax) return;
    while (path.ends_with('/')) path.remove_suffix(1);
    File file{path, std::move(source)};
    for (auto& other : files_)
      if (warnings_.size() < kWarningsMax && !path.empty() && !other.path.empty() && (contains(path, other.path) || contains(other.path, path)))
        warnings_.push_back(concat("volume ", quoted(volume_), " (", description_, "): overlapping paths: ", file.text(), " with ", other.text()));
    files_.push_back(std::move(file));
  }
  void add_items(const AnyView& items, const std::string& source = {}) {
    for (uint32_t i = 0; i < items.size(); i++) add(items.item(i)["path"].as_string(), source);
  }

 private:
  std::string_view volume_;
  std::string description_;
  std::vector<std::string>& warnings_;
  std::vector<File> files_;
};

std::string named(std::string_view kind, const AnyView& source, std::string_view field) {
  return concat(kind, " ", quoted(source[field].as_string()));
}

void check_projected(std::string_view volume, const AnyView& sources, std::vector<std::string>& warnings) {
  Overlaps overlaps(volume, "Projected", warnings);
  for (uint32_t i = 0; i < sources.size(); i++) {
    AnyView source = sources.item(i), config_map = source["configMap"], secret = source["secret"], downward = source["downwardAPI"],
            token = source["serviceAccountToken"];
    if (config_map.present())
      overlaps.add_items(config_map["items"], named("ConfigMap", config_map, "name"));
    else if (secret.present())
      overlaps.add_items(secret["items"], named("Secret", secret, "name"));
    else if (downward.present())
      overlaps.add_items(downward["items"], "DownwardAPI");
    else if (token.present())
      overlaps.add(token["path"].as_string(), "ServiceAccountToken");
    else
      warnings.push_back(concat("volume ", quoted(volume), " (Projected) has no sources provided"));
  }
}

}  // namespace

void warn_of_overlapping_paths(const AnyView& volumes, std::vector<std::string>& warnings) {
  for (uint32_t i = 0; i < volumes.size(); i++) {
    AnyView volume = volumes.item(i);
    auto name = volume["name"].as_string();
    if (AnyView source = volume["configMap"]; source.present())
      Overlaps(name, named("ConfigMap", source, "name"), warnings).add_items(source["items"]);
    if (AnyView source = volume["secret"]; source.present())
      Overlaps(name, named("Secret", source, "secretName"), warnings).add_items(source["items"]);
    if (AnyView source = volume["downwardAPI"]; source.present())
      Overlaps(name, "DownwardAPI", warnings).add_items(source["items"]);
    if (AnyView source = volume["projected"]; source.present()) check_projected(name, source["sources"], warnings);
  }
}

}  // namespace sampan::registry
