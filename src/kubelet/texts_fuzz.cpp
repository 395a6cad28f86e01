// What a node reads that its pods wrote: answers to probes, image names and the secrets for their registries, values of variables.
#include "base/check.h"
#include "kubelet/downward.h"
#include "kubelet/image_names.h"
#include "kubelet/probes/http.h"

using namespace sampan::kubelet;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  HttpAnswer answer;
  if (parse_http_answer(text, answer)) check(answer.status >= 100 && answer.body.size() <= size);
  auto name = full_image_name(text);
  Keyring keyring;
  keyring.add(text, false);
  keyring.add(text, true);
  (void)keyring.find(name ? std::string_view(*name) : text);
  auto expanded = expand(text, [](std::string_view variable) { return variable.size() == 1 ? std::optional<std::string_view>("value") : std::nullopt; });
  check(expanded.size() <= 2 * size);
  return 0;
}
