#include "images/bytes.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <cerrno>

#include "base/text.h"

namespace sampan::images {

namespace {

constexpr size_t kChunk = 256 << 10;
constexpr uint64_t kUnpackedMax = uint64_t{64} << 30;  // of a gzip'd archive: a small file can pretend to be endless
constexpr std::string_view kGzip = "\x1f\x8b", kZstd("\x28\xb5\x2f\xfd", 4), kXz = "\xfd" "7zXZ", kBzip2 = "BZh";

Error file_error(std::string_view what) { return bad_request(concat(what, ": ", strerror(errno))); }

class File : public Bytes {
 public:
  explicit File(int file) : file_(file) {}
  ~File() override { close(file_); }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  void set_size(uint64_t size) { size_ = size; }
  uint64_t size() const override { return size_; }
  int file() const { return file_; }

  Result<size_t> read(uint64_t offset, char* to, size_t size) const override {
    size_t got = 0;
    while (got < size) {
      auto n = pread(file_, to + got, size - got, static_cast<off_t>(offset + got));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return fail(file_error("read"));
      if (n == 0) break;
      got += static_cast<size_t>(n);
    }
    return got;
  }

 private:
  const int file_;
  uint64_t size_ = 0;
};

Result<size_t> read_some(int file, char* to, size_t size) {
  for (;;) {
    auto n = ::read(file, to, size);
    if (n >= 0) return static_cast<size_t>(n);
    if (errno != EINTR) return fail(file_error("read"));
  }
}

// A file that is gone with its descriptor, and what was written to it.
class Spool {
 public:
  static Result<Spool> make(const std::string& folder) {
    auto name = folder + "/image-archive-XXXXXX";
    int file = mkostemp(name.data(), O_CLOEXEC);
    if (file < 0) return fail(file_error(concat("make a temporary file in ", folder)));
    unlink(name.c_str());
    return Spool(std::make_unique<File>(file), folder);
  }
  Result<void> write(const char* bytes, size_t size) {
    written_ += size;
    if (written_ > kUnpackedMax) return fail(bad_request(concat("more than ", kUnpackedMax >> 30, " GiB come out of it")));
    while (size > 0) {
      auto n = ::write(file_->file(), bytes, size);
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return fail(file_error(concat("write a temporary file in ", folder_)));
      bytes += n;
      size -= static_cast<size_t>(n);
    }
    return {};
  }
  std::unique_ptr<Bytes> finish() {
    file_->set_size(written_);
    return std::move(file_);
  }

 private:
  Spool(std::unique_ptr<File> file, std::string folder) : file_(std::move(file)), folder_(std::move(folder)) {}
  std::unique_ptr<File> file_;
  std::string folder_;
  uint64_t written_ = 0;
};

// gzip, of one member or several, as it comes in pieces.
class Inflater {
 public:
  Inflater() { good_ = inflateInit2(&state_, 15 + 16) == Z_OK; }
  ~Inflater() { inflateEnd(&state_); }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  Result<void> add(char* bytes, size_t size, Spool& to) {
    state_.next_in = reinterpret_cast<Bytef*>(bytes);
    state_.avail_in = static_cast<uInt>(size);
    while (state_.avail_in > 0) {
      if (at_end_) {
        if (*state_.next_in == 0) {  // padding up to a tape's block
          state_.next_in++, state_.avail_in--;
          continue;
        }
        good_ = good_ && inflateReset(&state_) == Z_OK;
        at_end_ = false;
      }
      state_.next_out = reinterpret_cast<Bytef*>(out_.data());
      state_.avail_out = static_cast<uInt>(out_.size());
      int said = good_ ? inflate(&state_, Z_NO_FLUSH) : Z_DATA_ERROR;
      if (said != Z_OK && said != Z_STREAM_END) return fail(bad_request(concat("its gzip compression is damaged", state_.msg ? ": " : "", state_.msg ? state_.msg : "")));
      at_end_ = said == Z_STREAM_END;
      TRY(to.write(out_.data(), out_.size() - state_.avail_out));
    }
    return {};
  }
  // Whether nothing is missing.
  bool at_end() const { return at_end_; }

 private:
  z_stream state_{};
  std::string out_ = std::string(kChunk, '\0');
  bool good_ = false, at_end_ = false;
};

Result<void> refuse_compression(std::string_view begin) {
  struct Known {
    std::string_view magic, name, command;
  };
  static constexpr Known known[] = {{kZstd, "zstd", "zstd -d"}, {kXz, "xz", "xz -d"}, {kBzip2, "bzip2", "bzip2 -d"}};
  for (const auto& [magic, name, command] : known)
    if (begin.starts_with(magic)) return fail(bad_request(concat("it is compressed with ", name, "; only gzip is understood here: unpack it with `", command, "` first")));
  return {};
}

Result<std::unique_ptr<Bytes>> spool(int file, const std::string& scratch) {
  auto out = TRY(Spool::make(scratch));
  std::string chunk(kChunk, '\0');
  std::unique_ptr<Inflater> inflater;
  for (bool first = true;; first = false) {
    size_t size = TRY(read_some(file, chunk.data(), chunk.size()));
    if (size == 0) break;
    while (first && size < kXz.size()) {  // a pipe may give the first bytes one by one
      auto more = TRY(read_some(file, chunk.data() + size, chunk.size() - size));
      if (more == 0) break;
      size += more;
    }
    std::string_view bytes(chunk.data(), size);
    if (first) TRY(refuse_compression(bytes));
    if (first && bytes.starts_with(kGzip)) inflater = std::make_unique<Inflater>();
    TRY(inflater ? inflater->add(chunk.data(), size, out) : out.write(chunk.data(), size));
  }
  if (inflater && !inflater->at_end()) return fail(bad_request("its gzip compression ends in the middle: the file is cut off"));
  return out.finish();
}

}  // namespace

Result<size_t> MemoryBytes::read(uint64_t offset, char* to, size_t size) const {
  if (offset >= bytes_.size()) return 0;
  return bytes_.substr(offset, size).copy(to, size);
}

Result<std::string> read_all(const Bytes& bytes, uint64_t offset, uint64_t size) {
  std::string out(size, '\0');
  if (TRY(bytes.read(offset, out.data(), size)) != size) return fail(bad_request("the file is cut off"));
  return out;
}

Result<std::unique_ptr<Bytes>> open_archive(const std::string& path, const std::string& scratch) {
  if (path == "-") return spool(0, scratch);
  int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return fail(file_error("open"));
  auto file = std::make_unique<File>(descriptor);
  struct stat facts {};
  if (fstat(descriptor, &facts) != 0) return fail(file_error("stat"));
  if (S_ISDIR(facts.st_mode)) return fail(bad_request("it is a directory, not an archive"));
  if (!S_ISREG(facts.st_mode)) return spool(descriptor, scratch);
  file->set_size(static_cast<uint64_t>(facts.st_size));
  char begin[8] = {};
  auto size = TRY(file->read(0, begin, sizeof begin));
  TRY(refuse_compression({begin, size}));
  if (std::string_view(begin, size).starts_with(kGzip)) return spool(descriptor, scratch);
  return file;
}

}  // namespace sampan::images
