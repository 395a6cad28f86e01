// AdmissionReview: what a webhook is asked, and what it answers.
#pragma once
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "apiserver/admission/seen.h"

namespace sampan::apiserver {

// What is said of the request besides its identity and its objects.
schema::Value review_head(const Attributes& attributes, const Target& target, Arena& arena);

// `version` is that of the review: "v1" or "v1beta1".
Result<std::string> review_request(const Attributes& attributes, const Target& target, Seen& seen, std::string_view version, std::string_view uid);

struct ReviewAnswer {
  bool allowed = false;
  std::string patch, patch_type;  // "" = none
  std::vector<std::pair<std::string, std::string>> annotations;
  std::vector<std::string> warnings;
  std::optional<StatusData> status;
};

// Why an answer is none: it cannot be read, or says what it must not.
struct BadAnswer {
  std::string why;
  bool readable = false;
};
std::expected<ReviewAnswer, BadAnswer> read_review(std::string_view text, std::string_view version, std::string_view uid, bool mutating);

// "admission webhook "x" denied the request: <why>"
Error denied_by(std::string_view webhook, std::optional<StatusData> status);

// The options of the request: {"kind":"CreateOptions",...}, or "null".
std::string options_json(const Attributes& attributes);

}  // namespace sampan::apiserver
