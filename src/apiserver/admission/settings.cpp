#include "apiserver/admission/settings.h"

#include <fstream>
#include <iterator>

#include "base/text.h"
#include "schema/config_file.h"
#include "schema/json.h"
#include "schema/yaml.h"

namespace sampan::apiserver {

using schema::Value;

namespace {

constexpr std::string_view kVersions[] = {"v1", "v1alpha1"};
constexpr schema::ConfigKind kKind{"apiserver.config.k8s.io", "AdmissionConfiguration", kVersions, "io.k8s.apiserver.pkg.apis.apiserver.v1.AdmissionConfiguration"};

Result<std::string> read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return fail(bad_request(concat("open ", path, ": ", to_lower(strerror(errno)))));
  return std::string(std::istreambuf_iterator<char>(file), {});
}

// Two plug-ins had files of their own, before there was one for all.
Result<AdmissionSettings> read_old_form(std::string text, Error what_is_wrong) {
  Arena arena;
  auto documents = schema::parse_yaml(text, arena, {.first_only = true});
  Value tree = documents && !documents->empty() ? documents->front() : Value();
  AdmissionSettings out;
  for (auto [member, plugin] : {std::pair{"podNodeSelectorPluginConfig", "PodNodeSelector"}, {"imagePolicy", "ImagePolicyWebhook"}})
    if (tree.has(member)) out[plugin] = text;
  if (out.empty()) return fail(std::move(what_is_wrong).context("failed to read plugin config"));
  return out;
}

}  // namespace

Result<AdmissionSettings> read_admission_settings(const std::string& path) {
  auto text = read_file(path);
  if (!text) return fail(std::move(text).error().context(concat("unable to read admission control configuration from ", quoted(path))));
  Arena arena;
  auto tree = schema::read_config(*text, {&kKind, 1}, arena);
  if (!tree) return read_old_form(std::move(*text), std::move(tree).error());
  AdmissionSettings out;
  for (Value plugin : (*tree)["plugins"].items()) {
    std::string name(plugin["name"].as_string()), file(plugin["path"].as_string()), settings;
    if (out.contains(name)) continue;  // the first one counts
    if (!plugin["configuration"].is_missing() && !plugin["configuration"].is_null())
      schema::write_json(settings, plugin["configuration"]);
    else if (!file.empty())
      settings = TRY(read_file(file[0] == '/' ? file : concat(path.substr(0, path.rfind('/') + 1), file)));
    out[name] = std::move(settings);
  }
  return out;
}

std::vector<std::string> texts_of(Value list) {
  std::vector<std::string> texts;
  for (Value item : list.items()) texts.emplace_back(item.as_string());
  return texts;
}

}  // namespace sampan::apiserver
