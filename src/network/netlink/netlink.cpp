// Writing, sending and reading netlink messages.
#include "network/netlink/netlink.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cstring>

#include "base/check.h"
#include "base/text.h"

namespace sampan::network {
namespace {

constexpr size_t kReceiveBytes = 64 * 1024;
constexpr int kReceiveSeconds = 10;  // the kernel answers at once; a lost answer must not hang us

size_t aligned(size_t size) { return (size + 3) & ~size_t{3}; }

}  // namespace

Error system_error(std::string_view what, int error) { return Error(error, Reason::InternalError, concat(what, ": ", strerror(error))); }

Messages::Messages() {
  static std::atomic<uint32_t> next = 1;
  sequence_ = next.fetch_add(1 << 16);
  first_ = sequence_ + 1;
}

void Messages::begin(uint16_t type, uint16_t flags) {
  message_ = bytes_.size();
  nlmsghdr head{.nlmsg_type = type, .nlmsg_flags = static_cast<uint16_t>(flags | NLM_F_REQUEST), .nlmsg_seq = ++sequence_};
  raw(&head, sizeof head);
}

void Messages::end() {
  uint32_t length = bytes_.size() - message_;
  std::memcpy(bytes_.data() + message_, &length, sizeof length);
}

void Messages::raw(const void* data, size_t size) {
  bytes_.append(static_cast<const char*>(data), size);
  bytes_.resize(aligned(bytes_.size()));
}

void Messages::attribute(uint16_t type, std::string_view bytes) {
  nlattr head{.nla_len = static_cast<uint16_t>(sizeof(nlattr) + bytes.size()), .nla_type = type};
  bytes_.append(reinterpret_cast<const char*>(&head), sizeof head);
  raw(bytes.data(), bytes.size());
}

void Messages::text(uint16_t type, std::string_view text) {
  nlattr head{.nla_len = static_cast<uint16_t>(sizeof(nlattr) + text.size() + 1), .nla_type = type};
  bytes_.append(reinterpret_cast<const char*>(&head), sizeof head);
  bytes_.append(text);
  bytes_.push_back(0);
  bytes_.resize(aligned(bytes_.size()));
}

void Messages::be64(uint16_t type, uint64_t value) {
  value = __builtin_bswap64(value);
  attribute(type, {reinterpret_cast<const char*>(&value), sizeof value});
}

size_t Messages::open(uint16_t type) {
  size_t at = bytes_.size();
  nlattr head{.nla_len = 0, .nla_type = static_cast<uint16_t>(type | NLA_F_NESTED)};
  bytes_.append(reinterpret_cast<const char*>(&head), sizeof head);
  return at;
}

void Messages::close(size_t nested) {
  size_t length = bytes_.size() - nested;
  check(length <= UINT16_MAX);
  uint16_t short_length = length;
  std::memcpy(bytes_.data() + nested, &short_length, sizeof short_length);
}

void Messages::acknowledge_last() {
  auto* head = reinterpret_cast<nlmsghdr*>(bytes_.data() + message_);
  head->nlmsg_flags |= NLM_F_ACK;
}

bool Attributes::next() {
  nlattr head;
  if (rest_.size() < sizeof head) return false;
  std::memcpy(&head, rest_.data(), sizeof head);
  if (head.nla_len < sizeof head || head.nla_len > rest_.size()) return false;
  type_ = head.nla_type & NLA_TYPE_MASK;
  value_ = rest_.substr(sizeof head, head.nla_len - sizeof head);
  rest_.remove_prefix(std::min(rest_.size(), aligned(head.nla_len)));
  return true;
}

std::string_view Attributes::text() const { return value_.substr(0, value_.find('\0')); }

uint32_t Attributes::u32() const {
  uint32_t value = 0;
  std::memcpy(&value, value_.data(), std::min(value_.size(), sizeof value));
  return value;
}

uint16_t Attributes::be16() const {
  uint16_t value = 0;
  std::memcpy(&value, value_.data(), std::min(value_.size(), sizeof value));
  return __builtin_bswap16(value);
}

std::string_view find_attribute(std::string_view attributes, uint16_t type) {
  Attributes all(attributes);
  while (all.next())
    if (all.type() == type) return all.value();
  return {};
}

Result<NetlinkSocket> NetlinkSocket::open(int protocol) {
  int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);
  if (fd < 0) return fail(system_error("cannot open a netlink socket", errno));
  NetlinkSocket result(fd);
  int on = 1, receive_bytes = 1 << 20;
  setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof on);
  setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof on);
  setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_bytes, sizeof receive_bytes);
  timeval limit{.tv_sec = kReceiveSeconds};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  return result;
}

NetlinkSocket::~NetlinkSocket() {
  if (fd_ >= 0) close(fd_);
}

Result<void> NetlinkSocket::send(const Messages& messages) {
  const std::string& bytes = messages.bytes();
  if (bytes.size() > 100 * 1024) {  // a batch must fit the buffer as a whole
    int wanted = bytes.size() + 4096;
    if (setsockopt(fd_, SOL_SOCKET, SO_SNDBUFFORCE, &wanted, sizeof wanted) < 0)
      setsockopt(fd_, SOL_SOCKET, SO_SNDBUF, &wanted, sizeof wanted);
  }
  sockaddr_nl kernel{.nl_family = AF_NETLINK};
  ssize_t sent;
  do
    sent = sendto(fd_, bytes.data(), bytes.size(), 0, reinterpret_cast<sockaddr*>(&kernel), sizeof kernel);
  while (sent < 0 && errno == EINTR);
  if (sent < 0) return fail(system_error("netlink", errno));
  return {};
}

Result<size_t> NetlinkSocket::receive(std::string& buffer) {
  buffer.resize(kReceiveBytes);
  ssize_t got;
  do
    got = recv(fd_, buffer.data(), buffer.size(), 0);
  while (got < 0 && errno == EINTR);
  if (got < 0) return fail(system_error("netlink", errno == EAGAIN ? ETIMEDOUT : errno));
  return static_cast<size_t>(got);
}

namespace {

// The kernel's own words for an error, where it has some.
Error error_of(const nlmsghdr& head, std::string_view body) {
  nlmsgerr error;
  std::memcpy(&error, body.data(), sizeof error);
  std::string what = "netlink";
  if (head.nlmsg_flags & NLM_F_ACK_TLVS) {
    size_t skip = sizeof error + (head.nlmsg_flags & NLM_F_CAPPED ? 0 : aligned(error.msg.nlmsg_len) - sizeof(nlmsghdr));
    if (skip < body.size()) {
      std::string_view words = find_attribute(body.substr(skip), NLMSGERR_ATTR_MSG);
      if (!words.empty()) what = words.substr(0, words.find('\0'));
    }
  }
  return system_error(what, -error.error);
}

// Calls `each(head, body)` for the messages of a datagram, until it says false.
template <class F>
void walk(std::string_view bytes, F&& each) {
  nlmsghdr head;
  while (bytes.size() >= sizeof head) {
    std::memcpy(&head, bytes.data(), sizeof head);
    if (head.nlmsg_len < sizeof head || head.nlmsg_len > bytes.size()) return;
    if (!each(head, bytes.substr(sizeof head, head.nlmsg_len - sizeof head))) return;
    bytes.remove_prefix(std::min(bytes.size(), aligned(head.nlmsg_len)));
  }
}

}  // namespace

Result<void> NetlinkSocket::execute(Messages& messages) {
  if (messages.empty()) return {};
  messages.acknowledge_last();
  return execute(messages, messages.last_sequence());
}

Result<void> NetlinkSocket::execute(const Messages& messages, uint32_t last) {
  TRY(send(messages));
  std::string buffer;
  std::unique_ptr<Error> first;
  for (bool done = false; !done;) {
    size_t got = TRY(receive(buffer));
    walk({buffer.data(), got}, [&](const nlmsghdr& head, std::string_view body) {
      if (head.nlmsg_type != NLMSG_ERROR || body.size() < sizeof(nlmsgerr)) return true;
      if (head.nlmsg_seq - messages.first_sequence() > messages.last_sequence() - messages.first_sequence()) return true;
      nlmsgerr error;
      std::memcpy(&error, body.data(), sizeof error);
      if (error.error != 0 && !first) first = std::make_unique<Error>(error_of(head, body));
      // An error about a batch as a whole answers its beginning; nothing may follow it.
      if (head.nlmsg_seq == last || (error.error != 0 && head.nlmsg_seq == messages.first_sequence())) done = true;
      return true;
    });
  }
  if (first) return fail(std::move(*first));
  return {};
}

Result<bool> NetlinkSocket::query_with(Messages& messages, void (*each)(void*, const Answer&), void* context) {
  messages.acknowledge_last();
  TRY(send(messages));
  std::string buffer;
  bool complete = true;
  std::unique_ptr<Error> failure;
  for (bool done = false; !done;) {
    size_t got = TRY(receive(buffer));
    walk({buffer.data(), got}, [&](const nlmsghdr& head, std::string_view body) {
      if (head.nlmsg_seq != messages.last_sequence()) return true;
      if (head.nlmsg_flags & NLM_F_DUMP_INTR) complete = false;
      if (head.nlmsg_type == NLMSG_DONE) {
        done = true;
      } else if (head.nlmsg_type == NLMSG_ERROR && body.size() >= sizeof(nlmsgerr)) {
        nlmsgerr error;
        std::memcpy(&error, body.data(), sizeof error);
        if (error.error != 0) failure = std::make_unique<Error>(error_of(head, body));
        done = true;
      } else {
        each(context, Answer{head.nlmsg_type, body});
      }
      return !done;
    });
  }
  if (failure) return fail(std::move(*failure));
  return complete;
}

}  // namespace sampan::network
