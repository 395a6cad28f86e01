#include "apiserver/answer_words.h"

#include "base/text.h"

namespace sampan::apiserver {

Error error_of_answer(int status, std::string_view said) {
  struct Words {
    int status;
    Reason reason;
    std::string_view message;  // "" = what was said
  };
  static constexpr Words kKnown[] = {
      {400, Reason::BadRequest, "the server rejected our request for an unknown reason"},
      {401, Reason::Unauthorized, "the server has asked for the client to provide credentials"},
      {403, Reason::Forbidden, ""},
      {404, Reason::NotFound, "the server could not find the requested resource"},
      {405, Reason::MethodNotAllowed, "the server does not allow this method on the requested resource"},
      {406, Reason::NotAcceptable, ""},
      {409, Reason::Conflict, "the server reported a conflict"},
      {415, Reason::UnsupportedMediaType, ""},
      {422, Reason::Invalid, "the server rejected our request due to an error in our request"},
      {429, Reason::TooManyRequests, "the server has received too many requests and has asked us to try again later"},
      {503, Reason::ServiceUnavailable, "the server is currently unable to handle the request"},
      {504, Reason::Timeout, "the server was unable to return a response in the time allotted, but may still be processing the request"},
  };
  for (const auto& words : kKnown)
    if (words.status == status) return Error(status, words.reason, std::string(words.message.empty() ? said : words.message));
  if (status >= 500) return Error(status, Reason::InternalError, concat("an error on the server (", quoted(said), ") has prevented the request from succeeding"));
  return Error(status, Reason::Unknown, concat("the server responded with the status code ", status, " but did not return more information"));
}

}  // namespace sampan::apiserver
