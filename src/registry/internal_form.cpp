#include "registry/internal_form.h"

#include "schema/go_text.h"
#include "schema/json.h"

namespace sampan::registry {

namespace {

using schema::AnyView;
using schema::Field;
using schema::Kind;
using schema::Type;
using schema::Value;

// The types whose fields have another order there.
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
constexpr std::string_view kPersistentVolumeOrder[] = {
    "capacity", "gcePersistentDisk", "awsElasticBlockStore", "hostPath", "glusterfs", "nfs", "rbd", "quobyte", "iscsi", "flexVolume", "cinder",
    "cephfs", "fc", "flocker", "azureFile", "vsphereVolume", "azureDisk", "photonPersistentDisk", "portworxVolume", "scaleIO", "local",
    "storageos", "csi", "accessModes", "claimRef", "persistentVolumeReclaimPolicy", "storageClassName", "mountOptions", "volumeMode",
    "nodeAffinity", "volumeAttributesClassName"};
constexpr std::string_view kVolumeOrder[] = {
    "name", "hostPath", "emptyDir", "gcePersistentDisk", "awsElasticBlockStore", "gitRepo", "secret", "nfs", "iscsi", "glusterfs",
    "persistentVolumeClaim", "rbd", "quobyte", "flexVolume", "cinder", "cephfs", "flocker", "downwardAPI", "fc", "azureFile", "configMap",
    "vsphereVolume", "azureDisk", "photonPersistentDisk", "projected", "portworxVolume", "scaleIO", "storageos", "csi", "ephemeral", "image"};

std::string_view short_name(const Type& type) { return type.name.substr(type.name.rfind('.') + 1); }

class Printer {
 public:
  explicit Printer(Layout layout) : indented_(layout == Layout::Indented) {}
  std::string out;

  // `sent` is the tree that the value came from, if it is known: it tells what is empty from what is absent.
  void value(const AnyView& view, Value sent) {
    switch (view.kind()) {
      case Kind::Struct: return structure(view.type(), view, sent);
      case Kind::List: return list(view, sent);
      case Kind::Map: return map(view, sent);
      default: return schema::write_json(out, view);
    }
  }

  void zero(const Type& type, bool pointer, Value sent) {
    if (auto text = empty_text(sent); !text.empty() && (type.kind >= Kind::List || type.kind == Kind::Bytes)) {
      out += text;
      return;
    }
    if (pointer) {
      out += "null";
      return;
    }
    switch (type.kind) {
      case Kind::Struct: return structure(type, AnyView(), sent);
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

  void list(const AnyView& view, Value sent) {
    open('[');
    for (uint32_t i = 0; i < view.size(); i++) {
      item();
      value(view.item(i), sent.is_list() && i < sent.size() ? sent.at(i) : Value());
    }
    close(']');
  }
  void map(const AnyView& view, Value sent) {
    open('{');
    for (uint32_t i = 0; i < view.size(); i++) {
      key(view.key(i));
      value(view.value(i), sent[view.key(i)]);
    }
    close('}');
  }

  void member(const Field& field, const AnyView& parent, Value sent) {
    if (AnyView inner = parent[field.name]; inner.present())
      value(inner, sent[field.name]);
    else
      zero(*field.type, field.is(Field::Nullable), sent[field.name]);
  }

  void field(const Type& type, const AnyView& parent, std::string_view name, Value sent) {
    const Field* field = type.find(name);
    if (!field) return;
    key(schema::go_field_name(type, name));
    member(*field, parent, sent);
  }

  void fields(const Type& type, const AnyView& view, std::span<const std::string_view> names, Value sent) {
    for (auto name : names) field(type, view, name, sent);
  }

  // A struct of the meta group, which has JSON names inside too and leaves out what is empty.
  void tagged(const AnyView& view, Value sent) {
    for (const Field& field : view.type().fields) {
      if (!view[field.name].present() && !field.is(Field::Always)) continue;
      key(field.name);
      member(field, view, sent);
    }
  }

  // `view` may be absent: then its zero value is shown.
  void structure(const Type& type, const AnyView& view, Value sent) {
    auto name = short_name(type);
    open('{');
    if (type.name.find(".apimachinery.") != std::string_view::npos) {
      if (view.present()) tagged(view, sent);
    } else if (name == "PodSpec") {
      spec_ = view;
      spec_type_ = &type;
      spec_sent_ = sent;
      fields(type, view, kSpecOrder, sent);
    } else if (name == "PodSecurityContext") {
      // The namespaces of the host stand here inside.
      if (spec_type_) fields(*spec_type_, spec_, kHostFields, spec_sent_);
      fields(type, view, kSecurityOrder, sent);
    } else if (name == "Volume") {
      fields(type, view, kVolumeOrder, sent);
    } else if (name == "PersistentVolumeSpec") {
      fields(type, view, kPersistentVolumeOrder, sent);
    } else {
      for (const Field& inner : type.fields) {
        // Embedded: its members stand here.
        if (inner.name == "metadata" && inner.type->name.ends_with(".ObjectMeta")) {
          if (AnyView metadata = view["metadata"]; metadata.present()) tagged(metadata, sent["metadata"]);
        } else {
          field(type, view, inner.name, sent);
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
  Value spec_sent_;
};

}  // namespace

std::string_view empty_text(Value sent) {
  if (!sent.empty()) return {};
  if (sent.is_list()) return "[]";
  if (sent.is_object()) return "{}";
  return sent.is_string() && sent.as_string().empty() ? "\"\"" : std::string_view();
}

std::string internal_form(const AnyView& value, Layout layout, Value sent) {
  if (!value.present()) return "null";
  Printer printer(layout);
  printer.value(value, sent);
  return std::move(printer.out);
}

std::string internal_zero(const Field& field) {
  Printer printer(Layout::Compact);
  printer.zero(*field.type, field.is(Field::Nullable), {});
  return std::move(printer.out);
}

}  // namespace sampan::registry
