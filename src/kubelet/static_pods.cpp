// See static_pods.h.
#include "kubelet/static_pods.h"

#include <dirent.h>
#include <openssl/evp.h>
#include <sys/inotify.h>
#include <sys/stat.h>

#include <algorithm>
#include <memory>

#include "api/core_v1_edit.h"
#include "base/encoding.h"
#include "base/log.h"
#include "base/text.h"
#include "kubelet/files.h"
#include "registry/rules.h"
#include "schema/conform.h"
#include "schema/yaml.h"

namespace sampan::kubelet {

using schema::Value;

namespace {

constexpr size_t kManifestBytesMax = 10 << 20;

std::string digest_of(std::string_view content, std::string_view path, std::string_view node) {
  auto all = concat(content, "\nhost:", node, "\nfile:", path);
  unsigned char sum[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  EVP_Digest(all.data(), all.size(), sum, &size, EVP_sha256(), nullptr);
  return hex(std::string_view(reinterpret_cast<char*>(sum), 16));
}

std::vector<std::string> files_in(const std::string& path) {
  struct stat info;
  if (::stat(path.c_str(), &info) != 0) return {};
  if (S_ISREG(info.st_mode)) return {path};
  std::vector<std::string> out;
  std::unique_ptr<DIR, int (*)(DIR*)> folder(::opendir(path.c_str()), ::closedir);
  while (folder) {
    auto entry = ::readdir(folder.get());
    if (!entry) break;
    std::string_view name = entry->d_name;
    auto file = concat(path, "/", name);
    if (!name.starts_with(".") && ::stat(file.c_str(), &info) == 0 && S_ISREG(info.st_mode)) out.push_back(file);
  }
  std::ranges::sort(out);
  return out;
}

}  // namespace

Result<schema::ObjectRef> static_pod(std::string_view manifest, std::string_view path, std::string_view node) {
  Arena arena;
  auto documents = TRY(schema::parse_yaml(arena.copy(manifest), arena, {.first_only = true}));
  if (documents.empty() || documents[0]["kind"].as_string() != "Pod" || documents[0]["apiVersion"].as_string() != "v1")
    return fail(bad_request("it is no v1 Pod"));
  auto tree = documents[0];
  auto& type = core_v1::Pod::schema_type();
  schema::Conformance found;
  TRY(schema::conform(tree, type, found));
  core_v1::PodEdit pod(tree);
  auto meta = pod.ensure_metadata();
  if (meta.name().empty()) return fail(bad_request("it has no name"));
  auto hash = digest_of(manifest, path, node);
  meta.set_name(concat(meta.name(), "-", to_lower(node)));
  if (meta.namespace_().empty()) meta.set_namespace("default");
  if (meta.uid().empty()) meta.set_uid(hash);
  auto annotations = meta.ensure_annotations();
  annotations.set_copy(kHashOfStaticAnnotation, arena.copy(hash));
  annotations.set_copy(kSourceAnnotation, "file");
  auto spec = pod.ensure_spec();
  spec.set_node_name(node);
  spec.clear("serviceAccountName");  // nobody could check that it may be used
  spec.clear("serviceAccount");
  bool tolerates_all = false;
  for (auto toleration : spec.tolerations()) tolerates_all |= toleration.operator_() == "Exists" && toleration.key().empty() && toleration.effect() == "NoExecute";
  if (!tolerates_all) {
    auto toleration = spec.ensure_tolerations().add();
    toleration.set_operator("Exists");
    toleration.set_effect("NoExecute");
  }
  if (auto& rules = registry::rules_of("", "Pod"); rules.defaults) rules.defaults(tree, "v1");
  tree.remove("status");
  auto object = TRY(schema::freeze(tree, type));
  return object;
}

void StaticPods::scan() {
  if (folder_.empty()) return;
  std::map<std::string, schema::ObjectRef> now;
  std::map<std::string, std::string> complaints;
  for (auto& file : files_in(folder_)) {
    auto content = read_file(file, kManifestBytesMax);
    auto pod = content ? static_pod(*content, file, node_) : Result<schema::ObjectRef>(fail(content.error().clone()));
    if (pod)
      now[file] = *pod;
    else
      complaints[file] = pod.error().message();
  }
  std::vector<std::pair<schema::ObjectRef, std::string>> changes;
  {
    std::lock_guard lock(mutex_);
    for (auto& [file, text] : complaints) {
      if (told_[file] != text) LOG_ERROR("the manifest ", file, " makes no pod: ", text);
      // A file that is being written may be read half: what ran goes on.
      if (auto old = pods_.find(file); old != pods_.end()) now[file] = old->second;
    }
    told_ = std::move(complaints);
    auto uid_of = [](const schema::ObjectRef& pod) { return std::string(pod->as<core_v1::Pod>().metadata().uid()); };
    for (auto& [file, pod] : pods_)
      if (!now.contains(file) || uid_of(now[file]) != uid_of(pod)) changes.emplace_back(nullptr, uid_of(pod));
    for (auto& [file, pod] : now)
      if (!pods_.contains(file) || uid_of(pods_[file]) != uid_of(pod)) changes.emplace_back(pod, "");
    pods_ = std::move(now);
  }
  for (auto& [pod, uid] : changes) changed_(pod, uid);
}

int StaticPods::watch() {
  if (folder_.empty()) return -1;
  int watcher = ::inotify_init1(IN_CLOEXEC);
  if (watcher >= 0) ::inotify_add_watch(watcher, folder_.c_str(), IN_CLOSE_WRITE | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO);
  return watcher;
}

std::vector<schema::ObjectRef> StaticPods::pods() const {
  std::lock_guard lock(mutex_);
  std::vector<schema::ObjectRef> out;
  for (auto& [file, pod] : pods_) out.push_back(pod);
  return out;
}

schema::ObjectRef StaticPods::find(std::string_view namespace_, std::string_view name) const {
  std::lock_guard lock(mutex_);
  for (auto& [file, pod] : pods_) {
    auto meta = pod->as<core_v1::Pod>().metadata();
    if (meta.namespace_() == namespace_ && meta.name() == name) return pod;
  }
  return nullptr;
}

Result<void> make_mirror(client::Api& api, const schema::Object& pod, const schema::Object* mirror, std::string_view node, std::string_view node_uid) {
  auto& pods = client::builtin("", "pods");
  auto view = pod.as<core_v1::Pod>();
  auto hash = view.metadata().annotations().get(kHashOfStaticAnnotation).value_or("");
  if (mirror) {
    auto shown = mirror->as<core_v1::Pod>();
    if (shown.metadata().annotations().get(kMirrorAnnotation) == hash && !shown.metadata().deletion_timestamp()) return {};
    auto removed = api.remove(pods, shown.metadata().namespace_(), shown.metadata().name(), {.grace_seconds = 0, .uid = shown.metadata().uid()});
    if (!removed && !removed.error().is(Reason::NotFound)) return removed;
  }
  Arena arena;
  auto tree = schema::thaw(pod, arena).clone(arena);
  core_v1::PodEdit edit(tree);
  auto meta = edit.ensure_metadata();
  meta.clear("uid");
  meta.ensure_annotations().set_copy(kMirrorAnnotation, arena.copy(hash));
  auto owner = meta.ensure_owner_references().add();
  owner.set_api_version("v1");
  owner.set_kind("Node");
  owner.set_name(node);
  owner.set_uid(node_uid);
  owner.set_controller(true);
  tree.remove("status");
  auto made = api.create(pods, view.metadata().namespace_(), tree);
  if (!made && !made.error().is(Reason::AlreadyExists)) return fail(std::move(made).error());
  return {};
}

}  // namespace sampan::kubelet
