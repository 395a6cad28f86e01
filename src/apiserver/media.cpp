#include "apiserver/media.h"

#include "base/text.h"

namespace sampan::apiserver {

namespace {

constexpr std::string_view kJson = "application/json";
constexpr std::string_view kYaml = "application/yaml";
constexpr std::string_view kProtobuf = "application/vnd.kubernetes.protobuf";
constexpr std::string_view kAllTypes = "application/json, application/yaml, application/vnd.kubernetes.protobuf";
constexpr std::string_view kStreamTypes = "application/json;stream=watch, application/vnd.kubernetes.protobuf;stream=watch";

struct Clause {
  std::string_view type, subtype;
  std::vector<std::pair<std::string_view, std::string_view>> parameters;
  double quality = 1;
};

std::string_view without_spaces(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

// False if it is no media type, and does not count.
bool parse_clause(std::string_view text, Clause& clause) {
  auto parts = split(text, ';');
  auto slash = parts[0].find('/');
  clause.type = without_spaces(parts[0].substr(0, slash));
  if (slash == std::string_view::npos || slash + 1 == parts[0].size()) {
    if (clause.type != "*") return false;
    clause.subtype = "*";
  } else {
    clause.subtype = without_spaces(parts[0].substr(slash + 1));
    if (clause.subtype.contains('/')) return false;
  }
  for (size_t i = 1; i < parts.size(); i++) {
    auto equals = parts[i].find('=');
    if (equals == std::string_view::npos || equals + 1 == parts[i].size()) continue;
    auto name = without_spaces(parts[i].substr(0, equals)), value = parts[i].substr(equals + 1);
    if (value.contains('=')) continue;
    if (name != "q") {
      clause.parameters.emplace_back(name, without_spaces(value));
      continue;
    }
    auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), clause.quality);
    if (error != std::errc() || end != value.data() + value.size()) clause.quality = 0;
  }
  return true;
}

bool comes_before(const Clause& a, const Clause& b) {
  return a.quality > b.quality || (a.type != "*" && b.type == "*") || (a.subtype != "*" && b.subtype == "*");
}

// Most wanted first. The order is none in the strict sense (a type that says more goes before a better liked one), so that how it is sorted
// is a part of it: one after the other, as upstream does with as many as anyone sends.
std::vector<Clause> parse_accept(std::string_view header) {
  constexpr size_t kSortedByHandMax = 12;
  std::vector<Clause> clauses;
  for (auto part : split(header, ','))
    if (Clause clause; parse_clause(without_spaces(part), clause)) clauses.push_back(std::move(clause));
  if (clauses.size() > kSortedByHandMax) {
    std::stable_sort(clauses.begin(), clauses.end(), [](const Clause& a, const Clause& b) { return a.quality > b.quality; });
    return clauses;
  }
  for (size_t i = 1; i < clauses.size(); i++)
    for (size_t j = i; j > 0 && comes_before(clauses[j], clauses[j - 1]); j--) std::swap(clauses[j], clauses[j - 1]);
  return clauses;
}

// The parameters ask for a shape; false if it is not on offer.
bool read_shape(const Clause& clause, const Offer& offer, Accept& accept) {
  std::string_view as, group, version;
  bool converted = false;
  for (const auto& [name, value] : clause.parameters) {
    if (name == "as") as = value;
    if (name == "g") group = value;
    if (name == "v") version = value;
    converted |= name == "as" || name == "g" || name == "v";
    if (name == "stream" && (value != "watch" || accept.format == Format::Yaml)) return false;
    if (name == "sv" && (value != "v1" || offer.is_nothing())) return false;
    if (name == "pretty") accept.pretty = value == "1";
  }
  if (!converted) return true;
  if (as == "APIGroupDiscoveryList" && group == "apidiscovery.k8s.io" && version == "v2" && offer.discovery) {
    accept.shape = Shape::Discovery;
    return true;
  }
  if (group != "meta.k8s.io" || (version != "v1" && version != "v1beta1")) return false;
  accept.shape_version = version == "v1" ? "v1" : "v1beta1";
  if (as == "Table" && offer.table && accept.format != Format::Protobuf) {
    accept.shape = Shape::Table;
    return true;
  }
  bool other_form = (as == "PartialObjectMetadata" && offer.partial_list) || (as == "PartialObjectMetadataList" && offer.partial);
  if ((as == "PartialObjectMetadata" && offer.partial) || (as == "PartialObjectMetadataList" && offer.partial_list)) {
    accept.shape = Shape::Partial;
    return true;
  }
  if (other_form) accept.shape = Shape::OtherPartial;
  return other_form;
}

bool fits(const Clause& clause, Format format) {
  auto type = media_type(format);
  auto slash = type.find('/');
  if (clause.type == "*" && clause.subtype == "*") return true;
  return clause.type == type.substr(0, slash) && (clause.subtype == "*" || clause.subtype == type.substr(slash + 1));
}

// What upstream's router lets through: it knows types alone.
bool router_takes(std::string_view header) {
  for (auto part : split(header, ',')) {
    auto type = without_spaces(part.substr(0, part.find(';')));
    if (type == "*/*" || type == kJson || type == kYaml || type == kProtobuf) return true;
  }
  return false;
}

Error only_these(std::string_view types) { return Error(Reason::NotAcceptable, concat("only the following media types are accepted: ", types)); }

// Indented for people: asked for, or known to be one by the client.
bool wants_pretty(const net::Request& request, const Query& query) {
  constexpr std::string_view yes[] = {"1", "t", "T", "true", "TRUE", "True"};
  if (auto pretty = query.get("pretty"); !pretty.empty()) return std::find(std::begin(yes), std::end(yes), pretty) != std::end(yes);
  std::string_view agent = request.header("user-agent");
  return agent.starts_with("curl") || agent.starts_with("Wget") || agent.starts_with("Mozilla/5.0");
}

// What the client wants most of what is on offer.
std::optional<Accept> choose(const net::Request& request, const Query& query, const Offer& offer) {
  std::string_view header = request.header("accept");
  bool pretty = wants_pretty(request, query);
  if (header.empty()) return Accept{.pretty = pretty};
  for (const Clause& clause : parse_accept(header))
    for (Format format : {Format::Json, Format::Yaml, Format::Protobuf}) {
      Accept accept{.format = format};
      if (!fits(clause, format) || !read_shape(clause, offer, accept)) continue;
      accept.pretty |= pretty;
      return accept;
    }
  return std::nullopt;
}

}  // namespace

std::string_view media_type(Format format) {
  switch (format) {
    case Format::Json: return kJson;
    case Format::Yaml: return kYaml;
    case Format::Protobuf: return kProtobuf;
  }
  return kJson;
}

std::string media_type_of(std::string_view header) { return to_lower(trim(header.substr(0, header.find(';')))); }

Accept accept_for_error(const net::Request& request, const Query& query) {
  auto accept = choose(request, query, {});
  return accept ? *accept : Accept{.pretty = true};
}

Result<void> check_routable(const net::Request& request, bool streams) {
  std::string_view header = request.header("accept");
  if (header.empty() || router_takes(header)) return {};
  return fail(Error(Reason::NotAcceptable, concat("406: Not Acceptable\n\nAvailable representations: ", kAllTypes, streams ? ", " : "",
                                                  streams ? kStreamTypes : ""))
                  .about("", "", ""));
}

Result<Accept> negotiate(const net::Request& request, const Query& query, const Offer& offer) {
  TRY(check_routable(request, offer.streams));
  auto accept = choose(request, query, offer);
  if (!accept) return fail(only_these(kAllTypes));
  if (accept->shape == Shape::OtherPartial && !offer.go_type.empty())
    return fail(Error(Reason::NotAcceptable,
                      offer.partial ? concat("you requested PartialObjectMetadataList, but the requested object is not a list (", offer.go_type, ")")
                                    : concat("you requested PartialObjectMetadata, but the requested object is a list (", offer.go_type, ")")));
  return *accept;
}

Error no_such_stream() { return only_these(kStreamTypes); }

}  // namespace sampan::apiserver
