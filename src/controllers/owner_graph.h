// Who owns whom, of all objects of the cluster, as the informers tell it: what the garbage collector works on.
//
// Objects are known by uid. An owner that has not been seen is no node; what names it is to be looked at with live reads, which alone say whether it
// exists. A change gives the uids that must be looked at anew.
#pragma once
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "client/api.h"
#include "client/informer.h"

namespace sampan::controllers {

struct OwnerLink {
  std::string api_version, kind, name, uid;
  bool blocks = false;  // blockOwnerDeletion
  bool operator==(const OwnerLink&) const = default;
};
std::vector<OwnerLink> owners_in(const schema::Object& object);

// Copied out of the graph: what a worker needs of one object.
struct GraphNode {
  const client::Resource* resource = nullptr;
  std::string name_space, name, uid;
  std::vector<OwnerLink> owners;
  bool deleting = false, waits_for_dependents = false, orphans_dependents = false;  // the latter two only while it is deleted
};

struct GraphWork {
  std::vector<std::string> examine;  // uids: may have to go, or may go on
  std::vector<std::string> orphan;   // uids: their dependents are to be let go
};

class OwnerGraph {
 public:
  GraphWork apply(const client::Resource& resource, const client::Change& change);

  std::optional<GraphNode> find(std::string_view uid) const;
  std::vector<GraphNode> dependents_of(std::string_view uid) const;
  // The owner is known, is what the reference says it is, and does not wait for its dependents' end.
  bool is_surely_there(const GraphNode& dependent, const OwnerLink& owner) const;
  size_t size() const;

 private:
  struct Entry {
    GraphNode node;
    int64_t revision = 0;
  };
  void link(const GraphNode& node);
  void unlink(const GraphNode& node);
  void examine_dependents(const std::string& uid, GraphWork& work) const;
  bool matches(const GraphNode& dependent, const OwnerLink& owner) const;
  void put(GraphNode node, int64_t revision, GraphWork& work);
  void erase(const std::string& uid, int64_t revision, GraphWork& work);

  mutable std::mutex mutex_;
  std::map<std::string, Entry, std::less<>> nodes_;
  std::map<std::string, std::set<std::string>, std::less<>> dependents_;  // by the owner's uid, whether it has been seen or not
};

}  // namespace sampan::controllers
