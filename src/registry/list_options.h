// The query of a list or a watch: which options may go together, which moment they ask for, and one page of the answer. Behaviour,
// messages and continue tokens are upstream's (apimachinery's ListOptions, apiserver's storage and cacher).
#pragma once
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "registry/selectors.h"
#include "store/cache.h"

namespace sampan::registry {

using schema::ObjectRef;
using store::Revision;

// A decoded query, in the order it was sent.
using Parameters = std::span<const std::pair<std::string, std::string>>;

struct ListOptions {
  LabelSelector labels;
  FieldSelector fields;  // resolved
  bool watch = false, allow_bookmarks = false;
  std::string resource_version, resource_version_match;  // the match is "", "Exact" or "NotOlderThan"
  std::optional<int64_t> timeout_seconds;
  int64_t limit = 0;
  std::string continue_token;
  std::optional<bool> send_initial_events;  // a watch without a resource version, or from "0", gets them unasked

  bool selects_all() const { return labels.empty() && fields.empty(); }
};

// What selectors may name, of the resource that is listed.
struct Selectable {
  std::span<const FieldLabel> field_labels;
  bool namespaced = true;
  std::string_view name;  // in the path of a watch of one object; "" otherwise
  UnknownLabel unknown_label = nullptr;
};

Result<ListOptions> parse_list_options(Parameters parameters, const Selectable& selectable);

// resourceVersion as a number, "" being 0; the error's message is that of upstream's field error.
Result<Revision> parse_revision(std::string_view text);
// The same for a watch and for a get, with the error that they answer: a 500 without a reason.
Result<Revision> read_revision(std::string_view text);

// Which of the cache's states answers a list.
struct ListPlan {
  enum class Read : uint8_t { Newest, AtLeast, Fresh, Exact };
  Read read = Read::Fresh;
  Revision revision = 0;  // of AtLeast and Exact
  std::string from;       // the first key that counts, after the list's prefix
  int64_t limit = 0;      // 0: none
  bool continued = false;

  static Result<ListPlan> make(const ListOptions& options, bool single = false);
  Result<store::Snapshot> snapshot(store::Cache& cache) const;
};

struct Page {
  std::vector<ObjectRef> items;
  Revision revision = 0;
  std::string continue_token;        // "" at the end
  std::optional<int64_t> remaining;  // only known without selectors
};

// `prefix` is what all keys of the list begin with ("default/", or "" for all namespaces and for cluster-wide resources). `index_label` is the
// field label that the cache's index is by, if any.
Result<Page> read_page(store::Cache& cache, std::string_view prefix, const ListOptions& options, const Selectable& selectable,
                       std::string_view index_label = {});

// {"v":"meta.k8s.io/v1","rv":N,"start":"KEY"} in unpadded URL base64. A revision of -1 says "as it is by then".
std::string make_continue_token(Revision revision, std::string_view start);
struct ContinueToken {
  Revision revision = 0;
  std::string start;
};
Result<ContinueToken> parse_continue_token(std::string_view token);  // the error's message is upstream's, without a prefix

}  // namespace sampan::registry
