#include "apiserver/compress.h"

#include <zlib.h>

#include "base/check.h"
#include "base/text.h"

namespace sampan::apiserver {

namespace {

constexpr size_t kBytesMin = 128 * 1024;
constexpr int kLevel = 1;  // on a fast network every higher one is slower in all
constexpr size_t kPiece = 64 * 1024;

class Gzip {
 public:
  Gzip() {
    constexpr int kGzipWindow = 15 + 16, kMemory = 8;
    check(deflateInit2(&stream_, kLevel, Z_DEFLATED, kGzipWindow, kMemory, Z_DEFAULT_STRATEGY) == Z_OK);
  }
  ~Gzip() { deflateEnd(&stream_); }
  Gzip(const Gzip&) = delete;
  Gzip& operator=(const Gzip&) = delete;

  void add(std::string_view text, bool last, std::string& out) {
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
    stream_.avail_in = static_cast<uInt>(text.size());
    char buffer[16 * 1024];
    do {
      stream_.next_out = reinterpret_cast<Bytef*>(buffer);
      stream_.avail_out = sizeof buffer;
      deflate(&stream_, last ? Z_FINISH : Z_NO_FLUSH);
      out.append(buffer, sizeof buffer - stream_.avail_out);
    } while (stream_.avail_out == 0);
  }

 private:
  z_stream stream_{};
};

class GzipSource : public net::BodySource {
 public:
  // `begun` has been pulled from `source` already.
  GzipSource(std::string begun, std::unique_ptr<net::BodySource> source) : piece_(std::move(begun)), source_(std::move(source)) {}

  void start(std::function<void()> waker) override { source_->start(std::move(waker)); }

  Pull pull(std::string& out, size_t want) override {
    size_t end = out.size() + want;
    while (out.size() < end) {
      Pull state = Pull::More;
      if (piece_.empty()) state = source_->pull(piece_, kPiece);
      if (state == Pull::Abort) return state;
      gzip_.add(piece_, state == Pull::End, out);
      piece_.clear();
      if (state != Pull::More) return state;
    }
    return Pull::More;
  }

 private:
  std::string piece_;
  std::unique_ptr<net::BodySource> source_;
  Gzip gzip_;
};

// A source that turned out to have nothing more for now, behind what it gave.
class ResumedSource : public net::BodySource {
 public:
  ResumedSource(std::string begun, std::unique_ptr<net::BodySource> source) : begun_(std::move(begun)), source_(std::move(source)) {}
  void start(std::function<void()> waker) override { source_->start(std::move(waker)); }
  Pull pull(std::string& out, size_t want) override {
    out += std::exchange(begun_, {});
    return source_->pull(out, want);
  }

 private:
  std::string begun_;
  std::unique_ptr<net::BodySource> source_;
};

// "gzip", "deflate, gzip;q=0.5", "*"; but not "gzip;q=0".
bool takes_gzip(std::string_view header) {
  for (auto part : split(header, ',')) {
    auto words = split(part, ';');
    auto name = trim(words[0]);
    if (!iequals(name, "gzip") && name != "*") continue;
    for (size_t i = 1; i < words.size(); i++) {
      auto quality = trim(words[i]);
      if (quality == "q=0" || quality.starts_with("q=0.0")) return false;
    }
    return true;
  }
  return false;
}

// Pulls until it is known whether the answer is large. What is not needs no source any more.
bool is_large(net::Response& response) {
  if (!response.source) return response.body.size() >= kBytesMin;
  while (response.body.size() < kBytesMin) {
    auto state = response.source->pull(response.body, kPiece);
    if (state == net::BodySource::Pull::More) continue;
    if (state == net::BodySource::Pull::End) response.source.reset();
    return false;
  }
  return true;
}

}  // namespace

void compress(const net::Request& request, net::Response& response) {
  if (request.method != "GET" || response.status != 200 || !takes_gzip(request.header("accept-encoding"))) return;
  if (!is_large(response)) {
    if (response.source) response.source = std::make_unique<ResumedSource>(std::exchange(response.body, {}), std::move(response.source));
    return;
  }
  response.headers.emplace_back("content-encoding", "gzip");
  response.headers.emplace_back("vary", "Accept-Encoding");
  if (response.source) {
    response.source = std::make_unique<GzipSource>(std::exchange(response.body, {}), std::move(response.source));
    return;
  }
  std::string packed;
  Gzip().add(response.body, true, packed);
  response.body = std::move(packed);
}

}  // namespace sampan::apiserver
