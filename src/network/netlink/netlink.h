// Netlink, the kernel's own interface to links, routes, nftables and conntrack. We write its messages ourselves: the few we need are a
// few hundred lines, whereas libnftables brings 3 MB and a parser, and the nft program reads the whole table back before each change,
// which makes an update cost O(services) instead of O(changes) and a CNI call several milliseconds.
#pragma once
#include <linux/netlink.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace sampan::network {

// Messages one after another, being written. A message is begin(), its family's header, attributes, end().
class Messages {
 public:
  Messages();
  void begin(uint16_t type, uint16_t flags);
  void end();
  void raw(const void* data, size_t size);  // padded to four bytes
  template <class T>
  void header(const T& header) {
    raw(&header, sizeof header);
  }

  void attribute(uint16_t type, std::string_view bytes);
  void text(uint16_t type, std::string_view text);  // with the closing zero
  void u8(uint16_t type, uint8_t value) { attribute(type, {reinterpret_cast<const char*>(&value), 1}); }
  void u16(uint16_t type, uint16_t value) { attribute(type, {reinterpret_cast<const char*>(&value), 2}); }
  void u32(uint16_t type, uint32_t value) { attribute(type, {reinterpret_cast<const char*>(&value), 4}); }
  void be32(uint16_t type, uint32_t value) { u32(type, __builtin_bswap32(value)); }
  void be64(uint16_t type, uint64_t value);
  size_t open(uint16_t type);  // a nested attribute
  void close(size_t nested);

  const std::string& bytes() const { return bytes_; }
  uint32_t first_sequence() const { return first_; }
  uint32_t last_sequence() const { return sequence_; }
  void acknowledge_last();  // asks for an answer to the message that was written last
  bool empty() const { return bytes_.empty(); }

 private:
  std::string bytes_;
  size_t message_ = 0;
  uint32_t first_, sequence_;  // of no other Messages, so that a late answer is not taken for one of ours
};

// The attributes of a message or of a nested attribute.
class Attributes {
 public:
  explicit Attributes(std::string_view bytes) : rest_(bytes) {}
  bool next();
  uint16_t type() const { return type_; }
  std::string_view value() const { return value_; }
  std::string_view text() const;
  uint32_t u32() const;
  uint16_t be16() const;
  uint32_t be32() const { return __builtin_bswap32(u32()); }

 private:
  std::string_view rest_, value_;
  uint16_t type_ = 0;
};

// One value of a set of attributes; empty if it is not there.
std::string_view find_attribute(std::string_view attributes, uint16_t type);

struct Answer {
  uint16_t type;
  std::string_view body;  // after nlmsghdr
  // What follows a family header of `size` bytes.
  std::string_view after(size_t size) const { return body.size() > size ? body.substr((size + 3) & ~size_t{3}) : std::string_view(); }
};

class NetlinkSocket {
 public:
  // NETLINK_ROUTE or NETLINK_NETFILTER, in the network namespace of the calling thread, to which the socket stays bound.
  static Result<NetlinkSocket> open(int protocol);
  NetlinkSocket(NetlinkSocket&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  NetlinkSocket& operator=(NetlinkSocket&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~NetlinkSocket();
  int fd() const { return fd_; }

  // Sends all messages at once and waits for the answer to the last one (or to `last`, which asked for one). Errors carry errno's text;
  // their code is errno.
  Result<void> execute(Messages& messages);
  Result<void> execute(const Messages& messages, uint32_t last);
  // Sends a dump (or get) request and calls `each` for every answer. False: a change raced with the dump, it may be incomplete.
  template <class F>
  Result<bool> query(Messages& messages, F&& each) {
    auto call = [](void* context, const Answer& answer) { (*static_cast<F*>(context))(answer); };
    return query_with(messages, call, &each);
  }

 private:
  explicit NetlinkSocket(int fd) : fd_(fd) {}
  Result<void> send(const Messages& messages);
  Result<size_t> receive(std::string& buffer);
  Result<bool> query_with(Messages& messages, void (*each)(void*, const Answer&), void* context);
  int fd_;
};

// errno as an Error: code() is the errno, so that callers can branch on EEXIST and ENOENT.
Error system_error(std::string_view what, int error);

}  // namespace sampan::network
