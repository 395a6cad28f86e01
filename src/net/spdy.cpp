#include "net/spdy.h"

#include "base/check.h"
#include "base/text.h"

namespace sampan::net {

namespace {

enum Type : uint16_t { SynStream = 1, SynReply = 2, RstStream = 3, Settings = 4, PingType = 6, GoAwayType = 7, HeadersType = 8, WindowUpdate = 9 };
constexpr uint8_t kFin = 1;
constexpr size_t kHeadBytes = 8;
constexpr size_t kControlBytesMax = 64 * 1024, kHeaderBytesMax = 64 * 1024, kFieldsMax = 256;
constexpr size_t kPieceBytes = 32 * 1024;

void append_u16(std::string& out, uint16_t number) {
  out += static_cast<char>(number >> 8);
  out += static_cast<char>(number);
}
void append_u32(std::string& out, uint32_t number) {
  append_u16(out, number >> 16);
  append_u16(out, static_cast<uint16_t>(number));
}
uint32_t read_u32(std::string_view bytes, size_t at) {
  uint32_t number = 0;
  for (size_t i = 0; i < 4; i++) number = number << 8 | static_cast<uint8_t>(bytes[at + i]);
  return number;
}

Bytef* bytes_of(std::string_view text) { return reinterpret_cast<Bytef*>(const_cast<char*>(text.data())); }
std::unexpected<Error> malformed(std::string_view why) { return fail(bad_request(concat("spdy: ", why))); }

// name-value block: a count, then names and values with their lengths; several values are separated by NUL.
Result<Headers> parse_block(std::string_view block) {
  size_t at = 0;
  auto number = [&](uint32_t& out) {
    if (block.size() - at < 4) return false;
    out = read_u32(block, at);
    at += 4;
    return true;
  };
  auto text = [&](std::string_view& out) {
    uint32_t size;
    if (!number(size) || block.size() - at < size) return false;
    out = block.substr(at, size);
    at += size;
    return true;
  };
  uint32_t count;
  if (!number(count) || count > kFieldsMax) return malformed("bad header block");
  Headers headers;
  for (uint32_t i = 0; i < count; i++) {
    std::string_view name, value;
    if (!text(name) || !text(value) || name.empty()) return malformed("bad header block");
    for (auto part : split(value, '\0')) {
      if (headers.size() == kFieldsMax) return malformed("too many headers");
      headers.emplace_back(to_lower(name), part);
    }
  }
  return headers;
}

}  // namespace

SpdySession::SpdySession(std::unique_ptr<ByteStream> stream, Role role)
    : stream_(std::move(stream)), role_(role), next_stream_(role == Role::Client ? 1 : 2), next_ping_(next_stream_) {
  check(inflateInit(&inflate_) == Z_OK);
  check(deflateInit(&deflate_, Z_BEST_SPEED) == Z_OK);
  auto& dictionary = spdy_dictionary();
  check(deflateSetDictionary(&deflate_, bytes_of(dictionary), dictionary.size()) == Z_OK);
}

SpdySession::~SpdySession() {
  inflateEnd(&inflate_);
  deflateEnd(&deflate_);
}

Result<bool> SpdySession::fill(size_t size, int64_t deadline_us) {
  while (input_.size() - input_at_ < size) {
    if (input_at_ > 0) input_.erase(0, std::exchange(input_at_, 0));
    char buffer[16 * 1024];
    size_t taken = TRY(stream_->read_some(buffer, sizeof buffer, deadline_us));
    if (taken == 0) return false;
    input_.append(buffer, taken);
  }
  return true;
}

Result<Headers> SpdySession::read_headers(std::string_view compressed) {
  std::string block;
  inflate_.next_in = bytes_of(compressed);
  inflate_.avail_in = compressed.size();
  char buffer[4096];
  while (true) {
    inflate_.next_out = reinterpret_cast<Bytef*>(buffer);
    inflate_.avail_out = sizeof buffer;
    int done = inflate(&inflate_, Z_SYNC_FLUSH);
    if (done == Z_NEED_DICT) {
      auto& dictionary = spdy_dictionary();
      if (inflateSetDictionary(&inflate_, bytes_of(dictionary), dictionary.size()) != Z_OK) return malformed("another dictionary");
      continue;
    }
    block.append(buffer, sizeof buffer - inflate_.avail_out);
    if (block.size() > kHeaderBytesMax) return malformed("headers too large");
    if (done == Z_BUF_ERROR || (done == Z_OK && inflate_.avail_in == 0 && inflate_.avail_out > 0)) break;
    if (done != Z_OK) return malformed("headers cannot be decompressed");
  }
  return parse_block(block);
}

// False: nothing that the caller needs to see.
Result<bool> SpdySession::take_control(uint16_t type, uint8_t flags, std::string_view body, SpdyFrame& frame) {
  size_t least = type == SynStream ? 10 : type == PingType || type == SynReply || type == HeadersType ? 4 : 8;
  bool known = type >= SynStream && type <= HeadersType && type != Settings && type != 5;
  if (!known) return false;
  if (body.size() < least) return malformed("frame too short");
  frame.stream = read_u32(body, 0) & 0x7fffffff;
  frame.fin = flags & kFin;
  switch (type) {
    case SynStream:
      frame.kind = SpdyFrame::Kind::Open;
      if (frame.stream == 0 || frame.stream % 2 != (role_ == Role::Server ? 1u : 0u)) return malformed("bad stream number");
      frame.headers = TRY(read_headers(body.substr(10)));
      return true;
    case SynReply:
    case HeadersType:
      frame.kind = type == SynReply ? SpdyFrame::Kind::Reply : SpdyFrame::Kind::Headers;
      frame.headers = TRY(read_headers(body.substr(4)));
      return true;
    case PingType: {
      uint32_t id = read_u32(body, 0);
      bool from_peer = id % 2 == (role_ == Role::Server ? 1u : 0u);
      if (from_peer) TRY(write_control(PingType, 0, body.substr(0, 4)));
      return false;
    }
    default:
      frame.kind = type == RstStream ? SpdyFrame::Kind::Reset : SpdyFrame::Kind::GoAway;
      frame.status = read_u32(body, 4);
      return true;
  }
}

Result<bool> SpdySession::read_data(SpdyFrame& frame, int64_t deadline_us) {
  if (data_left_ > 0 && !TRY(fill(1, deadline_us))) return fail(Error(Reason::ServiceUnavailable, "unexpected EOF"));
  size_t size = std::min<size_t>({data_left_, input_.size() - input_at_, kPieceBytes});
  frame.kind = SpdyFrame::Kind::Data;
  frame.stream = data_stream_;
  frame.data.assign(input_, input_at_, size);
  input_at_ += size;
  data_left_ -= size;
  frame.fin = data_left_ == 0 && data_fin_;
  if (data_left_ == 0) data_stream_ = 0;
  return true;
}

Result<bool> SpdySession::read(SpdyFrame& frame, int64_t deadline_us) {
  while (true) {
    frame = SpdyFrame();
    if (data_stream_ != 0) return read_data(frame, deadline_us);
    if (!TRY(fill(kHeadBytes, deadline_us))) {
      if (input_at_ == input_.size()) return false;
      return fail(Error(Reason::ServiceUnavailable, "unexpected EOF"));
    }
    auto head = std::string_view(input_).substr(input_at_, kHeadBytes);
    uint32_t first = read_u32(head, 0), second = read_u32(head, 4);
    uint8_t flags = second >> 24;
    uint32_t size = second & 0xffffff;
    if (!(first & 0x80000000)) {
      if (first == 0) return malformed("data without a stream");
      input_at_ += kHeadBytes;
      data_stream_ = first;
      data_left_ = size;
      data_fin_ = flags & kFin;
      continue;
    }
    if ((first >> 16 & 0x7fff) != 3) return malformed("not version 3");
    if (size > kControlBytesMax) return malformed("frame too large");
    if (!TRY(fill(kHeadBytes + size, deadline_us))) return fail(Error(Reason::ServiceUnavailable, "unexpected EOF"));
    auto body = input_.substr(input_at_ + kHeadBytes, size);
    input_at_ += kHeadBytes + size;
    if (TRY(take_control(static_cast<uint16_t>(first), flags, body, frame))) return true;
  }
}

std::string SpdySession::compress(const Headers& headers) {
  std::string block;
  append_u32(block, headers.size());
  for (auto& [name, value] : headers) {
    append_u32(block, name.size());
    block += name;
    append_u32(block, value.size());
    block += value;
  }
  std::string out(deflateBound(&deflate_, block.size()) + 16, '\0');
  deflate_.next_in = bytes_of(block);
  deflate_.avail_in = block.size();
  deflate_.next_out = reinterpret_cast<Bytef*>(out.data());
  deflate_.avail_out = out.size();
  check(deflate(&deflate_, Z_SYNC_FLUSH) == Z_OK && deflate_.avail_in == 0 && deflate_.avail_out > 0);
  out.resize(out.size() - deflate_.avail_out);
  return out;
}

// Under write_mutex_, except for a ping's answer, which takes it.
Result<void> SpdySession::write_control(uint16_t type, uint8_t flags, std::string_view body) {
  std::string frame;
  append_u16(frame, 0x8003);
  append_u16(frame, type);
  append_u32(frame, static_cast<uint32_t>(flags) << 24 | body.size());
  frame += body;
  std::unique_lock lock(write_mutex_, std::defer_lock);
  if (type != SynStream && type != SynReply) lock.lock();  // their callers compress and write in one go
  return stream_->write(frame);
}

Result<uint32_t> SpdySession::open(const Headers& headers, bool fin) {
  std::lock_guard lock(write_mutex_);
  uint32_t stream = next_stream_;
  next_stream_ += 2;
  std::string body;
  append_u32(body, stream);
  append_u32(body, 0);
  append_u16(body, 0);
  body += compress(headers);
  TRY(write_control(SynStream, fin ? kFin : 0, body));
  return stream;
}

Result<void> SpdySession::reply(uint32_t stream, const Headers& headers) {
  std::lock_guard lock(write_mutex_);
  std::string body;
  append_u32(body, stream);
  body += compress(headers);
  return write_control(SynReply, 0, body);
}

Result<void> SpdySession::send(uint32_t stream, std::string_view data, bool fin) {
  std::lock_guard lock(write_mutex_);
  do {
    auto piece = data.substr(0, kPieceBytes);
    data.remove_prefix(piece.size());
    std::string frame;
    append_u32(frame, stream);
    append_u32(frame, (fin && data.empty() ? static_cast<uint32_t>(kFin) << 24 : 0) | piece.size());
    frame += piece;
    TRY(stream_->write(frame));
  } while (!data.empty());
  return {};
}

Result<void> SpdySession::reset(uint32_t stream, uint32_t status) {
  std::string body;
  append_u32(body, stream);
  append_u32(body, status);
  return write_control(RstStream, 0, body);
}

Result<void> SpdySession::ping() {
  std::string body;
  {
    std::lock_guard lock(write_mutex_);
    append_u32(body, next_ping_);
    next_ping_ += 2;
  }
  return write_control(PingType, 0, body);
}

Result<void> SpdySession::go_away(uint32_t status) {
  std::string body;
  append_u32(body, 0);
  append_u32(body, status);
  return write_control(GoAwayType, 0, body);
}

}  // namespace sampan::net
