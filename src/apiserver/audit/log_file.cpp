#include "apiserver/audit/log_file.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <vector>

#include "base/encoding.h"
#include "base/log.h"
#include "base/text.h"

namespace sampan::apiserver {

namespace {

constexpr std::string_view kPacked = ".gz";
constexpr int64_t kDay_us = 24 * 3600 * 1'000'000ll;
constexpr size_t kTimeLength = 23;  // 2006-01-02T15-04-05.000

Error trouble(std::string_view what, const std::string& path) { return internal_error(concat(what, " ", path, ": ", strerror(errno))); }

std::string folder_of(const std::string& path) {
  auto slash = path.rfind('/');
  return slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
}
std::string file_of(const std::string& path) { return path.substr(path.rfind('/') + 1); }
size_t suffix_at(const std::string& file) { return std::min(file.rfind('.'), file.size()); }

Result<void> make_folders(const std::string& folder) {
  for (size_t at = 1; at <= folder.size(); at++) {
    if (at < folder.size() && folder[at] != '/') continue;
    auto part = folder.substr(0, at);
    if (::mkdir(part.c_str(), 0700) != 0 && errno != EEXIST) return fail(trouble("mkdir", part));
  }
  return {};
}

std::string time_in_name(int64_t now_us) {
  std::string text;
  append_micro_time(text, now_us);
  text.resize(kTimeLength);
  std::replace(text.begin(), text.end(), ':', '-');
  return text;
}

bool parse_time_in_name(std::string text, int64_t& us) {
  if (text.size() != kTimeLength) return false;
  text[13] = text[16] = ':';
  return parse_time(text + "Z", us);
}

// Writes a packed copy beside the file, then takes the file away.
Result<void> pack(const std::string& path) {
  struct stat status;
  int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0 || ::fstat(fd, &status) != 0) return fail(trouble("open", path));
  auto packed = path + std::string(kPacked);
  int out_fd = ::open(packed.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, status.st_mode & 0777);
  gzFile out = out_fd < 0 ? nullptr : ::gzdopen(out_fd, "wb");
  bool good = out != nullptr;
  std::vector<char> bytes(256 * 1024);
  ssize_t size = 0;
  while (good && (size = ::read(fd, bytes.data(), bytes.size())) > 0) good = ::gzwrite(out, bytes.data(), static_cast<unsigned>(size)) == size;
  ::close(fd);
  if (out) good &= ::gzclose(out) == Z_OK;
  if (!good || size < 0) {
    ::unlink(packed.c_str());
    return fail(internal_error(concat("failed to compress log file ", path)));
  }
  ::unlink(path.c_str());
  return {};
}

}  // namespace

LogFile::LogFile(std::string path, LogFileLimits limits, Clock& clock)
    : path_(std::move(path)),
      folder_(folder_of(path_)),
      stem_(concat(file_of(path_).substr(0, suffix_at(file_of(path_))), "-")),
      suffix_(file_of(path_).substr(suffix_at(file_of(path_)))),
      limits_(limits),
      clock_(clock) {}

Result<std::unique_ptr<LogFile>> LogFile::open(std::string path, LogFileLimits limits, Clock& clock) {
  std::unique_ptr<LogFile> file(new LogFile(std::move(path), limits, clock));
  TRY(make_folders(file->folder_));
  TRY(file->open_file(0600));
  if (limits.bytes_max > 0) file->tidier_ = std::thread([raw = file.get()] { raw->tidy_when_asked(); });
  return file;
}

LogFile::~LogFile() {
  {
    std::lock_guard lock(tidy_mutex_);
    stopping_ = true;
  }
  asked_.notify_all();
  if (tidier_.joinable()) tidier_.join();
  if (fd_ >= 0) ::close(fd_);
}

Result<void> LogFile::open_file(unsigned mode) {
  fd_ = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, mode);
  struct stat status;
  if (fd_ < 0 || ::fstat(fd_, &status) != 0) return fail(trouble("open", path_));
  bytes_ = status.st_size;
  return {};
}

Result<void> LogFile::write(std::string_view text) {
  auto size = static_cast<int64_t>(text.size());
  std::lock_guard lock(mutex_);
  if (limits_.bytes_max > 0 && size > limits_.bytes_max)
    return fail(internal_error(concat("write length ", size, " exceeds maximum file size ", limits_.bytes_max)));
  if (fd_ < 0) TRY(open_file(0600));
  if (limits_.bytes_max > 0 && bytes_ > 0 && bytes_ + size > limits_.bytes_max) TRY(rotate());
  auto written = ::write(fd_, text.data(), text.size());
  if (written == size) {
    bytes_ += size;
    return {};
  }
  auto why = trouble("write", path_);
  // Half a line would spoil the next one.
  if (written > 0 && ::ftruncate(fd_, bytes_) != 0) bytes_ += written;
  return fail(std::move(why));
}

Result<void> LogFile::rotate() {
  struct stat status;
  unsigned mode = ::fstat(fd_, &status) == 0 ? status.st_mode & 0777 : 0600;
  std::string aside;
  for (int64_t now_us = clock_.now_us();; now_us += 1000) {
    aside = concat(folder_, "/", stem_, time_in_name(now_us), suffix_);
    if (::access(aside.c_str(), F_OK) != 0 && ::access((aside + std::string(kPacked)).c_str(), F_OK) != 0) break;
  }
  if (::rename(path_.c_str(), aside.c_str()) != 0) return fail(trouble("rename", path_));
  ::close(std::exchange(fd_, -1));
  TRY(open_file(mode));
  {
    std::lock_guard lock(tidy_mutex_);
    tidy_asked_ = true;
  }
  asked_.notify_all();
  return {};
}

void LogFile::tidy_when_asked() {
  std::unique_lock lock(tidy_mutex_);
  while (true) {
    asked_.wait(lock, [&] { return tidy_asked_ || stopping_; });
    if (!tidy_asked_) return;
    tidy_asked_ = false;
    lock.unlock();
    tidy();
    lock.lock();
  }
}

void LogFile::tidy() const {
  struct Old {
    std::string name;  // without .gz
    int64_t us;
    bool packed;
  };
  std::vector<Old> all;
  DIR* folder = ::opendir(folder_.c_str());
  if (!folder) return;
  while (auto* entry = ::readdir(folder)) {
    std::string_view name = entry->d_name;
    bool packed = name.ends_with(kPacked);
    if (packed) name.remove_suffix(kPacked.size());
    int64_t us;
    if (name.size() < stem_.size() + suffix_.size() || !name.starts_with(stem_) || !name.ends_with(suffix_)) continue;
    if (parse_time_in_name(std::string(name.substr(stem_.size(), name.size() - stem_.size() - suffix_.size())), us))
      all.push_back({std::string(name), us, packed});
  }
  ::closedir(folder);
  std::sort(all.begin(), all.end(), [](const Old& a, const Old& b) { return std::tie(b.us, b.packed) < std::tie(a.us, a.packed); });

  int64_t kept = 0, oldest_us = clock_.now_us() - limits_.age_days_max * kDay_us;
  std::string_view last;
  for (const Old& old : all) {
    if (old.name != last) kept++;  // a file and its packed copy are one
    last = old.name;
    auto path = concat(folder_, "/", old.name);
    bool too_many = limits_.files_max > 0 && kept > limits_.files_max, too_old = limits_.age_days_max > 0 && old.us < oldest_us;
    if (too_many || too_old) {
      ::unlink((old.packed ? path + std::string(kPacked) : path).c_str());
    } else if (limits_.compress && !old.packed) {
      if (auto done = pack(path); !done) LOG_WARNING(done.error().message());
    }
  }
}

}  // namespace sampan::apiserver
