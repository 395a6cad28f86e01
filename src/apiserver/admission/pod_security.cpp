// PodSecurity: namespaces say by their labels what pods in them must not do, what is warned of, and what is noted.
#include "apiserver/admission/plugin.h"
#include "apiserver/admission/pod_security_policy.h"
#include "apiserver/admission/settings.h"
#include "base/aggregate.h"
#include "base/names.h"
#include "base/text.h"
#include "registry/field_errors.h"
#include "schema/config_file.h"

namespace sampan::apiserver {

using registry::FieldErrors;
using registry::Path;
using schema::AnyView;
using schema::Object;
using schema::ObjectRef;
using schema::Value;

namespace {

constexpr std::string_view kPrefix = "pod-security.kubernetes.io/";
constexpr size_t kPodsCheckedMax = 3000;

struct Policies {
  SecurityPolicy enforce, audit, warn;
  bool operator==(const Policies&) const = default;
};

struct Config {
  Policies defaults;
  std::vector<std::string> users, name_spaces, runtime_classes;  // exempt
};

bool parse_level(std::string_view text, SecurityLevel& level) {
  if (text == "privileged") return level = SecurityLevel::Privileged, true;
  if (text == "baseline") return level = SecurityLevel::Baseline, true;
  level = SecurityLevel::Restricted;
  return text == "restricted";
}

bool parse_version(std::string_view text, int& minor) {
  minor = kLatestMinor;
  if (text == "latest") return true;
  int number = 0;
  if (!text.starts_with("v1.") || !parse_int(text.substr(3), number) || number < 0 || concat("v1.", number) != text) return false;
  minor = number;
  return true;
}

// What labels say, and what is wrong with them. What cannot be read is the strictest of what is enforced, and nothing else.
Policies policies_of(const AnyView& labels, const Policies& defaults, FieldErrors& errors) {
  Policies policies = defaults;
  auto where = Path("metadata");
  auto map = where.child("labels");
  struct Mode {
    std::string_view name;
    SecurityPolicy* policy;
  };
  bool enforces = false, warns = false, warns_version = false;
  for (const Mode& mode : {Mode{"enforce", &policies.enforce}, {"audit", &policies.audit}, {"warn", &policies.warn}}) {
    auto key = concat(kPrefix, mode.name), version_key = concat(key, "-version");
    AnyView level = labels[key], version = labels[version_key];
    bool enforce = mode.name == "enforce", warn = mode.name == "warn";
    if (level.present()) {
      bool good = parse_level(level.as_string(), mode.policy->level);
      if (!good) errors.invalid(map.key(key), level.as_string(), "must be one of privileged, baseline, restricted");
      if (!good && !enforce) mode.policy->level = SecurityLevel::Privileged;
      enforces |= enforce && good;
      warns |= warn;
    }
    if (version.present()) {
      if (!parse_version(version.as_string(), mode.policy->minor)) errors.invalid(map.key(version_key), version.as_string(), "must be \"latest\" or \"v1.x\"");
      warns_version |= warn;
    }
  }
  // What is enforced for pods, those who make pods are warned of.
  if (!warns && enforces && policies.enforce.level > policies.warn.level) {
    policies.warn.level = policies.enforce.level;
    if (!warns_version) policies.warn.minor = policies.enforce.minor;
  }
  return policies;
}

bool lists(const std::vector<std::string>& list, std::string_view name) { return !name.empty() && std::find(list.begin(), list.end(), name) != list.end(); }

// Where kinds that make pods have the pod's template.
AnyView template_of(const RequestInfo& info, const Object& object) {
  if (info.group.empty() && info.resource == "podtemplates") return object["template"];
  if (info.group == "batch" && info.resource == "cronjobs") return object["spec"]["jobTemplate"]["spec"]["template"];
  bool makes_pods = (info.group.empty() && info.resource == "replicationcontrollers") || (info.group == "batch" && info.resource == "jobs") ||
                    (info.group == "apps" && (info.resource == "replicasets" || info.resource == "deployments" || info.resource == "statefulsets" ||
                                              info.resource == "daemonsets"));
  return makes_pods ? object["spec"]["template"] : AnyView();
}

bool changes_images(const AnyView& now, const AnyView& before) {
  if ((now.present() ? now.size() : 0) != (before.present() ? before.size() : 0)) return true;
  for (uint32_t i = 0; now.present() && i < now.size(); i++)
    if (now.item(i)["image"].as_string() != before.item(i)["image"].as_string()) return true;
  return false;
}

// Of what may be changed of a pod, only images and new ephemeral containers matter.
bool matters(const Object& pod, const Object& old) {
  for (std::string_view list : {"containers", "initContainers"})
    if (changes_images(pod["spec"][list], old["spec"][list])) return true;
  AnyView debuggers = pod["spec"]["ephemeralContainers"], before = old["spec"]["ephemeralContainers"];
  for (uint32_t i = 0; debuggers.present() && i < debuggers.size(); i++) {
    bool same = false;
    for (uint32_t k = 0; before.present() && k < before.size(); k++)
      same |= before.item(k)["name"].as_string() == debuggers.item(i)["name"].as_string() &&
              before.item(k)["image"].as_string() == debuggers.item(i)["image"].as_string();
    if (!same) return true;
  }
  return false;
}

class PodSecurity final : public AdmissionPlugin {
 public:
  PodSecurity(Config config, Catalog& catalog)
      : config_(std::move(config)), namespaces_(*catalog.store_of("", "namespaces")), pods_(*catalog.store_of("", "pods")) {}
  std::string_view name() const override { return "PodSecurity"; }

  Result<void> validate(const Attributes& attributes, const Object* object, const Object* old) override {
    const RequestInfo& info = attributes.info;
    if (attributes.operation != Operation::Create && attributes.operation != Operation::Update) return {};
    if (is_about(attributes, "", "namespaces")) return check_namespace(attributes, *object, old);
    if (info.group.empty() && info.resource == "pods") {
      for (std::string_view ignored : {"exec", "attach", "binding", "eviction", "log", "portforward", "proxy", "status"})
        if (info.subresource == ignored) return {};
      if (attributes.operation == Operation::Update && old && !matters(*object, *old)) return {};
      return check_pod(attributes, *object, (*object)["metadata"], (*object)["spec"], true);
    }
    if (!info.subresource.empty()) return {};
    AnyView pod = template_of(info, *object);
    if (!pod.present()) return {};
    return check_pod(attributes, *object, pod["metadata"], pod["spec"], false);
  }

 private:
  Result<void> check_pod(const Attributes& attributes, const Object& object, const AnyView& metadata, const AnyView& spec, bool enforce) {
    if (lists(config_.name_spaces, attributes.info.name_space)) return exempt(attributes, "namespace");
    if (lists(config_.users, attributes.user.name)) return exempt(attributes, "user");
    auto found = namespaces_.cache().snapshot().find(attributes.info.name_space);
    if (!found) {
      auto why = concat("failed to lookup namespace ", quoted(attributes.info.name_space));
      note(attributes, "error", concat(why, ": namespace ", quoted(attributes.info.name_space), " not found"));
      if (!enforce) return {};
      return fail(internal_error(std::move(why)));
    }
    FieldErrors errors;
    auto policies = policies_of((*found)["metadata"]["labels"], config_.defaults, errors);
    if (lists(config_.runtime_classes, spec["runtimeClassName"].as_string())) return exempt(attributes, "runtimeClass");
    if (attributes.audit) note_policies(attributes, policies, errors, metadata, spec, enforce);
    if (enforce)
      if (auto bad = violations(policies.enforce, metadata, spec); !bad.empty())
        return fail(refusal(attributes, object, concat("violates PodSecurity ", quoted(policies.enforce.text()), ": ", details_of(bad))));
    if (auto bad = violations(policies.warn, metadata, spec); !bad.empty() && attributes.warnings)
      attributes.warnings->push_back(concat("would violate PodSecurity ", quoted(policies.warn.text()), ": ", details_of(bad)));
    return {};
  }

  static void note(const Attributes& attributes, std::string_view key, std::string_view value) { attributes.annotate(concat(kPrefix, key), value); }
  static Result<void> exempt(const Attributes& attributes, std::string_view because_of) {
    note(attributes, "exempt", because_of);
    return {};
  }
  static void note_policies(const Attributes& attributes, const Policies& policies, const FieldErrors& errors, const AnyView& metadata,
                            const AnyView& spec, bool enforce) {
    if (!errors.empty()) {
      std::vector<std::string> texts;
      for (const auto& cause : errors.causes()) texts.push_back(concat(cause.field, ": ", cause.message));
      note(attributes, "error", concat("Failed to parse policy: ", texts.size() == 1 ? texts[0] : concat("[", join(texts, ", "), "]")));
    }
    if (enforce) note(attributes, "enforce-policy", policies.enforce.text());
    if (auto bad = violations(policies.audit, metadata, spec); !bad.empty())
      note(attributes, "audit-violations", concat("would violate PodSecurity ", quoted(policies.audit.text()), ": ", details_of(bad)));
  }

  Result<void> check_namespace(const Attributes& attributes, const Object& object, const Object* old) {
    FieldErrors errors, old_errors;
    auto policies = policies_of(object["metadata"]["labels"], config_.defaults, errors);
    auto name = object["metadata"]["name"].as_string();
    auto before = old ? policies_of((*old)["metadata"]["labels"], config_.defaults, old_errors) : policies;
    if (!errors.empty() && !(old && same(errors, old_errors))) return fail(std::move(errors).to_error("", "Namespace", name));
    bool exempt = lists(config_.name_spaces, name);
    if (old) {
      const SecurityPolicy &now = policies.enforce, &was = before.enforce;
      if (now == was || now.level == SecurityLevel::Privileged || (now.minor == was.minor && now.level <= was.level)) return {};
    }
    if (exempt) {
      warn_of_exemption(attributes, name, policies, object["metadata"]["labels"]);
      return {};
    }
    if (old && attributes.warnings) warn_of_pods(*attributes.warnings, name, policies.enforce);
    return {};
  }

  static bool same(const FieldErrors& a, const FieldErrors& b) {
    if (a.size() != b.size()) return false;
    for (size_t i = 0; i < a.size(); i++)
      if (a.causes()[i].field != b.causes()[i].field || a.causes()[i].message != b.causes()[i].message) return false;
    return true;
  }

  void warn_of_exemption(const Attributes& attributes, std::string_view name, const Policies& policies, const AnyView& labels) {
    auto privileged = [](const SecurityPolicy& it) { return it.level == SecurityLevel::Privileged; };
    bool fully = privileged(policies.enforce) && privileged(policies.audit) && privileged(policies.warn);
    if (fully || policies == config_.defaults || !attributes.warnings) return;
    std::string text;
    auto add = [&](std::string_view mode, const SecurityPolicy& policy) {
      bool said = labels[concat(kPrefix, mode)].present() || labels[concat(kPrefix, mode, "-version")].present();
      if (said && !privileged(policy)) append(text, text.empty() ? "" : ", ", mode, "=", policy.text());
    };
    add("enforce", policies.enforce);
    add("audit", policies.audit);
    add("warn", policies.warn);
    attributes.warnings->push_back(concat("namespace ", quoted(name), " is exempt from Pod Security, and the policy (", text, ") will be ignored"));
  }

  // Pods that are there stay, but who tightens the rules is told of them.
  void warn_of_pods(std::vector<std::string>& warnings, std::string_view name_space, const SecurityPolicy& policy) {
    struct Group {
      std::string reasons, first;
      size_t count;
    };
    std::vector<Group> groups;
    size_t checked = 0, total = pods_.cache().snapshot().count(concat(name_space, "/"), {});
    each_object(pods_, name_space, [&](const Object& pod) {
      if (checked++ == kPodsCheckedMax) return false;
      if (lists(config_.runtime_classes, pod["spec"]["runtimeClassName"].as_string())) return true;
      auto bad = violations(policy, pod["metadata"], pod["spec"]);
      if (bad.empty()) return true;
      auto reasons = reasons_of(bad);
      auto group = std::find_if(groups.begin(), groups.end(), [&](const Group& it) { return it.reasons == reasons; });
      if (group == groups.end())
        groups.push_back({std::move(reasons), std::string(pod["metadata"]["name"].as_string()), 1});
      else
        group->count++;
      return true;
    });
    if (total > kPodsCheckedMax)
      warnings.push_back(concat("new PodSecurity enforce level only checked against the first ", kPodsCheckedMax, " of ", total, " existing pods"));
    if (groups.empty()) return;
    warnings.push_back(concat("existing pods in namespace ", quoted(name_space), " violate the new PodSecurity enforce level ", quoted(policy.text())));
    std::vector<std::string> lines;
    for (const Group& group : groups) {
      std::string others;
      if (group.count == 2) others = " (and 1 other pod)";
      if (group.count > 2) others = concat(" (and ", group.count - 1, " other pods)");
      lines.push_back(concat(group.first, others, ": ", group.reasons));
    }
    std::sort(lines.begin(), lines.end());
    warnings.insert(warnings.end(), lines.begin(), lines.end());
  }

  const Config config_;
  registry::ObjectStore &namespaces_, &pods_;
};

void read_default(Value defaults, std::string_view mode, SecurityPolicy& policy, std::vector<std::string>& complaints) {
  if (auto level = defaults[mode].as_string(); !level.empty() && !parse_level(level, policy.level))
    complaints.push_back(concat(mode, ": must be one of privileged, baseline, restricted"));
  auto key = concat(mode, "-version");
  if (auto version = defaults[key].as_string(); !version.empty() && !parse_version(version, policy.minor))
    complaints.push_back(concat(key, ": must be \"latest\" or \"v1.x\""));
}

// Each named once, and as such things are named.
std::vector<std::string> read_exemptions(Value exemptions, std::string_view member, void (*check_name)(std::string_view, Complaints&), registry::FieldErrors& errors) {
  auto names = texts_of(exemptions[member]);
  auto top = registry::Path("exemptions"), list = top.child(member);
  for (uint32_t i = 0; i < names.size(); i++) {
    Complaints complaints;
    check_name(names[i], complaints);
    if (!complaints.empty())
      errors.invalid(list.index(i), names[i], join(complaints, ", "));
    else if (std::find(names.begin(), names.begin() + i, names[i]) != names.begin() + i)
      errors.duplicate(list.index(i), names[i]);
  }
  return names;
}

void check_user_name(std::string_view name, Complaints& complaints) {
  if (name.empty()) complaints.emplace_back("username must not be empty");
}

constexpr std::string_view kVersions[] = {"v1", "v1beta1", "v1alpha1"};
constexpr schema::ConfigKind kKind{"pod-security.admission.config.k8s.io", "PodSecurityConfiguration", kVersions,
                                   "io.k8s.podsecurityadmission.pkg.admission.api.v1.PodSecurityConfiguration"};

}  // namespace

Result<std::unique_ptr<AdmissionPlugin>> pod_security(std::string_view settings, Catalog& catalog) {
  Config config;
  if (!settings.empty()) {
    Arena arena;
    Value tree = TRY(schema::read_config(settings, {&kKind, 1}, arena));
    Value defaults = tree["defaults"], exemptions = tree["exemptions"];
    std::vector<std::string> complaints;
    read_default(defaults, "enforce", config.defaults.enforce, complaints);
    read_default(defaults, "audit", config.defaults.audit, complaints);
    read_default(defaults, "warn", config.defaults.warn, complaints);
    if (!complaints.empty()) return fail(bad_request(concat("PodSecurity configuration error: ", aggregated(complaints))));
    registry::FieldErrors errors;
    config.name_spaces = read_exemptions(exemptions, "namespaces", check_dns1123_label, errors);
    config.runtime_classes = read_exemptions(exemptions, "runtimeClasses", check_dns1123_subdomain, errors);
    config.users = read_exemptions(exemptions, "usernames", check_user_name, errors);
    if (!errors.empty()) return fail(bad_request(errors.text()));
  }
  return std::make_unique<PodSecurity>(std::move(config), catalog);
}

}  // namespace sampan::apiserver
