// Command line flags as Kubernetes' programs take them: --name=value, --name value, --switch, -v 2; a table tells which there are.
#pragma once
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "cmd/commands.h"

namespace sampan::cmd {

struct Flag {
  enum class Type : uint8_t { Bool, Int, Float, Duration, String, Strings, Ip, PortRange, Pairs, Size };
  enum class Effect : uint8_t {
    Works,
    Moot,     // about parts that are made another way here: accepted, nothing to do
    Pending,  // the feature is not there yet: accepted, and said so
  };
  std::string_view group;  // of the help, "Etcd"
  std::string_view name;
  Type type = Type::String;
  std::string_view preset;  // the default; "" = the type's zero
  Effect effect = Effect::Works;
  std::string_view help;
  char letter = 0;
};

Result<bool> parse_bool(std::string_view text);  // as Go's strconv.ParseBool

class FlagSet {
 public:
  explicit FlagSet(std::span<const Flag> table) : table_(table) {}

  // The error's message is what Kubernetes' programs say behind "Error: ".
  Result<void> parse(Arguments arguments, std::string_view program);

  bool has(std::string_view name) const { return find(name) != nullptr; }  // whether the table has it
  bool given(std::string_view name) const { return values_.contains(name); }
  // Of one flag, as given last or by default; the name must be in the table.
  std::string text(std::string_view name) const;
  bool is_true(std::string_view name) const;
  int64_t number(std::string_view name) const;
  int64_t nanoseconds(std::string_view name) const;
  std::vector<std::string> list(std::string_view name) const;  // all values, split at commas
  std::vector<std::string> values(std::string_view name) const;  // each time it was given, as it is

  bool help_wanted() const { return help_wanted_; }
  std::string help(std::string_view program, std::string_view about) const;
  std::vector<std::string_view> pending() const;  // flags that were given and do nothing yet

 private:
  const Flag* find(std::string_view name) const;
  const Flag& known(std::string_view name) const;
  Result<void> set(const Flag& flag, std::string_view written, std::string_view value);

  std::span<const Flag> table_;
  std::map<std::string_view, std::vector<std::string>> values_;
  bool help_wanted_ = false;
};

}  // namespace sampan::cmd
