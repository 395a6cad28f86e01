// gzip for large answers, where the client takes it. Go's clients ask for it by themselves.
#pragma once
#include "net/http.h"

namespace sampan::apiserver {

// Small answers stay as they are: the time costs more than the bytes. Not for watches, whose events must go out at once.
void compress(const net::Request& request, net::Response& response);

}  // namespace sampan::apiserver
