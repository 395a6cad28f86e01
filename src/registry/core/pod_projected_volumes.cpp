// Projected volumes, and the paths and files that sources of volumes share.
#include "base/text.h"
#include "registry/core/pod_rules.h"

namespace sampan::registry {

namespace {

constexpr std::string_view kVolumeFieldPaths[] = {"metadata.annotations", "metadata.labels", "metadata.name", "metadata.namespace",
                                                  "metadata.uid"};

// The files that the sources of one projected volume make.
class Files {
 public:
  explicit Files(const At& volume) : volume_(volume) {}
  // A file that is there already is a conflict, told about the volume with `shown`.
  void add(std::string_view path, std::string_view shown) {
    if (!paths_.insert(path).second) volume_.invalid(shown, "conflicting duplicate paths");
  }

 private:
  const At& volume_;
  std::set<std::string_view> paths_;
};

void validate_keys(const At& source, Files& files) {
  auto name = source["name"].text();
  if (name.empty()) source["name"].required();
  At items = source["items"];
  for (uint32_t i = 0; i < items.size(); i++) {
    At item = items.item(i);
    validate_key_to_path(item);
    if (auto path = item["path"].text(); !path.empty()) files.add(path, name);
  }
}

void validate_downward_api(const At& source, Files& files) {
  AnyView items = source.value()["items"];
  for (uint32_t i = 0; i < items.size(); i++) {
    validate_downward_file(At(items.item(i), source.path(), source.errors()), source);
    if (auto path = items.item(i)["path"].as_string(); !path.empty()) files.add(path, path);
  }
}

void validate_token(const At& source, const At& volume, const PodSpecOptions& options) {
  At expiration = source["expirationSeconds"];
  constexpr int64_t kMin = 10 * 60, kMax = int64_t{1} << 32;
  if (expiration.number() < kMin)
    expiration.invalid(expiration.number(), "may not specify a duration less than 10 minutes");
  if (expiration.number() > kMax)
    expiration.invalid(expiration.number(), "may not specify a duration larger than 2^32 seconds");
  auto path = source["path"].text();
  // Upstream looks for it at the volume's level.
  if (path.empty())
    volume["path"].required();
  else if (!options.non_local_token_path)
    validate_local_path(volume["path"], path);
}

}  // namespace

void validate_projected_source(const At& projected, const PodSpecOptions& options) {
  validate_file_mode(projected["defaultMode"]);
  Files files(projected);
  At sources = projected["sources"];
  for (uint32_t i = 0; i < sources.size(); i++) {
    At source = sources.item(i);
    int found = 0;
    auto has = [&](std::string_view name) {
      bool present = source.value()[name].present();
      found += present;
      return present;
    };
    if (has("secret")) validate_keys(source["secret"], files);
    if (has("configMap")) validate_keys(source["configMap"], files);
    if (has("downwardAPI")) validate_downward_api(source["downwardAPI"], files);
    if (has("serviceAccountToken")) validate_token(source["serviceAccountToken"], projected, options);
    // Trust bundles and pod certificates are dropped before validation: their features are disabled at 1.36.
    if (found > 1) source.forbidden("may not specify more than 1 volume type per source");
  }
}

void validate_downward_file(const At& file, const At& place) {
  AnyView field = file.value()["fieldRef"], resource = file.value()["resourceFieldRef"];
  if (file["path"].text().empty()) file["path"].required();
  validate_local_path(file["path"]);
  if (field.present()) {
    validate_object_field_selector(file["fieldRef"], kVolumeFieldPaths);
    if (resource.present())
      place.invalid("resource", "fieldRef and resourceFieldRef can not be specified simultaneously");
  } else if (resource.present()) {
    validate_resource_field_selector(file["resourceFieldRef"], true);
  } else {
    place.required("one of fieldRef and resourceFieldRef is required");
  }
  validate_file_mode(file["mode"]);
}

void validate_key_to_path(const At& item) {
  if (item["key"].text().empty()) item["key"].required();
  if (item["path"].text().empty()) item["path"].required();
  validate_local_path(item["path"]);
  validate_file_mode(item["mode"]);
}

void validate_file_mode(const At& mode) {
  if (mode.present() && (mode.number() < 0 || mode.number() > 0777))
    mode.invalid(mode.number(), "must be a number between 0 and 0777 (octal), both inclusive");
}

bool has_backsteps(std::string_view path) {
  for (auto step : split(path, '/'))
    if (step == "..") return true;
  return false;
}

void validate_no_backsteps(const At& path) {
  if (has_backsteps(path.text())) path.invalid(path.text(), "must not contain '..'");
}

void validate_local_path(const At& place, std::string_view path) {
  if (path.starts_with('/')) place.invalid(path, "must be a relative path");
  if (has_backsteps(path))
    place.invalid(path, "must not contain '..'");
  if (path.starts_with("..") && !path.starts_with("../")) place.invalid(path, "must not start with '..'");
}
void validate_local_path(const At& path) { validate_local_path(path, path.text()); }

void validate_descending_path(const At& path) {
  if (path.text().starts_with('/')) path.invalid(path.text(), "must be a relative path");
  validate_no_backsteps(path);
}

}  // namespace sampan::registry
