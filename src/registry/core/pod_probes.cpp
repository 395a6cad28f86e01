// Probes and hooks of containers.
#include "base/text.h"
#include "registry/core/pod_rules.h"

namespace sampan::registry {

namespace {

void validate_port(const At& port) {
  if (!port.present()) return port.invalid(0, "must be between 1 and 65535, inclusive");
  if (port.value().kind() == schema::Kind::IntOrString && port.value().as_int_or_string().is_string) {
    auto name = port.value().as_int_or_string().text;
    Complaints complaints;
    check_port_name(name, complaints);
    report(port.errors(), port.path(), name, complaints);
    return;
  }
  int64_t number = port.value().kind() == schema::Kind::IntOrString ? port.value().as_int_or_string().number : port.number();
  Complaints complaints;
  check_port_number(number, complaints);
  for (auto& complaint : complaints) port.invalid(number, complaint);
}

void validate_http_get(const At& action) {
  if (action["path"].text().empty()) action["path"].required();
  validate_port(action["port"]);
  action["scheme"].one_of({"HTTP", "HTTPS"});
  At headers = action["httpHeaders"];
  for (uint32_t i = 0; i < headers.size(); i++) {
    auto name = headers.value().item(i)["name"].as_string();
    Complaints complaints;
    check_http_header_name(name, complaints);
    report(headers.errors(), headers.path(), name, complaints);
  }
}

void validate_sleep(const At& sleep, std::optional<int64_t> grace_seconds) {
  int64_t seconds = sleep["seconds"].number();
  if (grace_seconds && (seconds < 0 || seconds > *grace_seconds))
    sleep.invalid(seconds, concat("must be non-negative and less than terminationGracePeriodSeconds (", *grace_seconds, ")"));
}

// Of a probe or a hook: exactly one way to do it.
void validate_handler(const At& handler, std::initializer_list<std::string_view> kinds, std::optional<int64_t> grace_seconds) {
  bool found = false;
  for (auto kind : kinds) {
    At action = handler[kind];
    if (!action.present()) continue;
    if (found) {
      action.forbidden("may not specify more than 1 handler type");
      continue;
    }
    found = true;
    if (kind == "exec") {
      if (action["command"].size() == 0) action["command"].required();
    } else if (kind == "httpGet") {
      validate_http_get(action);
    } else if (kind == "sleep") {
      validate_sleep(action, grace_seconds);
    } else {
      validate_port(action["port"]);
    }
  }
  if (!found) handler.required("must specify a handler type");
}

void validate_probe(const At& probe, const ContainerContext& context) {
  validate_handler(probe, {"exec", "httpGet", "tcpSocket", "grpc"}, context.grace_seconds);
  for (auto field : {"initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold"})
    probe[field].not_negative();
  At grace = probe["terminationGracePeriodSeconds"];
  if (grace.present() && grace.number() <= 0) grace.invalid(grace.number(), "must be greater than 0");
}

}  // namespace

void validate_probes(const At& container, const ContainerContext& context) {
  for (auto kind : {"livenessProbe", "readinessProbe", "startupProbe"}) {
    At probe = container[kind];
    if (!probe.present()) continue;
    validate_probe(probe, context);
    if (kind == std::string_view("readinessProbe")) {
      At grace = probe["terminationGracePeriodSeconds"];
      if (grace.present()) grace.invalid(grace.number(), "must not be set for readinessProbes");
    } else if (probe["successThreshold"].number() != 1) {
      probe["successThreshold"].invalid(probe["successThreshold"].number(), "must be 1");
    }
  }
}

void validate_lifecycle(const At& lifecycle, const ContainerContext& context) {
  for (auto hook : {"postStart", "preStop"}) {
    At handler = lifecycle[hook];
    if (handler.present()) validate_handler(handler, {"exec", "httpGet", "tcpSocket", "sleep"}, context.grace_seconds);
  }
}

}  // namespace sampan::registry
