// What a tar archive holds and where, without its content. Archives come from anywhere: nothing in them is believed, and no name of theirs is ever a file's.
#pragma once
#include <map>
#include <string>

#include "images/bytes.h"

namespace sampan::images {

struct TarEntry {
  uint64_t offset = 0, size = 0;
  std::string link;  // of a link, the name of what is meant
};

// By name, without "./" and ".."; of entries with the same name the last counts, as it does when an archive is unpacked.
class Tar {
 public:
  static Result<Tar> read(const Bytes& bytes);
  // The file of that name, through links; null if there is none.
  const TarEntry* find(std::string_view name) const;
  bool empty() const { return entries_.empty(); }

 private:
  std::map<std::string, TarEntry, std::less<>> entries_;
};

// "./a//b/../c" -> "a/c"; what would lead out of the archive stays in it.
std::string clean_path(std::string_view path);

}  // namespace sampan::images
