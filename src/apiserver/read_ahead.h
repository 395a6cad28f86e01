// A long answer is made on threads for that, a little ahead of what its client takes; the I/O thread, which has others to serve, only hands it over.
#pragma once
#include <memory>

#include "base/environment.h"
#include "net/http.h"

namespace sampan::apiserver {

// `source` gives all it has without waiting. It is pulled by one task of `makers` at a time, a piece each, so that all such answers go on in turn. `makers` ends only
// when no such answer is left.
std::unique_ptr<net::BodySource> read_ahead(std::unique_ptr<net::BodySource> source, Executor& makers);

}  // namespace sampan::apiserver
