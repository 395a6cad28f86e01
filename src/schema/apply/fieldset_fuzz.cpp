// FieldsV1 from a client: what is read is written and read again as the same, and the operations hold together.
#include "base/check.h"
#include "schema/apply/field_set.h"
#include "schema/json.h"

using namespace sampan;
using namespace sampan::schema;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  Arena arena;
  size_t cut = std::min(text.find('\0'), text.size());
  auto left = parse_json(text.substr(0, cut), arena), right = parse_json(text.substr(std::min(cut + 1, size)), arena);
  const FieldSet *a = nullptr, *b = nullptr, *again = nullptr;
  if (!left || !read_field_set(*left, arena, a)) return 0;
  check(read_field_set(write_field_set(a, arena), arena, again) && equal(a, again));
  if (!right || !read_field_set(*right, arena, b)) return 0;
  const FieldSet* only_a = subtract(a, b, FieldNode::Member, arena);
  const FieldSet* both = intersect(a, b, FieldNode::Member, arena);
  check(equal(a, unite(only_a, both, FieldNode::Member, arena)));
  check(!intersect(only_a, b, FieldNode::Member, arena));
  check(equal(unite(a, b, FieldNode::Member, arena), unite(b, a, FieldNode::Member, arena)));
  return 0;
}
