// Taking queries in and sending answers out.
#include "network/dns/worker.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>

#include "base/text.h"
#include "network/netlink/netlink.h"

namespace sampan::network::dns {
namespace {

constexpr size_t kBatch = 32;
constexpr size_t kQueryBytesMax = 2048, kUdpAnswerBytesMax = 4096;
constexpr size_t kConnectionsMax = 1000;
constexpr int64_t kConnectionIdleUs = 10'000'000;
constexpr size_t kConnectionOutputMax = 1 << 20;
constexpr int kAliasesMax = 8;

int64_t now_ns() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

Address address_of(const sockaddr_in6& from) {
  if (from.sin6_family == AF_INET6) return *network::address_of({reinterpret_cast<const char*>(&from.sin6_addr), 16});
  return *network::address_of({reinterpret_cast<const char*>(&reinterpret_cast<const sockaddr_in&>(from).sin_addr), 4});
}

// An answer of somebody else, as the client asked for it: its id, its letters, its size.
size_t adapt(std::string_view answer, std::string_view query, const Question& question, char* out, size_t size_max) {
  bool whole = answer.size() <= size_max;
  std::memcpy(out, answer.data(), whole ? answer.size() : question.end);
  std::memcpy(out, query.data(), 2);
  std::memcpy(out + kHeaderBytes, query.data() + kHeaderBytes, question.end - kHeaderBytes);
  out[2] = static_cast<char>((out[2] & ~1) | (query[2] & 1));  // RD
  if (whole) return answer.size();
  out[2] |= 2;
  std::memset(out + 6, 0, 6);
  return question.end;
}

}  // namespace

class DnsServer::TcpConnection final : public net::LoopClient {
 public:
  TcpConnection(Worker& worker, int fd, bool v6) : worker_(worker), fd_(fd), v6_(v6), self_(std::make_shared<TcpConnection*>(this)) {
    worker_.loop().watch(fd_, EPOLLIN, this);
    worker_.loop().arm(this, worker_.loop().now_us() + kConnectionIdleUs);
  }
  ~TcpConnection() override {
    drop();
  }
  void drop() {
    if (fd_ < 0) return;
    *self_ = nullptr;
    worker_.loop().unwatch(fd_);
    worker_.loop().disarm(this);
    close(std::exchange(fd_, -1));
  }
  void on_timer() override { worker_.remove(this); }

  void on_ready(uint32_t events) override {
    if (fd_ < 0) return;
    if (events & EPOLLOUT && !flush()) return worker_.remove(this);
    char* buffer = worker_.loop().read_buffer();
    while (true) {
      ssize_t got = recv(fd_, buffer, net::Loop::kReadBytes, 0);
      if (got < 0 && (errno == EAGAIN || errno == EINTR)) break;
      if (got <= 0) return worker_.remove(this);
      input_.append(buffer, got);
      if (input_.size() > 2 * net::Loop::kReadBytes) return worker_.remove(this);
    }
    if (!take_messages() || !flush()) return worker_.remove(this);
    worker_.loop().arm(this, worker_.loop().now_us() + kConnectionIdleUs);
  }

  void send_answer(std::string_view answer) {
    append(output_, static_cast<char>(answer.size() >> 8), static_cast<char>(answer.size()), answer);
  }
  bool flush() {
    while (!output_.empty()) {
      ssize_t sent = send(fd_, output_.data(), output_.size(), MSG_NOSIGNAL);
      if (sent < 0 && (errno == EAGAIN || errno == EINTR)) {
        if (!std::exchange(waits_, true)) worker_.loop().rewatch(fd_, EPOLLIN | EPOLLOUT, this);
        return output_.size() < kConnectionOutputMax;
      }
      if (sent < 0) return false;
      output_.erase(0, sent);
    }
    if (std::exchange(waits_, false)) worker_.loop().rewatch(fd_, EPOLLIN, this);
    return true;
  }

 private:
  bool take_messages() {
    size_t at = 0;
    std::string out(kMessageBytesMax, '\0');
    while (input_.size() - at >= 2) {
      size_t size = static_cast<size_t>(static_cast<uint8_t>(input_[at])) << 8 | static_cast<uint8_t>(input_[at + 1]);
      if (input_.size() - at - 2 < size) break;
      auto later = [this]() -> Reply {
        return [weak = self_](std::string_view answer) {
          TcpConnection* self = *weak;
          if (!self) return;
          self->send_answer(answer);
          if (!self->flush()) self->worker_.remove(self);
        };
      };
      size_t answered = worker_.answer(std::string_view(input_).substr(at + 2, size), out.data(), out.size(), true, v6_, later);
      if (answered) send_answer({out.data(), answered});
      at += 2 + size;
    }
    input_.erase(0, at);
    return true;
  }

  Worker& worker_;
  int fd_;
  const bool v6_;
  bool waits_ = false;
  std::string input_, output_;
  std::shared_ptr<TcpConnection*> self_;  // null once it has gone: answers may come later
};

struct DnsServer::UdpSocket::Buffers {
  char queries[kBatch][kQueryBytesMax], answers[kBatch][kUdpAnswerBytesMax];
  char control[kBatch][64];
  sockaddr_in6 from[kBatch];
  iovec in[kBatch], out[kBatch];
  mmsghdr messages[kBatch], replies[kBatch];
};

DnsServer::UdpSocket::UdpSocket(Worker& worker, int fd, bool v6) : worker_(worker), fd_(fd), v6_(v6), buffers_(std::make_unique<Buffers>()) {}
DnsServer::UdpSocket::~UdpSocket() { close(fd_); }

namespace {

// The answer must come from the address that was asked: what was told with the query goes back with it, without the interface.
void answer_from_same(msghdr& message) {
  for (cmsghdr* one = CMSG_FIRSTHDR(&message); one; one = CMSG_NXTHDR(&message, one)) {
    if (one->cmsg_level == IPPROTO_IP && one->cmsg_type == IP_PKTINFO) {
      in_pktinfo info;
      std::memcpy(&info, CMSG_DATA(one), sizeof info);
      info.ipi_ifindex = 0;
      std::memcpy(CMSG_DATA(one), &info, sizeof info);
    }
    if (one->cmsg_level == IPPROTO_IPV6 && one->cmsg_type == IPV6_PKTINFO) {
      in6_pktinfo info;
      std::memcpy(&info, CMSG_DATA(one), sizeof info);
      if (!IN6_IS_ADDR_LINKLOCAL(&info.ipi6_addr)) info.ipi6_ifindex = 0;
      std::memcpy(CMSG_DATA(one), &info, sizeof info);
    }
  }
}

}  // namespace

void DnsServer::UdpSocket::on_ready(uint32_t) {
  Buffers& b = *buffers_;
  for (int round = 0; round < 8; ++round) {  // others on this loop want their turn, too
    for (size_t i = 0; i < kBatch; ++i) {
      b.in[i] = {b.queries[i], kQueryBytesMax};
      b.messages[i].msg_hdr = {.msg_name = &b.from[i], .msg_namelen = sizeof b.from[i], .msg_iov = &b.in[i], .msg_iovlen = 1,
                               .msg_control = b.control[i], .msg_controllen = sizeof b.control[i]};
    }
    int got = recvmmsg(fd_, b.messages, kBatch, MSG_DONTWAIT, nullptr);
    if (got <= 0) return;
    unsigned count = 0;
    {
      std::shared_lock lock(worker_.server().index_.mutex());
      for (int i = 0; i < got; ++i) {
        msghdr& message = b.messages[i].msg_hdr;
        if (message.msg_flags & MSG_TRUNC) continue;  // no query is that long
        if (!worker_.server().admits(address_of(b.from[i]))) continue;
        answer_from_same(message);
        auto later = [&]() -> Reply {
          std::string to(reinterpret_cast<char*>(&b.from[i]), message.msg_namelen), control(b.control[i], message.msg_controllen);
          return [fd = fd_, to = std::move(to), control = std::move(control)](std::string_view answer) mutable {
            iovec part{const_cast<char*>(answer.data()), answer.size()};
            msghdr reply{.msg_name = to.data(), .msg_namelen = static_cast<socklen_t>(to.size()), .msg_iov = &part, .msg_iovlen = 1,
                         .msg_control = control.data(), .msg_controllen = control.size()};
            sendmsg(fd, &reply, MSG_NOSIGNAL | MSG_DONTWAIT);
          };
        };
        size_t size = worker_.answer({b.queries[i], b.messages[i].msg_len}, b.answers[count], kUdpAnswerBytesMax, false, v6_, later);
        if (!size) continue;
        b.out[count] = {b.answers[count], size};
        b.replies[count].msg_hdr = message;
        b.replies[count].msg_hdr.msg_iov = &b.out[count];
        b.replies[count].msg_hdr.msg_flags = 0;
        ++count;
      }
    }
    // What cannot be sent now is lost, as datagrams are.
    for (unsigned sent = 0; sent < count;) {
      int n = sendmmsg(fd_, b.replies + sent, count - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
      sent += n > 0 ? static_cast<unsigned>(n) : 1;
    }
    if (got < static_cast<int>(kBatch)) return;
  }
}

DnsServer::TcpListener::~TcpListener() { close(fd_); }

void DnsServer::TcpListener::on_ready(uint32_t) {
  while (true) {
    sockaddr_in6 from{};
    socklen_t size = sizeof from;
    int fd = accept4(fd_, reinterpret_cast<sockaddr*>(&from), &size, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0) return;
    if (worker_.server().admits(address_of(from))) worker_.add_connection(fd, v6_);
    else close(fd);
  }
}

DnsServer::Worker::~Worker() {
  if (thread_.joinable()) {
    loop_.stop();
    thread_.join();
  }
}

Result<void> DnsServer::Worker::listen(const Address& address) {
  int udp = TRY(server_.open_socket(address, SOCK_DGRAM));
  listeners_.push_back(std::make_unique<UdpSocket>(*this, udp, address.v6));
  loop_.watch(udp, EPOLLIN, listeners_.back().get());
  int tcp = TRY(server_.open_socket(address, SOCK_STREAM));
  listeners_.push_back(std::make_unique<TcpListener>(*this, tcp, address.v6));
  loop_.watch(tcp, EPOLLIN, listeners_.back().get());
  return {};
}

void DnsServer::Worker::start() {
  thread_ = std::thread([this] {
    loop_.run();
    connections_.clear();
    upstream_.reset();
    loop_.end();
  });
}

void DnsServer::Worker::add_connection(int fd, bool v6) {
  if (connections_.size() >= kConnectionsMax) return void(close(fd));
  connections_.push_front(std::make_unique<TcpConnection>(*this, fd, v6));
}

void DnsServer::Worker::remove(TcpConnection* connection) {
  connection->drop();
  auto found = std::find_if(connections_.begin(), connections_.end(), [&](const auto& one) { return one.get() == connection; });
  if (found == connections_.end()) return;
  loop_.bury(std::move(*found));
  connections_.erase(found);
}

size_t DnsServer::Worker::answer(std::string_view query, char* out, size_t size_max, bool tcp, bool v6, const std::function<Reply()>& later) {
  int64_t start = now_ns();
  Question question;
  Resolved resolved;
  Parsed parsed = parse_query(query, question);
  if (parsed == Parsed::Ignore) return 0;
  if (!tcp) size_max = std::min<size_t>(size_max, question.udp_bytes);
  if (parsed != Parsed::Good) {
    resolved.code = parsed == Parsed::NotAQuery ? NotImplemented : FormatError;
    Question bare;  // what could not be read is not repeated
    bare.id = question.id;
    bare.flags = question.flags;
    bare.name_size = 1;
    bare.end = kHeaderBytes;
    resolved.size = Resolver::refuse(query, bare, resolved.code, out, size_max);
  } else {
    if (tcp) {
      std::shared_lock lock(server_.index_.mutex());  // datagrams come in batches, under one lock
      resolved = server_.resolver_.resolve(query, question, out, size_max, ++spin_);
    } else {
      resolved = server_.resolver_.resolve(query, question, out, size_max, ++spin_);
    }
    if (resolved.outcome == Outcome::Forward) resolved.size = from_others(query, question, out, size_max, tcp, later);
    if (resolved.outcome == Outcome::Chase) resolved.size = chase(query, question, std::move(resolved.target), out, size_max, tcp, later);
    if (resolved.size) resolved.code = static_cast<Code>(out[3] & 15);
  }
  count(question, tcp, v6, resolved, start);
  return resolved.size;
}

size_t DnsServer::Worker::from_others(std::string_view query, const Question& question, char* out, size_t size_max, bool tcp, const std::function<Reply()>& later) {
  std::string key = AnswerCache::key(question), kept;
  if (server_.cache_.find(key, real_clock().monotonic_us(), kept)) {
    server_.metrics_.cache_hits.with({"dns://:53", "success", ".", ""}).add();
    return adapt(kept, query, question, out, size_max);
  }
  server_.metrics_.cache_misses.with({"dns://:53", ".", ""}).add();
  server_.metrics_.forward_requests.with({tcp ? "tcp" : "udp"}).add();
  auto done = [this, key = std::move(key), question, asked = std::string(query), size_max, reply = later()](std::string_view message) {
    Answer answer;
    std::string out(std::max<size_t>(size_max, kUdpBytesDefault), '\0');
    size_t size;
    if (message.empty() || !parse_answer(message, answer)) {
      size = Resolver::refuse(asked, question, ServerFailure, out.data(), size_max);
    } else {
      server_.metrics_.forward_responses.with({concat(static_cast<int>(answer.code))}).add();
      server_.cache_.put(key, message, answer, real_clock().monotonic_us());
      size = answer.question_end == question.end ? adapt(message, asked, question, out.data(), size_max)
                                                 : Resolver::refuse(asked, question, ServerFailure, out.data(), size_max);
    }
    reply({out.data(), size});
  };
  if (upstream_->ask(query, tcp, std::move(done))) return 0;
  return Resolver::refuse(query, question, upstream_->can_ask() ? Refused : ServerFailure, out, size_max);
}

// An alias: it, and the addresses of what it stands for. A target of our own zone is looked up here, any other is asked for.
size_t DnsServer::Worker::chase(std::string_view query, const Question& question, WireName target, char* out, size_t size_max, bool tcp,
                                const std::function<Reply()>& later) {
  std::vector<std::pair<WireName, WireName>> aliases = {{WireName(question.name()), target}};
  uint32_t ttl = server_.options_.zone.ttl_s;
  auto compose = [question, ttl](std::string_view query, const std::vector<std::pair<WireName, WireName>>& aliases, std::string_view rest, char* out, size_t size_max) {
    Writer writer(out, size_max);
    writer.begin(query, question, true);
    for (const auto& [name, target] : aliases) writer.name_record(Writer::Section::Answer, name, CNAME, ttl, target);
    Answer answer;
    bool good = parse_answer(rest, answer);
    if (good) copy_addresses(rest, writer);
    return writer.finish(!good ? ServerFailure : answer.code);
  };
  char inner[kUdpAnswerBytesMax];
  while (server_.resolver_.in_zone(target)) {
    std::string inner_query = wire_query(target, question.type, question.id);
    Question inner_question;
    if (aliases.size() >= kAliasesMax || parse_query(inner_query, inner_question) != Parsed::Good)
      return Resolver::refuse(query, question, ServerFailure, out, size_max);
    Resolved resolved;
    {
      std::shared_lock lock(server_.index_.mutex(), std::defer_lock);
      if (tcp) lock.lock();
      resolved = server_.resolver_.resolve(inner_query, inner_question, inner, sizeof inner, ++spin_);
    }
    if (resolved.outcome != Outcome::Chase) return compose(query, aliases, {inner, resolved.size}, out, size_max);
    aliases.emplace_back(target, resolved.target);
    target = std::move(resolved.target);
  }
  auto done = [asked = std::string(query), aliases, compose, size_max, reply = later()](std::string_view message) {
    std::string out(std::max<size_t>(size_max, kUdpBytesDefault), '\0');
    reply({out.data(), compose(asked, aliases, message, out.data(), size_max)});
  };
  if (upstream_->ask(wire_query(target, question.type, question.id), tcp, std::move(done))) return 0;
  return compose(query, aliases, {}, out, size_max);
}

void DnsServer::Worker::count(const Question& question, bool tcp, bool v6, const Resolved& resolved, int64_t start_ns) {
  // One line for each of the common types, found by arithmetic.
  static constexpr uint16_t kTypes[] = {A, AAAA, SRV, PTR, TXT, CNAME, SOA, NS, MX, 0};
  size_t type = std::find(std::begin(kTypes), std::end(kTypes) - 1, question.type) - std::begin(kTypes);
  size_t at = (type * 2 + tcp) * 4 + v6 * 2 + resolved.own_zone;
  if (lines_.empty()) lines_.resize(std::size(kTypes) * 8);
  if (!lines_[at].requests) lines_[at] = server_.metrics_.line(tcp, v6, kTypes[type], resolved.own_zone);
  lines_[at].requests->add();
  if (!resolved.size) return;  // answered later
  lines_[at].duration->observe(static_cast<double>(now_ns() - start_ns) / 1e9);
  Series*& code = codes_[resolved.own_zone][resolved.code & 15];
  static constexpr std::string_view kCodes[] = {"NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED"};
  if (!code)
    code = &server_.metrics_.responses.with({"dns://:53", resolved.own_zone ? std::string_view(server_.options_.zone.domain) : std::string_view("."), "",
                                             resolved.code < 6 ? kCodes[resolved.code] : std::string_view("OTHER"), resolved.own_zone ? "kubernetes" : "forward"});
  code->add();
}

}  // namespace sampan::network::dns
