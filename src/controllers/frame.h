// Runs controllers: informers, a queue each, back-off, metrics, and the wait until a controller's own writes are seen before it looks at a key again.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "controllers/controller.h"

namespace sampan::controllers {

struct Setup {
  std::function<std::unique_ptr<client::Api>(client::Identity)> connect;
  client::Informers* informers = nullptr;
  Clock* clock = nullptr;
  Random* random = nullptr;
  Executor* executor = nullptr;
  Settings settings = {};
};

class Frame {
 public:
  // Opens the informers of the chosen entries. An error names the controller that cannot start.
  static Result<std::unique_ptr<Frame>> create(const Setup& setup, std::span<const Entry* const> entries);
  ~Frame();  // waits for what runs
  void start();
  bool idle() const;  // nothing is queued or running; what waits for its time does not count

 private:
  struct Running;
  Frame() = default;
  std::vector<std::unique_ptr<Running>> running_;
};

}  // namespace sampan::controllers
