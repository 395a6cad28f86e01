// Any text: what parses prints to text that parses to the same; what conforms to a pod goes through every form of an object.
#include "base/check.h"
#include "schema/conform.h"
#include "schema/json.h"
#include "schema/protobuf.h"

using namespace sampan;
using namespace sampan::schema;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Arena arena;
  std::vector<DuplicateKey> duplicates;
  auto value = parse_json({reinterpret_cast<const char*>(data), size}, arena, &duplicates);
  if (!value) return 0;
  std::string printed, again;
  write_json(printed, *value);
  auto second = parse_json(printed, arena);
  check(second && second->equals(*value));
  write_json(again, *second);
  auto third = parse_json(again, arena);  // -0.0 prints as -0, which is the integer 0: the text settles one round later
  printed.clear();
  write_json(printed, *third);
  check(third && again == printed);

  const Type& type = *builtin_type("io.k8s.api.core.v1.Pod");
  Conformance found;
  if (!value->is_object() || !conform(*value, type, found)) return 0;
  auto object = freeze(*value, type);
  if (!object) return 0;
  std::string text, bytes, bytes_again, thawed;
  write_json(text, **object, "", "");
  write_json(thawed, thaw(**object, arena));
  auto read = parse_json(text, arena), read_thawed = parse_json(thawed, arena);
  check(read && read_thawed && read->equals(*read_thawed));
  encode_protobuf(bytes, **object);
  auto decoded = decode_protobuf(bytes, type);
  if (!decoded) return 0;  // times beyond year 9999
  encode_protobuf(bytes_again, **decoded);
  check(bytes_again == bytes);
  return 0;
}
