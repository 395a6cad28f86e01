// Programs that go on after the command that started them: known by a file with their process number.
#pragma once
#include <string>
#include <vector>

#include "base/status.h"

namespace sampan::cluster {

struct Daemon {
  std::string name;      // for messages
  std::string pid_file;
  std::string log_file;  // appended to
};

// The process number; 0: it does not run. A number that another program has by now does not count.
int running(const Daemon& daemon);
// In a session of its own, with nothing of ours open.
Result<int> start(const Daemon& daemon, const std::vector<std::string>& arguments);
// Asks it to end, waits, and ends it after that time. Nothing happens if it does not run.
Result<void> stop(const Daemon& daemon, int timeout_ms);
// The last lines of its log, for a message about why it ended.
std::string last_words(const Daemon& daemon, size_t lines);

}  // namespace sampan::cluster
