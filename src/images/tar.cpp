// ustar, with GNU's and POSIX's (pax) ways to say long names and large sizes.
#include "images/tar.h"

#include "base/text.h"

namespace sampan::images {

namespace {

constexpr size_t kBlock = 512;
constexpr size_t kEntriesMax = 100'000, kNameMax = 4096;
constexpr uint64_t kExtraMax = 1 << 20;  // bytes of a long name or of pax records
constexpr int kLinksMax = 8;

// What entries before a header say about it.
struct Extra {
  std::string path, link;
  std::optional<uint64_t> size;
};

std::string_view text_field(const char* block, size_t at, size_t size) {
  std::string_view field(block + at, size);
  return field.substr(0, field.find('\0'));
}

// Octal digits between spaces, or, with the first bit set, binary (GNU, for what has no room in octal).
bool number_field(const char* block, size_t at, size_t size, uint64_t& number) {
  std::string_view field(block + at, size);
  number = 0;
  if (static_cast<unsigned char>(field[0]) == 0x80) {
    for (unsigned char c : field.substr(1)) {
      if (number >> 55) return false;
      number = number << 8 | c;
    }
    return true;
  }
  field = trim(field.substr(0, field.find('\0')));
  for (char c : field) {
    if (c < '0' || c > '7' || number >> 60) return false;
    number = number << 3 | static_cast<uint64_t>(c - '0');
  }
  return true;
}

bool sum_is_right(const char* block) {
  uint64_t said = 0;
  if (!number_field(block, 148, 8, said)) return false;
  uint64_t sum = 0;
  int64_t signed_sum = 0;  // some old programs took the bytes as signed
  for (size_t i = 0; i < kBlock; i++) {
    char c = i >= 148 && i < 156 ? ' ' : block[i];
    sum += static_cast<unsigned char>(c);
    signed_sum += static_cast<signed char>(c);
  }
  return said == sum || static_cast<int64_t>(said) == signed_sum;
}

// "27 path=a/long/name\n", again and again; the number is the record's own length.
bool read_pax(std::string_view records, Extra& extra) {
  while (!records.empty()) {
    auto space = records.find(' ');
    size_t size = 0;
    if (space == std::string_view::npos || !parse_int(records.substr(0, space), size) || size <= space + 1 || size > records.size() || records[size - 1] != '\n') return false;
    auto record = records.substr(space + 1, size - space - 2);
    auto equals = record.find('=');
    if (equals == std::string_view::npos) return false;
    auto key = record.substr(0, equals), value = record.substr(equals + 1);
    if (key == "path") extra.path = value;
    if (key == "linkpath") extra.link = value;
    if (key == "size") {
      uint64_t number = 0;
      if (!parse_int(value, number)) return false;
      extra.size = number;
    }
    records.remove_prefix(size);
  }
  return true;
}

Error damaged(uint64_t offset, std::string_view why) { return bad_request(concat("it is no tar archive, or a damaged one: ", why, " at byte ", offset)); }

// A symbolic link is relative to its own folder, a hard link to the archive.
std::string link_target(std::string_view name, std::string_view link, bool symbolic) {
  auto slash = name.rfind('/');
  if (!symbolic || slash == std::string_view::npos || link.starts_with("/")) return clean_path(link);
  return clean_path(concat(name.substr(0, slash), "/", link));
}

std::string name_of(const char* block) {
  auto name = text_field(block, 0, 100);
  bool is_ustar = std::string_view(block + 257, 5) == "ustar";
  auto prefix = is_ustar && block[262] == '\0' ? text_field(block, 345, 155) : std::string_view();  // GNU's own form keeps times there
  return prefix.empty() ? std::string(name) : concat(prefix, "/", name);
}

}  // namespace

std::string clean_path(std::string_view path) {
  std::vector<std::string> parts;
  for (auto part : split(path, '/')) {
    if (part.empty() || part == ".") continue;
    if (part != "..")
      parts.emplace_back(part);
    else if (!parts.empty())
      parts.pop_back();
  }
  return join(parts, "/");
}

Result<Tar> Tar::read(const Bytes& bytes) {
  Tar tar;
  Extra extra;
  char block[kBlock];
  for (uint64_t at = 0;;) {
    auto got = TRY(bytes.read(at, block, kBlock));
    if (got == 0 && at > 0) break;  // without the two empty blocks at the end: read all the same, as tar does
    if (got < kBlock) return fail(damaged(at, "it ends in the middle of a header"));
    if (std::string_view(block, kBlock).find_first_not_of('\0') == std::string_view::npos) break;
    if (!sum_is_right(block)) return fail(damaged(at, "a header's checksum is wrong"));
    uint64_t size = 0;
    if (!number_field(block, 124, 12, size)) return fail(damaged(at, "a size is no number"));
    char kind = block[156];
    bool describes = kind == 'L' || kind == 'K' || kind == 'x' || kind == 'g';
    if (!describes && extra.size) size = *extra.size;
    if (kind >= '1' && kind <= '6') size = 0;  // links, devices and folders have no content, whatever they say
    auto content = at + kBlock;
    if (size > bytes.size() || content > bytes.size() - size)
      return fail(bad_request(concat("it is cut off: ", quoted(name_of(block)), " should go on to byte ", content + size, ", and the file has ", bytes.size())));
    if (describes) {
      if (size > kExtraMax) return fail(damaged(at, "a header is too long"));
      auto text = TRY(read_all(bytes, content, size));
      if (kind == 'x' && !read_pax(text, extra)) return fail(damaged(at, "an extended header is malformed"));
      if (kind == 'L') extra.path = text.substr(0, text.find('\0'));
      if (kind == 'K') extra.link = text.substr(0, text.find('\0'));
    } else {
      auto name = clean_path(extra.path.empty() ? name_of(block) : extra.path);
      if (name.size() > kNameMax) return fail(damaged(at, "a name is too long"));
      TarEntry entry{content, size, {}};
      bool is_file = kind == '0' || kind == '\0' || kind == '7', is_link = kind == '1' || kind == '2';
      if (is_link) entry.link = link_target(name, extra.link.empty() ? text_field(block, 157, 100) : std::string_view(extra.link), kind == '2');
      if (is_file || is_link) tar.entries_.insert_or_assign(std::move(name), std::move(entry));
      if (tar.entries_.size() > kEntriesMax) return fail(bad_request(concat("it has more than ", kEntriesMax, " files: it is no archive of images")));
      extra = {};
    }
    at = content + (size + kBlock - 1) / kBlock * kBlock;
  }
  return tar;
}

const TarEntry* Tar::find(std::string_view name) const {
  auto wanted = clean_path(name);
  for (int i = 0; i <= kLinksMax; i++) {
    auto found = entries_.find(wanted);
    if (found == entries_.end()) return nullptr;
    if (found->second.link.empty()) return &found->second;
    wanted = found->second.link;
  }
  return nullptr;
}

}  // namespace sampan::images
