// The bytes of an archive, read at any place: a file, or memory.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/status.h"

namespace sampan::images {

class Bytes {
 public:
  virtual ~Bytes() = default;
  virtual uint64_t size() const = 0;
  // As many as `to` takes; fewer only at the end. May be called by several threads at once.
  virtual Result<size_t> read(uint64_t offset, char* to, size_t size) const = 0;
};

class MemoryBytes : public Bytes {
 public:
  explicit MemoryBytes(std::string_view bytes) : bytes_(bytes) {}  // borrowed
  uint64_t size() const override { return bytes_.size(); }
  Result<size_t> read(uint64_t offset, char* to, size_t size) const override;

 private:
  const std::string_view bytes_;
};

// All `size` bytes, or an error: what calls this has looked at the bytes' size.
Result<std::string> read_all(const Bytes& bytes, uint64_t offset, uint64_t size);

// "-" is the standard input. What cannot be read at any place (a pipe, gzip) is first written to a file without a name in the folder `scratch`.
Result<std::unique_ptr<Bytes>> open_archive(const std::string& path, const std::string& scratch);

}  // namespace sampan::images
