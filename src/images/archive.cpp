#include "images/archive.h"

#include <openssl/evp.h>

#include <algorithm>
#include <cstring>

#include "base/encoding.h"
#include "base/text.h"
#include "images/platform.h"

namespace sampan::images {

namespace {

constexpr size_t kBlock = 512;

void put_octal(char* field, size_t size, uint64_t number) {
  for (size_t i = size - 1; i-- > 0; number >>= 3) field[i] = static_cast<char>('0' + (number & 7));
}

// One entry in the ustar format.
void append_entry(std::string& out, const File& file) {
  char head[kBlock] = {};
  auto copy = [&](size_t at, size_t size, std::string_view text) { std::memcpy(head + at, text.data(), std::min(size, text.size())); };
  std::string_view path = file.path;
  // What is longer than the name's field goes into the prefix, cut at a slash.
  if (path.size() > 100) {
    auto slash = path.rfind('/', 155);
    copy(345, 155, path.substr(0, slash));
    path.remove_prefix(slash + 1);
  }
  copy(0, 100, path);
  bool regular = file.kind == File::Kind::Regular;
  put_octal(head + 100, 8, file.mode);
  put_octal(head + 108, 8, 0);
  put_octal(head + 116, 8, 0);
  put_octal(head + 124, 12, regular ? file.content.size() : 0);
  put_octal(head + 136, 12, 0);
  head[156] = regular ? '0' : file.kind == File::Kind::Link ? '2' : '5';
  if (file.kind == File::Kind::Link) copy(157, 100, file.content);
  copy(257, 8, std::string_view("ustar\00000", 8));
  std::memset(head + 148, ' ', 8);
  unsigned sum = 0;
  for (char c : head) sum += static_cast<unsigned char>(c);
  put_octal(head + 148, 7, sum);
  out.append(head, kBlock);
  if (!regular) return;
  out += file.content;
  out.append((kBlock - out.size() % kBlock) % kBlock, '\0');
}

std::string json_list(const std::vector<std::string>& texts) {
  std::string out = "[";
  for (const auto& text : texts) append(out, out.size() > 1 ? "," : "", quoted(text));
  return out + "]";
}

struct Blobs {
  std::vector<File> files;
  // The descriptor of what is added.
  std::string add(std::string_view media, std::string content) {
    auto digest = sha256_hex(content);
    auto path = concat("blobs/sha256/", digest);
    auto descriptor = concat("{\"mediaType\":\"application/vnd.oci.image.", media, "\",\"digest\":\"sha256:", digest, "\",\"size\":", content.size());
    bool known = std::any_of(files.begin(), files.end(), [&](const File& file) { return file.path == path; });
    if (!known) files.push_back({path, std::move(content)});
    return descriptor;  // still open, for annotations
  }
};

std::string config_of(const Image& image, std::string_view layer_digest) {
  std::string config = concat("{\"architecture\":\"", kArchitecture, "\",\"os\":\"linux\",\"config\":{");
  std::vector<std::string> parts;
  if (!image.entrypoint.empty()) parts.push_back(concat("\"Entrypoint\":", json_list(image.entrypoint)));
  if (!image.command.empty()) parts.push_back(concat("\"Cmd\":", json_list(image.command)));
  if (!image.environment.empty()) parts.push_back(concat("\"Env\":", json_list(image.environment)));
  if (!image.user.empty()) parts.push_back(concat("\"User\":", quoted(image.user)));
  if (!image.working_directory.empty()) parts.push_back(concat("\"WorkingDir\":", quoted(image.working_directory)));
  if (!image.ports.empty()) {
    std::vector<std::string> ports;
    for (const auto& port : image.ports) ports.push_back(concat(quoted(port), ":{}"));
    parts.push_back(concat("\"ExposedPorts\":{", join(ports, ","), "}"));
  }
  append(config, join(parts, ","), "},\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"sha256:", layer_digest, "\"]}}");
  return config;
}

}  // namespace

std::string sha256_hex(std::string_view bytes) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  EVP_Digest(bytes.data(), bytes.size(), digest, &size, EVP_sha256(), nullptr);
  return hex({reinterpret_cast<const char*>(digest), size});
}

std::string tar_of(const std::vector<File>& files) {
  std::string out;
  for (const auto& file : files) append_entry(out, file);
  out.append(2 * kBlock, '\0');
  return out;
}

std::string oci_archive(const std::vector<Image>& images) {
  Blobs blobs;
  std::vector<std::string> manifests;
  for (const Image& image : images) {
    auto layer_tar = tar_of(image.files);
    auto layer_digest = sha256_hex(layer_tar);
    auto layer = blobs.add("layer.v1.tar", std::move(layer_tar));
    auto config = blobs.add("config.v1+json", config_of(image, layer_digest));
    auto manifest = blobs.add("manifest.v1+json",
                              concat("{\"schemaVersion\":2,\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\",\"config\":", config,
                                     "},\"layers\":[", layer, "}]}"));
    for (const auto& name : image.names)
      manifests.push_back(concat(manifest, ",\"platform\":{\"architecture\":\"", kArchitecture,
                                 "\",\"os\":\"linux\"},\"annotations\":{\"io.containerd.image.name\":", quoted(name), "}}"));
  }
  std::vector<File> files = {{"oci-layout", "{\"imageLayoutVersion\":\"1.0.0\"}"},
                             {"index.json", concat("{\"schemaVersion\":2,\"manifests\":[", join(manifests, ","), "]}")}};
  std::move(blobs.files.begin(), blobs.files.end(), std::back_inserter(files));
  return tar_of(files);
}

}  // namespace sampan::images
