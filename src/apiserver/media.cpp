#include "apiserver/media.h"

#include "base/text.h"

namespace sampan::apiserver {

namespace {

constexpr std::string_view kJson = "application/json";
constexpr std::string_view kYaml = "application/yaml";
constexpr std::string_view kProtobuf = "application/vnd.kubernetes.protobuf";

struct Clause {
  std::string type;
  std::vector<std::pair<std::string, std::string>> parameters;
  double quality = 1;
};

Clause parse_clause(std::string_view text) {
  Clause clause;
  auto parts = split(text, ';');
  clause.type = to_lower(trim(parts[0]));
  for (size_t i = 1; i < parts.size(); i++) {
    auto part = trim(parts[i]);
    auto equals = part.find('=');
    if (equals == std::string_view::npos) continue;
    auto name = to_lower(trim(part.substr(0, equals)));
    auto value = trim(part.substr(equals + 1));
    if (name == "q") {
      std::from_chars(value.data(), value.data() + value.size(), clause.quality);
    } else {
      clause.parameters.emplace_back(std::move(name), std::string(value));
    }
  }
  return clause;
}

// The parameters ask for a shape; false if it is not on offer.
bool read_shape(const Clause& clause, const Offer& offer, Accept& accept) {
  std::string_view as, group, version;
  for (const auto& [name, value] : clause.parameters) {
    if (name == "as") as = value;
    if (name == "g") group = value;
    if (name == "v") version = value;
    if (name == "stream" && value != "watch") return false;
    if (name == "pretty") accept.pretty = value == "1";
  }
  if (as.empty()) return true;
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
  if (other_form && !offer.go_type.empty()) {
    accept.shape = Shape::OtherPartial;
    return true;
  }
  if ((as == "PartialObjectMetadata" && offer.partial) || (as == "PartialObjectMetadataList" && offer.partial_list)) {
    accept.shape = Shape::Partial;
    return true;
  }
  return false;
}

bool read_type(const Clause& clause, Accept& accept) {
  if (clause.type == kJson || clause.type == "*/*") {
    accept.format = Format::Json;
  } else if (clause.type == kYaml) {
    accept.format = Format::Yaml;
  } else if (clause.type == kProtobuf) {
    accept.format = Format::Protobuf;
  } else {
    return false;
  }
  return true;
}

// Indented for people: asked for, or known to be one by the client.
bool wants_pretty(const net::Request& request, const Query& query) {
  if (query.has("pretty")) return query.is_true("pretty");
  std::string_view agent = request.header("user-agent");
  return agent.starts_with("curl") || agent.starts_with("Wget") || agent.starts_with("Mozilla/5.0");
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

Accept default_accept(const net::Request& request, const Query& query) {
  auto accept = negotiate(request, query, {.table = true, .partial = true, .partial_list = true});
  Accept result = accept ? *accept : Accept();
  result.shape = Shape::Object;
  if (!accept) result.pretty = wants_pretty(request, query);
  return result;
}

Result<Accept> negotiate(const net::Request& request, const Query& query, const Offer& offer) {
  Accept accept;
  std::string_view header = request.header("accept");
  bool pretty = wants_pretty(request, query);
  if (header.empty()) {
    accept.pretty = pretty;
    return accept;
  }
  std::vector<Clause> clauses;
  for (auto part : split(header, ','))
    if (!trim(part).empty()) clauses.push_back(parse_clause(part));
  std::stable_sort(clauses.begin(), clauses.end(), [](const Clause& a, const Clause& b) { return a.quality > b.quality; });
  bool known_type = false;
  for (const Clause& clause : clauses) {
    Accept candidate;
    if (!read_type(clause, candidate)) continue;
    known_type = true;
    if (!read_shape(clause, offer, candidate)) continue;
    candidate.pretty |= pretty;
    if (candidate.shape == Shape::OtherPartial)
      return fail(Error(Reason::NotAcceptable,
                        offer.partial ? concat("you requested PartialObjectMetadataList, but the requested object is not a list (", offer.go_type, ")")
                                      : concat("you requested PartialObjectMetadata, but the requested object is a list (", offer.go_type, ")")));
    return candidate;
  }
  // Upstream refuses in two places, with a text each: its router knows only types, its negotiation the shapes.
  if (!known_type)
    return fail(Error(Reason::NotAcceptable,
                      concat("406: Not Acceptable\n\nAvailable representations: ", kJson, ", ", kYaml, ", ", kProtobuf))
                    .about("", "", ""));
  return fail(Error(Reason::NotAcceptable, concat("only the following media types are accepted: ", kJson, ", ", kYaml, ", ", kProtobuf)));
}

}  // namespace sampan::apiserver
