// From one type to another: int(), uint(), double(), bool(), string(), bytes(), duration(), timestamp().
#include "base/text.h"
#include "cel/library/go_forms.h"
#include "cel/library/standard.h"
#include "cel/library/support.h"
#include "schema/scan.h"

namespace sampan::cel {

namespace {

using Kind = Type::Kind;
using library::Arguments;

std::unexpected<Failure> no_conversion(Kind from, Kind to) {
  return failed(concat("type conversion error from '", Type(from).name(), "' to '", Type(to).name(), "'"));
}

// Of a text: the value that was read, or that there is none.
template <class T>
Maybe<Value> read(const std::optional<T>& value, Value (*make)(T), Kind to) {
  if (!value) return no_conversion(Kind::String, to);
  return make(*value);
}

Maybe<Value> same(Arguments a) { return a[0]; }

Maybe<Value> bool_of_string(Arguments a) { return read(parse_bool(a[0].as_text()), Value::boolean, Kind::Bool); }

Maybe<Value> bytes_of_string(Arguments a) { return Value::bytes(std::string(a[0].as_text())); }

Maybe<Value> double_of_int(Arguments a) { return Value::number(static_cast<double>(a[0].as_int())); }
Maybe<Value> double_of_uint(Arguments a) { return Value::number(static_cast<double>(a[0].as_uint())); }
Maybe<Value> double_of_string(Arguments a) { return read(parse_double(a[0].as_text()), Value::number, Kind::Double); }

// Declared, but never possible.
Maybe<Value> duration_of_int(Arguments) { return no_conversion(Kind::Int, Kind::Duration); }
Maybe<Value> duration_of_string(Arguments a) { return read(parse_duration(a[0].as_text()), Value::duration, Kind::Duration); }

constexpr double kTwoTo63 = 9223372036854775808.0, kTwoTo64 = 18446744073709551616.0;

Maybe<Value> int_of_double(Arguments a) {
  const double value = a[0].as_double();
  // The least integer is left out, as upstream does.
  if (!(value > -kTwoTo63 && value < kTwoTo63)) return failed("integer overflow");
  return Value::integer(static_cast<int64_t>(value));
}
Maybe<Value> int_of_duration(Arguments a) { return Value::integer(a[0].as_nanoseconds()); }
Maybe<Value> int_of_string(Arguments a) { return read(parse_signed(a[0].as_text()), Value::integer, Kind::Int); }
Maybe<Value> int_of_timestamp(Arguments a) { return Value::integer(a[0].seconds()); }
Maybe<Value> int_of_uint(Arguments a) {
  if (a[0].as_uint() > static_cast<uint64_t>(INT64_MAX)) return failed("integer overflow");
  return Value::integer(static_cast<int64_t>(a[0].as_uint()));
}

Maybe<Value> uint_of_double(Arguments a) {
  const double value = a[0].as_double();
  if (!(value >= 0 && value < kTwoTo64)) return failed("unsigned integer overflow");
  return Value::uinteger(static_cast<uint64_t>(value));
}
Maybe<Value> uint_of_int(Arguments a) {
  if (a[0].as_int() < 0) return failed("unsigned integer overflow");
  return Value::uinteger(static_cast<uint64_t>(a[0].as_int()));
}
Maybe<Value> uint_of_string(Arguments a) { return read(parse_unsigned(a[0].as_text()), Value::uinteger, Kind::Uint); }

Maybe<Value> string_of_bool(Arguments a) { return Value::string(a[0].as_bool() ? "true" : "false"); }
Maybe<Value> string_of_bytes(Arguments a) {
  if (const std::string_view bytes = a[0].as_text(); !schema::scan::valid_utf8(bytes.data(), bytes.data() + bytes.size())) return failed("invalid UTF-8 in bytes, cannot convert to string");
  return Value::string(std::string(a[0].as_text()));
}
Maybe<Value> string_of_double(Arguments a) { return Value::string(text_of_double(a[0].as_double())); }
Maybe<Value> string_of_duration(Arguments a) { return Value::string(text_of_duration(a[0].as_nanoseconds())); }
Maybe<Value> string_of_int(Arguments a) { return Value::string(std::to_string(a[0].as_int())); }
Maybe<Value> string_of_timestamp(Arguments a) { return Value::string(text_of_timestamp(a[0].seconds(), a[0].nanoseconds(), a[0].zone_minutes())); }
Maybe<Value> string_of_uint(Arguments a) { return Value::string(std::to_string(a[0].as_uint())); }

Maybe<Value> timestamp_at(int64_t seconds, uint32_t nanoseconds, int16_t zone_minutes) {
  if (seconds < kTimestampMin || seconds > kTimestampMax) return failed("timestamp overflow");
  return Value::timestamp(seconds, nanoseconds, zone_minutes);
}
Maybe<Value> timestamp_of_int(Arguments a) { return timestamp_at(a[0].as_int(), 0, 0); }
Maybe<Value> timestamp_of_string(Arguments a) {
  const auto instant = parse_timestamp(a[0].as_text());
  if (!instant) return no_conversion(Kind::String, Kind::Timestamp);
  return timestamp_at(instant->seconds, instant->nanoseconds, instant->zone_minutes);
}

struct Conversion {
  std::string_view id;
  Kind from;
  Function call;
  Cost cost = nullptr;
};

void add(Environment& environment, std::string_view name, Kind to, std::initializer_list<Conversion> conversions) {
  FunctionDeclaration declaration{std::string(name), {}};
  for (const Conversion& each : conversions)
    declaration.overloads.push_back({.id = each.id, .parameters = {each.from}, .result = to, .call = each.call, .cost = each.cost});
  environment.declare(std::move(declaration));
}

}  // namespace

void add_conversions(Environment& environment) {
  add(environment, "bool", Kind::Bool, {{"bool_to_bool", Kind::Bool, same}, {"string_to_bool", Kind::String, bool_of_string}});
  add(environment, "bytes", Kind::Bytes, {{"bytes_to_bytes", Kind::Bytes, same}, {"string_to_bytes", Kind::String, bytes_of_string, library::cost_of_text}});
  add(environment, "double", Kind::Double,
      {{"double_to_double", Kind::Double, same},
       {"int64_to_double", Kind::Int, double_of_int},
       {"string_to_double", Kind::String, double_of_string},
       {"uint64_to_double", Kind::Uint, double_of_uint}});
  add(environment, "duration", Kind::Duration,
      {{"duration_to_duration", Kind::Duration, same}, {"int64_to_duration", Kind::Int, duration_of_int}, {"string_to_duration", Kind::String, duration_of_string}});
  add(environment, "int", Kind::Int,
      {{"int64_to_int64", Kind::Int, same},
       {"double_to_int64", Kind::Double, int_of_double},
       {"duration_to_int64", Kind::Duration, int_of_duration},
       {"string_to_int64", Kind::String, int_of_string},
       {"timestamp_to_int64", Kind::Timestamp, int_of_timestamp},
       {"uint64_to_int64", Kind::Uint, int_of_uint}});
  add(environment, "string", Kind::String,
      {{"string_to_string", Kind::String, same},
       {"bool_to_string", Kind::Bool, string_of_bool},
       {"bytes_to_string", Kind::Bytes, string_of_bytes, library::cost_of_text},
       {"double_to_string", Kind::Double, string_of_double},
       {"duration_to_string", Kind::Duration, string_of_duration},
       {"int64_to_string", Kind::Int, string_of_int},
       {"timestamp_to_string", Kind::Timestamp, string_of_timestamp},
       {"uint64_to_string", Kind::Uint, string_of_uint}});
  add(environment, "timestamp", Kind::Timestamp,
      {{"timestamp_to_timestamp", Kind::Timestamp, same}, {"int64_to_timestamp", Kind::Int, timestamp_of_int}, {"string_to_timestamp", Kind::String, timestamp_of_string}});
  add(environment, "uint", Kind::Uint,
      {{"uint64_to_uint64", Kind::Uint, same}, {"double_to_uint64", Kind::Double, uint_of_double}, {"int64_to_uint64", Kind::Int, uint_of_int}, {"string_to_uint64", Kind::String, uint_of_string}});
}

}  // namespace sampan::cel
