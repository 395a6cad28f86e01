#include "apiserver/fairness/dealer.h"

#include <bit>
#include <cmath>
#include <cstring>

namespace sampan::apiserver::fairness {

namespace {

class Sip {
 public:
  explicit Sip(const HashKey& key)
      : v0_(key.low ^ 0x736f6d6570736575), v1_(key.high ^ 0x646f72616e646f6d), v2_(key.low ^ 0x6c7967656e657261), v3_(key.high ^ 0x7465646279746573) {}

  void add(std::string_view text) {
    size_ += text.size();
    for (unsigned char c : text) {
      word_ |= uint64_t(c) << shift_;
      if ((shift_ += 8) == 64) flush();
    }
  }
  uint64_t finish() {
    word_ |= uint64_t(size_) << 56;
    flush();
    v2_ ^= 0xff;
    for (int i = 0; i < 4; i++) round();
    return v0_ ^ v1_ ^ v2_ ^ v3_;
  }

 private:
  void flush() {
    v3_ ^= word_;
    round();
    round();
    v0_ ^= word_;
    word_ = 0;
    shift_ = 0;
  }
  void round() {
    v0_ += v1_, v2_ += v3_;
    v1_ = std::rotl(v1_, 13) ^ v0_, v3_ = std::rotl(v3_, 16) ^ v2_;
    v0_ = std::rotl(v0_, 32);
    v2_ += v1_, v0_ += v3_;
    v1_ = std::rotl(v1_, 17) ^ v2_, v3_ = std::rotl(v3_, 21) ^ v0_;
    v2_ = std::rotl(v2_, 32);
  }

  uint64_t v0_, v1_, v2_, v3_, word_ = 0;
  size_t size_ = 0;
  int shift_ = 0;
};

}  // namespace

void deal(uint64_t hash, int deck_size, int hand_size, int* hand) {
  // The hash is read as digits to falling bases: which of the cards that are left comes next.
  for (int i = 0; i < hand_size; i++) {
    auto left = static_cast<uint64_t>(deck_size - i);
    int card = static_cast<int>(hash % left);
    hash /= left;
    // From its place among those left to its place in the deck: `hand` is kept ascending for that, up to i.
    int at = 0;
    for (; at < i && hand[at] <= card; at++) card++;
    for (int k = i; k > at; k--) hand[k] = hand[k - 1];
    hand[at] = card;
  }
}

int entropy_bits(int deck_size, int hand_size) { return static_cast<int>(std::ceil(std::log2(deck_size) * hand_size)); }

uint64_t flow_hash(const HashKey& key, std::string_view schema, std::string_view distinguisher) {
  Sip sip(key);
  sip.add(schema);
  sip.add(std::string_view("\0", 1));
  sip.add(distinguisher);
  return sip.finish() & ((uint64_t(1) << kEntropyBits) - 1);
}

}  // namespace sampan::apiserver::fairness
