// What an HTTP answer that is no success means, in the words of upstream's client library.
#pragma once
#include <string_view>

#include "base/status.h"

namespace sampan::apiserver {

// `said` is the answer's text; of some codes it is the message.
Error error_of_answer(int status, std::string_view said);

}  // namespace sampan::apiserver
