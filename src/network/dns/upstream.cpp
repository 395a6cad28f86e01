// One question to one server after another, until one answers.
#include "network/dns/upstream.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/text.h"
#include "network/dns/answers.h"

namespace sampan::network::dns {
namespace {

constexpr int64_t kServerUs = 2'000'000;  // for one server to answer
constexpr int kTriesMax = 4;

}  // namespace

std::vector<Server> read_resolv_conf(std::string_view text) {
  std::vector<Server> servers;
  for (std::string_view line : split(text, '\n')) {
    line = trim(line);
    if (!line.starts_with("nameserver")) continue;
    std::string_view host = trim(line.substr(10));
    host = host.substr(0, host.find('%'));  // zones of link-local addresses are not for us
    if (std::optional<Address> address = parse_address(host)) servers.push_back({*address});
  }
  return servers;
}

class Upstream::Question final : public net::LoopClient {
 public:
  Question(Upstream& owner, std::string_view query, bool over_tcp, size_t first, Done done)
      : owner_(owner), query_(query), over_tcp_(over_tcp), server_(first), done_(std::move(done)) {
    original_id_ = query_.substr(0, 2);
  }
  ~Question() override { drop_socket(); }
  void start() {
    if (!try_server()) next();
  }
  Done take_done() { return std::move(done_); }
  void drop_socket() {
    if (fd_ < 0) return;
    owner_.loop_.unwatch(fd_);
    owner_.loop_.disarm(this);
    close(std::exchange(fd_, -1));
  }
  std::list<std::unique_ptr<Question>>::iterator place;

  void on_timer() override { next(); }
  void on_ready(uint32_t) override {
    if (fd_ < 0) return;  // finished in this very turn
    if (over_tcp_) return advance_tcp();
    char buffer[4096 + 512];
    while (true) {
      ssize_t got = recv(fd_, buffer, sizeof buffer, 0);
      if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
      if (got < 0) return next();
      if (take({buffer, static_cast<size_t>(got)})) return;
    }
  }

 private:
  bool try_server() {
    const Server& server = owner_.servers_[server_++ % owner_.servers_.size()];
    uint64_t random = secure_random().next();
    query_[0] = static_cast<char>(random);
    query_[1] = static_cast<char>(random >> 8);
    sockaddr_in6 six{.sin6_family = AF_INET6, .sin6_port = htons(server.port)};
    sockaddr_in four{.sin_family = AF_INET, .sin_port = htons(server.port)};
    std::memcpy(server.address.v6 ? static_cast<void*>(&six.sin6_addr) : &four.sin_addr, server.address.bytes.data(), server.address.size());
    fd_ = socket(server.address.v6 ? AF_INET6 : AF_INET, (over_tcp_ ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd_ < 0) return false;
    const sockaddr* to = server.address.v6 ? reinterpret_cast<sockaddr*>(&six) : reinterpret_cast<sockaddr*>(&four);
    bool connected = connect(fd_, to, server.address.v6 ? sizeof six : sizeof four) == 0 || errno == EINPROGRESS;
    if (connected && !over_tcp_) connected = send(fd_, query_.data(), query_.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(query_.size());
    if (!connected) {
      close(std::exchange(fd_, -1));
      return false;
    }
    input_.clear();
    output_ = over_tcp_ ? concat(static_cast<char>(query_.size() >> 8), static_cast<char>(query_.size()), query_) : std::string();
    owner_.loop_.watch(fd_, over_tcp_ ? EPOLLIN | EPOLLOUT : EPOLLIN, this);
    owner_.loop_.arm(this, owner_.loop_.now_us() + kServerUs);
    return true;
  }

  void next() {
    drop_socket();
    while (++tries_ < kTriesMax)
      if (try_server()) return;
    owner_.finish(this, {});
  }

  void advance_tcp() {
    while (!output_.empty()) {
      ssize_t sent = send(fd_, output_.data(), output_.size(), MSG_NOSIGNAL);
      if (sent < 0 && (errno == EAGAIN || errno == EINTR)) return;
      if (sent < 0) return next();
      output_.erase(0, sent);
      if (output_.empty()) owner_.loop_.rewatch(fd_, EPOLLIN, this);
    }
    char buffer[4096];
    while (true) {
      ssize_t got = recv(fd_, buffer, sizeof buffer, 0);
      if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
      if (got <= 0) return next();
      input_.append(buffer, got);
      if (input_.size() < 2) continue;
      size_t size = static_cast<size_t>(static_cast<uint8_t>(input_[0])) << 8 | static_cast<uint8_t>(input_[1]);
      if (input_.size() < size + 2) continue;
      if (!take(std::string_view(input_).substr(2, size))) next();
      return;
    }
  }

  // Only what answers our very question; anything else might be forged, and the true one may yet come.
  bool take(std::string_view message) {
    if (message.size() < kHeaderBytes || message.substr(0, 2) != std::string_view(query_).substr(0, 2) || !same_question(query_, message)) return false;
    std::string answer(message);
    answer.replace(0, 2, original_id_);
    owner_.finish(this, answer);
    return true;
  }

  Upstream& owner_;
  std::string query_, original_id_, input_, output_;
  const bool over_tcp_;
  size_t server_;
  int tries_ = 0, fd_ = -1;
  Done done_;
};

Upstream::Upstream(net::Loop& loop, std::vector<Server> servers) : loop_(loop), servers_(std::move(servers)) {}
Upstream::~Upstream() = default;

bool Upstream::ask(std::string_view query, bool over_tcp, Done done) {
  if (servers_.empty() || questions_.size() >= kQuestionsMax || query.size() < kHeaderBytes) return false;
  questions_.push_front(std::make_unique<Question>(*this, query, over_tcp, turn_++, std::move(done)));
  Question& question = *questions_.front();
  question.place = questions_.begin();
  question.start();
  return true;
}

void Upstream::finish(Question* question, std::string_view answer) {
  Done done = question->take_done();
  question->drop_socket();
  std::string kept(answer);
  std::unique_ptr<Question> gone = std::move(*question->place);
  questions_.erase(question->place);
  loop_.bury(std::move(gone));
  done(kept);
}

}  // namespace sampan::network::dns
