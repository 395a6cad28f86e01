// What to tell those who write pod specs: what is deprecated, repeated, or does not do what it seems to.
#include "base/text.h"
#include "registry/addresses.h"
#include "registry/core/claim_spec.h"
#include "registry/core/node_labels.h"
#include "registry/core/pod_kind.h"
#include "registry/core/pod_rules.h"
#include "registry/core/volume_overlaps.h"

namespace sampan::registry {

namespace {

// A client could make a warning of each pair of a great many ports.
constexpr size_t kWarningsMax = 1000;
constexpr std::string_view kRequired = "requiredDuringSchedulingIgnoredDuringExecution";
constexpr std::string_view kPreferred = "preferredDuringSchedulingIgnoredDuringExecution";

constexpr std::pair<std::string_view, std::string_view> kOldAnnotations[] = {
    {"scheduler.alpha.kubernetes.io/critical-pod", "non-functional in v1.16+; use the \"priorityClassName\" field instead"},
    {"security.alpha.kubernetes.io/sysctls", "non-functional in v1.11+; use the \"sysctls\" field instead"},
    {"security.alpha.kubernetes.io/unsafe-sysctls", "non-functional in v1.11+; use the \"sysctls\" field instead"},
};

struct OldVolume {
  std::string_view field, shown, message;
};
constexpr OldVolume kOldVolumes[] = {
    {"photonPersistentDisk", "photonPersistentDisk", "deprecated in v1.11, non-functional in v1.16+"},
    {"gitRepo", "gitRepo", "deprecated in v1.11, and disabled by default in v1.33+"},
    {"scaleIO", "scaleIO", "deprecated in v1.16, non-functional in v1.22+"},
    {"flocker", "flocker", "deprecated in v1.22, non-functional in v1.25+"},
    {"storageos", "storageOS", "deprecated in v1.22, non-functional in v1.25+"},
    {"quobyte", "quobyte", "deprecated in v1.22, non-functional in v1.25+"},
    {"glusterfs", "glusterfs", "deprecated in v1.25, non-functional in v1.26+"},
    {"cephfs", "cephfs", "deprecated in v1.28, non-functional in v1.31+"},
    {"rbd", "rbd", "deprecated in v1.28, non-functional in v1.31+"},
};

// The warnings about one spec. `root` is where the pod or template is.
class Warner {
 public:
  Warner(const AnyView& spec, const AnyView& metadata, const Path& root, bool is_template, Warnings& out)
      : spec_(spec), annotations_(metadata["annotations"]), root_(root), spec_path_(root_.child("spec")), metadata_path_(root_.child("metadata")),
        is_template_(is_template), out_(out), at_(spec, spec_path_, no_errors_) {}

  void run() {
    node_labels();
    topology();
    old_annotations();
    volumes();
    warn_of_overlapping_paths(spec_["volumes"], out_);
    repeated("hostAliases", "ip", "duplicate ip ");
    repeated("imagePullSecrets", "name", "duplicate name ");
    pull_secrets();
    At overhead = at_["overhead"];
    fractions(overhead);
    if (!spec_["securityContext"]["seccompProfile"].present() && annotations_[kSeccompPodAnnotation].present())
      annotation(kSeccompPodAnnotation, "non-functional in v1.27+; use the \"seccompProfile\" field instead");
    each_container(at_, [&](const At& container) { of_container(container); });
    ports();
    port_names();
    At grace = at_["terminationGracePeriodSeconds"];
    if (grace.number() < 0) say(grace.path(), "must be >= 0; negative values are invalid and will be treated as 1");
    pod_affinity();
    addresses();
  }

 private:
  void say(const Path& path, std::string_view text) { out_.push_back(concat(path.text(), ": ", text)); }
  void annotation(std::string_view key, std::string_view text) {
    say(metadata_path_.child("annotations").key(key), text);
  }

  void node_term(const At& term, bool is_preferred) {
    At expressions = term["matchExpressions"];
    for (uint32_t i = 0; i < expressions.size(); i++) {
      At expression = expressions.item(i);
      auto key = expression["key"].text();
      if (auto message = deprecated_node_label(key); !message.empty())
        say(expression["key"].path(), concat(key, " is ", message));
      At values = expression["values"];
      for (uint32_t j = 0; j < values.size() && is_preferred; j++) {
        auto value = values.value().item(j).as_string();
        Complaints complaints;
        check_label_value(value, complaints);
        for (auto& complaint : complaints) say(values.path().index(j), concat(value, " is invalid, ", complaint));
      }
    }
  }

  void node_labels() {
    At selector = at_["nodeSelector"];
    for (uint32_t i = 0; i < selector.size(); i++)
      if (auto message = deprecated_node_label(selector.key(i)); !message.empty())
        say(selector.path().key(selector.key(i)), message);
    At affinity = at_["affinity"];
    At node = affinity["nodeAffinity"];
    At required = node[kRequired], preferred = node[kPreferred];
    At terms = required["nodeSelectorTerms"];
    for (uint32_t i = 0; i < terms.size(); i++) node_term(terms.item(i), false);
    for (uint32_t i = 0; i < preferred.size(); i++) {
      At weighted = preferred.item(i);
      node_term(weighted["preference"], true);
    }
  }

  void null_selector(const At& holder) {
    if (!holder["labelSelector"].present())
      say(holder["labelSelector"].path(), "a null labelSelector results in matching no pod");
  }

  void topology() {
    At constraints = at_["topologySpreadConstraints"];
    for (uint32_t i = 0; i < constraints.size(); i++) {
      At constraint = constraints.item(i);
      auto key = constraint["topologyKey"].text();
      if (auto message = deprecated_node_label(key); !message.empty())
        say(constraint["topologyKey"].path(), concat(key, " is ", message));
      null_selector(constraint);
    }
  }

  void old_annotations() {
    for (auto& [key, message] : kOldAnnotations)
      if (annotations_[key].present()) annotation(key, message);
  }

  void volumes() {
    At volumes = at_["volumes"];
    for (uint32_t i = 0; i < volumes.size(); i++) {
      At volume = volumes.item(i);
      for (auto& old : kOldVolumes)
        if (volume.value()[old.field].present()) say(volume.path().child(old.shown), old.message);
      At ephemeral = volume["ephemeral"];
      At claim = ephemeral["volumeClaimTemplate"];
      if (claim.present()) warn_of_claim_spec(claim["spec"], out_);
    }
  }

  void repeated(std::string_view list, std::string_view field, std::string_view what) {
    At items = at_[list];
    std::set<std::string_view> seen;
    for (uint32_t i = 0; i < items.size(); i++) {
      At item = items.item(i);
      if (!seen.insert(item[field].text()).second) say(item[field].path(), concat(what, quoted(item[field].text())));
    }
  }

  void pull_secrets() {
    At secrets = at_["imagePullSecrets"];
    for (uint32_t i = 0; i < secrets.size(); i++) {
      At secret = secrets.item(i);
      if (secret["name"].text().empty()) say(secret["name"].path(), "invalid empty name \"\"");
    }
  }

  void fractions(const At& amounts) {
    for (auto name : {"memory", "ephemeral-storage"}) {
      AnyView amount = amounts.value()[name];
      if (!amount.present() || Quantity::stored(amount.as_string()).milli_value() % 1000 == 0) continue;
      say(amounts.path().key(name), concat("fractional byte value ", quoted(amount.as_string()), " is invalid, must be an integer"));
    }
  }

  void of_container(const At& container) {
    auto name = container["name"].text();
    AnyView context = container.value()["securityContext"];
    auto seccomp = concat(kSeccompContainerAnnotation, name), app_armor = concat(kAppArmorAnnotation, name);
    if (!context["seccompProfile"].present() && annotations_[seccomp].present())
      annotation(seccomp, "non-functional in v1.27+; use the \"seccompProfile\" field instead");
    // Of pods themselves this is told when the annotation becomes a field.
    AnyView old = annotations_[app_armor];
    if (is_template_ && !context["appArmorProfile"].present() && old.present() && !is_pod_profile(old.as_string()))
      annotation(app_armor, "deprecated since v1.30; use the \"appArmorProfile\" field instead");
    At resources = container["resources"];
    fractions(resources["limits"]);
    fractions(resources["requests"]);
    environment(container["env"]);
  }

  bool is_pod_profile(std::string_view annotation) const {
    AnyView own = spec_["securityContext"]["appArmorProfile"];
    AppArmorProfile profile = app_armor_of_annotation(annotation);
    return own.present() && !profile.type.empty() && own["type"].as_string() == profile.type &&
           own["localhostProfile"].as_string() == profile.localhost_profile;
  }

  // A variable may be defined again only to add to what it was before.
  void environment(const At& env) {
    std::set<std::string_view> seen;
    for (uint32_t i = 0; i < env.size(); i++) {
      AnyView variable = env.value().item(i);
      auto name = variable["name"].as_string(), value = variable["value"].as_string();
      if (seen.insert(name).second) continue;
      auto self = concat("$(", name, ")");
      if (variable["valueFrom"].present() || value == self || value.find(self) == std::string_view::npos)
        say(env.path().index(i), concat("hides previous definition of ", quoted(name), ", which may be dropped when using apply"));
    }
  }

  struct Port {
    std::string path, host_ip;
    int64_t host_port;
  };
  void ports() {
    std::map<std::string, std::vector<Port>> seen;
    each_container(at_, [&](const At& container) {
      At ports = container["ports"];
      for (uint32_t i = 0; i < ports.size(); i++) {
        At port = ports.item(i);
        Port own{port.path().text(), std::string(port["hostIP"].text()), port["hostPort"].number()};
        if (!own.host_ip.empty() && own.host_port == 0)
          out_.push_back(concat(own.path, ": hostIP set without hostPort: ", go_port(port)));
        auto& others = seen[concat(port["containerPort"].number(), "/", port["protocol"].text())];
        for (auto& other : others) {
          if (out_.size() > kWarningsMax) return;
          if (own.host_ip == other.host_ip && own.host_port == other.host_port)
            out_.push_back(concat(own.path, ": duplicate port definition with ", other.path));
          else if (own.host_port == 0 || other.host_port == 0)
            out_.push_back(concat(own.path, ": overlapping port definition with ", other.path));
          else if (own.host_port == other.host_port && own.host_ip.empty() != other.host_ip.empty())
            out_.push_back(concat(own.path, ": dangerously ambiguous port definition with ", other.path));
        }
        others.push_back(std::move(own));
      }
    });
  }
  // As Go prints a struct with its field names.
  static std::string go_port(const At& port) {
    return concat("{Name:", port["name"].text(), " HostPort:", port["hostPort"].number(), " ContainerPort:",
                  port["containerPort"].number(), " Protocol:", port["protocol"].text(), " HostIP:", port["hostIP"].text(), "}");
  }

  void port_names() {
    std::map<std::string_view, std::string> seen;
    each_container(at_, [&](const At& container) {
      At ports = container["ports"];
      for (uint32_t i = 0; i < ports.size(); i++) {
        auto name = ports.value().item(i)["name"].as_string();
        if (name.empty()) continue;
        auto path = ports.path().index(i).text();
        auto [other, fresh] = seen.emplace(name, path);
        if (!fresh)
          out_.push_back(concat(path, ": duplicate port name ", quoted(name), " with ", other->second,
                                ", services and probes that select ports by name will use ", other->second));
      }
    });
  }

  void pod_affinity() {
    At affinity = at_["affinity"];
    for (auto kind : {"podAffinity", "podAntiAffinity"}) {
      At pods = affinity[kind];
      At required = pods[kRequired], preferred = pods[kPreferred];
      for (uint32_t i = 0; i < required.size(); i++) null_selector(required.item(i));
      for (uint32_t i = 0; i < preferred.size(); i++) {
        At weighted = preferred.item(i);
        null_selector(weighted["podAffinityTerm"]);
      }
    }
  }

  void addresses() {
    At dns = at_["dnsConfig"];
    At nameservers = dns["nameservers"], aliases = at_["hostAliases"];
    for (uint32_t i = 0; i < nameservers.size(); i++)
      warn_of_ip(nameservers.path().index(i), nameservers.value().item(i).as_string(), out_);
    for (uint32_t i = 0; i < aliases.size(); i++) {
      At alias = aliases.item(i);
      warn_of_ip(alias["ip"].path(), alias["ip"].text(), out_);
    }
  }

  AnyView spec_, annotations_;
  const Path& root_;
  Path spec_path_, metadata_path_;
  bool is_template_;
  Warnings& out_;
  FieldErrors no_errors_;
  At at_;
};

}  // namespace

void pod_warnings(const Object& pod, Warnings& out) {
  Path root;
  Warner(pod["spec"], pod["metadata"], root, false, out).run();
}

void pod_template_warnings(const AnyView& pod_template, const Path& path, const AnyView&, std::vector<std::string>& warnings) {
  if (!pod_template.present()) return;
  Warner(pod_template["spec"], pod_template["metadata"], path, true, warnings).run();
}

}  // namespace sampan::registry
