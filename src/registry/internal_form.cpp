#include "registry/internal_form.h"

#include "schema/go_text.h"
#include "schema/json.h"

namespace sampan::registry {

namespace {

using schema::AnyView;
using schema::Field;
using schema::Kind;
using schema::Type;

// The three.
constexpr std::string_view kSpecOrder[] = {
    "volumes", "initContainers", "containers", "ephemeralContainers", "restartPolicy", "terminationGracePeriodSeconds",
    "activeDeadlineSeconds", "dnsPolicy", "nodeSelector", "serviceAccountName", "automountServiceAccountToken", "nodeName", "securityContext",
    "imagePullSecrets", "hostname", "subdomain", "setHostnameAsFQDN", "affinity", "schedulerName", "tolerations", "hostAliases",
    "priorityClassName", "priority", "preemptionPolicy", "dnsConfig", "readinessGates", "runtimeClassName", "overhead", "enableServiceLinks",
    "topologySpreadConstraints", "os", "schedulingGates", "resourceClaims", "resources", "hostnameOverride", "schedulingGroup"};
constexpr std::string_view kHostFields[] = {"hostNetwork", "hostPID", "hostIPC", "shareProcessNamespace", "hostUsers"};
constexpr std::string_view kSecurityOrder[] = {
    "seLinuxOptions", "windowsOptions", "runAsUser", "runAsGroup", "runAsNonRoot", "supplementalGroups", "supplementalGroupsPolicy", "fsGroup",
    "fsGroupChangePolicy", "sysctls", "seccompProfile", "appArmorProfile", "seLinuxChangePolicy"};
constexpr std::string_view kVolumeOrder[] = {
    "name", "hostPath", "emptyDir", "gcePersistentDisk", "awsElasticBlockStore", "gitRepo", "secret", "nfs", "iscsi", "glusterfs",
    "persistentVolumeClaim", "rbd", "quobyte", "flexVolume", "cinder", "cephfs", "flocker", "downwardAPI", "fc", "azureFile", "configMap",
    "vsphereVolume", "azureDisk", "photonPersistentDisk", "projected", "portworxVolume", "scaleIO", "storageos", "csi", "ephemeral", "image"};

std::string_view short_name(const Type& type) { return type.name.substr(type.name.rfind('.') + 1); }

class Printer {
 public:
  explicit Printer(Layout layout) : indented_(layout == Layout::Indented) {}
  std::string out;

  void value(const AnyView& view) {
    switch (view.kind()) {
      case Kind::Struct: return structure(view.type(), view);
      case Kind::List: return list(view);
      case Kind::Map: return map(view);
      default: return schema::write_json(out, view);
    }
  }

  void zero(const Type& type, bool pointer) {
    if (pointer) {
      out += "null";
      return;
    }
    switch (type.kind) {
      case Kind::Struct: return structure(type, AnyView());
      case Kind::Bool: out += "false"; return;
      case Kind::Quantity: out += "\"0\""; return;
      case Kind::Duration: out += "\"0s\""; return;
      case Kind::String: out += "\"\""; return;
      case Kind::Int32:
      case Kind::Int64:
      case Kind::Double:
      case Kind::IntOrString: out += "0"; return;
      default: out += "null";
    }
  }

 private:
  void open(char bracket) {
    out += bracket;
    depth_++;
    empty_ = true;
  }
  void item() {
    if (!empty_) out += ',';
    if (indented_) out += '\n', out.append(depth_, ' ');
    empty_ = false;
  }
  void close(char bracket) {
    depth_--;
    if (!empty_ && indented_) out += '\n', out.append(depth_, ' ');
    out += bracket;
    empty_ = false;
  }
  void key(std::string_view name) {
    item();
    schema::write_json_string(out, name);
    out += indented_ ? ": " : ":";
  }

  void list(const AnyView& view) {
    open('[');
    for (uint32_t i = 0; i < view.size(); i++) {
      item();
      value(view.item(i));
    }
    close(']');
  }
  void map(const AnyView& view) {
    open('{');
    for (uint32_t i = 0; i < view.size(); i++) {
      key(view.key(i));
      value(view.value(i));
    }
    close('}');
  }

  void field(const Type& type, const AnyView& parent, std::string_view name) {
    const Field* field = type.find(name);
    if (!field) return;
    key(schema::go_field_name(type, name));
    if (AnyView inner = parent[name]; inner.present())
      value(inner);
    else
      zero(*field->type, field->is(Field::Nullable));
  }

  void fields(const Type& type, const AnyView& view, std::span<const std::string_view> names) {
    for (auto name : names) field(type, view, name);
  }

  // A struct of the meta group, which has JSON names inside too and leaves out what is empty.
  void tagged(const AnyView& view) {
    for (unsigned i = 0; i < view.type().fields.size(); i++) {
      AnyView inner = view.field(i);
      if (!inner.present()) continue;
      key(view.type().fields[i].name);
      value(inner);
    }
  }

  // `view` may be absent: then its zero value is shown.
  void structure(const Type& type, const AnyView& view) {
    auto name = short_name(type);
    open('{');
    if (type.name.find(".apimachinery.") != std::string_view::npos) {
      if (view.present()) tagged(view);
    } else if (name == "PodSpec") {
      spec_ = view;
      spec_type_ = &type;
      fields(type, view, kSpecOrder);
    } else if (name == "PodSecurityContext") {
      // The namespaces of the host stand here inside.
      if (spec_type_) fields(*spec_type_, spec_, kHostFields);
      fields(type, view, kSecurityOrder);
    } else if (name == "Volume") {
      fields(type, view, kVolumeOrder);
    } else {
      for (const Field& inner : type.fields) {
        // Embedded: its members stand here.
        if (inner.name == "metadata" && inner.type->name.ends_with(".ObjectMeta")) {
          if (AnyView metadata = view["metadata"]; metadata.present()) tagged(metadata);
        } else {
          field(type, view, inner.name);
        }
      }
    }
    close('}');
  }

  const bool indented_;
  size_t depth_ = 0;
  bool empty_ = true;
  AnyView spec_;
  const Type* spec_type_ = nullptr;
};

}  // namespace

std::string internal_form(const AnyView& value, Layout layout) {
  if (!value.present()) return "null";
  Printer printer(layout);
  printer.value(value);
  return std::move(printer.out);
}

std::string internal_zero(const Field& field) {
  Printer printer(Layout::Compact);
  printer.zero(*field.type, field.is(Field::Nullable));
  return std::move(printer.out);
}

}  // namespace sampan::registry
