#include "cmd/flags.h"

#include <arpa/inet.h>

#include "base/check.h"
#include "base/encoding.h"
#include "base/text.h"

namespace sampan::cmd {

namespace {

std::string_view type_word(Flag::Type type) {
  switch (type) {
    case Flag::Type::Bool: return "";
    case Flag::Type::Int: return "int";
    case Flag::Type::Float: return "float";
    case Flag::Type::Duration: return "duration";
    case Flag::Type::String: return "string";
    case Flag::Type::Strings: return "strings";
    case Flag::Type::Ip: return "ip";
    case Flag::Type::PortRange: return "portRange";
    case Flag::Type::Pairs: return "mapStringString";
    case Flag::Type::Size: return "quantity";
  }
  return "";
}

bool is_ip(std::string_view text) {
  in6_addr address;
  std::string copy(text);
  return inet_pton(AF_INET, copy.c_str(), &address) == 1 || inet_pton(AF_INET6, copy.c_str(), &address) == 1;
}

Error syntax(std::string_view function, std::string_view value) {
  return bad_request(concat("strconv.", function, ": parsing ", quoted(value), ": invalid syntax"));
}

// "30000-32767", or "30000+2767" for so many more.
bool is_port_range(std::string_view value) {
  auto separator = value.find_first_of("-+");
  int64_t first, second;
  if (separator == std::string_view::npos) return false;
  if (!parse_int(value.substr(0, separator), first) || !parse_int(value.substr(separator + 1), second)) return false;
  if (value[separator] == '+') second += first;
  return first >= 0 && first <= second && second <= 65535;
}

Result<void> check_value(const Flag& flag, std::string_view value) {
  int64_t number;
  switch (flag.type) {
    case Flag::Type::Bool: TRY(parse_bool(value)); return {};
    case Flag::Type::Int:
      if (!parse_int(value, number)) return fail(syntax("ParseInt", value));
      return {};
    case Flag::Type::Float: {
      std::string copy(value);
      char* end = nullptr;
      std::strtod(copy.c_str(), &end);
      if (copy.empty() || *end) return fail(syntax("ParseFloat", value));
      return {};
    }
    case Flag::Type::Duration:
      if (!parse_duration(value, number)) {
        bool bare = !value.empty() && value.find_first_not_of("0123456789.") == std::string_view::npos;
        return fail(bad_request(concat(bare ? "time: missing unit in duration " : "time: invalid duration ", quoted(value))));
      }
      return {};
    case Flag::Type::Ip:
      if (!is_ip(value)) return fail(bad_request(concat("failed to parse IP: ", quoted(value))));
      return {};
    case Flag::Type::PortRange:
      if (!is_port_range(value)) return fail(bad_request(concat("not a valid port range: ", quoted(value))));
      return {};
    case Flag::Type::String:
    case Flag::Type::Strings:
    case Flag::Type::Pairs:
    case Flag::Type::Size: return {};
  }
  return {};
}

}  // namespace

Result<bool> parse_bool(std::string_view text) {
  for (std::string_view yes : {"1", "t", "T", "true", "TRUE", "True"})
    if (text == yes) return true;
  for (std::string_view no : {"0", "f", "F", "false", "FALSE", "False"})
    if (text == no) return false;
  return fail(syntax("ParseBool", text));
}

const Flag* FlagSet::find(std::string_view name) const {
  for (const Flag& flag : table_)
    if (flag.name == name) return &flag;
  return nullptr;
}

const Flag& FlagSet::known(std::string_view name) const {
  const Flag* flag = find(name);
  check(flag);
  return *flag;
}

Result<void> FlagSet::set(const Flag& flag, std::string_view written, std::string_view value) {
  if (auto good = check_value(flag, value); !good)
    return fail(bad_request(concat("invalid argument ", quoted(value), " for ", quoted(written), " flag: ", good.error().message())));
  values_[flag.name].emplace_back(value);
  return {};
}

Result<void> FlagSet::parse(Arguments arguments, std::string_view program) {
  for (size_t i = 0; i < arguments.size(); i++) {
    std::string_view argument = arguments[i];
    if (argument.size() < 2 || argument[0] != '-') {
      std::string all = "[";
      for (size_t j = i; j < arguments.size(); j++) append(all, j > i ? " " : "", quoted(arguments[j]));
      return fail(bad_request(concat(quoted(program), " does not take any arguments, got ", all, "]")));
    }
    bool is_long = argument[1] == '-';
    auto body = argument.substr(is_long ? 2 : 1);
    auto equals = is_long ? body.find('=') : std::string_view::npos;
    auto name = body.substr(0, is_long ? equals : 1);
    if (name == (is_long ? "help" : "h")) {
      help_wanted_ = true;
      continue;
    }
    const Flag* flag = is_long ? find(name) : nullptr;
    if (!is_long)
      for (const Flag& it : table_)
        if (it.letter == name[0]) flag = &it;
    if (!flag) return fail(bad_request(is_long ? concat("unknown flag: --", name) : concat("unknown shorthand flag: '", name, "' in -", body)));
    auto written = is_long ? concat("--", name) : concat("-", name, ", --", flag->name);
    if (equals != std::string_view::npos) {
      TRY(set(*flag, written, body.substr(equals + 1)));
    } else if (!is_long && body.size() > 1) {
      TRY(set(*flag, written, body.substr(body[1] == '=' ? 2 : 1)));
    } else if (flag->type == Flag::Type::Bool) {
      TRY(set(*flag, written, "true"));
    } else if (i + 1 < arguments.size()) {
      TRY(set(*flag, written, arguments[++i]));
    } else {
      return fail(bad_request(is_long ? concat("flag needs an argument: --", name) : concat("flag needs an argument: '", name, "' in -", body)));
    }
  }
  return {};
}

std::string FlagSet::text(std::string_view name) const {
  const Flag& flag = known(name);
  auto found = values_.find(name);
  return found == values_.end() ? std::string(flag.preset) : found->second.back();
}

std::vector<std::string> FlagSet::values(std::string_view name) const {
  auto at = values_.find(name);
  return at == values_.end() ? std::vector<std::string>() : at->second;
}

bool FlagSet::is_true(std::string_view name) const { return parse_bool(text(name)).value_or(false); }

int64_t FlagSet::number(std::string_view name) const {
  int64_t number = 0;
  parse_int(text(name), number);
  return number;
}

int64_t FlagSet::nanoseconds(std::string_view name) const {
  int64_t nanoseconds = 0;
  parse_duration(text(name), nanoseconds);
  return nanoseconds;
}

std::vector<std::string> FlagSet::list(std::string_view name) const {
  std::vector<std::string> out;
  auto add = [&](std::string_view value) {
    for (auto part : split(value, ','))
      if (!trim(part).empty()) out.emplace_back(trim(part));
  };
  auto found = values_.find(name);
  if (found == values_.end())
    add(known(name).preset);
  else
    for (const auto& value : found->second) add(value);
  return out;
}

std::string FlagSet::help(std::string_view program, std::string_view about) const {
  std::string out = concat(about, "\n\nUsage:\n  ", program, " [flags]\n");
  std::string_view group;
  for (const Flag& flag : table_) {
    if (flag.group != group) {
      group = flag.group;
      append(out, "\n", group, " flags:\n\n");
    }
    auto line = flag.letter ? concat("  -", flag.letter, ", --", flag.name) : concat("      --", flag.name);
    if (auto word = type_word(flag.type); !word.empty()) append(line, " ", word);
    constexpr size_t kColumn = 58;
    line.resize(std::max(line.size() + 2, kColumn), ' ');
    append(out, line, flag.help);
    if (flag.effect == Flag::Effect::Pending) out += " Does nothing yet.";
    bool zero = flag.preset.empty() || flag.preset == "0" || flag.preset == "0s" || flag.preset == "false";
    if (!zero) append(out, " (default ", flag.type == Flag::Type::String ? quoted(flag.preset) : std::string(flag.preset), ")");
    out += '\n';
  }
  append(out, "\nGlobal flags:\n\n  -h, --help                                              help for ", program,
         "\n      --version                                           print the version and quit\n");
  return out;
}

std::vector<std::string_view> FlagSet::pending() const {
  std::vector<std::string_view> out;
  for (const auto& [name, values] : values_)
    if (known(name).effect == Flag::Effect::Pending) out.push_back(name);
  return out;
}

}  // namespace sampan::cmd
