#include "schema/config_file.h"

#include "base/check.h"
#include "base/text.h"
#include "schema/conform.h"
#include "schema/yaml.h"

namespace sampan::schema {

Result<Value> read_config(std::string_view text, std::span<const ConfigKind> kinds, Arena& arena, const ConfigKind** found) {
  RepeatedKeys repeated;
  Value tree = Value();
  auto documents = TRY(parse_yaml(text, arena, {.first_only = true}, &repeated.lines));
  if (!documents.empty()) tree = documents.front();
  auto version = tree["apiVersion"].as_string(), kind = tree["kind"].as_string();
  if (kind.empty()) return fail(bad_request(concat("Object 'Kind' is missing in '", text, "'")));
  if (version.empty()) return fail(bad_request(concat("Object 'apiVersion' is missing in '", text, "'")));
  auto slash = version.find('/');
  auto group = slash == std::string_view::npos ? std::string_view() : version.substr(0, slash);
  auto it = std::find_if(kinds.begin(), kinds.end(), [&](const ConfigKind& known) {
    return known.kind == kind && known.group == group &&
           std::find(known.versions.begin(), known.versions.end(), version.substr(slash + 1)) != known.versions.end();
  });
  if (it == kinds.end()) return fail(bad_request(concat("no kind ", quoted(kind), " is registered for version ", quoted(version))));
  const Type* type = builtin_type(it->type);
  check(type != nullptr);
  Conformance conformance;
  TRY(conform(tree, *type, conformance));
  if (auto problems = strict_errors(repeated, conformance); !problems.empty())
    return fail(bad_request(concat("strict decoding error: ", join(problems, ", "))));
  if (found) *found = &*it;
  return tree;
}

}  // namespace sampan::schema
