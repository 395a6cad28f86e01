#include "cmd/log_flags.h"

#include "base/log.h"

namespace sampan::cmd {

Result<void> set_up_log(const FlagSet& flags) {
  set_log_verbosity(static_cast<int>(flags.number("v")));
  if (!flags.has("logging-format")) return {};
  auto format = flags.text("logging-format");
  if (format != "text" && format != "json") return fail(bad_request(concat("--logging-format: Unsupported log format ", quoted(format), ": text and json are there")));
  set_log_format(format == "json" ? LogFormat::Json : LogFormat::Text);
  return {};
}

}  // namespace sampan::cmd
