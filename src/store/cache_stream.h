// The inside of EventStream.
#pragma once
#include <optional>

#include "store/cache_window.h"

namespace sampan::store {

struct EventStream::Impl {
  std::shared_ptr<Window> window;
  uint64_t position = 0;
  Revision after = 0;  // events up to here are not wanted: the stream was asked to begin in the future
  Revision given = 0;
  std::optional<Error> error;
  std::shared_ptr<Sleeper> sleeper = std::make_shared<Sleeper>();
};

}  // namespace sampan::store
