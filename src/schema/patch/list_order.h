// The lists of a strategic merge patch: items found by their merge key (or, scalars, by their value), and the order of
// a merged list.
#pragma once
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/status.h"
#include "schema/value.h"

namespace sampan::schema {

// Errors that upstream leaves bare: 500, no reason.
Error plain(std::string message);
Error bad_type(std::string_view expected, Value actual);
Error no_merge_key(Value item, std::string_view merge_key);

// Where items are, by their key; with an empty merge key by their own value. Of equal items the first counts. Anything
// that is no scalar equals nothing.
class ItemIndex {
 public:
  ItemIndex(Value list, std::string_view merge_key);
  void add(Value key, uint32_t position);
  int find(Value key) const;  // -1: not there

 private:
  std::unordered_map<std::string, uint32_t> positions_;
};

bool same_scalar(Value a, Value b);
// The one type of all items of both lists.
Result<Value::Type> element_kind(Value a, Value b);
// The items of the patch keep the order that the directive (or the patch) gives, the others that of the server's list;
// where they meet, the server's list decides.
Result<Value> order_items(Value merged, Value patch_order, Value server_order, std::string_view merge_key,
                          Arena& arena);
// $setElementOrder must name all items that the patch changes, in the patch's order.
Result<void> check_element_order(Value patch, Value order, std::string_view merge_key);

}  // namespace sampan::schema
