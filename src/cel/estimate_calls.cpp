// What calls of the libraries can cost. CRDs and device classes are accepted or refused by these figures, so they are upstream's to the unit.
#include "cel/estimate_calls.h"

#include <cmath>

namespace sampan::cel {

namespace {

constexpr double kTraversal = 0.1, kPattern = 0.25;

bool is_one_of(std::string_view name, std::initializer_list<std::string_view> names) { return std::find(names.begin(), names.end(), name) != names.end(); }

class Libraries {
 public:
  Libraries(const Operand* target, std::span<const Operand> arguments, const SizeEstimator& sizes) : target_(target), arguments_(arguments), sizes_(sizes) {}
  std::optional<CallEstimate> estimate(std::string_view function, std::string_view overload) const;

 private:
  Range size(const Operand& operand) const {
    if (operand.size) return *operand.size;
    if (operand.path && !operand.path->empty())
      if (const auto known = sizes_.size_of(*operand.path)) return *known;
    return kUnknownSize;
  }
  std::optional<Operand> items_of(const Operand& list) const {
    if (list.type.parameters().empty()) return {};
    Operand items{.node = nullptr, .type = list.type.parameter(0), .path = list.path, .size = {}};
    if (items.path) items.path->push_back("@items");
    return items;
  }
  std::optional<CallEstimate> traversal_of_list() const;
  std::optional<CallEstimate> text(std::string_view function) const;
  CallEstimate replace() const;
  CallEstimate split() const;
  CallEstimate join() const;
  std::optional<CallEstimate> address(std::string_view function, std::string_view overload) const;
  std::optional<CallEstimate> equality() const;
  std::optional<CallEstimate> list(std::string_view overload) const;
  // The operand if it is an integer that is written out.
  static uint64_t literal(const Operand& operand, uint64_t otherwise) {
    if (operand.node->kind != Node::Kind::Literal || !operand.node->literal.is(Value::Kind::Int)) return otherwise;
    return static_cast<uint64_t>(std::max<int64_t>(operand.node->literal.as_int(), 0));
  }

  const Operand* target_;
  std::span<const Operand> arguments_;
  const SizeEstimator& sizes_;
};

// isSorted, sum, min ...: every item is compared, and texts are read.
std::optional<CallEstimate> Libraries::traversal_of_list() const {
  if (!target_) return {};
  const auto items = items_of(*target_);
  if (!items) return CallEstimate{size(*target_).scaled(kTraversal), {}};
  Range of_item = Range::just(1);
  if (items->type.is(Type::Kind::String) || items->type.is(Type::Kind::Bytes)) of_item = of_item + size(*items).scaled(kTraversal);
  return CallEstimate{size(*target_) * of_item, {}};
}

CallEstimate Libraries::replace() const {
  const Range of_text = size(*target_), replaced = size(arguments_[0]), replacement = size(arguments_[1]);
  const auto places = [](uint64_t of, uint64_t by) { return static_cast<uint64_t>(std::ceil(static_cast<double>(of) / static_cast<double>(by))); };
  const auto one_more = [](uint64_t count) { return count < UINT64_MAX ? count + 1 : count; };
  Range count, kept;
  // The longest result. An empty text is found around every character.
  if (replaced.min == 0) {
    count.max = one_more(of_text.max);
    kept.max = of_text.max;
  } else if (replacement.max <= replaced.min) {
    kept.max = of_text.max;
  } else {
    const double most = std::ceil(static_cast<double>(of_text.max) / static_cast<double>(replaced.min));
    count.max = most >= 18446744073709551616.0 ? uint64_t{1} << 63 : static_cast<uint64_t>(most);  // as amd64 converts what is too large
  }
  // The shortest.
  if (replaced.max == 0) {
    count.min = one_more(of_text.min);
    kept.min = of_text.min;
  } else if (replaced.max <= replacement.min) {
    kept.min = of_text.min;
  } else {
    count.min = places(of_text.min, replaced.max);
  }
  return {of_text.scaled(2 * kTraversal), count * replacement + kept};
}

CallEstimate Libraries::split() const {
  const Range of_text = size(*target_);
  uint64_t most = of_text.max;
  if (arguments_.size() > 1) {
    const Node& limit = *arguments_[1].node;
    if (limit.kind == Node::Kind::Literal && limit.literal.is(Value::Kind::Int)) most = static_cast<uint64_t>(limit.literal.as_int());
  }
  return {of_text.scaled(2 * kTraversal), Range{0, most}};
}

CallEstimate Libraries::join() const {
  const Range list = size(*target_);
  Range result;
  if (const auto items = items_of(*target_)) result = list * size(*items);
  if (!arguments_.empty()) {
    const Range separators{list.min > 0 ? list.min - 1 : 0, list.max > 0 ? list.max - 1 : 0};
    result = result + size(arguments_[0]) * separators;
  }
  return {result.scaled(kTraversal), result};
}

std::optional<CallEstimate> Libraries::text(std::string_view function) const {
  if (function == "url" || function == "jsonpatch.escapeKey") {
    if (arguments_.size() != 1) return {};
    return CallEstimate{size(arguments_[0]).scaled(kTraversal), size(arguments_[0])};
  }
  if (!target_) return {};
  if (is_one_of(function, {"lowerAscii", "upperAscii", "substring", "trim"})) return CallEstimate{size(*target_).scaled(kTraversal), size(*target_)};
  if (function == "replace" && arguments_.size() >= 2) return replace();
  if (function == "split") return split();
  if (function == "join") return join();
  if (is_one_of(function, {"find", "findAll"}) && !arguments_.empty()) {
    const Range of_text = size(*target_);
    return CallEstimate{(of_text + Range::just(1)).scaled(kTraversal) * size(arguments_[0]).scaled(kPattern), Range{0, of_text.max}};
  }
  return {};
}

std::optional<CallEstimate> Libraries::address(std::string_view function, std::string_view overload) const {
  if (function == "ip" && overload == "cidr_ip") return CallEstimate{Range::just(1), {}};
  if (arguments_.empty()) return {};
  const Range given = size(arguments_[0]);
  if (is_one_of(function, {"cidr", "isIP", "isCIDR", "ip"})) return CallEstimate{given.scaled(kTraversal), {}};
  if (function == "ip.isCanonical") return CallEstimate{given.scaled(2 * kTraversal), {}};
  // Two addresses of four or sixteen bytes are compared.
  const Range bytes{4, 16};
  Range cost = (bytes + bytes).scaled(kTraversal);
  if (function == "containsCIDR") cost = cost + bytes.scaled(kTraversal) + Range::just(1);
  if (is_one_of(overload, {"cidr_contains_ip_string", "cidr_contains_cidr_string"})) cost = cost + given.scaled(kTraversal);
  return CallEstimate{cost, {}};
}

std::optional<CallEstimate> Libraries::equality() const {
  if (arguments_.size() != 2 || arguments_[0].type.name() != arguments_[1].type.name()) return {};
  const std::string_view type = arguments_[0].type.name();
  if (!type.starts_with("kubernetes.") && !type.starts_with("net.")) return {};
  if (type == "kubernetes.NamedFormat") return CallEstimate{Range{1, 64}.scaled(kTraversal), {}};
  if (type == "kubernetes.URL") return CallEstimate{Range{1, arguments_[1].size.value_or(Range::just(1)).max}.scaled(kTraversal), {}};  // upstream looks at one side
  if (is_one_of(type, {"net.IP", "net.CIDR", "kubernetes.Quantity", "kubernetes.Semver", "kubernetes.authorization.Authorizer",
                       "kubernetes.authorization.PathCheck", "kubernetes.authorization.GroupCheck", "kubernetes.authorization.ResourceCheck", "kubernetes.authorization.Decision"}))
    return CallEstimate{Range::just(1), {}};
  return {};
}

// cel-go's functions over lists and sets.
std::optional<CallEstimate> Libraries::list(std::string_view overload) const {
  // A call that makes a list of so many items.
  const auto made = [](double factor, const Range& items) { return CallEstimate{items.scaled(factor) + Range::just(11), items}; };
  if (overload.starts_with("list_sets_") && arguments_.size() == 2)
    return CallEstimate{(size(arguments_[0]) * size(arguments_[1])).scaled(overload == "list_sets_equivalent_list" ? 2 : 1) + Range::just(1), {}};
  if (overload == "lists_range" && arguments_.size() == 1) return made(1, Range::just(literal(arguments_[0], UINT64_MAX)));
  if (!target_) return {};
  const Range of_list = size(*target_);
  if (overload == "list_slice" && arguments_.size() == 2) return made(1, Range::just(literal(arguments_[1], of_list.max) - literal(arguments_[0], 0)));
  if (overload == "list_reverse") return made(1, of_list);
  if (overload == "list_distinct") return made(2, of_list * of_list);
  if (overload == "list_flatten") return made(1, of_list);
  if (overload == "list_flatten_int") return made(static_cast<double>(literal(arguments_[0], UINT64_MAX)), of_list);
  const bool sorts_by = overload.ends_with("_sortByAssociatedKeys");
  if (!overload.starts_with("list_") || (!sorts_by && !overload.ends_with("_sort"))) return {};
  const Range keys = sorts_by ? size(arguments_[0]) : of_list;
  const bool of_texts = overload.starts_with("list_string_") || overload.starts_with("list_bytes_");
  return made(of_texts ? 2 + kTraversal : 2, keys * keys);
}

std::optional<CallEstimate> Libraries::estimate(std::string_view function, std::string_view overload) const {
  constexpr uint64_t kAuthorizationCheck = 350'000;  // two of them fit into an expression
  constexpr double kNameFormatPattern = 128 * kPattern;
  const CallEstimate one{Range::just(1), {}};
  if (auto known = list(overload)) return known;
  if (function == "check") return CallEstimate{Range::just(kAuthorizationCheck), {}};
  if (is_one_of(function, {"serviceAccount", "path", "group", "resource", "subresource", "namespace", "name", "allowed", "reason", "error", "errored"})) return one;
  if (is_one_of(function, {"fieldSelector", "labelSelector"}) && arguments_.size() == 1) {
    // A list of requirements: one for two characters, a struct with a list each.
    const Range of_text = size(arguments_[0]);
    return CallEstimate{Range::just(10) + of_text.scaled(kTraversal) + of_text.scaled(0.5).scaled(50), {}};
  }
  if (is_one_of(function, {"isSorted", "sum", "max", "min", "indexOf", "lastIndexOf"})) return traversal_of_list();
  if (is_one_of(function, {"ip", "cidr", "isIP", "isCIDR", "ip.isCanonical", "containsIP", "containsCIDR"})) return address(function, overload);
  if (is_one_of(function, {"masked", "prefixLength", "family", "isUnspecified", "isLoopback", "isLinkLocalMulticast", "isLinkLocalUnicast", "isGlobalUnicast", "format.named", "sign",
                           "asInteger", "isInteger", "asApproximateFloat", "isGreaterThan", "isLessThan", "compareTo", "add", "sub", "major", "minor", "patch", "getScheme",
                           "getHostname", "getHost", "getPort", "getEscapedPath", "getQuery"}))
    return one;
  if (is_one_of(function, {"quantity", "isQuantity", "semver", "isSemver"}) && !arguments_.empty()) return CallEstimate{size(arguments_[0]).scaled(kTraversal), {}};
  if (function == "validate" && !arguments_.empty()) return CallEstimate{size(arguments_[0]).scaled(kTraversal).scaled(kNameFormatPattern), {}};
  if (function == "_==_") return equality();
  return text(function);
}

}  // namespace

std::optional<CallEstimate> estimate_library_call(std::string_view function, std::string_view overload, const Operand* target, std::span<const Operand> arguments,
                                                  const SizeEstimator& sizes) {
  return Libraries(target, arguments, sizes).estimate(function, overload);
}

}  // namespace sampan::cel
