#include "registry/metadata.h"

#include "base/text.h"
#include "registry/names.h"

namespace sampan::registry {

using schema::AnyView;

namespace {

void check_name(const Rules& rules, std::string_view name, bool prefix, Complaints& out) {
  rules.validate_name ? rules.validate_name(name, prefix, out) : name_is_dns_subdomain(name, prefix, out);
}

struct GroupVersion {
  std::string_view group, version;
};

// "apps/v1", "v1"; anything else has no version.
GroupVersion parse_api_version(std::string_view text) {
  auto parts = split(text, '/');
  if (parts.size() == 1) return {{}, parts[0]};
  if (parts.size() == 2) return {parts[0], parts[1]};
  return {};
}

void validate_owner(FieldErrors& errors, const Path& path, const AnyView& owner) {
  auto api_version = owner["apiVersion"].as_string();
  auto kind = owner["kind"].as_string();
  auto parsed = parse_api_version(api_version);
  if (parsed.version.empty()) errors.invalid(path.child("apiVersion"), api_version, "version must not be empty");
  for (auto field : {"kind", "name", "uid"})
    if (owner[field].as_string().empty()) errors.invalid(path.child(field), "", "must not be empty");
  if (parsed.group.empty() && parsed.version == "v1" && kind == "Event")
    errors.invalid(path, owner, "/v1, Kind=Event is disallowed from being an owner");
}

void validate_owners(FieldErrors& errors, const Path& path, const AnyView& owners) {
  std::string controller;
  for (uint32_t i = 0; i < owners.size(); i++) {
    auto owner = owners.item(i);
    validate_owner(errors, path, owner);
    if (auto flag = owner["controller"]; !flag.present() || !flag.as_bool()) continue;
    auto name = concat(owner["kind"].as_string(), "/", owner["name"].as_string());
    if (!controller.empty())
      errors.invalid(path, owners,
                     concat("Only one reference can have Controller set to true. Found \"true\" in references for ", controller, " and ", name));
    else
      controller = std::move(name);
  }
}

void validate_finalizers(FieldErrors& errors, const Path& path, const AnyView& finalizers) {
  bool orphan = false, foreground = false;
  for (uint32_t i = 0; i < finalizers.size(); i++) {
    auto name = finalizers.item(i).as_string();
    require_qualified_name(errors, path, name);
    orphan |= name == "orphan";
    foreground |= name == "foregroundDeletion";
  }
  if (orphan && foreground) errors.invalid(path, finalizers, "finalizer orphan and foregroundDeletion cannot be both set");
}

void validate_managed_fields(FieldErrors& errors, const Path& path, const AnyView& entries) {
  constexpr int64_t kSubresourceBytesMax = 256;
  for (uint32_t i = 0; i < entries.size(); i++) {
    auto entry = entries.item(i);
    auto here = path.index(i);
    auto operation = entry["operation"].as_string();
    if (operation != "Apply" && operation != "Update")
      errors.invalid(here.child("operation"), operation, "must be `Apply` or `Update`");
    auto fields_type = entry["fieldsType"].as_string();
    if (!fields_type.empty() && fields_type != "FieldsV1") errors.invalid(here.child("fieldsType"), fields_type, "must be `FieldsV1`");
    validate_field_manager(errors, here.child("manager"), entry["manager"].as_string());
    if (entry["subresource"].as_string().size() > kSubresourceBytesMax) errors.too_long(here.child("subresource"), kSubresourceBytesMax);
  }
}

void validate_namespace(FieldErrors& errors, const Path& path, std::string_view name_space, bool namespaced) {
  if (!namespaced) {
    if (!name_space.empty()) errors.forbidden(path, "not allowed on this type");
  } else if (name_space.empty()) {
    errors.required(path, "");
  } else {
    require_dns1123_label(errors, path, name_space);
  }
}

// What is looked at on creates and, once more, on updates. `name_form` is the kind's, or that of any name in a path.
void validate_whole(FieldErrors& errors, const AnyView& metadata, bool namespaced, const Rules* name_rules) {
  Path path("metadata");
  auto check = [&](std::string_view field, bool prefix) {
    auto name = metadata[field].as_string();
    Complaints complaints;
    name_rules ? check_name(*name_rules, name, prefix, complaints) : name_is_path_segment(name, prefix, complaints);
    report(errors, path.child(field), name, complaints);
  };
  if (!metadata["generateName"].as_string().empty()) check("generateName", true);
  if (metadata["name"].as_string().empty())
    errors.required(path.child("name"), "name or generateName is required");
  else
    check("name", false);
  validate_namespace(errors, path.child("namespace"), metadata["namespace"].as_string(), namespaced);
  require_non_negative(errors, path.child("generation"), metadata["generation"].as_int());
  validate_labels(errors, path.child("labels"), metadata["labels"]);
  validate_annotations(errors, path.child("annotations"), metadata["annotations"]);
  validate_owners(errors, path.child("ownerReferences"), metadata["ownerReferences"]);
  validate_finalizers(errors, path.child("finalizers"), metadata["finalizers"]);
  validate_managed_fields(errors, path.child("managedFields"), metadata["managedFields"]);
}

void forbid_new_finalizers(FieldErrors& errors, const AnyView& now, const AnyView& before) {
  auto was_there = [&](std::string_view name) {
    for (uint32_t i = 0; i < before.size(); i++)
      if (before.item(i).as_string() == name) return true;
    return false;
  };
  std::vector<std::string> added;
  for (uint32_t i = 0; i < now.size(); i++)
    if (auto name = now.item(i).as_string(); !was_there(name)) added.push_back(quoted(name));
  if (added.empty()) return;
  std::sort(added.begin(), added.end());
  added.erase(std::unique(added.begin(), added.end()), added.end());
  errors.forbidden(Path("metadata").child("finalizers"),
                   concat("no new finalizers can be added if the object is being deleted, found new finalizers []string{",
                          join(added, ", "), "}"));
}

void validate_change(FieldErrors& errors, const AnyView& now, const AnyView& before) {
  Path path("metadata");
  if (before["deletionTimestamp"].present()) forbid_new_finalizers(errors, now["finalizers"], before["finalizers"]);
  if (auto generation = now["generation"].as_int(); generation < before["generation"].as_int())
    errors.invalid(path.child("generation"), generation, "must not be decremented");
  for (auto field : {"name", "namespace", "uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds"})
    require_field_unchanged(errors, path, now, before, field);
  validate_labels(errors, path.child("labels"), now["labels"]);
  validate_annotations(errors, path.child("annotations"), now["annotations"]);
  validate_owners(errors, path.child("ownerReferences"), now["ownerReferences"]);
  validate_managed_fields(errors, path.child("managedFields"), now["managedFields"]);
}

void require_known_finalizers(FieldErrors& errors, const AnyView& finalizers) {
  auto path = Path("metadata");
  auto list = path.child("finalizers");
  for (uint32_t i = 0; i < finalizers.size(); i++) require_known_finalizer(errors, list.index(i), finalizers.item(i).as_string());
}

}  // namespace

void require_known_finalizer(FieldErrors& errors, const Path& path, std::string_view finalizer) {
  if (finalizer.find('/') != std::string_view::npos) return;
  if (finalizer == "kubernetes" || finalizer == "orphan" || finalizer == "foregroundDeletion") return;
  errors.invalid(path, finalizer, "name is neither a standard finalizer name nor is it fully qualified");
}

void validate_annotations(FieldErrors& errors, const Path& path, const AnyView& annotations) {
  constexpr size_t kBytesMax = 256 * 1024;
  size_t bytes = 0;
  for (uint32_t i = 0; i < annotations.size(); i++) {
    auto key = annotations.key(i);
    bytes += key.size() + annotations.value(i).as_string().size();
    // A key may have capitals in its prefix too; the complaint shows it as it was given.
    Complaints complaints;
    check_qualified_name(to_lower(key), complaints);
    report(errors, path, key, complaints);
  }
  if (bytes > kBytesMax) errors.too_long(path, kBytesMax);
}

namespace {

// A UTF-8 character at `i` (which moves behind it); U+FFFD for what is none.
uint32_t next_character(std::string_view text, size_t& i) {
  unsigned char first = text[i++];
  if (first < 0x80) return first;
  int more = first >= 0xf0 && first < 0xf5 ? 3 : first >= 0xe0 ? 2 : first >= 0xc2 ? 1 : -1;
  if (more < 0 || first >= 0xf5 || i + more > text.size()) return 0xfffd;
  uint32_t character = first & (0x3f >> more);
  for (int k = 0; k < more; k++) {
    unsigned char c = text[i + k];
    if ((c & 0xc0) != 0x80) return 0xfffd;
    character = character << 6 | (c & 0x3f);
  }
  i += more;
  return character;
}

// Go's unicode.IsPrint for what is met in practice: no controls, no blanks but the space, no format characters, nothing of private use.
bool is_printable(uint32_t c) {
  struct Range {
    uint32_t first, last;
  };
  static constexpr Range kUnprintable[] = {
      {0, 0x1f},         {0x7f, 0xa0},      {0xad, 0xad},     {0x600, 0x605},    {0x61c, 0x61c},      {0x6dd, 0x6dd},      {0x70f, 0x70f},
      {0x1680, 0x1680},  {0x180e, 0x180e},  {0x2000, 0x200f}, {0x2028, 0x202f},  {0x205f, 0x206f},    {0x3000, 0x3000},    {0xd800, 0xf8ff},
      {0xfeff, 0xfeff},  {0xfff0, 0xfffb},  {0xfffe, 0xffff}, {0xe0000, 0x10ffff}};
  for (auto [first, last] : kUnprintable)
    if (c >= first && c <= last) return false;
  return true;
}

}  // namespace

void validate_field_manager(FieldErrors& errors, const Path& path, std::string_view manager) {
  constexpr size_t kBytesMax = 128;
  if (manager.size() > kBytesMax) errors.too_long(path, kBytesMax);
  for (size_t i = 0; i < manager.size();) {
    size_t position = i;
    uint32_t character = next_character(manager, i);
    if (is_printable(character)) continue;
    char digits[12];
    auto end = std::to_chars(digits, digits + sizeof digits, character, 16).ptr;
    std::string code(digits, end);
    for (char& c : code)
      if (c >= 'a') c -= 'a' - 'A';
    if (code.size() < 4) code.insert(0, 4 - code.size(), '0');
    errors.invalid(path, manager, concat("invalid character U+", code, " (at position ", position, ")"));
  }
}

void require_exact_name(FieldErrors& errors, const Object& object, std::string_view wanted, std::string_view complaint) {
  for (auto field : {"generateName", "name"})
    if (auto name = object["metadata"][field].as_string(); !name.empty() && name != wanted) errors.invalid(Path("metadata").child(field), name, complaint);
}

bool same_texts(Value now, const AnyView& before) {
  if (now.size() != before.size()) return false;
  for (const auto& member : now.members())
    if (!before[member.name].present() || before[member.name].as_string() != member.value.as_string()) return false;
  return true;
}

void validate_metadata_on_create(const Object& object, bool namespaced, const Rules& rules, FieldErrors& errors) {
  auto metadata = object["metadata"];
  size_t before = errors.size();
  validate_whole(errors, metadata, namespaced, &rules);
  if (rules.qualified_finalizers) require_known_finalizers(errors, metadata["finalizers"]);
  // A kind with names of its own must still fit into a path.
  if (errors.size() == before && rules.validate_name) validate_whole(errors, metadata, namespaced, nullptr);
}

void validate_metadata_on_update(const Object& object, const Object& old, bool namespaced, const Rules& rules, std::string_view subresource, FieldErrors& errors) {
  auto now = object["metadata"], before = old["metadata"];
  validate_whole(errors, now, namespaced, nullptr);
  validate_change(errors, now, before);
  if (rules.update_checks_metadata) {
    validate_change(errors, now, before);
    if (rules.qualified_finalizers) require_known_finalizers(errors, now["finalizers"]);
  }
  if (subresource.empty() ? rules.update_checks_whole : rules.subresource_checks_whole) {
    validate_whole(errors, now, namespaced, &rules);
    if (rules.qualified_finalizers) require_known_finalizers(errors, now["finalizers"]);
  }
}

}  // namespace sampan::registry
