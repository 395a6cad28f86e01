// The nftables messages: batches, tables, chains, sets and elements.
#include "network/netlink/nftables.h"

#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include "base/text.h"

namespace sampan::network {
namespace {

constexpr size_t kElementBytesMax = 32 * 1024;  // of one message: an attribute's length has 16 bits

constexpr uint16_t type_of(uint16_t message) { return NFNL_SUBSYS_NFTABLES << 8 | message; }

void put_verdict(Messages& out, int code, std::string_view chain) {
  size_t verdict = out.open(NFTA_DATA_VERDICT);
  out.be32(NFTA_VERDICT_CODE, static_cast<uint32_t>(code));
  if (!chain.empty()) out.text(NFTA_VERDICT_CHAIN, chain);
  out.close(verdict);
}

size_t size_of(Field field) { return field == Field::Address6 ? 16 : 4; }  // as it lies in registers

uint32_t type_of(std::initializer_list<Field> fields) {
  uint32_t type = 0;
  for (Field field : fields) type = type << 6 | static_cast<uint32_t>(field);
  return type;
}

uint32_t bytes_of(std::initializer_list<Field> fields) {
  uint32_t bytes = 0;
  for (Field field : fields) bytes += size_of(field);
  if (fields.size() == 1 && *fields.begin() == Field::Port) bytes = 2;
  if (fields.size() == 1 && *fields.begin() == Field::Protocol) bytes = 1;
  return bytes;
}

void put_value(Messages& out, uint16_t type, std::string_view bytes) {
  size_t nested = out.open(type);
  out.attribute(NFTA_DATA_VALUE, bytes);
  out.close(nested);
}

}  // namespace

Transaction::Transaction(Family family, std::string_view table) : family_(family), table_(table) {
  messages_.begin(NFNL_MSG_BATCH_BEGIN, 0);
  messages_.header(nfgenmsg{.nfgen_family = 0, .version = 0, .res_id = __builtin_bswap16(NFNL_SUBSYS_NFTABLES)});
  messages_.end();
}

void Transaction::begin(uint16_t type, uint16_t flags) {
  close_elements();
  ++count_;
  messages_.begin(type_of(type), flags);
  messages_.header(nfgenmsg{.nfgen_family = static_cast<uint8_t>(family_), .version = 0, .res_id = 0});
}

void Transaction::add_table() {
  begin(NFT_MSG_NEWTABLE, NLM_F_CREATE);
  messages_.text(NFTA_TABLE_NAME, table_);
  messages_.end();
}

void Transaction::clear_table() {
  add_table();  // so that the removal always finds one
  begin(NFT_MSG_DELTABLE, 0);
  messages_.text(NFTA_TABLE_NAME, table_);
  messages_.end();
}

void Transaction::add_chain(std::string_view name) {
  begin(NFT_MSG_NEWCHAIN, NLM_F_CREATE);
  messages_.text(NFTA_CHAIN_TABLE, table_);
  messages_.text(NFTA_CHAIN_NAME, name);
  messages_.end();
}

void Transaction::add_chain(std::string_view name, const Hook& hook) {
  begin(NFT_MSG_NEWCHAIN, NLM_F_CREATE);
  messages_.text(NFTA_CHAIN_TABLE, table_);
  messages_.text(NFTA_CHAIN_NAME, name);
  size_t nested = messages_.open(NFTA_CHAIN_HOOK);
  messages_.be32(NFTA_HOOK_HOOKNUM, hook.number);
  messages_.be32(NFTA_HOOK_PRIORITY, static_cast<uint32_t>(hook.priority));
  messages_.close(nested);
  messages_.text(NFTA_CHAIN_TYPE, hook.type);
  messages_.end();
}

void Transaction::remove_chain(std::string_view name) {
  flush_chain(name);
  begin(NFT_MSG_DELCHAIN, 0);
  messages_.text(NFTA_CHAIN_TABLE, table_);
  messages_.text(NFTA_CHAIN_NAME, name);
  messages_.end();
}

void Transaction::flush_chain(std::string_view name) {
  begin(NFT_MSG_DELRULE, 0);
  messages_.text(NFTA_RULE_TABLE, table_);
  messages_.text(NFTA_RULE_CHAIN, name);
  messages_.end();
}

void Transaction::add_rule(std::string_view chain, const Rule& rule) {
  begin(NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND);
  messages_.text(NFTA_RULE_TABLE, table_);
  messages_.text(NFTA_RULE_CHAIN, chain);
  size_t list = messages_.open(NFTA_RULE_EXPRESSIONS);
  messages_.raw(rule.bytes().data(), rule.bytes().size());
  messages_.close(list);
  messages_.end();
}

void Transaction::add_set(const SetDescription& set) {
  uint32_t flags = 0;
  if (set.verdicts || set.data.size()) flags |= NFT_SET_MAP;
  if (set.ranges) flags |= NFT_SET_INTERVAL | NFT_SET_CONCAT;
  if (set.dynamic) flags |= NFT_SET_TIMEOUT | NFT_SET_EVAL;
  begin(NFT_MSG_NEWSET, NLM_F_CREATE);
  messages_.text(NFTA_SET_TABLE, table_);
  messages_.text(NFTA_SET_NAME, set.name);
  messages_.be32(NFTA_SET_FLAGS, flags);
  messages_.be32(NFTA_SET_KEY_TYPE, type_of(set.key));
  messages_.be32(NFTA_SET_KEY_LEN, bytes_of(set.key));
  if (set.verdicts) {
    messages_.be32(NFTA_SET_DATA_TYPE, NFT_DATA_VERDICT);
  } else if (set.data.size()) {
    messages_.be32(NFTA_SET_DATA_TYPE, type_of(set.data));
    messages_.be32(NFTA_SET_DATA_LEN, bytes_of(set.data));
  }
  messages_.be32(NFTA_SET_ID, static_cast<uint32_t>(count_));
  if (set.size_max || set.ranges) {
    size_t description = messages_.open(NFTA_SET_DESC);
    if (set.size_max) messages_.be32(NFTA_SET_DESC_SIZE, set.size_max);
    if (set.ranges) {
      size_t fields = messages_.open(NFTA_SET_DESC_CONCAT);
      for (Field field : set.key) {
        size_t one = messages_.open(NFTA_LIST_ELEM);
        messages_.be32(NFTA_SET_FIELD_LEN, size_of(field));
        messages_.close(one);
      }
      messages_.close(fields);
    }
    messages_.close(description);
  }
  messages_.end();
}

void Transaction::flush_set(std::string_view set) {
  begin(NFT_MSG_DELSETELEM, 0);
  messages_.text(NFTA_SET_ELEM_LIST_TABLE, table_);
  messages_.text(NFTA_SET_ELEM_LIST_SET, set);
  messages_.end();
}

void Transaction::element_of(bool add, std::string_view set, const Element& element) {
  if (open_set_ != set || open_adds_ != add || list_bytes_ > kElementBytesMax) {
    begin(add ? NFT_MSG_NEWSETELEM : NFT_MSG_DELSETELEM, add ? NLM_F_CREATE : 0);
    messages_.text(NFTA_SET_ELEM_LIST_TABLE, table_);
    messages_.text(NFTA_SET_ELEM_LIST_SET, set);
    list_ = messages_.open(NFTA_SET_ELEM_LIST_ELEMENTS);
    open_set_ = set;
    open_adds_ = add;
    list_bytes_ = 0;
  }
  size_t before = messages_.bytes().size();
  size_t one = messages_.open(NFTA_LIST_ELEM);
  put_value(messages_, NFTA_SET_ELEM_KEY, element.key);
  if (!element.key_end.empty()) put_value(messages_, NFTA_SET_ELEM_KEY_END, element.key_end);
  if (add && !element.data.empty()) put_value(messages_, NFTA_SET_ELEM_DATA, element.data);
  if (add && (!element.chain.empty() || element.drop)) {
    size_t data = messages_.open(NFTA_SET_ELEM_DATA);
    put_verdict(messages_, element.drop ? NF_DROP : static_cast<int>(NFT_GOTO), element.chain);
    messages_.close(data);
  }
  messages_.close(one);
  list_bytes_ += messages_.bytes().size() - before;
}

void Transaction::close_elements() {
  if (open_set_.empty()) return;
  messages_.close(list_);
  messages_.end();
  open_set_.clear();
}

Result<void> Transaction::commit(NetlinkSocket& netfilter) {
  if (empty()) return {};
  close_elements();
  messages_.acknowledge_last();
  uint32_t last = messages_.last_sequence();
  messages_.begin(NFNL_MSG_BATCH_END, 0);
  messages_.header(nfgenmsg{.nfgen_family = 0, .version = 0, .res_id = __builtin_bswap16(NFNL_SUBSYS_NFTABLES)});
  messages_.end();
  return netfilter.execute(messages_, last);
}

bool table_exists(NetlinkSocket& netfilter, Family family, std::string_view table) {
  Messages request;
  request.begin(type_of(NFT_MSG_GETTABLE), 0);
  request.header(nfgenmsg{.nfgen_family = static_cast<uint8_t>(family)});
  request.text(NFTA_TABLE_NAME, table);
  request.end();
  auto answer = netfilter.query(request, [](const Answer&) {});
  return answer.has_value();
}

Result<void> list_elements(NetlinkSocket& netfilter, Family family, std::string_view table, std::string_view set,
                           const std::function<void(const StoredElement&)>& each) {
  Messages request;
  request.begin(type_of(NFT_MSG_GETSETELEM), NLM_F_DUMP);
  request.header(nfgenmsg{.nfgen_family = static_cast<uint8_t>(family)});
  request.text(NFTA_SET_ELEM_LIST_TABLE, table);
  request.text(NFTA_SET_ELEM_LIST_SET, set);
  request.end();
  TRY(netfilter.query(request, [&](const Answer& answer) {
    Attributes elements(find_attribute(answer.after(sizeof(nfgenmsg)), NFTA_SET_ELEM_LIST_ELEMENTS));
    while (elements.next()) {
      StoredElement element;
      element.key = find_attribute(find_attribute(elements.value(), NFTA_SET_ELEM_KEY), NFTA_DATA_VALUE);
      element.data = find_attribute(find_attribute(elements.value(), NFTA_SET_ELEM_DATA), NFTA_DATA_VALUE);
      each(element);
    }
  }));
  return {};
}

}  // namespace sampan::network
