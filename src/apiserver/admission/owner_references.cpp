// OwnerReferencesPermissionEnforcement: who changes an object's owners must be allowed to delete it, and who lets it hold up an owner's deletion must be
// allowed to set that owner's finalizers.
#include "apiserver/access/access.h"
#include "apiserver/admission/plugin.h"
#include "base/text.h"

namespace sampan::apiserver {

using schema::AnyView;
using schema::Object;

namespace {

RequestInfo question(std::string_view verb, std::string_view group, std::string_view version, std::string_view resource) {
  RequestInfo info;
  info.is_resource = true;
  info.verb = verb;
  info.group = group;
  info.version = version;
  info.resource = resource;
  return info;
}

class OwnerReferences final : public AdmissionPlugin {
 public:
  OwnerReferences(Catalog& catalog, Access& access) : catalog_(catalog), access_(access) {}
  std::string_view name() const override { return "OwnerReferencesPermissionEnforcement"; }

  Result<void> validate(const Attributes& attributes, const Object* object, const Object* old) override {
    const RequestInfo& info = attributes.info;
    bool binds = info.group.empty() && ((info.resource == "pods" && info.subresource == "binding") || info.resource == "bindings");
    if (!object || attributes.operation == Operation::Delete || attributes.operation == Operation::Connect || binds) return {};
    AnyView owners = (*object)["metadata"]["ownerReferences"], before = old ? (*old)["metadata"]["ownerReferences"] : AnyView();
    if (owners.present() == before.present() && (!owners.present() || owners.equals(before))) return {};
    if (old) {
      auto removal = question("delete", info.group, info.version, info.resource);
      removal.subresource = info.subresource;
      removal.name_space = info.name_space;
      removal.name = info.name;
      std::string reason;
      if (access_.authorize(attributes.user, removal, reason) != Decision::Allow)
        return fail(refusal(attributes, *object, concat("cannot set an ownerRef on a resource you can't delete: ", reason, ", <nil>")));
    }
    auto anything = question("update", "*", "*", "*");
    anything.subresource = "finalizers";
    anything.name = "*";
    bool may_all = false, asked = false;
    for (uint32_t i = 0; owners.present() && i < owners.size(); i++) {
      AnyView owner = owners.item(i);
      if (!blocks(owner) || was_blocking(before, owner["uid"].as_string())) continue;
      if (!asked) may_all = access_.allows(attributes.user, anything);
      asked = true;
      if (!may_all) TRY(check_owner(attributes, *object, owner));
    }
    return {};
  }

 private:
  static bool blocks(const AnyView& owner) { return owner["blockOwnerDeletion"].as_bool(); }
  static bool was_blocking(const AnyView& before, std::string_view uid) {
    for (uint32_t i = 0; before.present() && i < before.size(); i++)
      if (before.item(i)["uid"].as_string() == uid) return blocks(before.item(i));
    return false;
  }

  Result<void> check_owner(const Attributes& attributes, const Object& object, const AnyView& owner) {
    auto api_version = owner["apiVersion"].as_string(), kind = owner["kind"].as_string();
    auto slash = api_version.find('/');
    auto group = slash == std::string_view::npos ? std::string_view() : api_version.substr(0, slash);
    auto version = slash == std::string_view::npos ? api_version : api_version.substr(slash + 1);
    bool known = false;
    if (auto* served = catalog_.group_version(group, version))
      for (const Served* it : served->resources) {
        if (it->resource->kind != kind) continue;
        known = true;
        auto finalizers = question("update", group, version, it->resource->resource);
        finalizers.subresource = "finalizers";
        finalizers.name = owner["name"].as_string();
        if (it->resource->namespaced) finalizers.name_space = attributes.info.name_space;
        std::string reason;
        if (access_.authorize(attributes.user, finalizers, reason) != Decision::Allow)
          return fail(refusal(attributes, object,
                              concat("cannot set blockOwnerDeletion if an ownerReference refers to a resource you can't set finalizers on: ", reason, ", <nil>")));
      }
    if (known) return {};
    return fail(refusal(attributes, object,
                        concat("cannot set blockOwnerDeletion in this case because cannot find RESTMapping for APIVersion ", api_version, " Kind ", kind,
                               ": no matches for kind ", quoted(kind), " in version ", quoted(api_version))));
  }

  Catalog& catalog_;
  Access& access_;
};

}  // namespace

std::unique_ptr<AdmissionPlugin> owner_references_permission_enforcement(Catalog& catalog, Access& access) {
  return std::make_unique<OwnerReferences>(catalog, access);
}

}  // namespace sampan::apiserver
