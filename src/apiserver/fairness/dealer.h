// Shuffle sharding: which few of a level's queues a flow may use. Two flows share all of theirs hardly ever, so one that floods its own
// leaves others a queue of their own.
#pragma once
#include <cstdint>
#include <string_view>

namespace sampan::apiserver::fairness {

constexpr int kHandMax = 15;
constexpr int kEntropyBits = 60;  // of a hash that are good for dealing

// Deals `hand_size` different cards of `deck_size` into `hand`, the same ones for the same hash. 1 <= hand_size <= min(deck_size, kHandMax).
void deal(uint64_t hash, int deck_size, int hand_size, int* hand);

// How many bits of a hash that takes, at most.
int entropy_bits(int deck_size, int hand_size);

// SipHash-2-4 with a key of the server's own: nobody can choose names that land in another's queues.
struct HashKey {
  uint64_t low = 0, high = 0;
};
uint64_t flow_hash(const HashKey& key, std::string_view schema, std::string_view distinguisher);

}  // namespace sampan::apiserver::fairness
