#include "cmd/encryption_config.h"

#include <map>
#include <set>

#include "base/encoding.h"
#include "base/log.h"
#include "base/text.h"
#include "base/watchman.h"
#include "cluster/certificates.h"
#include "registry/field_errors.h"
#include "registry/storage_keys.h"
#include "schema/yaml.h"
#include "store/encryption/kms.h"

namespace sampan::cmd {

namespace {

using registry::FieldErrors;
using registry::Path;
using registry::Shown;
using schema::Value;
using store::Provider;

struct GroupResource {
  std::string group, resource;  // "*": all
  auto operator<=>(const GroupResource&) const = default;
};

GroupResource parse_resource(std::string_view text) {
  auto dot = text.find('.');
  if (dot == std::string_view::npos) return {"", std::string(text)};
  return {std::string(text.substr(dot + 1)), std::string(text.substr(0, dot))};
}

std::string shown(const GroupResource& it) {
  if (it.group.empty()) return it.resource == "*" ? "*." : it.resource;
  return concat(it.resource, ".", it.group);
}

// ---- validation ----

void check_overlap(const std::vector<std::string>& names, const Path& at, FieldErrors& errors) {
  std::vector<GroupResource> all;
  for (const auto& name : names) all.push_back(parse_resource(name));
  bool twice = false, overlap = false;
  for (size_t i = 0; i < all.size(); i++)
    for (size_t k = 0; k < all.size(); k++) {
      if (i == k) continue;
      if (all[i] == all[k])
        twice = true;
      else if (all[i] == GroupResource{"*", "*"} || (all[i].group == all[k].group && (all[i].resource == "*" || all[k].resource == "*")))
        overlap = true;
    }
  if (twice) errors.invalid(at, Shown::texts(names), "the same resource cannot be specified multiple times");
  if (overlap)
    errors.invalid(at, Shown::texts(names),
                   "using overlapping resources such as 'secrets' and '*.' in the same resource list is not allowed as they will be masked");
}

std::string_view complaint_about(const std::string& name) {
  auto it = parse_resource(name);
  if (to_lower(name) != name) return "resource name should not contain capital letters";
  if (name == "*") return "use '*.' to encrypt all the resources from core API group or *.* to encrypt all resources";
  if (name == "apiserveripinfo" || name == "serviceipallocations" || name == "servicenodeportallocations")
    return "resources which do not have REST API/s cannot be encrypted";
  if (it.group == "events.k8s.io")
    return "'*.events.k8s.io' objects are stored using the 'events' API group in etcd. Use 'events' instead in the config file";
  if (it.group == "extensions") return "'extensions' group has been removed and cannot be used for encryption";
  if (it.group == "*" && it.resource != "*") return "encrypting the same resource across groups is not supported";
  return {};
}

void check_key(Value key, const Path& at, bool is_box, FieldErrors& errors) {
  auto secret_at = at.child("secret");
  if (key["name"].as_string().empty()) errors.required(at.child("name"), "name is a mandatory field for a key");
  auto text = key["secret"].as_string();
  if (text.empty()) return errors.required(secret_at, "secret is a mandatory field for a key");
  std::string secret;
  if (!decode_base64(text, secret)) return errors.invalid(secret_at, "REDACTED", "secrets must be base64 encoded");
  auto size = secret.size();
  bool good = size == 32 || (!is_box && (size == 16 || size == 24));
  if (!good)
    errors.invalid(secret_at, "REDACTED",
                   concat("secret is not of the expected length, got ", size, ", expected one of ", is_box ? "[32]" : "[16 24 32]"));
}

constexpr std::string_view kUnix = "unix://";

void check_kms(Value kms, const Path& at, std::set<std::string>& names, FieldErrors& errors) {
  std::string name(kms["name"].as_string()), version(kms["apiVersion"].as_string());
  auto name_at = at.child("name"), endpoint_at = at.child("endpoint");
  if (name.empty()) errors.required(name_at, "name is a mandatory field for a provider");
  if (name.find(':') != std::string::npos) errors.invalid(name_at, name, concat("invalid KMS provider name ", name, ", must not contain ':'"));
  if (!names.insert(name).second) errors.invalid(name_at, name, concat("duplicate KMS provider name ", name, ", names must be unique"));
  int64_t timeout_ns = 1;
  if (auto text = kms["timeout"].as_string(); !text.empty() && (!parse_duration(text, timeout_ns) || timeout_ns <= 0))
    errors.invalid(at.child("timeout"), text, "timeout should be a positive value");
  auto endpoint = kms["endpoint"].as_string();
  if (endpoint.empty())
    errors.invalid(endpoint_at, "", "endpoint is a mandatory field for a kms");
  else if (!endpoint.starts_with(kUnix))
    errors.invalid(endpoint_at, endpoint, concat("unsupported scheme ", quoted(endpoint.substr(0, endpoint.find(':'))), " for KMS provider, only unix is supported"));
  if (!kms["cachesize"].is_missing() && version != "v1") errors.invalid(at.child("cachesize"), kms["cachesize"].as_int(), "cachesize is not supported in v2");
  if (version == "v1" || version.empty())
    errors.forbidden(at.child("apiVersion"), "KMSv1 is deprecated and will only receive security updates going forward. Use KMSv2 instead");
  else if (version != "v2")
    errors.invalid(at.child("apiVersion"), version, "unsupported apiVersion apiVersion for KMS provider, only v1 and v2 are supported");
}

void check_provider(Value provider, const Path& at, std::set<std::string>& kms_names, FieldErrors& errors) {
  constexpr std::string_view kinds[] = {"aesgcm", "aescbc", "secretbox", "identity", "kms"};
  int found = 0;
  for (auto kind : kinds) found += provider[kind].is_object();
  if (found == 0)
    errors.invalid(at, Shown::raw("{}"), "provider does not contain any of the expected providers: KMS, AESGCM, AESCBC, Secretbox, Identity");
  if (found > 1)
    errors.invalid(at, Shown::raw("{}"), "more than one provider specified in a single element, should split into different list elements");
  if (provider["kms"].is_object()) check_kms(provider["kms"], at.child("kms"), kms_names, errors);
  for (auto kind : {"aesgcm", "aescbc", "secretbox"}) {
    if (!provider[kind].is_object()) continue;
    auto named = at.child(kind);
    auto keys_at = named.child("keys");
    Value keys = provider[kind]["keys"];
    if (keys.empty()) errors.required(keys_at, "at least one keys is required");
    for (uint32_t i = 0; i < keys.size(); i++) check_key(keys.at(i), keys_at.index(i), std::string_view(kind) == "secretbox", errors);
  }
}

std::vector<std::string> texts_of(Value list) {
  std::vector<std::string> texts;
  for (Value item : list.items()) texts.emplace_back(item.as_string());
  return texts;
}

void check_config(Value tree, FieldErrors& errors) {
  auto root = Path("resources");
  Value entries = tree["resources"];
  if (entries.empty()) return errors.required(root, "at least one resources is required");
  std::set<std::string> kms_names;
  for (uint32_t i = 0; i < entries.size(); i++) {
    auto entry_at = root.index(i), resources_at = entry_at.child("resources"), providers_at = entry_at.child("providers");
    auto names = texts_of(entries.at(i)["resources"]);
    Value providers = entries.at(i)["providers"];
    if (names.empty()) errors.required(resources_at, concat("at least one ", resources_at.text(), " is required"));
    check_overlap(names, resources_at, errors);
    for (uint32_t k = 0; k < names.size(); k++)
      if (auto why = complaint_about(names[k]); !why.empty()) errors.invalid(resources_at.index(k), names[k], why);
    if (providers.empty()) errors.required(providers_at, concat("at least one ", providers_at.text(), " is required"));
    for (uint32_t k = 0; k < providers.size(); k++) check_provider(providers.at(k), providers_at.index(k), kms_names, errors);
  }
}

// ---- making ----

struct Form {
  std::string_view kind, family, unknown_key;
  Result<std::unique_ptr<store::Cipher>> (*make)(std::string_view secret);
};
constexpr Form kForms[] = {
    {"aesgcm", "k8s:enc:aesgcm:v1:", "no matching key was found for the provided AES transformer", store::aes_gcm_cipher},
    {"aescbc", "k8s:enc:aescbc:v1:", "no matching key was found for the provided AES transformer", store::aes_cbc_cipher},
    {"secretbox", "k8s:enc:secretbox:v1:", "no matching key was found for the provided Secretbox transformer", store::secretbox_cipher},
};

Result<void> add_providers(Value provider, std::vector<Provider>& out, store::Encryption& encryption) {
  if (provider["identity"].is_object()) out.push_back({});
  if (Value it = provider["kms"]; it.is_object()) {
    store::KmsOptions options{.name = std::string(it["name"].as_string()), .socket = std::string(it["endpoint"].as_string().substr(kUnix.size()))};
    int64_t timeout_ns;
    if (parse_duration(it["timeout"].as_string(), timeout_ns)) options.timeout_us = timeout_ns / 1000;
    auto kms = store::open_kms(options);
    encryption.add_check([kms] { return kms->check(); });
    out.push_back({"k8s:enc:kms:v2:", concat(options.name, ":"), kms});
  }
  for (const Form& form : kForms)
    for (Value key : provider[form.kind]["keys"].items()) {
      std::string secret;
      decode_base64(key["secret"].as_string(), secret);
      out.push_back({std::string(form.family), concat(key["name"].as_string(), ":"), TRY(form.make(secret)), form.unknown_key});
    }
  return {};
}

// The group and name that a resource is kept under.
GroupResource stored_resource(const schema::Resource& resource) {
  if (resource.group == "events.k8s.io") return {"", "events"};
  return {std::string(resource.group), std::string(resource.resource)};
}

}  // namespace

Result<std::shared_ptr<const store::Encryption>> parse_encryption_config(std::string_view yaml) {
  Arena arena;
  auto documents = TRY(schema::parse_yaml(yaml, arena, {.first_only = true}));
  Value tree = documents.empty() ? Value() : documents.front();
  auto version = tree["apiVersion"].as_string(), kind = tree["kind"].as_string();
  if (version != "apiserver.config.k8s.io/v1" || kind != "EncryptionConfiguration")
    return fail(bad_request(concat("no kind ", quoted(kind), " is registered for version ", quoted(version))));
  FieldErrors errors;
  check_config(tree, errors);
  if (!errors.empty()) return fail(bad_request(errors.text()));

  auto encryption = std::make_shared<store::Encryption>();
  std::map<GroupResource, std::vector<Provider>> by_resource;
  for (Value entry : tree["resources"].items()) {
    std::vector<Provider> providers;
    for (Value provider : entry["providers"].items()) TRY(add_providers(provider, providers, *encryption));
    for (const auto& name : texts_of(entry["resources"])) {
      auto resource = parse_resource(name);
      for (const GroupResource& mask : {GroupResource{resource.group, "*"}, GroupResource{"*", "*"}})
        if (by_resource.contains(mask))
          return fail(bad_request(concat("error while building transformers: resource ", quoted(shown(resource)), " is masked by earlier rule ", quoted(shown(mask)))));
      auto& list = by_resource[resource];
      list.insert(list.end(), providers.begin(), providers.end());
    }
  }

  std::map<GroupResource, std::shared_ptr<const store::Providers>> made;
  for (auto& [resource, providers] : by_resource) made[resource] = std::make_shared<const store::Providers>(std::move(providers));
  std::set<std::string> seen;
  for (const auto& resource : schema::builtin_resources()) {
    auto stored = stored_resource(resource);
    auto prefix = registry::storage_prefix(stored.group, stored.resource);
    if (!seen.insert(prefix).second) continue;
    for (const GroupResource& wanted : {stored, GroupResource{stored.group, "*"}, GroupResource{"*", "*"}})
      if (auto found = made.find(wanted); found != made.end()) {
        encryption->add(prefix, found->second);
        break;
      }
  }
  return encryption;
}

Result<std::shared_ptr<const store::Encryption>> load_encryption_config(const std::string& path) {
  auto text = cluster::read_file(path);
  if (!text) return fail(std::move(text).error().context("error while parsing file: error while loading file"));
  auto encryption = parse_encryption_config(*text);
  if (!encryption) return fail(bad_request(concat("error while parsing file: error decoding encryption provider configuration file ", quoted(path), ": ", encryption.error().message())));
  return encryption;
}

namespace {

constexpr int64_t kPause_us = 5'000'000;

class Reload final : public EncryptionReload {
 public:
  Reload(std::string path, store::EncryptedStore& store) : path_(std::move(path)), store_(store), text_(cluster::read_file(path_).value_or("")) {
    watchman_.start(kPause_us);
  }

 private:
  void look() {
    auto text = cluster::read_file(path_);
    if (!text || *text == text_) return;
    text_ = *text;
    auto encryption = parse_encryption_config(*text);
    if (!encryption) {
      LOG_ERROR("error processing encryption config file ", path_, ": ", encryption.error().message());
      return;
    }
    if (auto well = (*encryption)->check(); !well) {
      LOG_ERROR("error processing encryption config file ", path_, ": ", well.error().message());
      text_.clear();  // looked at again
      return;
    }
    store_.use(std::move(*encryption));
    LOG_INFO("Loaded new encryption config content from ", path_);
  }

  const std::string path_;
  store::EncryptedStore& store_;
  std::string text_;  // as it was looked at last
  Watchman watchman_{[this](bool) { return look(), kPause_us; }};
};

}  // namespace

std::unique_ptr<EncryptionReload> reload_encryption_config(std::string path, store::EncryptedStore& store) {
  return std::make_unique<Reload>(std::move(path), store);
}

}  // namespace sampan::cmd
