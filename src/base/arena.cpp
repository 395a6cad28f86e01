#include "base/arena.h"

#include <cstdlib>

#include "base/check.h"

namespace sampan {

Arena::~Arena() {
  while (chunks_) {
    Chunk* previous = chunks_->previous;
    std::free(chunks_);
    chunks_ = previous;
  }
}

void* Arena::allocate_slow(size_t size) {
  chunk_size_ = std::min<size_t>(chunk_size_ * 2, 256 * 1024);
  size_t bytes = std::max(chunk_size_, size + sizeof(Chunk));
  auto chunk = static_cast<Chunk*>(std::malloc(bytes));
  check(chunk);
  chunk->previous = chunks_;
  chunks_ = chunk;
  char* data = reinterpret_cast<char*>(chunk + 1);
  char* end = reinterpret_cast<char*>(chunk) + bytes;
  // A big piece gets a chunk of its own; what is left of the current one stays in use.
  if (static_cast<size_t>(end - data) - size >= static_cast<size_t>(end_ - next_)) {
    next_ = data + size;
    end_ = end;
  }
  return data;
}

std::string_view Arena::copy(std::string_view text) {
  if (text.empty()) return {};
  char* at = static_cast<char*>(allocate(text.size()));
  std::memcpy(at, text.data(), text.size());
  return {at, text.size()};
}

}  // namespace sampan
