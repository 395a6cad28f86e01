// What is taken out of pod specs because its feature is disabled in 1.36 by default.
#include "registry/core/pod_rules.h"

namespace sampan::registry {

namespace {

// Does any projected volume of the old spec have a source of this kind?
bool has_projection(const AnyView& spec, std::string_view kind) {
  AnyView volumes = spec["volumes"];
  for (uint32_t i = 0; i < volumes.size(); i++) {
    AnyView sources = volumes.item(i)["projected"]["sources"];
    for (uint32_t j = 0; j < sources.size(); j++)
      if (sources.item(j)[kind].present()) return true;
  }
  return false;
}

void drop_projections(Value spec, std::string_view kind) {
  for (Value volume : spec["volumes"].items())
    for (Value source : volume["projected"]["sources"].items()) source.remove(kind);
}

// Feature ContainerStopSignals.
void drop_stop_signals(Value spec, const AnyView& old_spec) {
  bool used = false;
  each_container(old_spec, [&](const AnyView& container) { used |= container["lifecycle"]["stopSignal"].present(); });
  if (used) return;
  for (auto list : {"initContainers", "containers", "ephemeralContainers"})
    for (Value container : spec[list].items()) {
      Value lifecycle = container["lifecycle"];
      if (lifecycle.remove("stopSignal") && lifecycle.empty()) container.remove("lifecycle");
    }
}

}  // namespace

void drop_disabled_spec_fields(Value spec, const AnyView& old_spec) {
  if (!spec.is_object()) return;
  // Features ClusterTrustBundleProjection, PodCertificateRequest and GenericWorkload.
  for (auto kind : {"clusterTrustBundle", "podCertificate"})
    if (!has_projection(old_spec, kind)) drop_projections(spec, kind);
  if (!old_spec["schedulingGroup"].present()) spec.remove("schedulingGroup");
  drop_stop_signals(spec, old_spec);
}

void drop_disabled_template_fields(Value pod_template, const AnyView& old_template) {
  drop_disabled_spec_fields(pod_template["spec"], old_template["spec"]);
}

}  // namespace sampan::registry
