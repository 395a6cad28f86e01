#include "net/http2_memory.h"

#include <sys/mman.h>

#include <cstdlib>

namespace sampan::net {

namespace {

constexpr size_t kLargeBytes = 16 * 1024;

// In front of each block.
struct alignas(16) Head {
  size_t size;    // without the head
  size_t mapped;  // 0: from the heap
};

void* allocate(size_t size, void*) {
  Head* head;
  size_t mapped = 0;
  if (size >= kLargeBytes) {
    mapped = size + sizeof *head;
    auto block = mmap(nullptr, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    head = block == MAP_FAILED ? nullptr : static_cast<Head*>(block);
  } else {
    head = static_cast<Head*>(malloc(size + sizeof *head));
  }
  if (!head) return nullptr;
  *head = {.size = size, .mapped = mapped};
  return head + 1;
}

void release(void* block, void*) {
  if (!block) return;
  auto head = static_cast<Head*>(block) - 1;
  if (head->mapped > 0)
    munmap(head, head->mapped);
  else
    free(head);
}

void* allocate_zeroed(size_t count, size_t size, void*) {
  if (size > 0 && count > SIZE_MAX / 2 / size) return nullptr;
  auto block = allocate(count * size, nullptr);
  if (block) memset(block, 0, count * size);
  return block;
}

void* reallocate(void* block, size_t size, void*) {
  auto moved = allocate(size, nullptr);
  if (!moved || !block) return moved;
  memcpy(moved, block, std::min(size, (static_cast<Head*>(block) - 1)->size));
  release(block, nullptr);
  return moved;
}

}  // namespace

nghttp2_mem* sparse_memory() {
  static nghttp2_mem memory{.mem_user_data = nullptr, .malloc = allocate, .free = release, .calloc = allocate_zeroed, .realloc = reallocate};
  return &memory;
}

}  // namespace sampan::net
