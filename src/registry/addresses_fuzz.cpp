// Addresses and CIDRs from clients: whatever parses must print as something that parses to the same.
#include "base/check.h"
#include "registry/addresses.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace sampan::registry;
  std::string_view text(reinterpret_cast<const char*>(data), size);
  if (auto ip = parse_ip(text)) {
    auto again = parse_ip(ip->text());
    check(again && again->same_as(*ip));
  }
  if (auto cidr = parse_cidr(text)) {
    auto again = parse_cidr(cidr->text());
    check(again && again->network().same_as(cidr->network()));
  }
  return 0;
}
