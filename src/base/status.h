// Errors are values. An Error carries what a Kubernetes Status carries, so that what was wrong travels unchanged from the
// place that found it to the client. It is one pointer wide, and success costs nothing.
#pragma once
#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sampan {

// metav1.StatusReason. Every reason has one HTTP code (see code_of).
enum class Reason : uint8_t {
  Unknown,  // no reason given
  Unauthorized,
  Forbidden,
  NotFound,
  AlreadyExists,
  Conflict,
  Gone,
  Expired,
  Invalid,
  ServerTimeout,
  StoreReadError,
  Timeout,
  TooManyRequests,
  BadRequest,
  MethodNotAllowed,
  NotAcceptable,
  RequestEntityTooLarge,
  UnsupportedMediaType,
  InternalError,
  ServiceUnavailable,
};

std::string_view name_of(Reason reason);  // "NotFound"; "" for Unknown
int code_of(Reason reason);               // 404
Reason reason_named(std::string_view name);  // Unknown if it is none of these

struct Cause {
  std::string reason;  // "FieldValueInvalid"
  std::string message;
  std::string field;
};

struct StatusData {
  Reason reason = Reason::Unknown;
  std::string other_reason;  // of somebody else's Status: a word that is none of ours
  int code = 500;
  std::string message;
  // metav1.StatusDetails
  std::string name, group, kind, uid;
  std::vector<Cause> causes;
  int retry_after_seconds = 0;
  bool has_details = false;
  std::string continue_token;  // metadata.continue: of an expired list that can be continued all the same
};

class [[nodiscard]] Error {
 public:
  Error(Reason reason, std::string message);
  Error(int code, Reason reason, std::string message);
  Error(Error&&) noexcept = default;
  Error& operator=(Error&&) noexcept = default;
  Error clone() const { return Error(std::make_unique<StatusData>(*data_)); }

  Reason reason() const { return data_->reason; }
  bool is(Reason reason) const { return data_->reason == reason; }
  int code() const { return data_->code; }
  const std::string& message() const { return data_->message; }
  const StatusData& data() const { return *data_; }
  StatusData& edit() { return *data_; }

  // Names the object the error is about; group and kind as upstream fills Status.details (kind is often the resource).
  Error&& about(std::string_view group, std::string_view kind, std::string_view name) &&;
  Error&& cause(std::string_view reason, std::string message, std::string field) &&;
  Error&& retry_after(int seconds) &&;
  // "pull image X: " + message, while an error travels up.
  Error&& context(std::string_view prefix) &&;

 private:
  explicit Error(std::unique_ptr<StatusData> data) : data_(std::move(data)) {}
  std::unique_ptr<StatusData> data_;
};

template <class T>
using Result = std::expected<T, Error>;

// The usual ones, with upstream's exact words. `resource` is the plural ("pods"), `group` "" for core.
Error not_found(std::string_view group, std::string_view resource, std::string_view name);
Error already_exists(std::string_view group, std::string_view resource, std::string_view name);
Error conflict(std::string_view group, std::string_view resource, std::string_view name, std::string_view why);
Error bad_request(std::string message);
Error internal_error(std::string message);

inline std::unexpected<Error> fail(Error error) { return std::unexpected<Error>(std::move(error)); }

// TRY(expression): the value of a Result, or return its error from here.
#define TRY(expression)                                                            \
  ({                                                                               \
    auto&& try_result_ = (expression);                                             \
    if (!try_result_) [[unlikely]]                                                 \
      return std::unexpected<::sampan::Error>(std::move(try_result_).error());     \
    *std::move(try_result_);                                                       \
  })

}  // namespace sampan
