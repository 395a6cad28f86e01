// Container images made from a few files: an archive in OCI's layout that any runtime imports.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sampan::images {

struct File {
  enum class Kind : uint8_t { Regular, Directory, Link };
  std::string path;     // "bin/busybox", without a leading slash
  std::string content;  // of a link: where it points
  unsigned mode = 0644;
  Kind kind = Kind::Regular;
};

struct Image {
  std::vector<std::string> names;  // "docker.io/library/hello:v1"
  std::vector<File> files;         // one layer
  std::vector<std::string> entrypoint, command, environment;
  std::string user, working_directory;
  std::vector<std::string> ports;  // "3000/tcp"
};

// Layers that several images share are in it once. The same images make the same bytes.
std::string oci_archive(const std::vector<Image>& images);
std::string tar_of(const std::vector<File>& files);
std::string sha256_hex(std::string_view bytes);

}  // namespace sampan::images
