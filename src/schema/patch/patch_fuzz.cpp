// A document and a patch of any kind, apart by a zero byte: no crash, and neither is changed.
#include "base/check.h"
#include "schema/json.h"
#include "schema/patch/patch.h"

using namespace sampan;
using namespace sampan::schema;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  size_t cut = text.find('\0');
  if (cut == text.npos) return 0;
  Arena arena;
  auto document = parse_json(text.substr(0, cut), arena), patch = parse_json(text.substr(cut + 1), arena);
  if (!document || !patch) return 0;
  std::string before, after;
  write_json(before, *document);
  (void)json_patch(*document, *patch, arena);
  (void)merge_patch(*document, *patch, arena);
  // A type that recurses into itself, so that any depth and any directive is reached.
  static Type type, list;
  static const Field fields[] = {{.name = "a", .type = &type}, {.name = "l", .type = &list}};
  static uint16_t hash[8] = {};
  for (uint16_t i = 0; i < 2 && !hash[field_hash(fields[i].name) % 8]; i++)
    hash[field_hash(fields[i].name) % 8] = i + 1;
  list = {.kind = Kind::List, .element = &type, .patch_merge = true, .merge_key = "k"};
  type = {.kind = Kind::Struct, .name = "T", .fields = fields, .hash = hash};
  (void)strategic_merge_patch(*document, *patch, type, arena);
  write_json(after, *document);
  check(before == after);
  return 0;
}
