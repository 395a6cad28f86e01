// Whatever a client sends as a selector: what is accepted must read the same again from its canonical form.
#include "base/check.h"
#include "registry/selectors.h"

using namespace sampan::registry;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  if (auto labels = LabelSelector::parse(text)) {
    auto again = LabelSelector::parse(labels->text());
    check(again && again->text() == labels->text());
  }
  if (auto fields = FieldSelector::parse(text)) {
    // Terms are sorted as they were sent, so escapes and "==" can change their order once.
    auto again = FieldSelector::parse(fields->text());
    check(again.has_value());
    auto third = FieldSelector::parse(again->text());
    check(third && third->text() == again->text());
  }
  return 0;
}
