// The objects that a cluster has from its first start.
#pragma once
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "apiserver/access/policy_rules.h"
#include "apiserver/server.h"
#include "schema/value.h"

namespace sampan::apiserver {

// An object that is made if it is not there; one that is there is the administrator's and stays as it is, unless it is reconciled.
struct StandardObject {
  using Fill = std::function<void(schema::Value object, Arena& arena)>;
  std::string_view group, resource;
  std::string name_space, name;
  Fill fill;
  std::string_view manager = "kube-apiserver";
  // What is applied to its status once it is made, and by whom.
  Fill status = nullptr;
  std::string_view status_manager = {};
  Fill unowned = nullptr;  // what is set in nobody's name
  // Brings an object that is there in line with the one that would be made; says whether anything changed. Null: it stays as it is.
  bool (*reconcile)(schema::Value current, schema::Value wanted) = nullptr;
  // Where that cannot be done: it is made anew.
  bool (*must_replace)(schema::Value current, schema::Value wanted) = nullptr;
};
using StandardObjects = std::vector<StandardObject>;

Result<void> ensure_object(Catalog& catalog, const StandardObject& object, Clock& clock);
// By several threads at once, since the store commits together what is written together.
Result<void> ensure_objects(Catalog& catalog, const StandardObjects& objects, Clock& clock);

Result<void> add_kubernetes_service(const BootstrapOptions& options, StandardObjects& out);
void add_rbac(StandardObjects& out);
void add_usage_reader(StandardObjects& out);  // who may read metrics.k8s.io, where that is served
PolicyRules standard_rules(std::string_view cluster_role);  // as they are made, whatever became of them
void add_flow_control(Clock& clock, StandardObjects& out);
Result<void> ensure_flow_control(Catalog& catalog, Clock& clock);  // again, for what became of them
void add_api_services(const Catalog& catalog, StandardObjects& out);
Result<void> remove_stale_api_services(Catalog& catalog);

}  // namespace sampan::apiserver
