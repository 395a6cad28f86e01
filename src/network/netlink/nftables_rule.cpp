// The expressions of an nftables rule.
#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_nat.h>
#include <linux/netfilter/nf_tables.h>

#include "base/check.h"
#include "network/netlink/nftables.h"

namespace sampan::network {
namespace {

uint32_t number_of(Register value) {
  check(value < 16);
  return NFT_REG32_00 + value;
}

constexpr uint32_t kAddressTypeResult = 3;  // NFT_FIB_RESULT_ADDRTYPE
constexpr uint32_t kFromSource = 1, kFromDestination = 2;

}  // namespace

size_t Rule::begin(std::string_view name, size_t& element) {
  element = body_.open(NFTA_LIST_ELEM);
  body_.text(NFTA_EXPR_NAME, name);
  return body_.open(NFTA_EXPR_DATA);
}

void Rule::end(size_t element, size_t data) {
  body_.close(data);
  body_.close(element);
}

Rule& Rule::load(uint32_t base, uint32_t offset, uint32_t size, Register to) {
  size_t element, data = begin("payload", element);
  body_.be32(NFTA_PAYLOAD_DREG, number_of(to));
  body_.be32(NFTA_PAYLOAD_BASE, base);
  body_.be32(NFTA_PAYLOAD_OFFSET, offset);
  body_.be32(NFTA_PAYLOAD_LEN, size);
  end(element, data);
  return *this;
}

Rule& Rule::load_network(uint32_t offset, uint32_t size, Register to) { return load(NFT_PAYLOAD_NETWORK_HEADER, offset, size, to); }
Rule& Rule::load_transport(uint32_t offset, uint32_t size, Register to) { return load(NFT_PAYLOAD_TRANSPORT_HEADER, offset, size, to); }

Rule& Rule::load_meta(uint32_t key, Register to) {
  size_t element, data = begin("meta", element);
  body_.be32(NFTA_META_DREG, number_of(to));
  body_.be32(NFTA_META_KEY, key);
  end(element, data);
  return *this;
}

Rule& Rule::load_ct(uint32_t key, Register to) {
  size_t element, data = begin("ct", element);
  body_.be32(NFTA_CT_DREG, number_of(to));
  body_.be32(NFTA_CT_KEY, key);
  end(element, data);
  return *this;
}

Rule& Rule::load_address_type(bool source, Register to) {
  size_t element, data = begin("fib", element);
  body_.be32(NFTA_FIB_DREG, number_of(to));
  body_.be32(NFTA_FIB_RESULT, kAddressTypeResult);
  body_.be32(NFTA_FIB_FLAGS, source ? kFromSource : kFromDestination);
  end(element, data);
  return *this;
}

Rule& Rule::load_constant(std::string_view bytes, Register to) {
  size_t element, data = begin("immediate", element);
  body_.be32(NFTA_IMMEDIATE_DREG, number_of(to));
  size_t value = body_.open(NFTA_IMMEDIATE_DATA);
  body_.attribute(NFTA_DATA_VALUE, bytes);
  body_.close(value);
  end(element, data);
  return *this;
}

Rule& Rule::load_random(uint32_t modulus, Register to) {
  size_t element, data = begin("numgen", element);
  body_.be32(NFTA_NG_DREG, number_of(to));
  body_.be32(NFTA_NG_MODULUS, modulus);
  body_.be32(NFTA_NG_TYPE, NFT_NG_RANDOM);
  body_.be32(NFTA_NG_OFFSET, 0);
  end(element, data);
  return *this;
}

Rule& Rule::set_mark(Register from) {
  size_t element, data = begin("meta", element);
  body_.be32(NFTA_META_KEY, NFT_META_MARK);
  body_.be32(NFTA_META_SREG, number_of(from));
  end(element, data);
  return *this;
}

Rule& Rule::mask(Register in_place, std::string_view mask, std::string_view exclusive_or) {
  check(mask.size() == exclusive_or.size());
  size_t element, data = begin("bitwise", element);
  body_.be32(NFTA_BITWISE_SREG, number_of(in_place));
  body_.be32(NFTA_BITWISE_DREG, number_of(in_place));
  body_.be32(NFTA_BITWISE_LEN, mask.size());
  size_t value = body_.open(NFTA_BITWISE_MASK);
  body_.attribute(NFTA_DATA_VALUE, mask);
  body_.close(value);
  value = body_.open(NFTA_BITWISE_XOR);
  body_.attribute(NFTA_DATA_VALUE, exclusive_or);
  body_.close(value);
  end(element, data);
  return *this;
}

Rule& Rule::compare(uint32_t operation, Register value, std::string_view bytes) {
  size_t element, data = begin("cmp", element);
  body_.be32(NFTA_CMP_SREG, number_of(value));
  body_.be32(NFTA_CMP_OP, operation);
  size_t constant = body_.open(NFTA_CMP_DATA);
  body_.attribute(NFTA_DATA_VALUE, bytes);
  body_.close(constant);
  end(element, data);
  return *this;
}

Rule& Rule::in_set(std::string_view set, Register key, bool inverted) {
  size_t element, data = begin("lookup", element);
  body_.text(NFTA_LOOKUP_SET, set);
  body_.be32(NFTA_LOOKUP_SREG, number_of(key));
  if (inverted) body_.be32(NFTA_LOOKUP_FLAGS, NFT_LOOKUP_F_INV);
  end(element, data);
  return *this;
}

Rule& Rule::look_up(std::string_view map, Register key, Register to) {
  size_t element, data = begin("lookup", element);
  body_.text(NFTA_LOOKUP_SET, map);
  body_.be32(NFTA_LOOKUP_SREG, number_of(key));
  body_.be32(NFTA_LOOKUP_DREG, number_of(to));
  end(element, data);
  return *this;
}

Rule& Rule::verdict_map(std::string_view map, Register key) {
  size_t element, data = begin("lookup", element);
  body_.text(NFTA_LOOKUP_SET, map);
  body_.be32(NFTA_LOOKUP_SREG, number_of(key));
  body_.be32(NFTA_LOOKUP_DREG, NFT_REG_VERDICT);
  end(element, data);
  return *this;
}

Rule& Rule::remember(std::string_view map, Register key, Register value, uint64_t timeout_ms) {
  size_t element, data = begin("dynset", element);
  body_.text(NFTA_DYNSET_SET_NAME, map);
  body_.be32(NFTA_DYNSET_OP, NFT_DYNSET_OP_UPDATE);
  body_.be32(NFTA_DYNSET_SREG_KEY, number_of(key));
  body_.be32(NFTA_DYNSET_SREG_DATA, number_of(value));
  body_.be64(NFTA_DYNSET_TIMEOUT, timeout_ms);
  end(element, data);
  return *this;
}

Rule& Rule::verdict(int code, std::string_view chain) {
  size_t element, data = begin("immediate", element);
  body_.be32(NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT);
  size_t value = body_.open(NFTA_IMMEDIATE_DATA);
  size_t verdict = body_.open(NFTA_DATA_VERDICT);
  body_.be32(NFTA_VERDICT_CODE, static_cast<uint32_t>(code));
  if (!chain.empty()) body_.text(NFTA_VERDICT_CHAIN, chain);
  body_.close(verdict);
  body_.close(value);
  end(element, data);
  return *this;
}

Rule& Rule::jump(std::string_view chain) { return verdict(NFT_JUMP, chain); }
Rule& Rule::go_to(std::string_view chain) { return verdict(NFT_GOTO, chain); }
Rule& Rule::drop() { return verdict(NF_DROP); }
Rule& Rule::give_back() { return verdict(NFT_RETURN); }

Rule& Rule::reject(bool v6) {
  size_t element, data = begin("reject", element);
  body_.be32(NFTA_REJECT_TYPE, NFT_REJECT_ICMP_UNREACH);
  body_.u8(NFTA_REJECT_ICMP_CODE, v6 ? ICMPV6_PORT_UNREACH : ICMP_PORT_UNREACH);
  end(element, data);
  return *this;
}

Rule& Rule::masquerade() {
  size_t element, data = begin("masq", element);
  body_.be32(NFTA_MASQ_FLAGS, NF_NAT_RANGE_PROTO_RANDOM_FULLY);
  end(element, data);
  return *this;
}

Rule& Rule::redirect_to(Family family, Register address, Register port) {
  size_t element, data = begin("nat", element);
  body_.be32(NFTA_NAT_TYPE, NFT_NAT_DNAT);
  body_.be32(NFTA_NAT_FAMILY, static_cast<uint32_t>(family));
  body_.be32(NFTA_NAT_REG_ADDR_MIN, number_of(address));
  body_.be32(NFTA_NAT_REG_PROTO_MIN, number_of(port));
  end(element, data);
  return *this;
}

Rule& Rule::address_in(uint32_t offset, std::string_view address, std::string_view bits, bool inverted) {
  load_network(offset, address.size(), 0);
  mask(0, bits, std::string(bits.size(), '\0'));
  return compare(inverted ? 1 : 0, 0, address);
}

Rule& Rule::source_in(bool v6, std::string_view address, std::string_view bits, bool inverted) {
  return address_in(v6 ? 8 : 12, address, bits, inverted);
}

Rule& Rule::destination_in(bool v6, std::string_view address, std::string_view bits, bool inverted) {
  return address_in(v6 ? 24 : 16, address, bits, inverted);
}

Rule& Rule::new_connection() {
  uint32_t state = NF_CT_STATE_BIT(IP_CT_NEW), none = 0;
  load_ct(NFT_CT_STATE, 0);
  mask(0, {reinterpret_cast<const char*>(&state), 4}, {reinterpret_cast<const char*>(&none), 4});
  return not_equal(0, {reinterpret_cast<const char*>(&none), 4});
}

}  // namespace sampan::network
