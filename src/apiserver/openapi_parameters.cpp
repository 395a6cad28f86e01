#include "apiserver/openapi_parameters.h"

namespace sampan::apiserver {

namespace {

// Kept in the order of the functions below, so that each of them is a part of this one list.
constexpr Parameter kAll[] = {
    // of POST and PUT: the first three; PATCH takes the fourth, too
    {"dryRun", "dryRun", "string", "Do everything but keep the result. The only value is All."},
    {"fieldManager", "fieldManager", "string", "Who makes the change: at most 128 printable characters. Fields that are set belong to this manager."},
    {"fieldValidation", "fieldValidation", "string",
     "What is done about unknown and duplicate fields: Ignore drops them, Warn (the default) drops them and warns, Strict refuses the request."},
    {"force", "force", "boolean", "Take over fields that belong to other managers. Only for apply patches."},
    // of DELETE, besides dryRun
    {"gracePeriodSeconds", "gracePeriodSeconds", "integer", "How many seconds the object gets to end. 0 deletes it at once; without it the kind's own default counts."},
    {"ignoreStoreReadErrorWithClusterBreakingPotential", "ignoreStoreReadErrorWithClusterBreakingPotential", "boolean",
     "Delete an object that cannot be read from the store, without finalizers and preconditions. This can break the cluster."},
    {"orphanDependents", "orphanDependents", "boolean", "Deprecated: use propagationPolicy. Whether dependants stay."},
    {"propagationPolicy", "propagationPolicy", "string", "What becomes of dependants: Orphan, Background or Foreground."},
    // of lists and watches
    {"allowWatchBookmarks", "allowWatchBookmarks", "boolean", "Let a watch tell now and then how far it has come, with events of type BOOKMARK."},
    {"continue", "continue", "string", "Where to go on: the token that the page before gave. All other parameters must be the same."},
    {"fieldSelector", "fieldSelector", "string", "Only objects whose fields are as this selector says."},
    {"labelSelector", "labelSelector", "string", "Only objects whose labels are as this selector says."},
    {"limit", "limit", "integer", "At most so many objects in one answer; if there are more, the answer has a token to go on with."},
    {"resourceVersion", "resourceVersion", "string", "The version to read at, or to watch from; resourceVersionMatch says how."},
    {"resourceVersionMatch", "resourceVersionMatch", "string", "How resourceVersion is meant for a list: Exact or NotOlderThan."},
    {"sendInitialEvents", "sendInitialEvents", "boolean",
     "Let a watch begin with what there is, and a bookmark after it. Needs resourceVersionMatch=NotOlderThan and allowWatchBookmarks."},
    {"shardSelector", "shardSelector", "string", "Only objects of these ranges of hashes. An alpha feature."},
    {"timeoutSeconds", "timeoutSeconds", "integer", "A list or watch ends after so many seconds."},
    {"watch", "watch", "boolean", "Tell changes as they happen instead of answering a list."},
    // of all
    {"pretty", "pretty", "string", "Indent the answer for people. Without it that depends on the client."},
    {"namespace", "namespace", "string", "The namespace of the object.", true},
    {"path", "path", "string", "The path at the other side.", true},
};

std::span<const Parameter> part(size_t begin, size_t end) { return std::span(kAll).subspan(begin, end - begin); }

}  // namespace

std::span<const Parameter> write_parameters_documented() { return part(0, 3); }
std::span<const Parameter> patch_parameters() { return part(0, 4); }
std::span<const Parameter> delete_parameters() { return part(4, 8); }
std::span<const Parameter> list_parameters() { return part(8, 19); }
const Parameter& pretty_parameter() { return kAll[19]; }
const Parameter& namespace_parameter() { return kAll[20]; }
const Parameter& path_parameter() { return kAll[21]; }
std::span<const Parameter> shared_parameters() { return kAll; }

}  // namespace sampan::apiserver
