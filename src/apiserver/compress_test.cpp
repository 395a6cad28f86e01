#include "apiserver/compress.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include "base/text.h"

namespace sampan::apiserver {
namespace {

using Pull = net::BodySource::Pull;

std::string unzip(const std::string& packed) {
  z_stream stream{};
  inflateInit2(&stream, 15 + 16);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
  stream.avail_in = static_cast<uInt>(packed.size());
  std::string out;
  char buffer[4096];
  int state = Z_OK;
  while (state == Z_OK) {
    stream.next_out = reinterpret_cast<Bytef*>(buffer);
    stream.avail_out = sizeof buffer;
    state = inflate(&stream, Z_NO_FLUSH);
    out.append(buffer, sizeof buffer - stream.avail_out);
  }
  inflateEnd(&stream);
  return state == Z_STREAM_END ? out : "broken";
}

// Gives `total` bytes, some at a time, and waits once after `wait_at`.
class Source : public net::BodySource {
 public:
  Source(size_t total, size_t wait_at) : total_(total), wait_at_(wait_at) {}
  Pull pull(std::string& out, size_t want) override {
    for (size_t n = 0; n < want; n++) {
      if (given_ == total_) return Pull::End;
      if (given_ == wait_at_) {
        wait_at_ = SIZE_MAX;
        return Pull::Wait;
      }
      out += static_cast<char>('a' + given_++ % 20);
    }
    return Pull::More;
  }

 private:
  size_t total_, wait_at_, given_ = 0;
};

std::string text(size_t size) {
  std::string out;
  for (size_t i = 0; i < size; i++) out += static_cast<char>('a' + i % 20);
  return out;
}

std::string drain(net::Response& response) {
  if (!response.source) return response.body;
  EXPECT_TRUE(response.body.empty());
  std::string out;
  for (auto state = Pull::More; state == Pull::More || state == Pull::Wait;) state = response.source->pull(out, 10'000);
  return out;
}

TEST(Compress, WhatIsLargeAndWanted) {
  const struct {
    std::string_view method, accept;
    size_t size;
    bool source;
    size_t wait_at;
    bool packed;
  } cases[] = {
      {"GET", "gzip", 200'000, false, SIZE_MAX, true},
      {"GET", "gzip", 131'072, false, SIZE_MAX, true},
      {"GET", "gzip", 131'071, false, SIZE_MAX, false},
      {"GET", "", 200'000, false, SIZE_MAX, false},
      {"GET", "deflate, gzip;q=0.5", 200'000, false, SIZE_MAX, true},
      {"GET", "gzip;q=0", 200'000, false, SIZE_MAX, false},
      {"GET", "identity", 200'000, false, SIZE_MAX, false},
      {"POST", "gzip", 200'000, false, SIZE_MAX, false},
      {"GET", "gzip", 1'000'000, true, SIZE_MAX, true},
      {"GET", "gzip", 1'000'000, true, 500'000, true},
      {"GET", "gzip", 1000, true, SIZE_MAX, false},
      {"GET", "gzip", 300'000, true, 1000, false},  // something that is not there yet is not waited for
  };
  for (const auto& it : cases) {
    net::Request request;
    request.method = it.method;
    request.headers.emplace_back("accept-encoding", it.accept);
    net::Response response;
    if (it.source)
      response.source = std::make_unique<Source>(it.size, it.wait_at);
    else
      response.body = text(it.size);
    compress(request, response);
    bool packed = false;
    for (const auto& [name, value] : response.headers) packed |= name == "content-encoding" && value == "gzip";
    auto name = concat(it.method, " ", it.accept, " ", it.size);
    EXPECT_EQ(packed, it.packed) << name;
    auto body = drain(response);
    EXPECT_LT(body.size(), packed ? it.size / 10 : it.size + 1) << name;
    EXPECT_TRUE((packed ? unzip(body) : body) == text(it.size)) << name;
  }
}

}  // namespace
}  // namespace sampan::apiserver
