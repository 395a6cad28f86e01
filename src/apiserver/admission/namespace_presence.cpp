// NamespaceExists: every request in a namespace needs that namespace. NamespaceAutoProvision: makes the namespace that a create needs. Both are off
// unless asked for.
#include "apiserver/admission/plugin.h"

namespace sampan::apiserver {

using schema::Object;
using schema::Value;

namespace {

bool concerns_namespace(const Attributes& attributes) {
  const RequestInfo& info = attributes.info;
  return !info.name_space.empty() && !(info.group.empty() && info.resource == "namespaces") && attributes.operation != Operation::Connect;
}

class NamespaceExists final : public AdmissionPlugin {
 public:
  explicit NamespaceExists(Catalog& catalog) : namespaces_(*catalog.store_of("", "namespaces")) {}
  std::string_view name() const override { return "NamespaceExists"; }

  Result<void> validate(const Attributes& attributes, const Object*, const Object*) override {
    if (!concerns_namespace(attributes)) return {};
    auto found = namespaces_.get("", attributes.info.name_space);
    if (found) return {};
    return fail(found.error().is(Reason::NotFound) ? found.error().clone() : internal_error(found.error().message()));
  }

 private:
  registry::ObjectStore& namespaces_;
};

class NamespaceAutoProvision final : public AdmissionPlugin {
 public:
  explicit NamespaceAutoProvision(Catalog& catalog) : namespaces_(*catalog.store_of("", "namespaces")) {}
  std::string_view name() const override { return "NamespaceAutoProvision"; }

  Result<void> mutate(const Attributes& attributes, Value object, const Object*) override {
    if (attributes.operation != Operation::Create || attributes.dry_run || !concerns_namespace(attributes)) return {};
    const std::string& name = attributes.info.name_space;
    auto found = namespaces_.get("", name);
    if (found) return {};
    if (!found.error().is(Reason::NotFound)) return fail(refusal(attributes, object, found.error().message()));
    Arena arena;
    Value made = Value::object(arena);
    made.ensure_object("metadata").set("name", std::string_view(name));
    const registry::Rules& rules = namespaces_.rules();
    if (rules.defaults) rules.defaults(made, namespaces_.resource().version);
    auto outcome = namespaces_.create("", made, arena, {});
    if (!outcome && !outcome.error().is(Reason::AlreadyExists)) return fail(refusal(attributes, object, outcome.error().message()));
    return {};
  }

 private:
  registry::ObjectStore& namespaces_;
};

}  // namespace

std::unique_ptr<AdmissionPlugin> namespace_exists(Catalog& catalog) { return std::make_unique<NamespaceExists>(catalog); }
std::unique_ptr<AdmissionPlugin> namespace_auto_provision(Catalog& catalog) { return std::make_unique<NamespaceAutoProvision>(catalog); }

}  // namespace sampan::apiserver
