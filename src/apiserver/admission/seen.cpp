#include "apiserver/admission/seen.h"

#include "apiserver/respond.h"
#include "base/text.h"
#include "schema/json.h"

namespace sampan::apiserver {

using schema::Object;
using schema::ObjectRef;
using schema::Value;

Target target_of(const Attributes& attributes) {
  const schema::Resource& resource = *attributes.served.resource;
  return {resource.group, resource.version, resource.resource, attributes.what, &attributes.served};
}

std::vector<Target> equivalents_of(const Attributes& attributes, const Catalog& catalog) {
  std::vector<Target> targets;
  const Served& own = attributes.served;
  if (!own.store) return targets;
  const std::string& subresource = attributes.info.subresource;
  for (const GroupVersion& version : catalog.group_versions())
    for (const Served* other : version.resources) {
      if (other == &own || other->store != own.store) continue;
      auto* part = subresource.empty() ? nullptr : other->subresource(subresource);
      if (!subresource.empty() && !part) continue;
      const schema::Resource& resource = *other->resource;
      targets.push_back({resource.group, resource.version, resource.resource, part ? expected_kind(*other, *part) : expected_kind(*other), other});
    }
  return targets;
}

std::string_view namespace_of(const Attributes& attributes) {
  const RequestInfo& info = attributes.info;
  bool is_namespace = info.group.empty() && info.resource == "namespaces";
  return is_namespace ? info.name : info.name_space;
}

Seen::Seen(const Attributes& attributes, Value object, const Object* old) : attributes_(attributes), tree_(object), old_(old) {}

Seen::Seen(const Attributes& attributes, const Object* object, const Object* old) : attributes_(attributes), object_(object), old_(old) {}

Result<ObjectRef> Seen::object() {
  if (object_ || !tree_.is_object()) return object_;
  const Served& served = attributes_.served;
  const schema::Type* type = !attributes_.is_whole() ? attributes_.what.type : served.store ? served.store->resource().type : served.resource->type;
  object_ = TRY(schema::freeze(tree_, *type));
  return object_;
}

Result<ObjectRef> Seen::as(const Target& target, const ObjectRef& object) const {
  if (!object || !attributes_.is_whole()) return object;
  return in_served_version(*target.served, object);
}

Result<void> Seen::replace(const Target& target, Value by) {
  if (attributes_.is_whole()) TRY(to_stored_version(*target.served, by));
  tree_.clear();
  for (const auto& member : by.clone(tree_.arena()).members()) tree_.set_copy(member.name, member.value);
  object_ = {};
  return {};
}

std::string json_of(const ObjectRef& object, const Target& target) {
  if (!object) return "null";
  std::string text;
  auto version = target.kind.group.empty() ? std::string(target.kind.version) : concat(target.kind.group, "/", target.kind.version);
  schema::write_json(text, *object, version, target.kind.kind);
  return text;
}

}  // namespace sampan::apiserver
