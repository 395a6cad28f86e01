// Pods from files in a folder, which run whether or not there is an API server; and what the API server shows of them, their mirrors.
#pragma once
#include <map>
#include <mutex>

#include "client/api.h"
#include "kubelet/containers.h"
#include "kubelet/recorder.h"

namespace sampan::kubelet {

// A manifest as a pod: name, uid and annotations are made as upstream makes them from the node's name and the file's content.
Result<schema::ObjectRef> static_pod(std::string_view manifest, std::string_view path, std::string_view node);

class StaticPods {
 public:
  using Changed = std::function<void(const schema::ObjectRef& pod, const std::string& gone_uid)>;  // one of the two
  StaticPods(std::string folder, std::string node, Changed changed) : folder_(std::move(folder)), node_(std::move(node)), changed_(std::move(changed)) {}

  // Reads the folder and tells what differs from the last time.
  void scan();
  // A file descriptor that becomes readable when the folder changes; -1 if there is none.
  int watch();
  bool enabled() const { return !folder_.empty(); }

  std::vector<schema::ObjectRef> pods() const;
  // The static pod with this name, if there is one.
  schema::ObjectRef find(std::string_view namespace_, std::string_view name) const;

 private:
  const std::string folder_, node_;
  const Changed changed_;
  mutable std::mutex mutex_;
  std::map<std::string, schema::ObjectRef> pods_;  // by file
  std::map<std::string, std::string> told_;        // complaints, by file
};

// Makes the mirror of a static pod, or replaces one of another pod. `node_uid` owns it.
Result<void> make_mirror(client::Api& api, const schema::Object& pod, const schema::Object* mirror, std::string_view node, std::string_view node_uid);

}  // namespace sampan::kubelet
