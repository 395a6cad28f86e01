// ServiceAccount: every pod runs as an account of its namespace, gets that account's token mounted and its pull secrets, and, where the account asks for
// it, uses no secret that the account does not list.
#include "apiserver/admission/plugin.h"
#include "apiserver/admission/secret_references.h"
#include "base/text.h"

namespace sampan::apiserver {

using schema::AnyView;
using schema::Object;
using schema::ObjectRef;
using schema::Value;

namespace {

constexpr std::string_view kTokenMountPath = "/var/run/secrets/kubernetes.io/serviceaccount";
constexpr std::string_view kTokenVolumePrefix = "kube-api-access-";
constexpr std::string_view kMirrorAnnotation = "kubernetes.io/config.mirror";
// An hour and seven seconds: how upstream tells tokens that it asked for itself from those that pods ask for.
constexpr int64_t kTokenSeconds = 3607;
constexpr int64_t kDefaultMode = 0644;
// The account "default" follows its namespace a moment later: so long a pod waits for it.
constexpr int64_t kDefaultAccountWaitUs = 1'000'000;
constexpr int64_t kDefaultAccountPollUs = 100'000;

// The volume with the token, the cluster's CA and the pod's namespace.
Value token_volume(Arena& arena, std::string_view name) {
  Value token = Value::object(arena), root = Value::object(arena), space = Value::object(arena);
  Value of_token = token.ensure_object("serviceAccountToken");
  of_token.set("path", "token");
  of_token.set("expirationSeconds", kTokenSeconds);
  Value of_root = root.ensure_object("configMap");
  of_root.set("name", "kube-root-ca.crt");
  Value certificate = Value::object(arena, 2);
  certificate.set("key", "ca.crt");
  certificate.set("path", "ca.crt");
  of_root.ensure_list("items").push(certificate);
  Value file = Value::object(arena, 2);
  file.set("path", "namespace");
  Value field = file.ensure_object("fieldRef");
  field.set("apiVersion", "v1");
  field.set("fieldPath", "metadata.namespace");
  space.ensure_object("downwardAPI").ensure_list("items").push(file);

  Value volume = Value::object(arena, 2);
  volume.set("name", name);
  Value projected = volume.ensure_object("projected");
  projected.set("defaultMode", kDefaultMode);
  Value sources = projected.ensure_list("sources");
  for (Value source : {token, root, space}) sources.push(source);
  return volume;
}

class ServiceAccount final : public AdmissionPlugin {
 public:
  ServiceAccount(Catalog& catalog, Clock& clock, Random& random)
      : accounts_(*catalog.store_of("", "serviceaccounts")), clock_(clock), random_(random) {}
  std::string_view name() const override { return "ServiceAccount"; }

  Result<void> mutate(const Attributes& attributes, Value pod, const Object*) override {
    if (attributes.operation != Operation::Create || !is_about(attributes, "", "pods")) return {};
    if (pod["metadata"]["annotations"].has(kMirrorAnnotation)) return {};  // must stay as the node's file says
    Value spec = pod.ensure_object("spec");
    if (spec["serviceAccountName"].as_string().empty()) {
      spec.set("serviceAccountName", "default");
      spec.set("serviceAccount", "default");  // the same, by its old name
    }
    auto account_name = spec["serviceAccountName"].as_string();
    auto found = account(attributes.info.name_space, account_name);
    if (!found) return fail(refusal(attributes, pod, lookup_failure(attributes, account_name, found.error())));
    const Object& account = **found;
    if (wants_token(account, spec)) mount_token(spec);
    AnyView pull_secrets = account["imagePullSecrets"];
    if (!spec["imagePullSecrets"].empty()) return {};
    for (uint32_t i = 0; i < pull_secrets.size(); i++) {
      Value reference = Value::object(spec.arena(), 1);
      reference.set("name", spec.arena().copy(pull_secrets.item(i)["name"].as_string()));
      spec.ensure_list("imagePullSecrets").push(reference);
    }
    return {};
  }

  Result<void> validate(const Attributes& attributes, const Object* pod, const Object*) override {
    const RequestInfo& info = attributes.info;
    bool debugs = attributes.operation == Operation::Update && info.group.empty() && info.resource == "pods" &&
                  info.subresource == "ephemeralcontainers";
    bool creates = attributes.operation == Operation::Create && is_about(attributes, "", "pods");
    if (!debugs && !creates) return {};
    if (creates && (*pod)["metadata"]["annotations"][kMirrorAnnotation].present()) return check_mirror(attributes, *pod);
    auto account_name = (*pod)["spec"]["serviceAccountName"].as_string();
    if (account_name.empty())
      return fail(refusal(attributes, *pod, concat("no service account specified for pod ", info.name_space, "/",
                                                   (*pod)["metadata"]["name"].as_string())));
    auto found = account(info.name_space, account_name);
    if (!found) return fail(refusal(attributes, *pod, lookup_failure(attributes, account_name, found.error())));
    if (!enforces_secrets(**found)) return {};
    auto complaint = debugs ? forbidden_debug_secret(**found, *pod) : forbidden_secret(**found, *pod);
    if (!complaint.empty()) return fail(refusal(attributes, *pod, complaint));
    return {};
  }

 private:
  static std::string lookup_failure(const Attributes& attributes, std::string_view name, const Error& error) {
    auto why = error.is(Reason::NotFound) ? concat("serviceaccount ", quoted(name), " not found") : error.message();
    return concat("error looking up service account ", attributes.info.name_space, "/", name, ": ", why);
  }

  Result<ObjectRef> account(std::string_view name_space, std::string_view name) {
    auto found = accounts_.get(name_space, name);
    if (found || !found.error().is(Reason::NotFound) || name != "default") return found;
    int64_t until = clock_.monotonic_us() + kDefaultAccountWaitUs;
    while (!found && found.error().is(Reason::NotFound) && clock_.monotonic_us() < until) {
      // Whether something happened or the time is over: look again.
      (void)accounts_.cache().at_least(accounts_.cache().snapshot().revision() + 1, kDefaultAccountPollUs);
      found = accounts_.get(name_space, name);
    }
    return found;
  }

  // The pod's word counts more than the account's.
  static bool wants_token(const Object& account, Value spec) {
    if (Value wish = spec["automountServiceAccountToken"]; !wish.is_missing()) return wish.as_bool();
    AnyView wish = account["automountServiceAccountToken"];
    return !wish.present() || wish.as_bool();
  }

  std::string_view generated_volume_name(Arena& arena) {
    constexpr std::string_view alphabet = "bcdfghjklmnpqrstvwxz2456789";
    std::string name(kTokenVolumePrefix);
    for (int i = 0; i < 5; i++) name += alphabet[random_.below(alphabet.size())];
    return arena.copy(name);
  }

  // A container that mounts something there itself keeps it.
  static bool mount_in(Value container, std::string_view volume_name) {
    for (Value mount : container["volumeMounts"].items())
      if (mount["mountPath"].as_string() == kTokenMountPath) return false;
    Value mount = Value::object(container.arena(), 3);
    mount.set("name", volume_name);
    mount.set("readOnly", true);
    mount.set("mountPath", kTokenMountPath);
    container.ensure_list("volumeMounts").push(mount);
    return true;
  }

  void mount_token(Value spec) {
    Arena& arena = spec.arena();
    std::string_view name;
    for (Value volume : spec["volumes"].items())
      if (name.empty() && volume["name"].as_string().starts_with(kTokenVolumePrefix)) name = volume["name"].as_string();
    bool has_volume = !name.empty(), needs_volume = false;
    if (!has_volume) name = generated_volume_name(arena);
    for (std::string_view list : {"initContainers", "containers"})
      for (Value container : spec[list].items()) needs_volume |= mount_in(container, name);
    if (!has_volume && needs_volume) spec.ensure_list("volumes").push(token_volume(arena, name));
  }

  static Result<void> check_mirror(const Attributes& attributes, const Object& pod) {
    AnyView spec = pod["spec"], volumes = spec["volumes"];
    if (!spec["serviceAccountName"].as_string().empty())
      return fail(refusal(attributes, pod, "a mirror pod may not reference service accounts"));
    if (references_secrets(pod)) return fail(refusal(attributes, pod, "a mirror pod may not reference secrets"));
    for (uint32_t i = 0; i < volumes.size(); i++) {
      AnyView sources = volumes.item(i)["projected"]["sources"];
      for (uint32_t j = 0; j < sources.size(); j++)
        if (sources.item(j)["serviceAccountToken"].present())
          return fail(refusal(attributes, pod, "a mirror pod may not use ServiceAccountToken volume projections"));
    }
    return {};
  }

  registry::ObjectStore& accounts_;
  Clock& clock_;
  Random& random_;
};

}  // namespace

std::unique_ptr<AdmissionPlugin> service_account(Catalog& catalog, Clock& clock, Random& random) {
  return std::make_unique<ServiceAccount>(catalog, clock, random);
}

}  // namespace sampan::apiserver
