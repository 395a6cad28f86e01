// Admission: what may change or refuse a write after it is authorised. Plug-ins run in the order of one list (admission.cpp), first all that
// change the object, then, on the finished object, all that judge it.
#pragma once
#include <map>
#include <memory>
#include <set>
#include <string_view>
#include <vector>

#include "apiserver/admission/admission_metrics.h"
#include "apiserver/body.h"
#include "apiserver/context.h"
#include "base/status.h"
#include "schema/object.h"
#include "schema/value.h"

namespace sampan::apiserver {

enum class Operation : uint8_t { Create, Update, Delete, Connect };

std::string_view operation_text(Operation operation);  // "CREATE"

// Who has changed an object, and who of those must look again because others changed it behind them.
struct Mutations {
  struct Callers {
    std::set<std::string> waiting, due;  // have been asked, and would look again; are to look again in the second round
    std::string output;                  // the object as they left it
    void make_due() { due.merge(std::exchange(waiting, {})); }
  };
  bool second_round = false, wants_second_round = false;
  Callers webhooks, policies;
};

struct Attributes {
  Operation operation;
  const RequestInfo& info;
  const User& user;
  const Served& served;
  bool dry_run = false;
  std::vector<std::string>* warnings = nullptr;
  AuditTrail* audit = nullptr;  // null: the request is not noted
  // What the object is, in the client's words: of the resource's own kind, or of its subresource's (Scale, Eviction, PodExecOptions).
  ExpectedKind what = {};
  const Query* query = nullptr;                          // CreateOptions and UpdateOptions are in it
  const registry::DeleteOptions* delete_options = nullptr;  // of deletes
  int64_t deadline_us = INT64_MAX;                       // by the clock that never goes back
  Mutations* mutations = nullptr;                        // while objects are mutated

  void annotate(std::string_view key, std::string_view value) const;
  // Is the object of the resource's own kind? Then it is in the stored version.
  bool is_whole() const { return what.type == served.resource->type; }
};

class AdmissionPlugin {
 public:
  virtual ~AdmissionPlugin() = default;
  virtual std::string_view name() const = 0;
  // `object` is of the stored version, absent on delete; `old` is null on create.
  virtual Result<void> mutate(const Attributes&, schema::Value object, const schema::Object* old) {
    (void)object, (void)old;
    return {};
  }
  // `object` is null on delete.
  virtual Result<void> validate(const Attributes&, const schema::Object* object, const schema::Object* old) {
    (void)object, (void)old;
    return {};
  }
};

using AdmissionSettings = std::map<std::string, std::string, std::less<>>;  // by plug-in, as YAML

struct AdmissionConfig {
  std::vector<std::string> enable, disable;  // names, as --enable-admission-plugins and --disable-admission-plugins give them
  AdmissionSettings settings;
  int64_t not_ready_seconds = 300, unreachable_seconds = 300;  // that pods stay on such a node, unless they say otherwise
};

// What plug-ins may use of the server.
struct AdmissionParts {
  Catalog& catalog;
  Clock& clock;
  Random& random;
  Access& access;
  const AdmissionConfig& config;
  Executor* workers = nullptr;  // whose threads ask; null: nobody takes the place of one that waits
  std::shared_ptr<AdmissionMetrics> metrics = std::make_shared<AdmissionMetrics>();
  std::string_view settings(std::string_view plugin) const;  // "" without any
};

class Admission {
 public:
  // Errors name unknown plug-ins.
  static Result<std::unique_ptr<Admission>> create(const AdmissionParts& parts);
  // In a second round once more, if a webhook or a policy has changed the object.
  Result<void> mutate(Attributes attributes, schema::Value object, const schema::Object* old);
  Result<void> validate(const Attributes& attributes, const schema::Object* object, const schema::Object* old);
  std::vector<std::string_view> names() const;
  const AdmissionMetrics& metrics() const { return *metrics_; }

 private:
  Clock* clock_ = nullptr;
  std::shared_ptr<AdmissionMetrics> metrics_;
  std::vector<std::unique_ptr<AdmissionPlugin>> plugins_;
};

// One factory a plug-in; the list in admission.cpp names them in upstream's order.
std::unique_ptr<AdmissionPlugin> namespace_auto_provision(Catalog& catalog);
std::unique_ptr<AdmissionPlugin> namespace_lifecycle(Catalog& catalog);
std::unique_ptr<AdmissionPlugin> namespace_exists(Catalog& catalog);
std::unique_ptr<AdmissionPlugin> limit_ranger(Catalog& catalog);
std::unique_ptr<AdmissionPlugin> service_account(Catalog& catalog, Clock& clock, Random& random);
std::unique_ptr<AdmissionPlugin> node_restriction(Catalog& catalog, Access& access);
std::unique_ptr<AdmissionPlugin> taint_nodes_by_condition();
std::unique_ptr<AdmissionPlugin> always_pull_images();
Result<std::unique_ptr<AdmissionPlugin>> pod_security(std::string_view settings, Catalog& catalog);
Result<std::unique_ptr<AdmissionPlugin>> pod_node_selector(std::string_view settings, Catalog& catalog);
std::unique_ptr<AdmissionPlugin> priority(Catalog& catalog);
std::unique_ptr<AdmissionPlugin> default_toleration_seconds(const AdmissionConfig& config);
Result<std::unique_ptr<AdmissionPlugin>> pod_toleration_restriction(std::string_view settings, Catalog& catalog);
Result<std::unique_ptr<AdmissionPlugin>> event_rate_limit(std::string_view settings, Clock& clock);
std::unique_ptr<AdmissionPlugin> extended_resource_toleration();
std::unique_ptr<AdmissionPlugin> default_storage_class(Catalog& catalog);
std::unique_ptr<AdmissionPlugin> storage_object_in_use_protection();
std::unique_ptr<AdmissionPlugin> owner_references_permission_enforcement(Catalog& catalog, Access& access);
std::unique_ptr<AdmissionPlugin> persistent_volume_claim_resize(Catalog& catalog);
std::unique_ptr<AdmissionPlugin> runtime_class(Catalog& catalog);
std::unique_ptr<AdmissionPlugin> certificate_approval(Access& access);
std::unique_ptr<AdmissionPlugin> certificate_signing(Access& access);
std::unique_ptr<AdmissionPlugin> certificate_subject_restriction();
std::unique_ptr<AdmissionPlugin> default_ingress_class(Catalog& catalog);
std::unique_ptr<AdmissionPlugin> deny_service_external_ips();
std::unique_ptr<AdmissionPlugin> pod_topology_labels(Catalog& catalog);
std::unique_ptr<AdmissionPlugin> pod_resize_validator(Catalog& catalog);
Result<std::unique_ptr<AdmissionPlugin>> resource_quota(std::string_view settings, Catalog& catalog, Clock& clock);
std::unique_ptr<AdmissionPlugin> mutating_policies(const AdmissionParts& parts);
std::unique_ptr<AdmissionPlugin> mutating_webhooks(const AdmissionParts& parts);
std::unique_ptr<AdmissionPlugin> validating_policies(const AdmissionParts& parts);
std::unique_ptr<AdmissionPlugin> validating_webhooks(const AdmissionParts& parts);

}  // namespace sampan::apiserver
