// Certificate requests: those of nodes are approved, approved ones are signed, old ones go.
#include "base/encoding.h"
#include "base/text.h"
#include "controllers/controllers.h"
#include "controllers/signing.h"
#include "controllers/tree.h"

namespace sampan::controllers {

namespace {

constexpr std::string_view kGroup = "certificates.k8s.io", kResource = "certificatesigningrequests";

std::vector<std::string> usages_of(const Object& request) {
  std::vector<std::string> usages;
  for (AnyView usage : each(request["spec"]["usages"])) usages.emplace_back(usage.as_string());
  return usages;
}

bool is_issued(const Object& request) { return !request["status"]["certificate"].as_string().empty(); }

bool has_condition(const Object& request, std::string_view type) { return condition_of(request["status"]["conditions"], type).present(); }

Value add_condition(Value tree, std::string_view type, std::string_view reason, std::string_view message) {
  Arena& arena = tree.arena();
  Value condition = tree_of(arena, {{"type", type}, {"status", "True"}, {"reason", reason}, {"message", text_in(arena, message)}});
  tree.ensure_object("status").ensure_list("conditions").push(condition);
  return condition;
}

// ---- signing ----

class Signing final : public Controller {
 public:
  explicit Signing(Environment& environment) : environment_(environment) {}
  void watch(Watches& watches) override { requests_ = &watches.each(kGroup, kResource); }

  Result<Again> reconcile(const Key& key) override {
    const Settings& settings = environment_.settings;
    auto request = requests_->find({}, key.name);
    if (settings.signing_certificate_pem.empty() || !request || is_issued(*request) || !is_true((*request)["status"]["conditions"], "Approved") ||
        is_true((*request)["status"]["conditions"], "Failed"))
      return Again::never();
    AnyView spec = (*request)["spec"];
    auto facts = TRY(read_certificate_request(spec["request"].as_string()));
    auto usages = usages_of(*request);
    bool known = false;
    auto complaint = signer_complaint(spec["signerName"].as_string(), facts, usages, known);
    if (!known) return Again::never();
    Arena arena;
    Value tree = schema::thaw(*request, arena);
    if (!complaint.empty()) {
      Value condition = add_condition(tree, "Failed", "SignerValidationFailure", complaint);
      condition.set("lastUpdateTime", time_in(arena, environment_.now_seconds()));
    } else {
      auto certificate = TRY(sign_certificate(spec["request"].as_string(), usages, {settings.signing_certificate_pem, settings.signing_key_pem},
                                              environment_.now_seconds(), seconds_for(spec)));
      std::string encoded;
      append_base64(encoded, certificate);
      tree.ensure_object("status").set("certificate", text_in(arena, encoded));
    }
    auto written = environment_.api.update_status(requests_->resource(), tree);
    if (!written && !written.error().is(Reason::NotFound)) return fail(std::move(written).error());
    return Again::never();
  }

 private:
  int64_t seconds_for(const AnyView& spec) const {
    constexpr int64_t kSecondsMin = 10 * 60;
    AnyView asked = spec["expirationSeconds"];
    int64_t most = environment_.settings.signing_seconds;
    return asked.present() ? std::min(most, std::max(asked.as_int(), kSecondsMin)) : most;
  }

  Environment& environment_;
  Informer* requests_ = nullptr;
};

// ---- approving ----

class Approving final : public Controller {
 public:
  explicit Approving(Environment& environment) : environment_(environment) {}
  void watch(Watches& watches) override { requests_ = &watches.each(kGroup, kResource); }

  Result<Again> reconcile(const Key& key) override {
    auto request = requests_->find({}, key.name);
    if (!request || is_issued(*request) || has_condition(*request, "Approved") || has_condition(*request, "Denied")) return Again::never();
    AnyView spec = (*request)["spec"];
    auto facts = TRY(read_certificate_request(spec["request"].as_string()));
    if (!is_node_client(spec["signerName"].as_string(), facts, usages_of(*request))) return Again::never();
    // A node renews its own, or somebody who may joins a new one.
    if (spec["username"].as_string() == facts.common_name && TRY(may(*request, "selfnodeclient"))) {
      TRY(approve(*request, "Auto approving self kubelet client certificate after SubjectAccessReview."));
    } else if (TRY(may(*request, "nodeclient"))) {
      TRY(approve(*request, "Auto approving kubelet client certificate after SubjectAccessReview."));
    } else {
      return Again::in(kAskAgainUs);  // rights come with role bindings, perhaps a moment later
    }
    return Again::never();
  }

 private:
  static constexpr int64_t kAskAgainUs = 30'000'000;

  Result<bool> may(const Object& request, std::string_view subresource) {
    Arena arena;
    AnyView spec = request["spec"];
    Value attributes = tree_of(arena, {{"group", kGroup}, {"resource", kResource}, {"verb", "create"}, {"subresource", subresource}, {"version", "*"}});
    Value asked = tree_of(arena, {{"user", text_in(arena, spec["username"].as_string())},
                                  {"uid", text_in(arena, spec["uid"].as_string())},
                                  {"resourceAttributes", attributes}});
    if (AnyView groups = spec["groups"]; groups.present()) asked.set("groups", schema::thaw(groups, arena));
    if (AnyView extra = spec["extra"]; extra.present()) asked.set("extra", schema::thaw(extra, arena));
    Value review = tree_of(arena, {{"apiVersion", "authorization.k8s.io/v1"}, {"kind", "SubjectAccessReview"}, {"spec", asked}});
    auto answer = TRY(environment_.api.post(client::builtin("authorization.k8s.io", "subjectaccessreviews"), {}, {}, {}, review, arena));
    return answer["status"]["allowed"].as_bool();
  }

  Result<void> approve(const Object& request, std::string_view message) {
    Arena arena;
    Value tree = schema::thaw(request, arena);
    add_condition(tree, "Approved", "AutoApproved", message);
    auto written = environment_.api.update(requests_->resource(), tree, {.subresource = "approval"});
    if (!written && !written.error().is(Reason::NotFound)) return fail(std::move(written).error());
    return {};
  }

  Environment& environment_;
  Informer* requests_ = nullptr;
};

// ---- cleaning ----

class Cleaning final : public Controller {
 public:
  explicit Cleaning(Environment& environment) : environment_(environment) {}
  void watch(Watches& watches) override {
    requests_ = &watches.read(kGroup, kResource);
    watches.every(kHour * 1'000'000, "all");
  }

  Result<Again> reconcile(const Key&) override {
    Result<void> result;
    for (const auto& request : requests_->all()) {
      if (!is_past(*request)) continue;
      auto removed = ignore_not_found(environment_.api.remove(requests_->resource(), {}, name_of(*request), {.uid = uid_of(*request)}));
      if (!removed) result = std::move(removed);
    }
    if (!result) return fail(std::move(result).error());
    return Again::never();
  }

 private:
  static constexpr int64_t kHour = 3600, kDay = 24 * kHour;

  bool is_past(const Object& request) {
    int64_t now = environment_.now_seconds();
    auto older = [&](const AnyView& time, int64_t seconds) { return time.present() && time.as_int() != 0 && now - time.as_int() > seconds; };
    AnyView conditions = request["status"]["conditions"];
    if (conditions.size() == 0 && older(request["metadata"]["creationTimestamp"], kDay)) return true;
    for (std::string_view type : {"Denied", "Failed"})
      if (older(condition_of(conditions, type)["lastUpdateTime"], kHour)) return true;
    AnyView approved = condition_of(conditions, "Approved");
    if (!approved.present()) return false;
    if (!is_issued(request)) return older(approved["lastUpdateTime"], kDay);
    int64_t end = certificate_end(request["status"]["certificate"].as_string());
    return older(approved["lastUpdateTime"], kHour) || (end != 0 && now > end);
  }

  Environment& environment_;
  Informer* requests_ = nullptr;
};

}  // namespace

std::unique_ptr<Controller> make_certificate_signing(Environment& environment) { return std::make_unique<Signing>(environment); }
std::unique_ptr<Controller> make_certificate_approving(Environment& environment) { return std::make_unique<Approving>(environment); }
std::unique_ptr<Controller> make_certificate_cleaning(Environment& environment) { return std::make_unique<Cleaning>(environment); }

}  // namespace sampan::controllers
