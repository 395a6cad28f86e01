// Gives every node its block of pod addresses, one of each cluster CIDR (spec.podCIDRs), and takes it back when the node goes.
#include "base/log.h"
#include "base/text.h"
#include "controllers/cidr_set.h"
#include "controllers/controllers.h"
#include "controllers/tree.h"

namespace sampan::controllers {

namespace {

class NodeIpam final : public Controller {
 public:
  explicit NodeIpam(Environment& environment)
      : environment_(environment), events_(environment.api, environment.clock, environment.executor, "cidrAllocator") {
    const Settings& settings = environment.settings;
    if (!settings.allocate_node_cidrs) return;
    for (const auto& cidr : settings.cluster_cidrs) {
      auto set = CidrSet::create(cidr, settings.node_cidr_mask_v4, settings.node_cidr_mask_v6);
      if (!set) {
        LOG_ERROR("node-ipam-controller: ", set.error().message());
        sets_.clear();
        return;
      }
      for (const auto& services : settings.service_cidrs) set->occupy(services);
      sets_.push_back(std::move(*set));
    }
  }

  void watch(Watches& watches) override {
    nodes_ = &watches.on("", "nodes", [this](const Change& change, const Watches::Enqueue& enqueue) {
      bool other = change.object && change.previous && uid_of(*change.object) != uid_of(*change.previous);
      if (change.previous && (!change.object || other)) release(*change.previous);
      // Blocks that nodes have must be known before the first is given away.
      if (change.object) occupy(*change.object);
      if (change.object && !sets_.empty() && (*change.object)["spec"]["podCIDRs"].size() == 0) enqueue(name_of(*change.object));
    });
  }

  Result<Again> reconcile(const Key& key) override {
    auto node = nodes_->find({}, key.name);
    if (sets_.empty() || !node || is_deleting(*node) || (*node)["spec"]["podCIDRs"].size() > 0) return Again::never();
    std::vector<std::string> cidrs;
    if (!allocate(cidrs)) {
      give_back(cidrs);
      tell(*node, "CIDRNotAvailable");
      return fail(internal_error(
          "failed to allocate cidr from cluster cidr: CIDR allocation failed; there are no remaining CIDRs left to allocate in the accepted range"));
    }
    bool used = false;
    auto done = client::update_latest(environment_.api, nodes_->resource(), {}, key.name, {}, [&](const Object& latest, Value tree) -> Result<bool> {
      used = false;
      if (latest["spec"]["podCIDRs"].size() > 0) return false;
      Arena& arena = tree.arena();
      Value list = Value::list(arena), spec = tree.ensure_object("spec");
      for (const auto& cidr : cidrs) list.push(text_in(arena, cidr));
      spec.set("podCIDR", list.at(0));
      spec.set("podCIDRs", list);
      used = true;
      return true;
    });
    if (done && used) return Again::never();
    if (done || done.error().is(Reason::NotFound)) {
      give_back(cidrs);
      return Again::never();
    }
    tell(*node, "CIDRAssignmentFailed");
    // After a timeout nobody knows whether it was written; then the node's own change will tell.
    if (!done.error().is(Reason::ServerTimeout) && !done.error().is(Reason::Timeout)) give_back(cidrs);
    return fail(std::move(done).error());
  }

 private:
  bool allocate(std::vector<std::string>& cidrs) {
    std::lock_guard lock(mutex_);
    for (auto& set : sets_) {
      auto cidr = set.allocate();
      if (!cidr) return false;
      cidrs.push_back(std::move(*cidr));
    }
    return true;
  }

  void give_back(const std::vector<std::string>& cidrs) {
    std::lock_guard lock(mutex_);
    for (size_t i = 0; i < cidrs.size(); i++) sets_[i].release(cidrs[i]);
  }

  void occupy(const Object& node) {
    std::lock_guard lock(mutex_);
    for (AnyView cidr : each(node["spec"]["podCIDRs"]))
      for (auto& set : sets_) set.occupy(cidr.as_string());
  }

  void release(const Object& node) {
    std::lock_guard lock(mutex_);
    for (AnyView cidr : each(node["spec"]["podCIDRs"]))
      for (auto& set : sets_) set.release(cidr.as_string());
  }

  void tell(const Object& node, std::string_view what) {
    client::Reference about;
    about.api_version = "v1", about.kind = "Node", about.name = name_of(node), about.uid = name_of(node);
    events_.tell(about, client::kNormal, what, concat("Node ", name_of(node), " status is now: ", what));
  }

  Environment& environment_;
  client::Events events_;
  Informer* nodes_ = nullptr;
  std::mutex mutex_;
  std::vector<CidrSet> sets_;
};

}  // namespace

std::unique_ptr<Controller> make_node_ipam(Environment& environment) { return std::make_unique<NodeIpam>(environment); }

}  // namespace sampan::controllers
