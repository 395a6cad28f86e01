// The environment of containers, and the fields of pods and resources that it and downward volumes read.
#include "base/text.h"
#include "registry/core/pod_rules.h"

namespace sampan::registry {

namespace {

constexpr std::string_view kEnvFieldPaths[] = {"metadata.name",           "metadata.namespace", "metadata.uid",  "spec.nodeName",
                                               "spec.serviceAccountName", "status.hostIP",      "status.hostIPs", "status.podIP",
                                               "status.podIPs"};
// All that a downward API of any kind knows; what a place takes of them is narrower.
constexpr std::string_view kKnownFieldPaths[] = {
    "metadata.annotations", "metadata.labels",  "metadata.name",           "metadata.namespace", "metadata.uid",
    "spec.nodeName",        "spec.restartPolicy", "spec.serviceAccountName", "spec.schedulerName", "status.phase",
    "status.hostIP",        "status.hostIPs",   "status.podIP",            "status.podIPs",      "spec.host"};
constexpr std::string_view kResourcePaths[] = {"limits.cpu",   "limits.ephemeral-storage",   "limits.memory",
                                               "requests.cpu", "requests.ephemeral-storage", "requests.memory"};
constexpr std::string_view kByteDivisors[] = {"1",   "1k",  "1M",  "1G",  "1T",  "1P", "1E",
                                              "1Ki", "1Mi", "1Gi", "1Ti", "1Pi", "1Ei"};
constexpr std::string_view kCpuDivisors[] = {"1m", "1"};

bool contains(std::span<const std::string_view> list, std::string_view text) {
  return std::find(list.begin(), list.end(), text) != list.end();
}

bool is_huge_page_path(std::string_view path) {
  return path.starts_with("requests.hugepages-") || path.starts_with("limits.hugepages-");
}

void validate_divisor(const At& selector) {
  auto resource = selector["resource"].text();
  Quantity divisor = Quantity::stored(selector["divisor"].text());
  if (divisor.is_zero()) return;
  auto complain_unless = [&](std::span<const std::string_view> good, std::string_view list, std::string_view what) {
    if (!contains(good, divisor.text()))
      selector["divisor"].invalid(resource, concat("only divisor's values ", list, " are supported with the ", what));
  };
  constexpr std::string_view kBytes = "1, 1k, 1M, 1G, 1T, 1P, 1E, 1Ki, 1Mi, 1Gi, 1Ti, 1Pi, 1Ei";
  if (resource == "limits.cpu" || resource == "requests.cpu")
    complain_unless(kCpuDivisors, "1m and 1", "cpu resource");
  else if (resource == "limits.memory" || resource == "requests.memory")
    complain_unless(kByteDivisors, kBytes, "memory resource");
  else if (resource == "limits.ephemeral-storage" || resource == "requests.ephemeral-storage")
    complain_unless(kByteDivisors, kBytes, "local ephemeral storage resource");
  else if (is_huge_page_path(resource))
    complain_unless(kByteDivisors, kBytes, "hugepages resource");
}

void validate_key_ref(const At& ref) {
  require_name(ref["name"]);
  At key = ref["key"];
  if (key.text().empty())
    key.required();
  else
    key.must_be(check_config_map_key);
}

void validate_file_ref(const At& ref) {
  At key = ref["key"], volume = ref["volumeName"], path = ref["path"];
  if (key.text().empty())
    key.required();
  else
    key.must_be(check_env_var_name);
  if (volume.text().empty())
    volume.required();
  else
    volume.must_be(check_dns1123_label);
  if (path.text().empty())
    path.required();
  else
    validate_no_backsteps(path);
}

void validate_value_from(const At& from, std::string_view value) {
  if (!from.present()) return;
  int found = 0;
  auto has = [&](std::string_view name) {
    bool present = from.value()[name].present();
    found += present;
    return present;
  };
  if (has("fieldRef")) validate_object_field_selector(from["fieldRef"], kEnvFieldPaths);
  if (has("resourceFieldRef")) validate_resource_field_selector(from["resourceFieldRef"], false);
  if (has("configMapKeyRef")) validate_key_ref(from["configMapKeyRef"]);
  if (has("secretKeyRef")) validate_key_ref(from["secretKeyRef"]);
  if (has("fileKeyRef")) validate_file_ref(from["fileKeyRef"]);
  if (found == 0)
    from.invalid("", "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`");
  else if (!value.empty())
    from.invalid("", "may not be specified when `value` is not empty");
  else if (found > 1)
    from.invalid("", "may not have more than one field specified at a time");
}

// "metadata.labels['key']" in its two parts.
bool split_subscript(std::string_view text, std::string_view& path, std::string_view& subscript) {
  if (!text.ends_with("']")) return false;
  size_t open = text.find("['");
  if (open == std::string_view::npos || open == 0 || open + 2 > text.size() - 2) return false;
  path = text.substr(0, open);
  subscript = text.substr(open + 2, text.size() - open - 4);
  return true;
}

}  // namespace

void validate_object_field_selector(const At& selector, std::span<const std::string_view> paths) {
  At version = selector["apiVersion"], field = selector["fieldPath"];
  if (version.text().empty()) return version.required();
  if (field.text().empty()) return field.required();
  if (version.text() != "v1")
    return field.invalid(concat("error converting fieldPath: unsupported pod version: ", version.text()));
  std::string_view path, subscript;
  if (split_subscript(field.text(), path, subscript)) {
    bool annotation = path == "metadata.annotations";
    if (!annotation && path != "metadata.labels")
      return field.invalid(concat("error converting fieldPath: field label does not support subscript: ", field.text()));
    auto key = annotation ? to_lower(subscript) : std::string(subscript);
    return require_qualified_name(selector.errors(), selector.path(), key);
  }
  if (!contains(kKnownFieldPaths, field.text()))
    return field.invalid(concat("error converting fieldPath: field label not supported: ", field.text()));
  // An old name of the node.
  auto name = field.text() == "spec.host" ? std::string_view("spec.nodeName") : field.text();
  if (!contains(paths, name)) selector.errors().not_supported(field.path(), Shown(name), paths);
}

void validate_resource_field_selector(const At& selector, bool in_volume) {
  At container = selector["containerName"], resource = selector["resource"];
  if (in_volume && container.text().empty())
    container.required();
  else if (resource.text().empty())
    resource.required();
  else if (!contains(kResourcePaths, resource.text()) && !is_huge_page_path(resource.text()))
    selector.errors().not_supported(resource.path(), Shown(resource.text()), kResourcePaths);
  validate_divisor(selector);
}

void validate_env(const At& env) {
  for (uint32_t i = 0; i < env.size(); i++) {
    At variable = env.item(i);
    At name = variable["name"];
    if (name.text().empty())
      name.required();
    else
      name.must_be(check_env_var_name);
    validate_value_from(variable["valueFrom"], variable["value"].text());
  }
}

void validate_env_from(const At& env_from) {
  for (uint32_t i = 0; i < env_from.size(); i++) {
    At source = env_from.item(i);
    At prefix = source["prefix"];
    if (!prefix.text().empty()) prefix.must_be(check_env_var_name);
    int found = 0;
    for (auto kind : {"configMapRef", "secretRef"}) {
      At ref = source[kind];
      if (!ref.present()) continue;
      found++;
      At name = ref["name"];
      Complaints complaints;
      name_is_dns_subdomain(name.text(), true, complaints);
      if (name.text().empty())
        name.required();
      else
        report(name.errors(), name.path(), name.text(), complaints);
    }
    // About the list, not the entry.
    if (found == 0) env_from.invalid("", "must specify one of: `configMapRef` or `secretRef`");
    if (found > 1) env_from.invalid("", "may not have more than one field specified at a time");
  }
}

}  // namespace sampan::registry
