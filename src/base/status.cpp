#include "base/status.h"

#include "base/text.h"

namespace sampan {

namespace {
struct ReasonFacts {
  std::string_view name;
  int code;
};
constexpr ReasonFacts kReasons[] = {
    {"", 500},
    {"Unauthorized", 401},
    {"Forbidden", 403},
    {"NotFound", 404},
    {"AlreadyExists", 409},
    {"Conflict", 409},
    {"Gone", 410},
    {"Expired", 410},
    {"Invalid", 422},
    {"ServerTimeout", 500},
    {"StoreReadError", 500},
    {"Timeout", 504},
    {"TooManyRequests", 429},
    {"BadRequest", 400},
    {"MethodNotAllowed", 405},
    {"NotAcceptable", 406},
    {"RequestEntityTooLarge", 413},
    {"UnsupportedMediaType", 415},
    {"InternalError", 500},
    {"ServiceUnavailable", 503},
};
}  // namespace

std::string_view name_of(Reason reason) { return kReasons[static_cast<size_t>(reason)].name; }
int code_of(Reason reason) { return kReasons[static_cast<size_t>(reason)].code; }
Reason reason_named(std::string_view name) {
  auto found = std::find_if(std::begin(kReasons), std::end(kReasons), [&](const ReasonFacts& facts) { return facts.name == name; });
  return found == std::end(kReasons) ? Reason::Unknown : static_cast<Reason>(found - std::begin(kReasons));
}

Error::Error(Reason reason, std::string message) : Error(code_of(reason), reason, std::move(message)) {}

Error::Error(int code, Reason reason, std::string message) : data_(std::make_unique<StatusData>()) {
  data_->code = code;
  data_->reason = reason;
  data_->message = std::move(message);
}

Error&& Error::about(std::string_view group, std::string_view kind, std::string_view name) && {
  data_->group = group;
  data_->kind = kind;
  data_->name = name;
  data_->has_details = true;
  return std::move(*this);
}

Error&& Error::cause(std::string_view reason, std::string message, std::string field) && {
  data_->causes.push_back({std::string(reason), std::move(message), std::move(field)});
  data_->has_details = true;
  return std::move(*this);
}

Error&& Error::retry_after(int seconds) && {
  data_->retry_after_seconds = seconds;
  data_->has_details = true;
  return std::move(*this);
}

Error&& Error::context(std::string_view prefix) && {
  data_->message = concat(prefix, ": ", data_->message);
  return std::move(*this);
}

namespace {
std::string qualified(std::string_view group, std::string_view resource) {
  return group.empty() ? std::string(resource) : concat(resource, ".", group);
}
}  // namespace

Error not_found(std::string_view group, std::string_view resource, std::string_view name) {
  return Error(Reason::NotFound, concat(qualified(group, resource), " ", quoted(name), " not found"))
      .about(group, resource, name);
}

Error already_exists(std::string_view group, std::string_view resource, std::string_view name) {
  return Error(Reason::AlreadyExists, concat(qualified(group, resource), " ", quoted(name), " already exists"))
      .about(group, resource, name);
}

Error conflict(std::string_view group, std::string_view resource, std::string_view name, std::string_view why) {
  return Error(Reason::Conflict,
               concat("Operation cannot be fulfilled on ", qualified(group, resource), " \"", name, "\": ", why))
      .about(group, resource, name);
}

Error bad_request(std::string message) { return Error(Reason::BadRequest, std::move(message)); }

Error internal_error(std::string message) {
  auto text = concat("Internal error occurred: ", message);
  return Error(Reason::InternalError, std::move(text)).cause("", std::move(message), "");
}

}  // namespace sampan
