// See managed.h.
#include "schema/apply/managed.h"

#include "base/encoding.h"
#include "base/text.h"
#include "schema/json.h"

namespace sampan::schema {

namespace {

constexpr size_t kUpdatersMax = 10;
constexpr std::string_view kAncient = "ancient-changes";
constexpr uint8_t kAnyChange = FieldNode::Added | FieldNode::Modified | FieldNode::Removed;

bool older(const ManagedEntry& a, const ManagedEntry& b) {
  int64_t left = a.has_time ? a.seconds : 0, right = b.has_time ? b.seconds : 0;
  if (left != right) return left < right;
  return a.identifier() < b.identifier();
}

bool stored_before(const ManagedEntry& a, const ManagedEntry& b) {
  if (a.applied != b.applied) return a.applied;
  int64_t left = a.has_time ? a.seconds : 0, right = b.has_time ? b.seconds : 0;
  if (left != right) return left < right;
  if (a.manager != b.manager) return a.manager < b.manager;
  if (a.api_version != b.api_version) return a.api_version < b.api_version;
  return a.subresource < b.subresource;
}

bool read_entry(Value value, Arena& arena, ManagedEntry& entry) {
  std::string_view operation = value["operation"].as_string();
  if (operation != "Apply" && operation != "Update") return false;
  entry.applied = operation == "Apply";
  entry.manager = value["manager"].as_string();
  entry.api_version = value["apiVersion"].as_string();
  entry.subresource = value["subresource"].as_string();
  if (entry.api_version.empty() || value["fieldsType"].as_string() != "FieldsV1") return false;
  if (Value time = value["time"]; time.is_string()) {
    int64_t microseconds;
    if (!parse_time(time.as_string(), microseconds)) return false;
    entry.has_time = true;
    entry.seconds = microseconds / 1000000;
  }
  Value fields = value["fieldsV1"];
  return fields.is_missing() || read_field_set(fields, arena, entry.set);
}

}  // namespace

bool ManagedEntry::same_manager(const ManagedEntry& other) const {
  return manager == other.manager && applied == other.applied && subresource == other.subresource &&
         (applied || api_version == other.api_version);
}

std::string ManagedEntry::identifier() const {
  std::string text = "{";
  auto member = [&](std::string_view name, std::string_view value) {
    if (value.empty()) return;
    append(text, text.size() > 1 ? ",\"" : "\"", name, "\":");
    write_json_string(text, value);
  };
  member("manager", manager);
  member("operation", applied ? "Apply" : "Update");
  if (!applied) member("apiVersion", api_version);
  member("subresource", subresource);
  return text + "}";
}

void ManagedEntry::replace_set(const FieldSet* changed) {
  if (changed == set) return;
  set = changed;
  fields = Value();
}

bool read_managed(Value entries, Arena& arena, Managed& managed) {
  managed.clear();
  for (Value value : entries.items()) {
    ManagedEntry entry;
    if (!read_entry(value, arena, entry)) {
      managed.clear();
      return false;
    }
    if (ManagedEntry* known = find_entry(managed, entry))
      *known = entry;  // the last of two entries of one manager counts
    else
      managed.push_back(entry);
  }
  return true;
}

Value managed_list(Managed& managed, Arena& arena) {
  std::sort(managed.begin(), managed.end(), stored_before);
  Value list = Value::list(arena, static_cast<uint32_t>(managed.size()));
  for (ManagedEntry& entry : managed) {
    Value value = Value::object(arena, 7);
    if (!entry.manager.empty()) value.set("manager", entry.manager);
    value.set("operation", entry.applied ? "Apply" : "Update");
    value.set("apiVersion", entry.api_version);
    if (entry.has_time) {
      std::string time;
      append_time(time, entry.seconds);
      value.set("time", arena.copy(time));
    }
    value.set("fieldsType", "FieldsV1");
    value.set("fieldsV1", entry.fields.is_object() ? entry.fields : write_field_set(entry.set, arena));
    if (!entry.subresource.empty()) value.set("subresource", entry.subresource);
    list.push(value);
  }
  return list;
}

void write_managed(Value object, Managed& managed, Arena& arena) {
  if (managed.empty())
    object["metadata"].remove("managedFields");
  else
    object.ensure_object("metadata").set("managedFields", managed_list(managed, arena));
}

ManagedEntry entry_of(const FieldManager& manager, bool applied) {
  ManagedEntry entry;
  entry.manager = manager.name.empty() ? "unknown" : manager.name;
  entry.api_version = manager.api_version;
  entry.subresource = manager.subresource;
  entry.applied = applied;
  return entry;
}

ManagedEntry* find_entry(Managed& managed, const ManagedEntry& like) {
  for (ManagedEntry& entry : managed)
    if (entry.same_manager(like)) return &entry;
  return nullptr;
}

namespace {

struct GroupVersion {
  std::string_view group, version;
};

GroupVersion group_version(std::string_view text) {
  auto slash = text.find('/');
  return slash == std::string_view::npos ? GroupVersion{{}, text} : GroupVersion{text.substr(0, slash), text.substr(slash + 1)};
}

// "v1", "v2beta3".
bool looks_like_version(std::string_view text) {
  auto digits = [&] {
    size_t size = 0;
    while (size < text.size() && text[size] >= '0' && text[size] <= '9') size++;
    text.remove_prefix(size);
    return size > 0;
  };
  if (!text.starts_with('v')) return false;
  text.remove_prefix(1);
  if (!digits()) return false;
  if (text.empty()) return true;
  auto stage = text.starts_with("alpha") ? 5 : text.starts_with("beta") ? 4 : 0;
  text.remove_prefix(stage);
  return stage && digits() && text.empty();
}

}  // namespace

void drop_unknown_versions(Managed& managed, const Type& type, std::string_view own_version) {
  auto group = group_version(own_version).group;
  auto kind = type.name.substr(type.name.rfind('.') + 1);
  std::erase_if(managed, [&](const ManagedEntry& entry) {
    if (entry.api_version == own_version) return false;
    auto [its_group, its_version] = group_version(entry.api_version);
    // A version of its own group may be an old one that is served no more.
    if (its_group == group && looks_like_version(its_version)) return false;
    return !builtin_kind(its_group, its_version, kind);
  });
}

void drop_empty(Managed& managed) {
  std::erase_if(managed, [](const ManagedEntry& entry) { return !entry.set; });
}

void cap_updaters(Managed& managed, Arena& arena) {
  size_t updaters = static_cast<size_t>(
      std::count_if(managed.begin(), managed.end(), [](const ManagedEntry& entry) { return !entry.applied; }));
  if (updaters <= kUpdatersMax) return;
  std::stable_sort(managed.begin(), managed.end(), [](const ManagedEntry& a, const ManagedEntry& b) {
    if (a.applied != b.applied) return b.applied;
    return !a.applied && older(a, b);
  });
  // The first of a version becomes the bucket, once there is another to put into it.
  std::vector<bool> gone(managed.size());
  std::vector<size_t> buckets;
  for (size_t i = 0, left = updaters; i < updaters && left > kUpdatersMax; i++) {
    auto bucket = std::find_if(buckets.begin(), buckets.end(),
                               [&](size_t at) { return managed[at].api_version == managed[i].api_version; });
    if (bucket == buckets.end()) {
      buckets.push_back(i);
      continue;
    }
    size_t target = *bucket;
    for (size_t k = 0; k < updaters; k++)
      if (k != i && !gone[k] && managed[k].manager == kAncient && managed[k].subresource.empty() &&
          managed[k].api_version == managed[i].api_version)
        target = k;
    ManagedEntry& into = managed[target];
    into.replace_set(unite(into.set, managed[i].set, FieldNode::Member, arena));
    into.manager = kAncient;
    into.subresource = {};
    into.has_time = managed[i].has_time;
    into.seconds = managed[i].seconds;
    gone[i] = true;
    left--;
  }
  Managed kept;
  for (size_t i = 0; i < managed.size(); i++)
    if (!gone[i]) kept.push_back(managed[i]);
  managed = std::move(kept);
}

const FieldSet* never_owned(Arena& arena) {
  FieldSetBuilder metadata, top;
  for (std::string_view name : {"clusterName", "creationTimestamp", "generation", "managedFields", "name", "namespace",
                                "resourceVersion", "selfLink", "uid"})
    metadata.add(PathElement::field(name), FieldNode::Member, nullptr);
  top.add(PathElement::field("apiVersion"), FieldNode::Member, nullptr);
  top.add(PathElement::field("kind"), FieldNode::Member, nullptr);
  top.add(PathElement::field("metadata"), FieldNode::Member, metadata.finish(arena));
  return top.finish(arena);
}

namespace {

using Paths = std::vector<std::span<const std::string_view>>;

// What is on or below one of the paths.
const FieldSet* only_below(const FieldSet* set, const Paths& paths, Arena& arena) {
  if (!set) return nullptr;
  FieldSetBuilder kept;
  for (const FieldNode& node : set->nodes) {
    Paths rest;
    bool whole = false;
    for (std::span<const std::string_view> path : paths) {
      bool fits = path[0] == "*" || (node.element.kind == PathElement::Kind::Field && node.element.name == path[0]);
      if (!fits) continue;
      if (path.size() == 1)
        whole = true;
      else
        rest.push_back(path.subspan(1));
    }
    if (whole)
      kept.add(node.element, node.marks, node.children);
    else if (!rest.empty())
      kept.add(node.element, node.marks, only_below(node.children, rest, arena));
  }
  return kept.finish(arena);
}

}  // namespace

const FieldSet* without_reset_fields(const FieldSet* set, const FieldManager& manager, Arena& arena) {
  std::vector<std::vector<std::string_view>> owned;
  for (std::string_view path : manager.reset_fields) {
    if (path.starts_with('+')) {
      owned.push_back(split(path.substr(1), '.'));
    } else {
      std::vector<std::string_view> names = split(path, '.');
      set = subtract_below(set, path_set(names, arena), arena);
    }
  }
  if (owned.empty()) return set;
  Paths paths(owned.begin(), owned.end());
  return only_below(set, paths, arena);
}

void record_update(Managed& managed, const FieldSet* changes, const FieldManager& manager, Arena& arena) {
  for (ManagedEntry& entry : managed)
    if (changes) entry.replace_set(subtract(entry.set, changes, kAnyChange, arena));
  const FieldSet* taken = select(changes, FieldNode::Added | FieldNode::Modified, arena);
  if (taken) taken = subtract(taken, never_owned(arena), FieldNode::Member, arena);
  if (taken) {
    ManagedEntry own = entry_of(manager, false);
    ManagedEntry* entry = find_entry(managed, own);
    if (!entry) {
      managed.push_back(own);
      entry = &managed.back();
    }
    entry->replace_set(unite(entry->set, taken, FieldNode::Member, arena));
    entry->has_time = true;
    entry->seconds = manager.now_seconds;
  }
  drop_empty(managed);
  cap_updaters(managed, arena);
}

}  // namespace sampan::schema
