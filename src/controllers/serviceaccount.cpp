// What every namespace has from its beginning: the service account "default", and a config map with the CA of the API server.
#include "base/text.h"
#include "controllers/controllers.h"
#include "controllers/tree.h"

namespace sampan::controllers {

namespace {

bool is_active_namespace(const ObjectRef& space) { return space && (*space)["status"]["phase"].as_string() == "Active"; }

// Enqueues the namespace of objects of one name.
auto namespace_of_those_named(std::string_view name) {
  return [name](const Change& change, const Watches::Enqueue& enqueue) {
    if (name_of(change.any()) == name) enqueue(namespace_of(change.any()));
  };
}

class ServiceAccounts final : public Controller {
 public:
  explicit ServiceAccounts(Environment& environment) : environment_(environment) {}

  void watch(Watches& watches) override {
    namespaces_ = &watches.each("", "namespaces");
    accounts_ = &watches.on("", "serviceaccounts", namespace_of_those_named("default"));
  }

  Result<Again> reconcile(const Key& key) override {
    if (!is_active_namespace(namespaces_->find({}, key.name)) || accounts_->find(key.name, "default")) return Again::never();
    Arena arena;
    Value metadata = tree_of(arena, {{"name", "default"}, {"namespace", key.name}});
    auto made = environment_.api.create(accounts_->resource(), key.name, tree_of(arena, {{"metadata", metadata}}));
    if (!made && !made.error().is(Reason::AlreadyExists) && !is_of_ending_namespace(made.error())) return fail(std::move(made).error());
    return Again::never();
  }

 private:
  Environment& environment_;
  Informer *namespaces_ = nullptr, *accounts_ = nullptr;
};

constexpr std::string_view kRootCa = "kube-root-ca.crt", kDescription = "kubernetes.io/description";
constexpr std::string_view kDescriptionText =
    "Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the internal service IP or "
    "kubernetes.default.svc. No other usage is guaranteed across distributions of Kubernetes clusters.";

class RootCaPublisher final : public Controller {
 public:
  explicit RootCaPublisher(Environment& environment) : environment_(environment) {}

  void watch(Watches& watches) override {
    namespaces_ = &watches.each("", "namespaces");
    config_maps_ = &watches.on("", "configmaps", namespace_of_those_named(kRootCa));
  }

  Result<Again> reconcile(const Key& key) override {
    const auto& pem = environment_.settings.root_ca_pem;
    if (pem.empty() || !is_active_namespace(namespaces_->find({}, key.name))) return Again::never();
    auto current = config_maps_->find(key.name, kRootCa);
    if (current) {
      AnyView data = (*current)["data"];
      if (data.size() == 1 && data["ca.crt"].as_string() == pem && !annotation_of(*current, kDescription).empty()) return Again::never();
    }
    Arena arena;
    Value tree = current ? schema::thaw(*current, arena) : Value::object(arena);
    Value metadata = tree.ensure_object("metadata");
    metadata.set("name", kRootCa);
    metadata.ensure_object("annotations").set(kDescription, kDescriptionText);
    tree.set("data", tree_of(arena, {{"ca.crt", std::string_view(pem)}}));
    const auto& resource = config_maps_->resource();
    auto written = current ? environment_.api.update(resource, tree) : environment_.api.create(resource, key.name, tree);
    if (written || is_of_ending_namespace(written.error())) return Again::never();
    if (!current && written.error().is(Reason::NotFound)) return Again::never();
    return fail(std::move(written).error());
  }

 private:
  Environment& environment_;
  Informer *namespaces_ = nullptr, *config_maps_ = nullptr;
};

}  // namespace

std::unique_ptr<Controller> make_serviceaccount(Environment& environment) { return std::make_unique<ServiceAccounts>(environment); }
std::unique_ptr<Controller> make_root_ca_publisher(Environment& environment) { return std::make_unique<RootCaPublisher>(environment); }

}  // namespace sampan::controllers
