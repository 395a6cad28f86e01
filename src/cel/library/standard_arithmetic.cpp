// + - * / % and the sign, of numbers, texts, lists and times. Nothing wraps around: what does not fit fails.
#include "cel/expression.h"
#include "cel/library/go_forms.h"
#include "cel/library/joined_list.h"
#include "cel/library/standard.h"
#include "cel/library/support.h"

namespace sampan::cel {

namespace {

using Kind = Type::Kind;
using library::Arguments;

constexpr int64_t kNanosecondsOfSecond = 1'000'000'000;

uint64_t joined_cost(Arguments a, const Value&) { return library::traversal(library::size_of(a[0]) + library::size_of(a[1])); }

std::unexpected<Failure> int_overflow() { return failed("integer overflow"); }
std::unexpected<Failure> uint_overflow() { return failed("unsigned integer overflow"); }

using Make = Value (*)(int64_t);
Maybe<Value> sum(int64_t a, int64_t b, Make make) {
  int64_t result;
  if (__builtin_add_overflow(a, b, &result)) return int_overflow();
  return make(result);
}
Maybe<Value> difference(int64_t a, int64_t b, Make make) {
  int64_t result;
  if (__builtin_sub_overflow(a, b, &result)) return int_overflow();
  return make(result);
}

Maybe<Value> add_int(Arguments a) { return sum(a[0].as_int(), a[1].as_int(), Value::integer); }
Maybe<Value> subtract_int(Arguments a) { return difference(a[0].as_int(), a[1].as_int(), Value::integer); }
Maybe<Value> multiply_int(Arguments a) {
  int64_t result;
  if (__builtin_mul_overflow(a[0].as_int(), a[1].as_int(), &result)) return int_overflow();
  return Value::integer(result);
}
Maybe<Value> divide_int(Arguments a) {
  if (a[1].as_int() == 0) return failed("division by zero");
  if (a[0].as_int() == INT64_MIN && a[1].as_int() == -1) return int_overflow();
  return Value::integer(a[0].as_int() / a[1].as_int());
}
Maybe<Value> modulo_int(Arguments a) {
  if (a[1].as_int() == 0) return failed("modulus by zero");
  if (a[0].as_int() == INT64_MIN && a[1].as_int() == -1) return int_overflow();
  return Value::integer(a[0].as_int() % a[1].as_int());
}
Maybe<Value> negate_int(Arguments a) {
  if (a[0].as_int() == INT64_MIN) return int_overflow();
  return Value::integer(-a[0].as_int());
}

Maybe<Value> add_uint(Arguments a) {
  uint64_t result;
  if (__builtin_add_overflow(a[0].as_uint(), a[1].as_uint(), &result)) return uint_overflow();
  return Value::uinteger(result);
}
Maybe<Value> subtract_uint(Arguments a) {
  if (a[1].as_uint() > a[0].as_uint()) return uint_overflow();
  return Value::uinteger(a[0].as_uint() - a[1].as_uint());
}
Maybe<Value> multiply_uint(Arguments a) {
  uint64_t result;
  if (__builtin_mul_overflow(a[0].as_uint(), a[1].as_uint(), &result)) return uint_overflow();
  return Value::uinteger(result);
}
Maybe<Value> divide_uint(Arguments a) {
  if (a[1].as_uint() == 0) return failed("division by zero");
  return Value::uinteger(a[0].as_uint() / a[1].as_uint());
}
Maybe<Value> modulo_uint(Arguments a) {
  if (a[1].as_uint() == 0) return failed("modulus by zero");
  return Value::uinteger(a[0].as_uint() % a[1].as_uint());
}

Maybe<Value> add_double(Arguments a) { return Value::number(a[0].as_double() + a[1].as_double()); }
Maybe<Value> subtract_double(Arguments a) { return Value::number(a[0].as_double() - a[1].as_double()); }
Maybe<Value> multiply_double(Arguments a) { return Value::number(a[0].as_double() * a[1].as_double()); }
Maybe<Value> divide_double(Arguments a) { return Value::number(a[0].as_double() / a[1].as_double()); }
Maybe<Value> negate_double(Arguments a) { return Value::number(-a[0].as_double()); }

std::string joined(Arguments a) {
  std::string text;
  text.reserve(a[0].as_text().size() + a[1].as_text().size());
  text.append(a[0].as_text()).append(a[1].as_text());
  return text;
}
Maybe<Value> add_string(Arguments a) { return Value::string(joined(a)); }
Maybe<Value> add_bytes(Arguments a) { return Value::bytes(joined(a)); }

Maybe<Value> add_list(Arguments a) { return joined(a[0], a[1]); }

Maybe<Value> add_durations(Arguments a) { return sum(a[0].as_nanoseconds(), a[1].as_nanoseconds(), Value::duration); }
Maybe<Value> subtract_durations(Arguments a) { return difference(a[0].as_nanoseconds(), a[1].as_nanoseconds(), Value::duration); }

Maybe<Value> later(const Value& time, int64_t nanoseconds) {
  int64_t seconds = time.seconds() + nanoseconds / kNanosecondsOfSecond;
  int64_t rest = time.nanoseconds() + nanoseconds % kNanosecondsOfSecond;
  if (rest < 0) {
    rest += kNanosecondsOfSecond;
    --seconds;
  } else if (rest >= kNanosecondsOfSecond) {
    rest -= kNanosecondsOfSecond;
    ++seconds;
  }
  if (seconds < kTimestampMin || seconds > kTimestampMax) return failed("timestamp overflow");
  return Value::timestamp(seconds, static_cast<uint32_t>(rest), time.zone_minutes());
}
Maybe<Value> add_timestamp_duration(Arguments a) { return later(a[0], a[1].as_nanoseconds()); }
Maybe<Value> add_duration_timestamp(Arguments a) { return later(a[1], a[0].as_nanoseconds()); }
Maybe<Value> subtract_timestamp_duration(Arguments a) {
  if (a[1].as_nanoseconds() == INT64_MIN) return int_overflow();
  return later(a[0], -a[1].as_nanoseconds());
}
Maybe<Value> subtract_timestamps(Arguments a) {
  int64_t nanoseconds;
  if (__builtin_mul_overflow(a[0].seconds() - a[1].seconds(), kNanosecondsOfSecond, &nanoseconds)) return int_overflow();
  return sum(nanoseconds, static_cast<int64_t>(a[0].nanoseconds()) - a[1].nanoseconds(), Value::duration);
}

}  // namespace

void add_arithmetic(Environment& environment) {
  const Type integer = Kind::Int, unsigned_integer = Kind::Uint, number = Kind::Double, text = Kind::String, bytes = Kind::Bytes, list = Type::list(Type::parameter("A")),
             duration = Kind::Duration, timestamp = Kind::Timestamp;
  const auto overload = [](std::string_view id, std::vector<Type> parameters, Type result, Function call, Cost cost = nullptr) {
    return Overload{.id = id, .parameters = std::move(parameters), .result = std::move(result), .call = call, .cost = cost};
  };
  environment.declare({std::string(op::kAdd),
                       {overload("add_bytes", {bytes, bytes}, bytes, add_bytes, joined_cost),
                        overload("add_double", {number, number}, number, add_double),
                        overload("add_duration_duration", {duration, duration}, duration, add_durations),
                        overload("add_duration_timestamp", {duration, timestamp}, timestamp, add_duration_timestamp),
                        overload("add_timestamp_duration", {timestamp, duration}, timestamp, add_timestamp_duration),
                        overload("add_int64", {integer, integer}, integer, add_int),
                        overload("add_list", {list, list}, list, add_list),
                        overload("add_string", {text, text}, text, add_string, joined_cost),
                        overload("add_uint64", {unsigned_integer, unsigned_integer}, unsigned_integer, add_uint)}});
  environment.declare({std::string(op::kDivide),
                       {overload("divide_double", {number, number}, number, divide_double),
                        overload("divide_int64", {integer, integer}, integer, divide_int),
                        overload("divide_uint64", {unsigned_integer, unsigned_integer}, unsigned_integer, divide_uint)}});
  environment.declare({std::string(op::kModulo),
                       {overload("modulo_int64", {integer, integer}, integer, modulo_int),
                        overload("modulo_uint64", {unsigned_integer, unsigned_integer}, unsigned_integer, modulo_uint)}});
  environment.declare({std::string(op::kMultiply),
                       {overload("multiply_double", {number, number}, number, multiply_double),
                        overload("multiply_int64", {integer, integer}, integer, multiply_int),
                        overload("multiply_uint64", {unsigned_integer, unsigned_integer}, unsigned_integer, multiply_uint)}});
  environment.declare({std::string(op::kNegate),
                       {overload("negate_double", {number}, number, negate_double), overload("negate_int64", {integer}, integer, negate_int)}});
  environment.declare({std::string(op::kSubtract),
                       {overload("subtract_double", {number, number}, number, subtract_double),
                        overload("subtract_duration_duration", {duration, duration}, duration, subtract_durations),
                        overload("subtract_int64", {integer, integer}, integer, subtract_int),
                        overload("subtract_timestamp_duration", {timestamp, duration}, timestamp, subtract_timestamp_duration),
                        overload("subtract_timestamp_timestamp", {timestamp, timestamp}, duration, subtract_timestamps),
                        overload("subtract_uint64", {unsigned_integer, unsigned_integer}, unsigned_integer, subtract_uint)}});
}

}  // namespace sampan::cel
