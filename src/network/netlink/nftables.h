// nftables by netlink: one atomic transaction being written. Rules are lists of the kernel's expressions over its sixteen 32-bit registers;
// data in registers and elements is bytes as on the wire, small numbers (indexes, kinds) in the machine's order.
#pragma once
#include <functional>
#include <initializer_list>

#include "network/netlink/netlink.h"

namespace sampan::network {

enum class Family : uint8_t { Inet = 1, Ip = 2, Ip6 = 10 };  // NFPROTO_*

// Register 0-15, four bytes each; longer values take the ones that follow.
using Register = uint8_t;

// The expressions of one rule, in order. A comparison or a look-up that does not match ends the rule.
class Rule {
 public:
  Rule& load_network(uint32_t offset, uint32_t size, Register to);    // from the network header
  Rule& load_transport(uint32_t offset, uint32_t size, Register to);
  Rule& load_meta(uint32_t key, Register to);                         // NFT_META_*
  Rule& load_ct(uint32_t key, Register to);                           // NFT_CT_*
  Rule& load_address_type(bool source, Register to);                  // fib: RTN_LOCAL and so on
  Rule& load_constant(std::string_view bytes, Register to);
  Rule& load_random(uint32_t modulus, Register to);                   // 0 to modulus - 1
  Rule& set_mark(Register from);
  Rule& mask(Register in_place, std::string_view mask, std::string_view exclusive_or);
  Rule& equal(Register value, std::string_view bytes) { return compare(0, value, bytes); }
  Rule& not_equal(Register value, std::string_view bytes) { return compare(1, value, bytes); }
  Rule& in_set(std::string_view set, Register key, bool inverted = false);
  Rule& look_up(std::string_view map, Register key, Register to);
  Rule& verdict_map(std::string_view map, Register key);
  // Adds or renews an element of a set whose elements expire. Where it has no room the rule ends here.
  Rule& remember(std::string_view map, Register key, Register data, uint64_t timeout_ms);
  Rule& verdict(int code, std::string_view chain = {});               // NF_DROP, NF_ACCEPT, NFT_JUMP, NFT_GOTO, NFT_RETURN
  Rule& jump(std::string_view chain);
  Rule& go_to(std::string_view chain);
  Rule& drop();
  Rule& give_back();                                                  // return
  Rule& reject(bool v6);                                              // ICMP port unreachable
  Rule& masquerade();                                                 // with fully random ports
  Rule& redirect_to(Family family, Register address, Register port);  // DNAT

  // The comparisons that are used again and again.
  Rule& source_in(bool v6, std::string_view address, std::string_view mask, bool inverted = false);
  Rule& destination_in(bool v6, std::string_view address, std::string_view mask, bool inverted = false);
  Rule& new_connection();  // ct state new

  const std::string& bytes() const { return body_.bytes(); }

 private:
  size_t begin(std::string_view name, size_t& element);
  void end(size_t element, size_t data);
  Rule& load(uint32_t base, uint32_t offset, uint32_t size, Register to);
  Rule& compare(uint32_t operation, Register value, std::string_view bytes);
  Rule& address_in(uint32_t offset, std::string_view address, std::string_view mask, bool inverted);
  Messages body_;
};

struct Hook {
  const char* type;  // "filter", "nat"
  uint32_t number;   // NF_INET_*
  int priority;
};

// How `nft list` shows a field; the kernel itself knows bytes only.
enum class Field : uint32_t { Address4 = 7, Address6 = 8, Protocol = 12, Port = 13, Number = 19 };

struct SetDescription {
  std::string_view name;
  std::initializer_list<Field> key;
  std::initializer_list<Field> data = {};  // of a map
  bool verdicts = false;                   // its data is a verdict
  bool ranges = false;                     // keys are ranges, field by field
  bool dynamic = false;                    // the packet path adds elements, which expire
  uint32_t size_max = 0;
};

struct Element {
  std::string_view key;
  std::string_view key_end = {};  // of a range
  std::string_view data = {};
  std::string_view chain = {};    // of a verdict map: goto
  bool drop = false;              // of a verdict map: drop
};

class Transaction {
 public:
  Transaction(Family family, std::string_view table);
  void add_table();
  // Removes the table if there is one, with all that is in it.
  void clear_table();
  void add_chain(std::string_view name);
  void add_chain(std::string_view name, const Hook& hook);
  void remove_chain(std::string_view name);
  void flush_chain(std::string_view name);
  void add_rule(std::string_view chain, const Rule& rule);
  void add_set(const SetDescription& set);
  void flush_set(std::string_view set);
  // Elements of one set are best given one after another: they share a message.
  void add_element(std::string_view set, const Element& element) { element_of(true, set, element); }
  void remove_element(std::string_view set, const Element& element) { element_of(false, set, element); }
  bool empty() const { return count_ == 0; }
  size_t size() const { return messages_.bytes().size(); }
  Result<void> commit(NetlinkSocket& netfilter);  // once

 private:
  void begin(uint16_t type, uint16_t flags);
  void element_of(bool add, std::string_view set, const Element& element);
  void close_elements();
  const Family family_;
  const std::string table_;
  Messages messages_;
  std::string open_set_;  // elements are being written for it
  bool open_adds_ = false;
  size_t list_ = 0, list_bytes_ = 0;
  size_t count_ = 0;
};

bool table_exists(NetlinkSocket& netfilter, Family family, std::string_view table);

struct StoredElement {
  std::string_view key, data;
};
Result<void> list_elements(NetlinkSocket& netfilter, Family family, std::string_view table, std::string_view set,
                           const std::function<void(const StoredElement&)>& each);

}  // namespace sampan::network
