// Server-side apply. See apply.h.
#include "base/text.h"
#include "schema/apply/managed.h"
#include "schema/apply/typed.h"
#include "schema/json.h"
#include "schema/patch/tree.h"

namespace sampan::schema {

namespace {

constexpr std::string_view kLastApplied = "kubectl.kubernetes.io/last-applied-configuration";
constexpr size_t kAnnotationsMax = 256 * 1024;
constexpr uint8_t kChanged = FieldNode::Added | FieldNode::Modified;
constexpr uint8_t kAnyChange = kChanged | FieldNode::Removed;

// All that one attempt works on; a failed attempt may be repeated by force.
struct Attempt {
  Value result;  // absent: nothing would change
  Managed managed;
  std::vector<std::pair<ManagedEntry, const FieldSet*>> conflicts;
};

class Application {
 public:
  Application(Value live, Value config, const Type& type, const FieldManager& manager, Arena& arena)
      : live_(live), config_(config), type_(type), manager_(manager), arena_(arena) {}
  Result<Attempt> run(Managed managed, bool force) const;
  // What client-side apply set and nobody has changed since: kubectl may take it over.
  Result<const FieldSet*> set_by_client_side_apply() const;

 private:
  Result<Value> prune(Value merged, const Managed& managed, const FieldSet* last) const;

  Value live_, config_;
  const Type& type_;
  const FieldManager& manager_;
  Arena& arena_;
};

// Takes out what the manager applied before and does not apply now, unless somebody else owns it.
Result<Value> Application::prune(Value merged, const Managed& managed, const FieldSet* last) const {
  if (!last) return merged;
  const FieldSet* last_named = with_named_fields(last, &type_, arena_);
  Value pruned = remove_items(merged, last_named, type_, arena_);
  const FieldSet* owned = nullptr;
  for (const ManagedEntry& entry : managed) owned = unite(owned, entry.set, FieldNode::Member, arena_);
  const FieldSet* all = with_named_fields(TRY(to_field_set(merged, &type_, arena_)), &type_, arena_);
  auto present = [&](Value tree) -> Result<const FieldSet*> {
    return with_named_fields(TRY(to_field_set(tree, &type_, arena_)), &type_, arena_);
  };
  // Owned items come back, with what contains them.
  const FieldSet* kept =
      unite(TRY(present(pruned)), with_named_fields(owned, &type_, arena_), FieldNode::Member, arena_);
  pruned = remove_items(merged, subtract(all, kept, FieldNode::Member, arena_), type_, arena_);
  // So do items that went only because something around them did.
  const FieldSet* gone = subtract(all, TRY(present(pruned)), FieldNode::Member, arena_);
  return remove_items(merged, intersect(gone, last_named, FieldNode::Member, arena_), type_, arena_);
}

Result<Attempt> Application::run(Managed managed, bool force) const {
  Attempt attempt;
  Value merged = TRY(merge_trees(live_, config_, type_, arena_));
  ManagedEntry own = entry_of(manager_, true);
  ManagedEntry* entry = find_entry(managed, own);
  const FieldSet* last = entry ? entry->set : nullptr;
  if (!entry) {
    managed.push_back(own);
    entry = &managed.back();
  }
  entry->api_version = own.api_version;
  entry->replace_set(without_reset_fields(TRY(to_field_set(config_, &type_, arena_)), manager_, arena_));
  merged = TRY(prune(merged, managed, last));
  if (!merged.is_object()) merged = Value::object(arena_);

  const FieldSet* changes = TRY(compare_trees(live_, merged, type_, Reading::AsText, arena_));
  changes = without_reset_fields(changes, manager_, arena_);
  for (ManagedEntry& other : managed) {
    if (other.same_manager(own)) continue;
    if (const FieldSet* conflict = intersect(other.set, changes, kChanged, arena_))
      attempt.conflicts.emplace_back(other, conflict);
  }
  if (!force && !attempt.conflicts.empty()) return attempt;
  attempt.conflicts.clear();
  for (ManagedEntry& other : managed) {
    if (other.same_manager(own))
      other.replace_set(subtract(other.set, never_owned(arena_), FieldNode::Member, arena_));
    else
      other.replace_set(subtract(other.set, changes, kAnyChange, arena_));
  }
  bool changed = !live_.equals(merged);
  if (changed) {
    attempt.result = merged;
    entry = find_entry(managed, own);
    entry->has_time = true;
    entry->seconds = manager_.now_seconds;
  }
  drop_empty(managed);
  attempt.managed = std::move(managed);
  return attempt;
}

Result<const FieldSet*> Application::set_by_client_side_apply() const {
  Value text = live_["metadata"]["annotations"][kLastApplied];
  if (text.as_string().empty()) return nullptr;
  Value last = TRY(parse_json(text.as_string(), arena_));
  if (last["apiVersion"].as_string() != manager_.api_version) return nullptr;
  if (!check_config(last, type_, arena_).empty()) return nullptr;
  const FieldSet* set = TRY(to_field_set(last, &type_, arena_));
  const FieldSet* changes = TRY(compare_trees(last, live_, type_, Reading::AsText, arena_));
  return subtract(set, changes, kAnyChange, arena_);
}

std::string shown(const ManagedEntry& entry) {
  std::string text = quoted(entry.manager);
  if (!entry.subresource.empty()) append(text, " with subresource ", quoted(entry.subresource));
  if (!entry.applied) append(text, " using ", entry.api_version);
  return text;
}

// Members before children on every level, as upstream lists a set.
void list_paths(const FieldSet* set, std::string& path, std::vector<std::string>& out) {
  if (!set) return;
  const size_t length = path.size();
  for (const FieldNode& node : set->nodes) {
    if (!node.marks) continue;
    append_path_element(path, node.element);
    out.push_back(path);
    path.resize(length);
  }
  for (const FieldNode& node : set->nodes) {
    if (!node.children) continue;
    append_path_element(path, node.element);
    list_paths(node.children, path, out);
    path.resize(length);
  }
}

Error conflict_error(std::vector<std::pair<ManagedEntry, const FieldSet*>> conflicts) {
  std::sort(conflicts.begin(), conflicts.end(),
            [](const auto& a, const auto& b) { return a.first.identifier() < b.first.identifier(); });
  size_t count = 0;
  std::string text, first;
  Error error(Reason::Conflict, {});
  for (const auto& [manager, set] : conflicts) {
    std::string path;
    std::vector<std::string> paths;
    list_paths(set, path, paths);
    append(text, text.empty() ? "" : "\n", "conflicts with ", shown(manager), ":");
    for (const std::string& p : paths) {
      append(text, "\n- ", p);
      if (count++ == 0) first = concat(shown(manager), ": ", p);
      error.edit().causes.push_back({"FieldManagerConflict", concat("conflict with ", shown(manager)), p});
    }
  }
  error.edit().has_details = true;
  error.edit().message = count == 1 ? concat("Apply failed with 1 conflict: conflict with ", first)
                                    : concat("Apply failed with ", count, " conflicts: ", text);
  return error;
}

// "apps/v1, Kind=Deployment", "/v1, Kind=Pod"
std::string kind_text(Value object) {
  std::string_view version = object["apiVersion"].as_string();
  return concat(version.find('/') == version.npos ? "/" : "", version, ", Kind=", object["kind"].as_string());
}

Result<void> check_applied(Value applied, const Type& type, const FieldManager& manager, Arena& arena) {
  std::string_view kind = type.name.substr(type.name.rfind('.') + 1);
  if (applied["apiVersion"].as_string() != manager.api_version || applied["kind"].as_string().empty() ||
      (!kind.empty() && applied["kind"].as_string() != kind))
    return fail(bad_request(concat("invalid object type: ", kind_text(applied))));
  if (!applied["metadata"]["managedFields"].is_missing())
    return fail(bad_request("metadata.managedFields must be nil"));
  std::string problem = check_config(applied, type, arena);
  if (problem.empty()) return {};
  Value metadata = applied["metadata"];
  return fail(Error(500, Reason::Unknown,
                    concat("failed to create typed patch object (", metadata["namespace"].as_string(), "/",
                           metadata["name"].as_string(), "; ", kind_text(applied), "): ", problem)));
}

void sort_all_members(Value value) {
  if (value.is_object()) sort_members(value);
  for (const Member& member : value.members()) sort_all_members(member.value);
  for (Value item : value.items()) sort_all_members(item);
}

// Where client-side apply left its annotation, kubectl's apply keeps it up to date.
void update_last_applied(Value object, Value applied, Arena& arena) {
  Value annotations = object["metadata"]["annotations"];
  if (annotations[kLastApplied].as_string().empty()) return;
  Value config = copy_structure(applied, arena);
  config["metadata"]["annotations"].remove(kLastApplied);
  if (Value rest = config["metadata"]["annotations"]; rest.is_object() && rest.empty())
    config["metadata"].remove("annotations");
  sort_all_members(config);
  std::string text;
  write_json(text, config);
  text += '\n';
  annotations = copy_shallow(annotations, arena);
  annotations.set(kLastApplied, arena.copy(text));
  size_t size = 0;
  for (const Member& member : annotations.members()) size += member.name.size() + member.value.as_string().size();
  if (size > kAnnotationsMax) annotations.remove(kLastApplied);
  object["metadata"].set("annotations", annotations);
}

}  // namespace

Result<Value> apply(const Object* current, Value applied, const Type& type, const FieldManager& manager, bool force,
                    Arena& arena) {
  TRY(check_applied(applied, type, manager, arena));
  Value live = current ? thaw(*current, arena) : Value::object(arena);
  Managed managed;
  Value stored = live["metadata"]["managedFields"];
  if (read_managed(stored, arena, managed))
    for (size_t i = 0; i < managed.size() && managed.size() == stored.size(); i++)
      managed[i].fields = stored.at(static_cast<uint32_t>(i))["fieldsV1"];
  strip_managed_fields(live);
  if (current && managed.empty()) {  // what was there before the first apply gets an owner too
    FieldManager before = manager;
    before.name = "before-first-apply";
    const FieldSet* all = TRY(compare_trees(Value::object(arena, 0), live, type, Reading::AsObject, arena));
    record_update(managed, without_reset_fields(all, manager, arena), before, arena);
  }
  drop_unknown_versions(managed, type, manager.api_version);
  // The object knows neither; they are no change.
  live.set("apiVersion", applied["apiVersion"]);
  live.set("kind", applied["kind"]);

  Application application(live, applied, type, manager, arena);
  Attempt attempt = TRY(application.run(managed, force));
  if (!attempt.conflicts.empty() && manager.name == "kubectl") {
    auto allowed = application.set_by_client_side_apply();
    if (allowed && *allowed) {
      for (auto& [other, set] : attempt.conflicts) set = subtract(set, *allowed, FieldNode::Member, arena);
      std::erase_if(attempt.conflicts, [](const auto& conflict) { return !conflict.second; });
      if (attempt.conflicts.empty()) attempt = TRY(application.run(std::move(managed), true));
    }
  }
  if (!attempt.conflicts.empty()) return fail(conflict_error(std::move(attempt.conflicts)));
  Value result = attempt.result.is_absent() ? live : attempt.result;
  if (manager.name == "kubectl") update_last_applied(result, applied, arena);
  if (result["metadata"].is_object()) result.set("metadata", copy_shallow(result["metadata"], arena, 1));
  write_managed(result, attempt.managed, arena);
  return result;
}

}  // namespace sampan::schema
