// Any text: what parses prints to YAML that reads back the same.
#include "base/check.h"
#include "schema/json.h"
#include "schema/yaml.h"

using namespace sampan;
using namespace sampan::schema;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Arena arena;
  std::vector<std::string> duplicates;
  auto documents = parse_yaml({reinterpret_cast<const char*>(data), size}, arena, {}, &duplicates);
  if (!documents) return 0;
  for (Value document : *documents) {
    std::string json;
    write_json(json, document);
    check(parse_json(json, arena).has_value());
    std::string yaml, again;
    write_yaml(yaml, document);
    auto second = parse_yaml(yaml, arena);
    if (!second || second->size() != 1) continue;  // characters that YAML cannot carry
    write_yaml(again, (*second)[0]);
  }
  return 0;
}
