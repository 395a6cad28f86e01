// Memory that is given back all at once: everything that is made while one request is worked on.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace sampan {

class Arena {
 public:
  Arena() = default;
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;
  ~Arena();

  void* allocate(size_t size) {  // aligned to 8
    size = (size + 7) & ~size_t{7};
    if (size > static_cast<size_t>(end_ - next_)) return allocate_slow(size);
    char* at = next_;
    next_ += size;
    return at;
  }
  template <class T>
  T* allocate_array(size_t count) {  // uninitialised
    return static_cast<T*>(allocate(count * sizeof(T)));
  }
  std::string_view copy(std::string_view text);

 private:
  struct Chunk {
    Chunk* previous;
  };
  void* allocate_slow(size_t size);
  char* next_ = nullptr;
  char* end_ = nullptr;
  Chunk* chunks_ = nullptr;
  size_t chunk_size_ = 2048;
};

}  // namespace sampan
