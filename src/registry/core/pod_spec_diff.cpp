#include "registry/core/pod_spec_diff.h"

#include "base/text.h"
#include "registry/line_diff.h"
#include "schema/go_text.h"
#include "schema/json.h"
#include "schema/quantity.h"

namespace sampan::registry {

namespace {

using schema::AnyView;
using schema::Field;
using schema::Kind;
using schema::Type;

// Upstream's internal types are those of v1, but for three structs that have another order.
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

// Indented JSON of the internal form.
class Printer {
 public:
  std::string out;

  void value(const AnyView& view) {
    switch (view.kind()) {
      case Kind::Struct: return structure(view.type(), view);
      case Kind::List: return list(view);
      case Kind::Map: return map(view);
      default: return schema::write_json(out, view);
    }
  }

 private:
  void open(char bracket) {
    out += bracket;
    depth_++;
    empty_ = true;
  }
  void item() {
    out += empty_ ? "\n" : ",\n";
    out.append(depth_, ' ');
    empty_ = false;
  }
  void close(char bracket) {
    depth_--;
    if (!empty_) {
      out += '\n';
      out.append(depth_, ' ');
    }
    out += bracket;
    empty_ = false;
  }
  void key(std::string_view name) {
    item();
    schema::write_json_string(out, name);
    out += ": ";
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
    } else if (name == "PersistentVolumeClaimTemplate") {
      if (AnyView metadata = view["metadata"]; metadata.present()) tagged(metadata);
      field(type, view, "spec");
    } else {
      for (const Field& inner : type.fields) field(type, view, inner.name);
    }
    close('}');
  }

  void zero(const Type& type, bool pointer) {
    if (pointer || type.kind == Kind::List || type.kind == Kind::Map) {
      out += "null";
    } else if (type.kind == Kind::Struct) {
      structure(type, AnyView());
    } else if (type.kind == Kind::Bool) {
      out += "false";
    } else if (type.kind == Kind::Quantity) {
      out += "\"0\"";
    } else if (type.kind == Kind::String) {
      out += "\"\"";
    } else {
      out += "0";
    }
  }

  size_t depth_ = 0;
  bool empty_ = true;
  AnyView spec_;
  const Type* spec_type_ = nullptr;
};

bool is_empty(const AnyView& view) {
  if (!view.present()) return true;
  return (view.kind() == Kind::List || view.kind() == Kind::Map) && view.size() == 0;
}

}  // namespace

bool semantically_equal(const AnyView& a, const AnyView& b) {
  if (is_empty(a) || is_empty(b)) return is_empty(a) && is_empty(b);
  switch (a.kind()) {
    case Kind::Quantity: return schema::Quantity::stored(a.as_string()) == schema::Quantity::stored(b.as_string());
    case Kind::Struct:
      for (unsigned i = 0; i < a.type().fields.size(); i++)
        if (!semantically_equal(a.field(i), b.field(i))) {
          // A struct by value that is absent equals one with nothing in it.
          const Field& field = a.type().fields[i];
          AnyView present = a.field(i).present() ? a.field(i) : b.field(i);
          if (field.type->kind != Kind::Struct || field.is(Field::Nullable) || (a.field(i).present() && b.field(i).present())) return false;
          for (unsigned j = 0; j < field.type->fields.size(); j++)
            if (!is_empty(present.field(j))) return false;
        }
      return true;
    case Kind::List:
      if (a.size() != b.size()) return false;
      for (uint32_t i = 0; i < a.size(); i++)
        if (!semantically_equal(a.item(i), b.item(i))) return false;
      return true;
    case Kind::Map:
      if (a.size() != b.size()) return false;
      for (uint32_t i = 0; i < a.size(); i++)
        if (a.key(i) != b.key(i) || !semantically_equal(a.value(i), b.value(i))) return false;
      return true;
    default: return a.equals(b);
  }
}

std::string pod_spec_diff(const AnyView& before, const AnyView& after) {
  Printer a, b;
  a.value(before);
  b.value(after);
  return line_diff(a.out, b.out);
}

}  // namespace sampan::registry
