#include "cmd/node_identity.h"

#include <unistd.h>

#include "base/encoding.h"
#include "base/log.h"
#include "base/text.h"
#include "cluster/certificates.h"

namespace sampan::cmd {

using client::Value;

namespace {

constexpr std::string_view kSigner = "kubernetes.io/kube-apiserver-client-kubelet";
constexpr int64_t kAskEveryMs = 250, kAnswerMs = 15 * 60'000;
constexpr int64_t kTryAgainMs = 60'000, kSleepMaxMs = 3600'000;

std::string user_of(const std::string& node_name) { return concat("system:node:", node_name); }

const client::Resource& requests() { return client::builtin("certificates.k8s.io", "certificatesigningrequests"); }

Result<client::ObjectRef> submit(client::Api& api, const std::string& request_pem) {
  Arena arena;
  std::string encoded;
  append_base64(encoded, request_pem);
  Value tree = Value::object(arena);
  tree.ensure_object("metadata").set("generateName", "node-csr-");
  Value spec = tree.ensure_object("spec");
  spec.set("request", std::string_view(encoded));
  spec.set("signerName", kSigner);
  for (std::string_view usage : {"digital signature", "client auth"}) spec.ensure_list("usages").push(usage);
  return api.create(requests(), {}, tree);
}

// The certificate, "" as long as there is none, or why there will be none.
Result<std::string> issued(const client::Object& request) {
  auto status = request["status"];
  auto conditions = status["conditions"];
  for (uint32_t i = 0; i < conditions.size(); i++) {
    auto type = conditions.item(i)["type"].as_string();
    if (type == "Denied" || type == "Failed")
      return fail(internal_error(concat("the certificate request ", request["metadata"]["name"].as_string(), " is ", to_lower(type), ": ", conditions.item(i)["message"].as_string())));
  }
  return std::string(status["certificate"].as_string());
}

}  // namespace

std::string machine_name() {
  char name[256] = {};
  ::gethostname(name, sizeof name - 1);
  return to_lower(name);
}

std::string node_credential(const std::string& pki_dir) { return pki_dir + "/kubelet-client-current.pem"; }

bool has_credential(const std::string& pki_dir, const std::string& node_name) {
  auto pem = cluster::read_file(node_credential(pki_dir));
  if (!pem) return false;
  auto life = cluster::validity_of(*pem);
  auto name = cluster::common_name_of(*pem);
  return life && name && *name == user_of(node_name) && real_clock().now_us() / 1'000'000 < life->until && cluster::belong_together(*pem, *pem);
}

Result<void> request_credential(client::Api& api, const std::string& pki_dir, const std::string& node_name, const std::function<bool(int64_t ms)>& pause) {
  auto signing = TRY(cluster::make_signing_request(user_of(node_name), {"system:nodes"}));
  auto request = TRY(submit(api, signing.request_pem));
  std::string name((*request)["metadata"]["name"].as_string());
  for (int64_t waited = 0; waited < kAnswerMs; waited += kAskEveryMs) {
    auto certificate = TRY(issued(*request));
    if (!certificate.empty()) {
      if (!cluster::belong_together(certificate, signing.key_pem)) return fail(internal_error("the signed certificate is of another key"));
      TRY(cluster::make_directory(pki_dir, 0700));
      return cluster::write_file(node_credential(pki_dir), concat(certificate, signing.key_pem), 0600);
    }
    if (!pause(kAskEveryMs)) return fail(internal_error("stopped"));
    // An answer that does not come is waited for like one that is not there yet.
    auto now = api.get(requests(), {}, name);
    if (now)
      request = std::move(*now);
    else if (now.error().is(Reason::NotFound) || now.error().is(Reason::Unauthorized) || now.error().is(Reason::Forbidden))
      return fail(std::move(now).error());
  }
  return fail(internal_error(concat("the certificate request ", name, " has been neither approved nor denied for 15 minutes")));
}

std::string node_kubeconfig(std::string_view server, std::string_view authority_pem, std::string_view user_fields) {
  std::string authority;
  append_base64(authority, authority_pem);
  return concat("apiVersion: v1\nkind: Config\nclusters:\n- name: default\n  cluster:\n    server: ", server, "\n    certificate-authority-data: ", authority,
                "\nusers:\n- name: default\n  user:\n", user_fields, "contexts:\n- name: default\n  context:\n    cluster: default\n    user: default\ncurrent-context: default\n");
}

std::string credential_fields(const std::string& pki_dir) {
  auto file = node_credential(pki_dir);
  return concat("    client-certificate: ", file, "\n    client-key: ", file, "\n");
}

int64_t renewal_time(int64_t from_s, int64_t until_s, Random& random) {
  int64_t life = std::max<int64_t>(until_s - from_s, 0);
  return from_s + life * 7 / 10 + static_cast<int64_t>(random.below(static_cast<uint64_t>(life / 5 + 1)));
}

CredentialKeeper::CredentialKeeper(client::Api& api, std::string pki_dir, std::string node_name)
    : api_(api), pki_dir_(std::move(pki_dir)), node_name_(std::move(node_name)), thread_([this] { keep(); }) {}

CredentialKeeper::~CredentialKeeper() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  stop_.notify_all();
  thread_.join();
}

bool CredentialKeeper::pause(int64_t ms) {
  std::unique_lock lock(mutex_);
  return !stop_.wait_for(lock, std::chrono::milliseconds(ms), [this] { return stopping_; });
}

void CredentialKeeper::keep() {
  int64_t due = 0;  // not known yet
  while (true) {
    int64_t now = real_clock().now_us() / 1'000'000;
    if (due == 0) {
      auto pem = cluster::read_file(node_credential(pki_dir_));
      auto life = pem ? cluster::validity_of(*pem) : Result<cluster::Validity>(fail(std::move(pem).error()));
      if (life) due = renewal_time(life->from, life->until, secure_random());
      if (!life) LOG_ERROR("the node's certificate: ", life.error().message());
    }
    if (due != 0 && now >= due) {
      auto renewed = request_credential(api_, pki_dir_, node_name_, [this](int64_t ms) { return pause(ms); });
      if (renewed) {
        LOG_INFO("the node's certificate has been renewed");
        due = 0;
        continue;
      }
      LOG_ERROR("the node's certificate cannot be renewed: ", renewed.error().message());
    }
    // The clock may be set: never asleep for long.
    bool late = due == 0 || now >= due;
    if (!pause(late ? kTryAgainMs : std::min((due - now) * 1000, kSleepMaxMs))) return;
  }
}

}  // namespace sampan::cmd
