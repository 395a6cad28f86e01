// Pieces of work that wait for each other, done by a few threads.
#pragma once
#include <functional>
#include <vector>

#include "base/status.h"

namespace sampan::images {

class Tasks {
 public:
  // `after`: what must be done before, of the numbers that earlier calls gave.
  size_t add(std::function<Result<void>()> work, std::vector<size_t> after = {});
  // The first error ends it: what has begun then comes to its end, nothing new begins.
  Result<void> run(unsigned threads);

 private:
  struct Task {
    std::function<Result<void>()> work;
    size_t waits_for = 0;
    std::vector<size_t> then;
  };
  std::vector<Task> tasks_;
};

}  // namespace sampan::images
