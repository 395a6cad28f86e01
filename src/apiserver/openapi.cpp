#include "apiserver/openapi.h"

#include "apiserver/openapi_gnostic.h"
#include "apiserver/openapi_parameters.h"
#include "apiserver/version.h"
#include "base/text.h"
#include "schema/json.h"

namespace sampan::apiserver {

using schema::Value;

OpenApiDocument::OpenApiDocument(const Catalog& catalog, OpenApi dialect, Encoding encoding, const GroupVersion* only,
                                 std::vector<PathPlan> plans)
    : catalog_(catalog), dialect_(dialect), encoding_(encoding), only_(only), plans_(std::move(plans)) {
  TypeSet types;
  for (const auto& plan : plans_) collect_path_types(plan, types);
  for (const auto& [name, type] : types) types_.push_back(type);
}

OpenApiDocument OpenApiDocument::everything(const Catalog& catalog, Encoding encoding) {
  auto plans = root_paths(catalog);
  for (const auto& it : catalog.group_versions())
    for (auto& plan : version_paths(it)) plans.push_back(std::move(plan));
  std::sort(plans.begin(), plans.end(), [](const PathPlan& a, const PathPlan& b) { return a.path < b.path; });
  return {catalog, OpenApi::V2, encoding, nullptr, std::move(plans)};
}

OpenApiDocument OpenApiDocument::of_version(const Catalog& catalog, const GroupVersion& served) {
  return {catalog, OpenApi::V3, Encoding::Json, &served, version_paths(served)};
}

OpenApiDocument OpenApiDocument::of_root(const Catalog& catalog, PathPlan plan) {
  std::vector<PathPlan> plans;
  plans.push_back(std::move(plan));
  return {catalog, OpenApi::V3, Encoding::Json, nullptr, std::move(plans)};
}

bool OpenApiDocument::next(std::string& out) {
  if (stage_ == Stage::Done) return false;
  if (encoding_ == Encoding::Json)
    json_piece(out);
  else
    gnostic_piece(out);
  advance();
  return true;
}

// No section is empty: every document has a path, and every path names a type.
void OpenApiDocument::advance() {
  size_t size = 0;
  switch (stage_) {
    case Stage::Head: break;
    case Stage::Paths: size = plans_.size(); break;
    case Stage::Types: size = types_.size(); break;
    case Stage::Parameters: size = shared_parameters().size(); break;
    case Stage::Tail:
    case Stage::Done: stage_ = Stage::Done; return;
  }
  if (++at_ < size) return;
  at_ = 0;
  stage_ = static_cast<Stage>(static_cast<int>(stage_) + 1);
  if (stage_ == Stage::Parameters && dialect_ == OpenApi::V3) stage_ = Stage::Tail;
}

// What stands before a piece: the section's begin, or a comma.
void OpenApiDocument::json_between(std::string& out) {
  if (at_ > 0) {
    out += ',';
    return;
  }
  bool second = dialect_ == OpenApi::V2;
  if (stage_ == Stage::Types) out += second ? "},\"definitions\":{" : "},\"components\":{\"schemas\":{";
  if (stage_ == Stage::Parameters) out += "},\"parameters\":{";
}

void OpenApiDocument::json_piece(std::string& out) {
  constexpr std::string_view bearer = R"({"BearerToken":{"type":"apiKey","description":"Bearer Token authentication","name":"authorization","in":"header"}})";
  Arena arena;
  json_between(out);
  auto member = [&](std::string_view name, Value value) {
    schema::write_json_string(out, name);
    out += ':';
    schema::write_json(out, value);
  };
  switch (stage_) {
    case Stage::Head:
      append(out, dialect_ == OpenApi::V2 ? R"({"swagger":"2.0")" : R"({"openapi":"3.0.0")", R"(,"info":{"title":"Kubernetes","version":")", kMajor,
             ".", kMinor, R"("},"paths":{)");
      break;
    case Stage::Paths: member(plans_[at_].path, openapi_path(plans_[at_], dialect_, arena)); break;
    case Stage::Types: member(types_[at_]->name, openapi_definition(*types_[at_], dialect_, catalog_, only_, arena)); break;
    case Stage::Parameters: {
      const auto& parameter = shared_parameters()[at_];
      member(parameter.key, openapi_parameter(parameter, dialect_, arena));
      break;
    }
    case Stage::Tail:
      if (dialect_ == OpenApi::V2)
        append(out, "},\"securityDefinitions\":", bearer, ",\"security\":[{\"BearerToken\":[]}]}");
      else
        append(out, "},\"securitySchemes\":", bearer, "}}");
      break;
    case Stage::Done: break;
  }
}

void OpenApiDocument::gnostic_piece(std::string& out) {
  Arena arena;
  switch (stage_) {
    case Stage::Head: gnostic_head(out, "Kubernetes", concat(kMajor, ".", kMinor)); break;
    case Stage::Paths: gnostic_path(out, plans_[at_].path, openapi_path(plans_[at_], dialect_, arena)); break;
    case Stage::Types: gnostic_definition(out, types_[at_]->name, openapi_definition(*types_[at_], dialect_, catalog_, only_, arena)); break;
    case Stage::Parameters: {
      const auto& parameter = shared_parameters()[at_];
      gnostic_parameter(out, parameter.key, openapi_parameter(parameter, dialect_, arena));
      break;
    }
    case Stage::Tail: gnostic_tail(out); break;
    case Stage::Done: break;
  }
}

}  // namespace sampan::apiserver
