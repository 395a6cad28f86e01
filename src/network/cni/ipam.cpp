// Address files and their lock.
#include "network/cni/ipam.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "network/netlink/netlink.h"

namespace sampan::network::cni {
namespace {

constexpr uint64_t kTriesMax = 1 << 17;  // of a range: beyond, a network is as good as full
constexpr std::string_view kPortsNote = "ports-", kNamespaceNote = "netns-";

Error io_error(std::string_view what) {
  int error = errno;
  return cni_error(InputOutput, system_error(what, error).message());
}

Result<void> make_directories(const std::string& path) {
  for (size_t at = 1; at != path.npos;) {
    at = path.find('/', at);
    std::string part = path.substr(0, at);
    if (mkdir(part.c_str(), 0755) != 0 && errno != EEXIST) return fail(io_error(part));
    if (at != path.npos) ++at;
  }
  return {};
}

std::string read_file(const std::string& path) {
  int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return {};
  char buffer[4096];
  std::string text;
  ssize_t got;
  while ((got = read(fd, buffer, sizeof buffer)) > 0) text.append(buffer, got);
  close(fd);
  return text;
}

// False: it exists already (with O_EXCL).
Result<bool> write_file(const std::string& path, int flags, std::string_view text) {
  int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | flags, 0644);
  if (fd < 0 && errno == EEXIST) return false;
  if (fd < 0) return fail(io_error(path));
  bool whole = write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  if (!whole) {
    Error error = io_error(path);
    close(fd);
    unlink(path.c_str());  // a file without its owner's name could never be freed
    return fail(std::move(error));
  }
  close(fd);
  return true;
}

// File names of IPv6 addresses are as the address is written: colons are fine in them.
template <class F>
void each_file(const std::string& directory, F&& each) {
  DIR* open_directory = opendir(directory.c_str());
  if (!open_directory) return;
  while (const dirent* entry = readdir(open_directory))
    if (entry->d_name[0] != '.') each(std::string_view(entry->d_name));
  closedir(open_directory);
}

std::optional<Attachment> owner_of(const std::string& path) {
  std::string text = read_file(path);
  size_t end = text.find("\r\n");
  if (end == text.npos) return {};
  return Attachment{text.substr(0, end), std::string(trim(std::string_view(text).substr(end)))};
}

}  // namespace

Address gateway_of(const Network& range) { return range.address.next(); }

Result<AddressFiles> AddressFiles::open(const std::string& state_directory, const std::string& network) {
  std::string directory = concat(state_directory, "/", network);
  TRY(make_directories(directory));
  std::string path = directory + "/lock";
  int lock = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (lock < 0) return fail(io_error(path));
  while (flock(lock, LOCK_EX) != 0) {
    if (errno == EINTR) continue;
    Error error = io_error(path);
    close(lock);
    return fail(std::move(error));
  }
  return AddressFiles(std::move(directory), lock);
}

AddressFiles::AddressFiles(AddressFiles&& other) noexcept : directory_(std::move(other.directory_)), lock_(std::exchange(other.lock_, -1)) {}

AddressFiles::~AddressFiles() {
  if (lock_ >= 0) close(lock_);
}

Result<Address> AddressFiles::reserve(const Network& range, const Attachment& owner) {
  std::string turn = concat(directory_, "/last_reserved_ip.", range.v6() ? 1 : 0);
  Address gateway = gateway_of(range), last = range.last();
  // The network's own address, its gateway and (IPv4) its broadcast address are nobody's.
  auto usable = [&](const Address& one) {
    return range.contains(one) && one != range.address && one != gateway && (range.v6() || one != last);
  };
  std::optional<Address> before = parse_address(trim(read_file(turn)));
  Address one = before && range.contains(*before) ? before->next() : gateway.next();
  int free_bits = static_cast<int>(one.size()) * 8 - range.prefix;
  uint64_t count = free_bits >= 17 ? kTriesMax : uint64_t{1} << free_bits;
  std::string text = concat(owner.container_id, "\r\n", owner.ifname);
  for (uint64_t tried = 0; tried < count; ++tried, one = one.next()) {
    if (!range.contains(one)) one = range.address;
    if (!usable(one)) continue;
    if (TRY(write_file(concat(directory_, "/", one.text()), O_EXCL, text))) {
      TRY(write_file(turn, O_TRUNC, one.text()));
      return one;
    }
  }
  return fail(cni_error(Failed, concat("no IP addresses available in range set: ", range.text())));
}

std::vector<Address> AddressFiles::of(const Attachment& owner) const {
  std::vector<Address> found;
  each_file(directory_, [&](std::string_view name) {
    std::optional<Address> address = parse_address(name);
    if (address && owner_of(concat(directory_, "/", name)) == owner) found.push_back(*address);
  });
  return found;
}

Result<void> AddressFiles::release(const Attachment& owner) {
  for (const Address& address : of(owner)) {
    std::string path = concat(directory_, "/", address.text());
    if (unlink(path.c_str()) != 0 && errno != ENOENT) return fail(io_error(path));
  }
  return {};
}

std::vector<Attachment> AddressFiles::owners() const {
  std::vector<Attachment> found;
  each_file(directory_, [&](std::string_view name) {
    if (!parse_address(name)) return;
    std::optional<Attachment> owner = owner_of(concat(directory_, "/", name));
    if (!owner) return;
    for (const Attachment& seen : found)
      if (seen == *owner) return;
    found.push_back(std::move(*owner));
  });
  return found;
}

std::string AddressFiles::note_path(const Attachment& owner, Note kind) const {
  return concat(directory_, "/", kind == Note::Ports ? kPortsNote : kNamespaceNote, owner.container_id, "-", owner.ifname);
}

Result<void> AddressFiles::keep_note(const Attachment& owner, Note kind, std::string_view text) {
  TRY(write_file(note_path(owner, kind), O_TRUNC, text));
  return {};
}

std::string AddressFiles::note(const Attachment& owner, Note kind) const { return read_file(note_path(owner, kind)); }

void AddressFiles::drop_notes(const Attachment& owner) {
  for (auto kind : {Note::Ports, Note::Namespace}) unlink(note_path(owner, kind).c_str());
}

std::vector<std::string> AddressFiles::namespaces() const {
  std::vector<std::string> found;
  each_file(directory_, [&](std::string_view name) {
    if (name.starts_with(kNamespaceNote)) found.push_back(read_file(concat(directory_, "/", name)));
  });
  return found;
}

}  // namespace sampan::network::cni
