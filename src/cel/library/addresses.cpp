// Kubernetes' functions over addresses: ip() and cidr().
#include "base/text.h"
#include "cel/libraries.h"
#include "cel/library/network_address.h"
#include "cel/library/support.h"

namespace sampan::cel {

namespace {

using namespace library;

struct Ip final : Opaque {
  explicit Ip(NetworkAddress a) : address(std::move(a)) {}
  Type type() const override { return Type::opaque("net.IP"); }
  bool equals(const Opaque& other) const override { return address == static_cast<const Ip&>(other).address; }
  NetworkAddress address;
};

struct Cidr final : Opaque {
  explicit Cidr(NetworkPrefix p) : prefix(std::move(p)) {}
  Type type() const override { return Type::opaque("net.CIDR"); }
  bool equals(const Opaque& other) const override { return prefix == static_cast<const Cidr&>(other).prefix; }
  NetworkPrefix prefix;
};

const NetworkAddress& address_of(const Value& value) { return opaque_as<Ip>(value).address; }
const NetworkPrefix& prefix_of(const Value& value) { return opaque_as<Cidr>(value).prefix; }
Value ip_value(NetworkAddress address) { return Value::opaque(Ref<Ip>(new Ip(std::move(address)))); }
Value cidr_value(NetworkPrefix prefix) { return Value::opaque(Ref<Cidr>(new Cidr(std::move(prefix)))); }

Maybe<NetworkAddress> address_in(std::string_view text) {
  auto address = parse_address(text);
  if (!address) return failed(concat("IP Address ", quoted(text), " parse error during conversion from string: ", address.error()));
  if (!address->zone.empty()) return failed(concat("IP address ", quoted(text), " with zone value is not allowed"));
  if (address->is_v4_in_v6()) return failed(concat("IPv4-mapped IPv6 address ", quoted(text), " is not allowed"));
  return *std::move(address);
}

Maybe<NetworkPrefix> prefix_in(std::string_view text) {
  constexpr std::string_view kWhere = "network address parse error during conversion from string: ";
  auto prefix = parse_prefix(text);
  if (!prefix) return failed(concat(kWhere, kWhere, prefix.error()));
  if (prefix->address.is_v4_in_v6()) return failed(concat(kWhere, "IPv4-mapped IPv6 address ", quoted(text), " is not allowed"));
  return *std::move(prefix);
}

Maybe<Value> ip(Arguments arguments) { return mapped(address_in(arguments[0].as_text()), ip_value); }
Maybe<Value> is_ip(Arguments arguments) { return Value::boolean(address_in(arguments[0].as_text()).has_value()); }
Maybe<Value> is_canonical(Arguments arguments) {
  auto text = arguments[0].as_text();
  return mapped(address_in(text), [&](const NetworkAddress& address) { return Value::boolean(address.text() == text); });
}
Maybe<Value> ip_to_string(Arguments arguments) { return Value::string(address_of(arguments[0]).text()); }
Maybe<Value> family(Arguments arguments) { return Value::integer(address_of(arguments[0]).is_v6 ? 6 : 4); }

bool is_all(const NetworkAddress& address, uint8_t byte, size_t from, size_t to) {
  return std::all_of(address.bytes.begin() + static_cast<ptrdiff_t>(from), address.bytes.begin() + static_cast<ptrdiff_t>(to), [&](uint8_t b) { return b == byte; });
}
bool unspecified(const NetworkAddress& address) { return is_all(address, 0, 0, address.is_v6 ? 16 : 4); }
bool loopback(const NetworkAddress& address) { return address.is_v6 ? is_all(address, 0, 0, 15) && address.bytes[15] == 1 : address.bytes[0] == 127; }
bool link_local_multicast(const NetworkAddress& address) {
  auto& b = address.bytes;
  return address.is_v6 ? b[0] == 0xff && (b[1] & 0x0f) == 2 : b[0] == 224 && b[1] == 0 && b[2] == 0;
}
bool link_local_unicast(const NetworkAddress& address) {
  auto& b = address.bytes;
  return address.is_v6 ? b[0] == 0xfe && (b[1] & 0xc0) == 0x80 : b[0] == 169 && b[1] == 254;
}
bool global_unicast(const NetworkAddress& address) {
  if (!address.is_v6 && is_all(address, 0xff, 0, 4)) return false;
  return !unspecified(address) && !loopback(address) && !address.is_multicast() && !link_local_unicast(address);
}

Maybe<Value> is_unspecified(Arguments arguments) { return Value::boolean(unspecified(address_of(arguments[0]))); }
Maybe<Value> is_loopback(Arguments arguments) { return Value::boolean(loopback(address_of(arguments[0]))); }
Maybe<Value> is_link_local_multicast(Arguments arguments) { return Value::boolean(link_local_multicast(address_of(arguments[0]))); }
Maybe<Value> is_link_local_unicast(Arguments arguments) { return Value::boolean(link_local_unicast(address_of(arguments[0]))); }
Maybe<Value> is_global_unicast(Arguments arguments) { return Value::boolean(global_unicast(address_of(arguments[0]))); }

Maybe<Value> cidr(Arguments arguments) { return mapped(prefix_in(arguments[0].as_text()), cidr_value); }
Maybe<Value> is_cidr(Arguments arguments) { return Value::boolean(prefix_in(arguments[0].as_text()).has_value()); }
Maybe<Value> cidr_to_string(Arguments arguments) { return Value::string(prefix_of(arguments[0]).text()); }
Maybe<Value> prefix_length(Arguments arguments) { return Value::integer(prefix_of(arguments[0]).length); }
Maybe<Value> address_of_cidr(Arguments arguments) { return ip_value(prefix_of(arguments[0]).address); }
Maybe<Value> masked(Arguments arguments) {
  auto& prefix = prefix_of(arguments[0]);
  return cidr_value({prefix.address.masked(prefix.length), prefix.length});
}

Maybe<Value> contains_ip(Arguments arguments) { return Value::boolean(prefix_of(arguments[0]).contains(address_of(arguments[1]))); }
Maybe<Value> contains_ip_text(Arguments arguments) {
  auto address = address_in(arguments[1].as_text());
  if (!address) return no_such_overload();  // why it is none upstream forgets here
  return Value::boolean(prefix_of(arguments[0]).contains(*address));
}
bool holds(const NetworkPrefix& prefix, const NetworkPrefix& other) { return prefix.length <= other.length && prefix.contains(other.address); }
Maybe<Value> contains_cidr(Arguments arguments) { return Value::boolean(holds(prefix_of(arguments[0]), prefix_of(arguments[1]))); }
Maybe<Value> contains_cidr_text(Arguments arguments) {
  return mapped(prefix_in(arguments[1].as_text()), [&](const NetworkPrefix& other) { return Value::boolean(holds(prefix_of(arguments[0]), other)); });
}

uint64_t bytes_of_prefix(const Value& cidr) { return static_cast<uint64_t>(prefix_of(cidr).length + 7) / 8; }
uint64_t cost_of_ip(Arguments arguments, const Value&) { return traversal(bytes_of_prefix(arguments[0]), 2); }
uint64_t cost_of_ip_text(Arguments arguments, const Value& result) { return cost_of_ip(arguments, result) + traversal(size_of(arguments[1])); }
uint64_t cost_of_cidr(Arguments arguments, const Value& result) { return cost_of_ip(arguments, result) + traversal(bytes_of_prefix(arguments[0])) + 1; }
uint64_t cost_of_cidr_text(Arguments arguments, const Value& result) { return cost_of_cidr(arguments, result) + traversal(size_of(arguments[1])); }

}  // namespace

void add_addresses(Environment& environment) {
  const Type text = Type::Kind::String, boolean = Type::Kind::Bool, address = Type::opaque("net.IP"), network = Type::opaque("net.CIDR");
  environment.declare("net.IP", Type::type_of(address));
  environment.declare("net.CIDR", Type::type_of(network));
  environment.declare({"ip", {function("string_to_ip", {text}, address, ip, cost_of_text), member("cidr_ip", {network}, address, address_of_cidr)}});
  environment.declare({"family", {member("ip_family", {address}, Type::Kind::Int, family)}});
  environment.declare({"ip.isCanonical", {function("ip_is_canonical", {text}, boolean, is_canonical, cost_of_text_twice)}});
  environment.declare({"isUnspecified", {member("ip_is_unspecified", {address}, boolean, is_unspecified)}});
  environment.declare({"isLoopback", {member("ip_is_loopback", {address}, boolean, is_loopback)}});
  environment.declare({"isLinkLocalMulticast", {member("ip_is_link_local_multicast", {address}, boolean, is_link_local_multicast)}});
  environment.declare({"isLinkLocalUnicast", {member("ip_is_link_local_unicast", {address}, boolean, is_link_local_unicast)}});
  environment.declare({"isGlobalUnicast", {member("ip_is_global_unicast", {address}, boolean, is_global_unicast)}});
  environment.declare({"isIP", {function("is_ip", {text}, boolean, is_ip, cost_of_text)}});
  environment.declare({"string", {function("ip_to_string", {address}, text, ip_to_string), function("cidr_to_string", {network}, text, cidr_to_string)}});
  environment.declare({"cidr", {function("string_to_cidr", {text}, network, cidr, cost_of_text)}});
  environment.declare({"containsIP",
                       {member("cidr_contains_ip_string", {network, text}, boolean, contains_ip_text, cost_of_ip_text),
                        member("cidr_contains_ip_ip", {network, address}, boolean, contains_ip, cost_of_ip)}});
  environment.declare({"containsCIDR",
                       {member("cidr_contains_cidr_string", {network, text}, boolean, contains_cidr_text, cost_of_cidr_text),
                        member("cidr_contains_cidr", {network, network}, boolean, contains_cidr, cost_of_cidr)}});
  environment.declare({"prefixLength", {member("cidr_prefix_length", {network}, Type::Kind::Int, prefix_length)}});
  environment.declare({"masked", {member("cidr_masked", {network}, network, masked)}});
  environment.declare({"isCIDR", {function("is_cidr", {text}, boolean, is_cidr, cost_of_text)}});
}

}  // namespace sampan::cel
