// Looking at many bytes at once: where a run of plain characters ends. SSE2 where there is one, eight bytes in a register elsewhere.
#pragma once
#include <bit>
#include <cstdint>
#include <cstring>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace sampan::schema::scan {

// The first '"', '\\' or control character from `at` on, or `end`. `high` becomes true if a byte above 0x7f was passed.
inline const char* string_end(const char* at, const char* end, bool& high) {
#ifdef __SSE2__
  const __m128i quote = _mm_set1_epi8('"'), slash = _mm_set1_epi8('\\'), control = _mm_set1_epi8(0x1f);
  while (end - at >= 16) {
    __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
    __m128i hit = _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(bytes, quote), _mm_cmpeq_epi8(bytes, slash)),
                               _mm_cmpeq_epi8(_mm_max_epu8(bytes, control), control));
    auto mask = static_cast<unsigned>(_mm_movemask_epi8(hit));
    auto above = static_cast<unsigned>(_mm_movemask_epi8(bytes));
    if (mask) {
      unsigned count = static_cast<unsigned>(std::countr_zero(mask));
      high |= (above & ((1u << count) - 1)) != 0;
      return at + count;
    }
    high |= above != 0;
    at += 16;
  }
#else
  constexpr uint64_t kOnes = 0x0101010101010101, kHigh = 0x8080808080808080;
  while (end - at >= 8) {
    uint64_t bytes;
    std::memcpy(&bytes, at, 8);
    uint64_t quote = bytes ^ kOnes * '"', slash = bytes ^ kOnes * '\\';
    uint64_t hit = ((quote - kOnes) & ~quote) | ((slash - kOnes) & ~slash) | ((bytes - kOnes * 0x20) & ~bytes);
    if (hit & kHigh) break;
    high |= (bytes & kHigh) != 0;
    at += 8;
  }
#endif
  for (; at < end; at++) {
    auto c = static_cast<unsigned char>(*at);
    if (c == '"' || c == '\\' || c < 0x20) return at;
    high |= c >= 0x80;
  }
  return end;
}

#ifdef __SSE2__
// A bit for each of 16 bytes that Go's JSON encoder does not write as it is.
inline unsigned special_mask(__m128i bytes) {
  const __m128i quote = _mm_set1_epi8('"'), slash = _mm_set1_epi8('\\'), amp = _mm_set1_epi8('&'),
                bit2 = _mm_set1_epi8(2), more = _mm_set1_epi8('>'), space = _mm_set1_epi8(0x20);
  __m128i angle = _mm_cmpeq_epi8(_mm_or_si128(bytes, bit2), more);  // '<' and '>' differ in one bit
  // As signed numbers, bytes above 0x7f are below the space too.
  __m128i hit = _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(bytes, quote), _mm_cmpeq_epi8(bytes, slash)),
                             _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(bytes, amp), angle), _mm_cmplt_epi8(bytes, space)));
  return static_cast<unsigned>(_mm_movemask_epi8(hit));
}
#endif

// The first character that Go's JSON encoder does not write as it is: '"', '\\', '<', '>', '&', a control character or a byte
// above 0x7f; or `end`.
inline const char* plain_end(const char* at, const char* end) {
#ifdef __SSE2__
  while (end - at >= 16) {
    if (unsigned mask = special_mask(_mm_loadu_si128(reinterpret_cast<const __m128i*>(at)))) return at + std::countr_zero(mask);
    at += 16;
  }
#endif
  for (; at < end; at++) {
    auto c = static_cast<unsigned char>(*at);
    if (c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' || c < 0x20 || c >= 0x80) return at;
  }
  return end;
}

// The length of the UTF-8 sequence at `at`, 0 if it is none (overlong, a surrogate, cut off ...), as Go's utf8.DecodeRune.
inline unsigned utf8_length(const char* at, const char* end) {
  auto byte = [&](int i) { return static_cast<unsigned char>(at[i]); };
  auto tail = [&](int i) { return (byte(i) & 0xc0) == 0x80; };
  unsigned char c = byte(0);
  if (c < 0x80) return 1;
  if (c < 0xc2) return 0;
  if (c < 0xe0) return end - at >= 2 && tail(1) ? 2 : 0;
  if (c < 0xf0) {
    if (end - at < 3 || !tail(1) || !tail(2)) return 0;
    if (c == 0xe0 && byte(1) < 0xa0) return 0;
    if (c == 0xed && byte(1) > 0x9f) return 0;
    return 3;
  }
  if (c > 0xf4 || end - at < 4 || !tail(1) || !tail(2) || !tail(3)) return 0;
  if (c == 0xf0 && byte(1) < 0x90) return 0;
  if (c == 0xf4 && byte(1) > 0x8f) return 0;
  return 4;
}

inline bool valid_utf8(const char* at, const char* end) {
  while (at < end) {
    uint64_t bytes;
    if (end - at >= 8 && (std::memcpy(&bytes, at, 8), (bytes & 0x8080808080808080) == 0)) {
      at += 8;
      continue;
    }
    unsigned length = utf8_length(at, end);
    if (length == 0) return false;
    at += length;
  }
  return true;
}

}  // namespace sampan::schema::scan
