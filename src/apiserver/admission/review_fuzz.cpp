// Answers of webhooks: whatever they send must come to an answer or to words about what is wrong with it.
#include "apiserver/admission/review.h"
#include "base/check.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace sampan;
  if (size == 0) return 0;
  std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  auto answer = apiserver::read_review(text, data[0] & 1 ? "v1" : "v1beta1", "u", data[0] & 2);
  if (!answer) {
    check(!answer.error().why.empty());
    return 0;
  }
  if (!answer->allowed) {
    auto error = apiserver::denied_by("w", std::move(answer->status));
    check(error.code() >= 400 && error.message().starts_with("admission webhook \"w\" denied the request"));
  }
  return 0;
}
