#include "apiserver/access/claim_guard.h"

#include <set>

#include "apiserver/access/access.h"
#include "base/text.h"

namespace sampan::apiserver {

using registry::FieldErrors;
using registry::Path;
using schema::AnyView;
using schema::Object;

namespace {

constexpr std::string_view kGroup = "resource.k8s.io", kLabel = "resource.kubernetes.io/admin-access";

// Which of a list asks for it; SIZE_MAX: none.
size_t first_asking(const AnyView& list, std::string_view inside) {
  for (uint32_t i = 0; i < list.size(); i++) {
    auto item = list.item(i);
    auto holder = inside.empty() ? item : item[inside];
    if (holder.present() && holder["adminAccess"].present() && holder["adminAccess"].as_bool()) return i;
  }
  return SIZE_MAX;
}

void guard_admin_access(Context& context, const Object& object, const Object* old, FieldErrors& errors) {
  std::string_view list;
  size_t asking = SIZE_MAX;
  if (!old) {
    auto spec = context.info.resource == "resourceclaims" ? object["spec"] : object["spec"]["spec"];
    asking = first_asking(spec["devices"]["requests"], "exactly");
    list = "spec.devices.requests";
  } else if (context.info.subresource == "status" && first_asking((*old)["status"]["allocation"]["devices"]["results"], "") == SIZE_MAX) {
    asking = first_asking(object["status"]["allocation"]["devices"]["results"], "");
    list = "status.allocation.devices.results";
  }
  if (asking == SIZE_MAX) return;
  auto name_space = context.services.catalog->store_of("", "namespaces")->get("", object["metadata"]["namespace"].as_string());
  if (name_space && (**name_space)["metadata"]["labels"][kLabel].as_string() == "true") return;
  auto where = concat(list, "[", asking, "].adminAccess");
  Path field(where);
  if (name_space)
    errors.forbidden(field, concat("admin access to devices requires the `", kLabel, ": true` label on the containing namespace"));
  else
    errors.internal(field, concat("could not retrieve namespace to verify admin access: ", name_space.error().message()));
}

// Why not; "" if he may.
std::string refusal(Context& context, std::string_view verb, std::string_view subresource, std::string_view name_space, std::string_view name) {
  RequestInfo info = context.info;
  info.verb = verb;
  info.subresource = subresource;
  info.name_space = name_space;
  info.name = name;
  std::string reason;
  if (context.services.access->authorize(context.user, info, reason) == Decision::Allow) return {};
  return forbidden(context.user, info, reason).message();
}

void guard_binding(Context& context, const AnyView& now, const AnyView& before, FieldErrors& errors) {
  if (now["allocation"].equals(before["allocation"]) && now["reservedFor"].equals(before["reservedFor"])) return;
  auto& verb = context.info.verb;
  if (auto why = refusal(context, verb, "binding", "", ""); !why.empty())
    errors.forbidden(Path("status").child("allocation"),
                     concat("changing status.allocation or status.reservedFor requires resource=\"resourceclaims/binding\", verb=\"", verb, "\" permission: ", why));
}

bool same_device(const AnyView& a, const AnyView& b) {
  return a["driver"].as_string() == b["driver"].as_string() && a["pool"].as_string() == b["pool"].as_string() &&
         a["device"].as_string() == b["device"].as_string() && a["shareID"].as_string() == b["shareID"].as_string();
}

// The drivers of devices of `list` that are not the same in `other`.
void collect_changed(const AnyView& list, const AnyView& other, std::set<std::string>& drivers) {
  for (uint32_t i = 0; i < list.size(); i++) {
    auto device = list.item(i);
    bool same = false;
    for (uint32_t j = 0; j < other.size() && !same; j++) same = same_device(other.item(j), device) && other.item(j).equals(device);
    if (!same) drivers.emplace(device["driver"].as_string());
  }
}

// The one node that an allocation is for; "" if it is not for just one.
std::string_view node_of(const AnyView& allocation) {
  auto terms = allocation["nodeSelector"]["nodeSelectorTerms"];
  if (terms.size() != 1) return {};
  auto term = terms.item(0);
  auto fields = term["matchFields"];
  if (term["matchExpressions"].size() != 0 || fields.size() != 1) return {};
  auto field = fields.item(0);
  if (field["key"].as_string() != "metadata.name" || field["operator"].as_string() != "In" || field["values"].size() != 1) return {};
  return field["values"].item(0).as_string();
}

// A service account whose token says that it is of a pod on that node.
bool is_on_node(const User& user, std::string_view node) {
  if (node.empty() || !user.name.starts_with("system:serviceaccount:")) return false;
  for (auto& [key, values] : user.extra)
    if (key == "authentication.kubernetes.io/node-name") return values.size() == 1 && values[0] == node;
  return false;
}

void guard_driver(Context& context, const AnyView& now, const AnyView& before, FieldErrors& errors) {
  if (!now["allocation"].present()) return;
  std::set<std::string> drivers;
  collect_changed(now["devices"], before["devices"], drivers);
  collect_changed(before["devices"], now["devices"], drivers);
  std::vector<std::string> verbs;
  if (is_on_node(context.user, node_of(now["allocation"]))) verbs.push_back(concat("associated-node:", context.info.verb));
  verbs.push_back(concat("arbitrary-node:", context.info.verb));
  for (auto& driver : drivers) {
    std::string first;
    bool may = false;
    for (auto& verb : verbs) {
      auto why = refusal(context, verb, "driver", context.info.name_space, driver);
      may |= why.empty();
      if (first.empty()) first = std::move(why);
    }
    if (!may)
      errors.forbidden(Path("status").child("devices"), concat("changing status.devices requires resource=\"resourceclaims/driver\", verb=\"[",
                                                                 join(verbs, " "), "]\" permission: ", first));
  }
}

}  // namespace

void guard_claim(Context& context, const Object& object, const Object* old, FieldErrors& errors) {
  const RequestInfo& info = context.info;
  if (info.group != kGroup || (info.resource != "resourceclaimtemplates" && info.resource != "resourceclaims")) return;
  guard_admin_access(context, object, old, errors);
  bool trusted = context.direct;  // components of this process may do what they do
  if (trusted || !old || info.subresource != "status") return;
  guard_binding(context, object["status"], (*old)["status"], errors);
  guard_driver(context, object["status"], (*old)["status"], errors);
}

}  // namespace sampan::apiserver
