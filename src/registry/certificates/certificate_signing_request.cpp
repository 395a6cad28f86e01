// CertificateSigningRequest: somebody asks for a certificate, an approver says yes or no, a signer makes it. Each of the three has a way of
// its own to change the object, and can change nothing else by it.
#include "base/encoding.h"
#include "base/text.h"
#include "registry/apps/workload.h"
#include "registry/certificates/pem.h"
#include "registry/columns.h"
#include "registry/human_duration.h"

namespace sampan::registry {

namespace {

constexpr std::string_view kUsages[] = {
    "any",           "cert sign",       "client auth",     "code signing",   "content commitment", "crl sign",      "data encipherment", "decipher only",
    "digital signature", "email protection", "encipher only", "ipsec end system", "ipsec tunnel", "ipsec user",    "key agreement",     "key encipherment",
    "microsoft sgc", "netscape sgc",    "ocsp signing",    "s/mime",         "server auth",        "signing",       "timestamping"};
constexpr std::string_view kLegacySigner = "kubernetes.io/legacy-unknown";
constexpr int64_t kExpirationMin = 600;

// ---- what a write may change ----

// Who asks is what the server knows, never what the request says.
void prepare_create(Value object, const CreateContext& context) {
  Value spec = object.ensure_object("spec");
  for (auto field : {"username", "uid", "groups", "extra"}) spec.remove(field);
  const Requester& requester = context.requester;
  Arena& arena = object.arena();
  if (!requester.name.empty()) spec.set("username", arena.copy(requester.name));
  if (!requester.uid.empty()) spec.set("uid", arena.copy(requester.uid));
  for (const auto& group : requester.groups) spec.ensure_list("groups").push(arena.copy(group));
  for (const auto& [key, values] : requester.extra)
    for (const auto& value : values) spec.ensure_object("extra").ensure_list(arena.copy(key)).push(arena.copy(value));
  object.set("status", Value::object(object.arena()));
}

// As many conditions of the type as before: they stay as they were. More or fewer are left to validation.
void preserve_conditions(Value now, Value before, std::string_view type) {
  std::vector<uint32_t> mine, theirs;
  for (uint32_t i = 0; i < now.size(); i++)
    if (now.at(i)["type"].as_string() == type) mine.push_back(i);
  for (uint32_t i = 0; i < before.size(); i++)
    if (before.at(i)["type"].as_string() == type) theirs.push_back(i);
  if (mine.size() != theirs.size()) return;
  for (size_t i = 0; i < mine.size(); i++) now.items()[mine[i]] = before.at(theirs[i]);
}

void prepare_update(Value object, const Object& old, std::string_view subresource) {
  keep_from(object, "spec", old["spec"]);
  if (subresource == "status") {
    Value before = schema::thaw(old, object.arena())["status"]["conditions"];
    for (auto type : {"Approved", "Denied"}) preserve_conditions(object["status"]["conditions"], before, type);
    return;
  }
  Value conditions = object["status"]["conditions"];
  keep_from(object, "status", old["status"]);
  if (subresource != "approval") return;
  Value status = object.ensure_object("status");
  if (conditions.is_list())
    status.set("conditions", conditions);
  else
    status.remove("conditions");
}

void stamp_update(Value object, const Object& old, std::string_view subresource, int64_t now_seconds) {
  if (subresource.empty()) return;
  std::string text;
  append_time(text, now_seconds);
  Value now = object.arena().copy(text);
  Value before = schema::thaw(old, object.arena())["status"]["conditions"];
  for (Value condition : object["status"]["conditions"].items()) {
    if (!condition.is_object()) continue;
    default_value(condition, "lastUpdateTime", now);
    if (!condition["lastTransitionTime"].is_missing()) continue;
    Value since = now;
    for (Value one : before.items())
      if (one["type"].equals(condition["type"]) && one["status"].equals(condition["status"]) && !one["lastTransitionTime"].is_missing()) {
        since = one["lastTransitionTime"];
        break;
      }
    condition.set("lastTransitionTime", since);
  }
}

// ---- validation ----

// What is tolerated because the old object has it already.
struct Tolerated {
  bool unknown_usages = false, duplicate_usages = false, legacy_signer = false;
  bool approved_and_denied = false, duplicate_types = false, empty_types = false;
  bool any_certificate = false;
};

bool is_usage(std::string_view usage) { return std::find(std::begin(kUsages), std::end(kUsages), usage) != std::end(kUsages); }

// Whether a list has an item twice; `text` reads an item.
template <class Text>
bool has_twins(const AnyView& list, Text text) {
  for (uint32_t i = 0; i < list.size(); i++)
    for (uint32_t j = 0; j < i; j++)
      if (text(list.item(i)) == text(list.item(j))) return true;
  return false;
}

int count_conditions(const AnyView& status, std::string_view type) {
  int count = 0;
  for (uint32_t i = 0; i < status["conditions"].size(); i++) count += status["conditions"].item(i)["type"].as_string() == type;
  return count;
}

Tolerated tolerated_of(const Object& object, const Object& old) {
  AnyView usages = old["spec"]["usages"], status = old["status"], certificate = status["certificate"];
  auto text = [](const AnyView& item) { return item.as_string(); };
  auto type = [](const AnyView& item) { return item["type"].as_string(); };
  Tolerated out;
  for (uint32_t i = 0; i < usages.size(); i++) out.unknown_usages |= !is_usage(usages.item(i).as_string());
  out.duplicate_usages = has_twins(usages, text);
  out.legacy_signer = old["spec"]["signerName"].as_string() == kLegacySigner;
  out.approved_and_denied = count_conditions(status, "Approved") && count_conditions(status, "Denied");
  out.duplicate_types = has_twins(status["conditions"], type);
  out.empty_types = count_conditions(status, "") > 0;
  out.any_certificate = certificate.as_string() == object["status"]["certificate"].as_string() ||
                        !certificates_complaint(certificate.as_string()).empty();
  return out;
}

// "example.com/name"
void validate_signer(const At& signer) {
  auto name = signer.text();
  if (name.empty()) return signer.required();
  auto slash = name.find('/');
  if (slash == std::string_view::npos || name.find('/', slash + 1) != std::string_view::npos)
    return signer.invalid("must be a fully qualified domain and path of the form 'example.com/signer-name'");
  constexpr size_t kDomainMax = 253, kPathMax = 253 + 63 + 1;
  auto domain = name.substr(0, slash), path = name.substr(slash + 1);
  auto validate_labels_of = [&](std::string_view part, void (*form)(std::string_view, Complaints&)) {
    for (auto label : split(part, '.')) {
      Complaints complaints;
      form(label, complaints);
      for (const auto& complaint : complaints) signer.invalid(Shown(part), concat("validating label ", quoted(label), ": ", complaint));
      if (!complaints.empty()) return;  // one is enough to see what is meant
    }
  };
  if (domain.size() > kDomainMax) signer.too_long(kDomainMax);
  validate_labels_of(domain, check_dns1123_label);
  if (domain.find('.') == std::string_view::npos)
    signer.invalid(Shown(domain), "should be a domain with at least two segments separated by dots");
  validate_labels_of(path, check_dns1123_subdomain);
  if (name.size() > kDomainMax + kPathMax + 1) signer.too_long(kDomainMax + kPathMax + 1);
}

void validate_usages(const At& usages, const Tolerated& tolerated) {
  if (usages.size() == 0) usages.required();
  for (uint32_t i = 0; i < usages.size(); i++) {
    At usage = usages.item(i);
    if (!tolerated.unknown_usages && !is_usage(usage.text()))
      usage.errors().not_supported(usage.path(), Shown(usage.text()), kUsages);
    bool twin = false;
    for (uint32_t j = 0; j < i; j++) twin |= usages.item(j).text() == usage.text();
    if (!tolerated.duplicate_usages && twin) usage.duplicate();
  }
}

void validate_conditions_of(const At& conditions, const Tolerated& tolerated) {
  bool approved = false, denied = false;
  for (uint32_t i = 0; i < conditions.size(); i++) {
    At condition = conditions.item(i), type = condition["type"], status = condition["status"];
    auto text = type.text();
    if (!tolerated.empty_types && text.empty()) type.required();
    bool only_true = text == "Approved" || text == "Denied" || text == "Failed";
    if (status.empty())
      status.required();
    else if (only_true)
      status.one_of({"True"});
    else
      status.one_of({"False", "True", "Unknown"});
    approved |= text == "Approved";
    denied |= text == "Denied";
    if (!tolerated.approved_and_denied && approved && denied && (text == "Approved" || text == "Denied"))
      conditions.invalid(Shown(text), "Approved and Denied conditions are mutually exclusive");
    bool twin = false;
    for (uint32_t j = 0; j < i; j++) twin |= conditions.value().item(j)["type"].as_string() == text;
    if (!tolerated.duplicate_types && twin) type.duplicate();
  }
}

void validate_request(const Object& object, const Tolerated& tolerated, FieldErrors& errors) {
  Path spec_path("spec"), status_path("status");
  At spec(object["spec"], spec_path, errors), status(object["status"], status_path, errors);
  At request = spec["request"], signer = spec["signerName"], expiration = spec["expirationSeconds"];
  if (auto complaint = certificate_request_complaint(request.text()); !complaint.empty())
    request.invalid(Shown(request.value()), complaint);
  validate_usages(spec["usages"], tolerated);
  if (!tolerated.legacy_signer && signer.text() == kLegacySigner)
    signer.invalid("the legacy signerName is not allowed via this API version");
  else
    validate_signer(signer);
  if (expiration.present() && expiration.number() < kExpirationMin)
    expiration.invalid("may not specify a duration less than 600 seconds (10 minutes)");
  validate_conditions_of(status["conditions"], tolerated);
  if (tolerated.any_certificate) return;
  if (auto complaint = certificates_complaint(status["certificate"].text()); !complaint.empty())
    status["certificate"].invalid(Shown("<certificate data>"), complaint);
}

void validate(const Object& object, FieldErrors& errors) { validate_request(object, {}, errors); }

// Approvals are made by the approval subresource only, certificates by the status subresource only; what is decided stays so.
void validate_change(std::string_view subresource, const Object& object, const Object& old, FieldErrors& errors) {
  validate_request(object, tolerated_of(object, old), errors);
  AnyView now = object["status"], before = old["status"];
  Path status("status");
  auto conditions = [&](std::string_view what, std::string_view type) {
    errors.forbidden(status.child("conditions"), concat("updates may not ", what, " a condition of type ", quoted(type)));
  };
  for (auto type : {"Approved", "Denied", "Failed"})
    if (count_conditions(now, type) < count_conditions(before, type)) conditions("remove", type);
  if (subresource != "approval")
    for (auto type : {"Approved", "Denied"})
      if (count_conditions(now, type) > count_conditions(before, type)) conditions("add", type);
  auto certificate = before["certificate"].as_string();
  if (now["certificate"].as_string() == certificate) return;
  if (subresource != "status")
    errors.forbidden(status.child("certificate"), "updates may not set certificate content");
  else if (!certificate.empty())
    errors.forbidden(status.child("certificate"), "updates may not modify existing certificate content");
}

void validate_update(const Object& object, const Object& old, FieldErrors& errors) { validate_change({}, object, old, errors); }

// ---- the table ----

constexpr Column kColumns[] = {
    kNameColumn,
    kAgeColumn,
    {"SignerName", "string", "",
     "Requested signer for the request. It is a qualified name in the form: `scope-hostname.io/name`. If empty, it will be defaulted:\n 1. If "
     "it's a kubelet client certificate, it is assigned\n    \"kubernetes.io/kube-apiserver-client-kubelet\".\n 2. If it's a kubelet serving "
     "certificate, it is assigned\n    \"kubernetes.io/kubelet-serving\".\n 3. Otherwise, it is assigned "
     "\"kubernetes.io/legacy-unknown\".\nDistribution of trust for signers happens out of band. You can select on this field using "
     "`spec.signerName`."},
    {"Requestor", "string", "", "Base64-encoded PKCS#10 CSR data"},
    {"RequestedDuration", "string", "",
     "expirationSeconds is the requested duration of validity of the issued certificate. The certificate signer may issue a certificate with a "
     "different validity duration so a client must check the delta between the notBefore and and notAfter fields in the issued certificate to "
     "determine the actual duration.\n\nThe v1.22+ in-tree implementations of the well-known Kubernetes signers will honor this field as long "
     "as the requested duration is not greater than the maximum duration they will honor per the --cluster-signing-duration CLI flag to the "
     "Kubernetes controller manager.\n\nCertificate signers may not honor this field for various reasons:\n\n  1. Old signer that is unaware "
     "of the field (such as the in-tree\n     implementations prior to v1.22)\n  2. Signer whose configured maximum is shorter than the "
     "requested duration\n  3. Signer whose configured minimum is longer than the requested duration\n\nThe minimum valid value for "
     "expirationSeconds is 600, i.e. 10 minutes."},
    {"Condition", "string", "", "Conditions applied to the request, such as approval or denial."},
};

std::string state_of(const AnyView& status) {
  std::string out = count_conditions(status, "Denied") ? "Denied" : count_conditions(status, "Approved") ? "Approved" : "Pending";
  if (count_conditions(status, "Failed")) out += ",Failed";
  if (!status["certificate"].as_string().empty()) out += ",Issued";
  return out;
}

void row(const Object& object, Row& row) {
  AnyView spec = object["spec"], signer = spec["signerName"], expiration = spec["expirationSeconds"];
  name_cell(object, row);
  age_cell(object, row);
  row.text(signer.as_string().empty() ? "<none>" : signer.as_string());
  row.text(spec["username"].as_string());
  row.text(expiration.present() ? human_duration(expiration.as_int()) : "<none>");
  row.text(state_of(object["status"]));
}

constexpr FieldLabel kFieldLabels[] = {
    {"spec.signerName", [](const Object& object) { return std::string(object["spec"]["signerName"].as_string()); }},
};
constexpr std::string_view kResetFields[] = {"spec", "status"};
constexpr std::string_view kStatusResetFields[] = {"spec", "status.conditions"};

}  // namespace

extern const Rules kCertificateSigningRequestRules{
    .group = "certificates.k8s.io",
    .kind = "CertificateSigningRequest",
    .prepare_create = prepare_create,
    .prepare_update = prepare_update,
    .stamp_update = stamp_update,
    .validate = validate,
    .validate_update = validate_update,
    .validate_subresource = validate_change,
    .validate_name = name_is_path_segment,
    .update_checks_whole = true,
    .subresource_checks_whole = true,
    .columns = kColumns,
    .row = row,
    .field_labels = kFieldLabels,
    .has_generation = false,
    .reset_fields = kResetFields,
    .status_reset_fields = kStatusResetFields,
};

}  // namespace sampan::registry
