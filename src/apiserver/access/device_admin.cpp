// Who may have administrator's access to devices. See device_admin.h.
#include "apiserver/access/device_admin.h"

#include "base/text.h"
#include "registry/field_errors.h"

namespace sampan::apiserver {

using registry::Path;
using schema::AnyView;

namespace {

constexpr std::string_view kLabel = "resource.kubernetes.io/admin-access";

// Which of a list asks for it; SIZE_MAX: none.
size_t first_asking(const AnyView& list, std::string_view inside) {
  for (uint32_t i = 0; i < list.size(); i++) {
    auto item = list.item(i);
    auto holder = inside.empty() ? item : item[inside];
    if (holder.present() && holder["adminAccess"].present() && holder["adminAccess"].as_bool()) return i;
  }
  return SIZE_MAX;
}

}  // namespace

Result<void> guard_device_admin(Context& context, const schema::Object& object, const schema::Object* old) {
  const RequestInfo& info = context.info;
  bool is_template = info.resource == "resourceclaimtemplates";
  if (info.group != "resource.k8s.io" || (!is_template && info.resource != "resourceclaims")) return {};
  std::string_view list;
  size_t asking = SIZE_MAX;
  if (!old) {
    auto spec = is_template ? object["spec"]["spec"] : object["spec"];
    asking = first_asking(spec["devices"]["requests"], "exactly");
    list = "spec.devices.requests";
  } else if (info.subresource == "status" && first_asking((*old)["status"]["allocation"]["devices"]["results"], "") == SIZE_MAX) {
    asking = first_asking(object["status"]["allocation"]["devices"]["results"], "");
    list = "status.allocation.devices.results";
  }
  if (asking == SIZE_MAX) return {};
  auto name_space = context.services.catalog->store_of("", "namespaces")->get("", object["metadata"]["namespace"].as_string());
  if (name_space && (**name_space)["metadata"]["labels"][kLabel].as_string() == "true") return {};
  registry::FieldErrors errors;
  auto where = concat(list, "[", asking, "].adminAccess");
  Path field(where);
  if (name_space)
    errors.forbidden(field, concat("admin access to devices requires the `", kLabel, ": true` label on the containing namespace"));
  else
    errors.internal(field, concat("could not retrieve namespace to verify admin access: ", name_space.error().message()));
  return fail(std::move(errors).to_error("resource.k8s.io", context.served->resource->kind, object["metadata"]["name"].as_string()));
}

}  // namespace sampan::apiserver
