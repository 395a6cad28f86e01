// See downward.h.
#include "kubelet/downward.h"

#include "base/text.h"

namespace sampan::kubelet {

using schema::Quantity;

namespace {

std::string joined(const std::vector<std::string>& texts) { return join(texts, ","); }

std::string lines_of(schema::MapView<std::string_view> map) {
  std::string out;
  for (auto entry : map) append(out, out.empty() ? "" : "\n", entry.key, "=", quoted(entry.value));
  return out;
}

}  // namespace

Result<std::string> field_value(const core_v1::Pod& pod, const core_v1::ObjectFieldSelector& field, const PodAddresses& addresses) {
  auto path = field.field_path();
  auto meta = pod.metadata();
  if (path.ends_with("']")) {
    for (auto [prefix, map] : {std::pair{std::string_view("metadata.labels['"), meta.labels()}, std::pair{std::string_view("metadata.annotations['"), meta.annotations()}})
      if (path.starts_with(prefix)) return std::string(map.get(path.substr(prefix.size(), path.size() - prefix.size() - 2)).value_or(""));
    return fail(failure(concat("field label does not support subscript: ", path)));
  }
  if (path == "metadata.name") return std::string(meta.name());
  if (path == "metadata.namespace") return std::string(meta.namespace_());
  if (path == "metadata.uid") return std::string(meta.uid());
  if (path == "metadata.labels") return lines_of(meta.labels());
  if (path == "metadata.annotations") return lines_of(meta.annotations());
  if (path == "spec.nodeName" || path == "spec.host") return std::string(pod.spec().node_name());
  if (path == "spec.serviceAccountName") return std::string(pod.spec().service_account_name());
  if (path == "status.hostIP") return addresses.host_ips.empty() ? "" : addresses.host_ips[0];
  if (path == "status.hostIPs") return joined(addresses.host_ips);
  if (path == "status.podIP") return addresses.pod_ips.empty() ? "" : addresses.pod_ips[0];
  if (path == "status.podIPs") return joined(addresses.pod_ips);
  return fail(failure(concat("unsupported fieldPath: ", path)));
}

Result<std::string> resource_value(const core_v1::Pod& pod, const core_v1::Container& container, const core_v1::ResourceFieldSelector& field,
                                   const Quantities& allocatable) {
  auto asked = container;
  if (!field.container_name().empty()) {
    auto other = find_container(pod, field.container_name());
    if (!other) return fail(failure(concat("container ", field.container_name(), " not found")));
    asked = other->container;
  }
  auto resource = field.resource();
  auto dot = resource.find('.');
  auto list = resource.substr(0, dot), name = dot == std::string_view::npos ? std::string_view() : resource.substr(dot + 1);
  bool known = name == "cpu" || name == "memory" || name == "ephemeral-storage" || name.starts_with("hugepages-");
  if (!known || (list != "limits" && list != "requests")) return fail(failure(concat("unsupported container resource : ", resource)));
  auto values = list == "limits" ? limits_of(pod, asked) : quantities(asked.resources().requests());
  auto at = values.find(name);
  Quantity value = at == values.end() ? Quantity() : at->second;
  if (list == "limits" && at == values.end() && allocatable.contains(name)) value = allocatable.find(name)->second;
  auto divisor = Quantity::stored(field.divisor().empty() ? "1" : field.divisor());
  if (divisor.is_zero()) divisor = Quantity(1);
  int64_t number = name == "cpu" ? value.milli_value() : value.value();
  int64_t unit = std::max<int64_t>(name == "cpu" ? divisor.milli_value() : divisor.value(), 1);
  return concat(number / unit + (number % unit > 0));
}

std::string expand(std::string_view text, const std::function<std::optional<std::string_view>(std::string_view)>& lookup) {
  std::string out;
  for (size_t i = 0; i < text.size(); i++) {
    if (text[i] != '$' || i + 1 == text.size()) {
      out += text[i];
      continue;
    }
    char next = text[++i];
    auto end = next == '(' ? text.find(')', i + 1) : std::string_view::npos;
    if (next == '$') {
      out += '$';
    } else if (end != std::string_view::npos) {
      auto name = text.substr(i + 1, end - i - 1);
      if (auto value = lookup(name))
        out += *value;
      else
        append(out, "$(", name, ")");
      i = end;
    } else {
      append(out, '$', next);
    }
  }
  return out;
}

}  // namespace sampan::kubelet
