// Ingress: names and paths of HTTP that lead to services.
#include "base/text.h"
#include "registry/addresses.h"
#include "registry/at.h"
#include "registry/columns.h"
#include "registry/networking/reference.h"

namespace sampan::registry {

namespace ingress {

using schema::AnyView;

constexpr std::string_view kClassAnnotation = "kubernetes.io/ingress.class";

// What an object that was stored under older rules may keep.
struct Tolerated {
  bool secret_names = false;
  bool wildcard_rules = false;
};

void validate_service_backend(const At& backend) {
  At service = backend["service"];
  At name = service["name"], port = service["port"];
  if (name.empty())
    name.required();
  else
    name.must_be(check_dns1123_label);
  bool has_name = !port["name"].empty(), has_number = port["number"].number() != 0;
  if (has_name && has_number) {
    backend.invalid(Shown(""), "cannot set both port name & port number");
  } else if (has_name) {
    port["name"].must_be(check_port_name);
  } else if (has_number) {
    Complaints complaints;
    check_port_number(port["number"].number(), complaints);
    for (const auto& complaint : complaints) port["number"].invalid(complaint);
  } else {
    backend.required("port name or number is required");
  }
}

void validate_backend(const At& backend) {
  bool resource = backend["resource"].present(), service = backend["service"].present();
  if (resource && service)
    backend.invalid(Shown(""), "cannot set both resource and service backends");
  else if (resource)
    networking::validate_typed_reference(backend["resource"]);
  else if (service)
    validate_service_backend(backend);
  else
    backend.invalid(Shown(""), "resource or service backend is required");
}

void validate_path_text(const At& path) {
  auto text = path.text();
  if (!text.starts_with('/')) path.invalid(Shown(text), "must be an absolute path");
  if (text.empty()) return;
  for (auto sequence : {"//", "/./", "/../", "%2f", "%2F"})
    if (text.find(sequence) != std::string_view::npos) path.invalid(concat("must not contain '", sequence, "'"));
  for (auto suffix : {"/..", "/."})
    if (text.ends_with(suffix)) path.invalid(concat("cannot end with '", suffix, "'"));
}

void validate_path(const At& path) {
  At type = path["pathType"], text = path["path"];
  if (!type.present()) {
    type.required("pathType must be specified");
    return;
  }
  if (type.text() == "Exact" || type.text() == "Prefix") {
    validate_path_text(text);
  } else if (type.text() == "ImplementationSpecific") {
    if (!text.empty() && !text.text().starts_with('/')) text.invalid("must be an absolute path");
  } else {
    type.not_supported({"Exact", "ImplementationSpecific", "Prefix"});
  }
  validate_backend(path["backend"]);
}

void validate_rule_value(const At& rule) {
  At http = rule["http"];
  if (!http.present()) return;
  At paths = http["paths"];
  if (paths.size() == 0) paths.required();
  for (uint32_t i = 0; i < paths.size(); i++) validate_path(paths.item(i));
}

bool is_wildcard(std::string_view host) { return host.find('*') != std::string_view::npos; }

void validate_rules(const At& rules, const Tolerated& tolerated) {
  for (uint32_t i = 0; i < rules.size(); i++) {
    At rule = rules.item(i);
    At host = rule["host"];
    if (!host.empty()) {
      if (parse_ip(host.text())) host.invalid("must be a DNS name, not an IP address");
      host.must_be(is_wildcard(host.text()) ? check_wildcard_dns1123_subdomain : check_dns1123_subdomain);
    }
    if (!is_wildcard(host.text()) || !tolerated.wildcard_rules) validate_rule_value(rule);
  }
}

void validate_tls(const At& list, const Tolerated& tolerated) {
  for (uint32_t i = 0; i < list.size(); i++) {
    At tls = list.item(i);
    At hosts = tls["hosts"], secret = tls["secretName"];
    for (uint32_t j = 0; j < hosts.size(); j++)
      hosts.item(j).must_be(is_wildcard(hosts.item(j).text()) ? check_wildcard_dns1123_subdomain : check_dns1123_subdomain);
    if (!tolerated.secret_names && !secret.empty()) secret.must_be(check_dns1123_subdomain);
  }
}

void validate_spec(const Object& object, const Tolerated& tolerated, FieldErrors& errors) {
  Path path("spec");
  At spec(object["spec"], path, errors);
  if (spec["rules"].size() == 0 && !spec["defaultBackend"].present())
    spec.invalid(errors.shown(spec["rules"].path(), spec["rules"].value()), "either `defaultBackend` or `rules` must be specified");
  if (spec["defaultBackend"].present()) validate_backend(spec["defaultBackend"]);
  validate_rules(spec["rules"], tolerated);
  validate_tls(spec["tls"], tolerated);
  if (At name = spec["ingressClassName"]; name.present()) name.must_be(check_dns1123_subdomain);
}

void validate(const Object& object, FieldErrors& errors) {
  validate_spec(object, {}, errors);
  auto name = object["spec"]["ingressClassName"];
  if (!has_annotation(object, kClassAnnotation) || !name.present()) return;
  if (auto value = annotation_of(object, kClassAnnotation); value != name.as_string())
    errors.invalid(Path("annotations").child(kClassAnnotation), value, "must match `ingressClassName` when both are specified");
}

Tolerated tolerated_because_of(const Object& old) {
  Tolerated tolerated;
  Complaints complaints;
  auto tls = old["spec"]["tls"];
  for (uint32_t i = 0; i < tls.size(); i++)
    if (auto name = tls.item(i)["secretName"].as_string(); !name.empty()) check_dns1123_subdomain(name, complaints);
  tolerated.secret_names = !complaints.empty();
  FieldErrors errors;
  Path root;
  At rules(old["spec"]["rules"], root.child("rules"), errors);
  for (uint32_t i = 0; i < rules.size(); i++)
    if (is_wildcard(rules.value().item(i)["host"].as_string())) validate_rule_value(rules.item(i));
  tolerated.wildcard_rules = !errors.empty();
  return tolerated;
}

void validate_update(const Object& object, const Object& old, FieldErrors& errors) {
  validate_spec(object, tolerated_because_of(old), errors);
}

void validate_status(std::string_view, const Object& object, const Object& old, FieldErrors& errors) {
  Path path("status");
  At status(object["status"], path, errors);
  At balancer = status["loadBalancer"];
  At list = balancer["ingress"];
  auto before = old["status"]["loadBalancer"]["ingress"];
  for (uint32_t i = 0; i < list.size(); i++) {
    At item = list.item(i);
    At ip = item["ip"], host = item["hostname"];
    bool was_there = false;
    for (uint32_t j = 0; j < before.size(); j++) was_there |= before.item(j)["ip"].as_string() == ip.text();
    if (!ip.empty() && !was_there) require_legacy_ip(errors, ip.path(), ip.text());
    if (host.empty()) continue;
    host.must_be(check_dns1123_subdomain);
    if (parse_ip(host.text())) host.invalid("must be a DNS name, not an IP address");
  }
}

void warnings(const Object& object, const Object* old, Warnings& out) {
  if (!old && has_annotation(object, kClassAnnotation) && !object["spec"]["ingressClassName"].present())
    out.push_back(concat("annotation ", quoted(kClassAnnotation), " is deprecated, please use 'spec.ingressClassName' instead"));
}

constexpr Column kColumns[] = {
    kNameColumn,
    {"Class", "string", "",
     "The name of the IngressClass resource that should be used for additional configuration"},
    {"Hosts", "string", "",
     "Hosts that incoming requests are matched against before the ingress rule"},
    {"Address", "string", "", "Address is a list containing ingress points for the load-balancer"},
    {"Ports", "string", "", "Ports of TLS configurations that open"},
    kAgeColumn,
};

std::string hosts_text(const AnyView& rules) {
  constexpr size_t kShown = 3;
  std::vector<std::string> hosts;
  bool more = false;
  for (uint32_t i = 0; i < rules.size(); i++) {
    if (hosts.size() == kShown) more = true;
    if (auto host = rules.item(i)["host"].as_string(); !more && !host.empty()) hosts.emplace_back(host);
  }
  if (hosts.empty()) return "*";
  auto out = join(hosts, ",");
  if (more) append(out, " + ", rules.size() - kShown, " more...");
  return out;
}

std::string addresses_text(const AnyView& list) {
  std::vector<std::string> out;
  for (uint32_t i = 0; i < list.size(); i++) {
    auto ip = list.item(i)["ip"].as_string(), host = list.item(i)["hostname"].as_string();
    if (!ip.empty() || !host.empty()) out.emplace_back(ip.empty() ? host : ip);
  }
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return join(out, ",");
}

void row(const Object& object, Row& row) {
  auto spec = object["spec"];
  name_cell(object, row);
  row.text(spec["ingressClassName"].present() ? spec["ingressClassName"].as_string() : "<none>");
  row.text(hosts_text(spec["rules"]));
  row.text(addresses_text(object["status"]["loadBalancer"]["ingress"]));
  row.text(spec["tls"].size() > 0 ? "80, 443" : "80");
  age_cell(object, row);
}

}  // namespace ingress

extern const Rules kIngressRules{
    .group = "networking.k8s.io",
    .kind = "Ingress",
    .validate = ingress::validate,
    .validate_update = ingress::validate_update,
    .validate_subresource = ingress::validate_status,
    .warnings = ingress::warnings,
    .update_checks_whole = true,
    .columns = ingress::kColumns,
    .row = ingress::row,
};

}  // namespace sampan::registry
