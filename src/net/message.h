// What both protocol versions need to know of HTTP messages.
#pragma once
#include "net/http.h"

namespace sampan::net {

std::string_view reason_phrase(int status);      // "Not Found"; "" for an unknown one
std::string canonical_name(std::string_view lower_case_name);  // "Content-Type", as Go's textproto
std::string_view http_date();                    // now; valid until the next call on this thread
bool has_body(int status);                       // not 1xx, 204, 304
// A header value on its way out: line ends, which would start another field, become spaces.
std::string safe_value(std::string value);
// Fields that belong to the connection, not to the answer; a handler's are left out.
bool is_framing_field(std::string_view lower_case_name);
// Fills path and query. False: its path has an escape that is none, which one reader may take for this and another for that.
bool split_target(std::string_view target, Request& request);

}  // namespace sampan::net
