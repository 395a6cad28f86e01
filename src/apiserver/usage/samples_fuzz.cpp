// Any answer of a node: the same is read from it whatever other lines stand around it.
#include "apiserver/usage/samples.h"
#include "base/check.h"
#include "base/text.h"

using namespace sampan::apiserver;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  auto alone = read_samples(text, 5), among = read_samples(sampan::concat("# HELP\n", text, "\nother 1\n"), 5);
  check(alone.pods.size() == among.pods.size() && alone.node.cpu_ns == among.node.cpu_ns && alone.node.at_ms == among.node.at_ms);
  return 0;
}
