#include "registry/list_options.h"

#include "base/text.h"
#include "registry/field_errors.h"

namespace sampan::registry {

namespace {

constexpr std::string_view kExact = "Exact", kNotOlderThan = "NotOlderThan";

const std::string* first(Parameters parameters, std::string_view name) {
  for (auto& [key, value] : parameters)
    if (key == name) return &value;
  return nullptr;
}

std::string text_of(Parameters parameters, std::string_view name) {
  auto value = first(parameters, name);
  return value ? *value : std::string();
}

// Everything but "0" and "false" is true, also nothing at all.
std::optional<bool> bool_of(Parameters parameters, std::string_view name) {
  auto value = first(parameters, name);
  if (!value) return {};
  return *value != "0" && !iequals(*value, "false");
}

// What Go says of a number that it cannot read. The text is known to be bad.
std::string number_error(std::string_view function, std::string_view text) {
  auto digits = text;
  if (function == "ParseInt" && (digits.starts_with('-') || digits.starts_with('+'))) digits.remove_prefix(1);
  bool number = !digits.empty() && digits.find_first_not_of("0123456789") == std::string_view::npos;
  return concat("strconv.", function, ": parsing ", quoted(text), ": ", number ? "value out of range" : "invalid syntax");
}

Result<std::optional<int64_t>> int_of(Parameters parameters, std::string_view name) {
  auto value = first(parameters, name);
  if (!value) return std::nullopt;
  std::string_view digits = *value;
  if (digits.starts_with('+') && !digits.starts_with("+-")) digits.remove_prefix(1);
  int64_t number;
  if (!parse_int(digits, number)) return fail(bad_request(number_error("ParseInt", *value)));
  return number;
}

void validate_list(const ListOptions& options, FieldErrors& errors) {
  Path path("resourceVersionMatch");
  auto& match = options.resource_version_match;
  if (!match.empty()) {
    if (options.resource_version.empty()) errors.forbidden(path, "resourceVersionMatch is forbidden unless resourceVersion is provided");
    if (!options.continue_token.empty()) errors.forbidden(path, "resourceVersionMatch is forbidden when continue is provided");
    static constexpr std::string_view kAll[] = {kExact, kNotOlderThan, ""};
    if (match != kExact && match != kNotOlderThan) errors.not_supported(path, match, kAll);
    if (match == kExact && options.resource_version == "0")
      errors.forbidden(path, "resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\"");
  }
  if (options.send_initial_events) errors.forbidden(Path("sendInitialEvents"), "sendInitialEvents is forbidden for list");
}

void validate_watch(const ListOptions& options, FieldErrors& errors) {
  Path path("resourceVersionMatch");
  auto& match = options.resource_version_match;
  if (options.send_initial_events && match != kNotOlderThan)
    errors.forbidden(path, "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan");
  if (match.empty()) return;
  if (!options.send_initial_events)
    errors.forbidden(path, "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided");
  static constexpr std::string_view kAll[] = {kNotOlderThan};
  if (match != kNotOlderThan) errors.not_supported(path, match, kAll);
  if (!options.continue_token.empty()) errors.forbidden(path, "resourceVersionMatch is forbidden when continue is provided");
}

Result<void> select_name(ListOptions& options, std::string_view name) {
  if (options.fields.empty()) {
    options.fields = FieldSelector::name_is(name);
    return {};
  }
  if (options.fields.exact("metadata.name") != name)
    return fail(bad_request("fieldSelector metadata.name doesn't match requested name"));
  return {};
}

}  // namespace

Result<ListOptions> parse_list_options(Parameters parameters, const Selectable& selectable) {
  ListOptions options;
  options.watch = bool_of(parameters, "watch").value_or(false);
  options.allow_bookmarks = bool_of(parameters, "allowWatchBookmarks").value_or(false);
  options.resource_version = text_of(parameters, "resourceVersion");
  options.resource_version_match = text_of(parameters, "resourceVersionMatch");
  options.timeout_seconds = TRY(int_of(parameters, "timeoutSeconds"));
  options.limit = TRY(int_of(parameters, "limit")).value_or(0);
  options.continue_token = text_of(parameters, "continue");
  options.send_initial_events = bool_of(parameters, "sendInitialEvents");
  options.labels = TRY(LabelSelector::parse(text_of(parameters, "labelSelector")));
  options.fields = TRY(FieldSelector::parse(text_of(parameters, "fieldSelector")));

  bool from_now = options.resource_version.empty() || options.resource_version == "0";
  if (options.watch && from_now && !options.send_initial_events && options.resource_version_match.empty()) {
    options.send_initial_events = true;
    options.resource_version_match = kNotOlderThan;
  }
  FieldErrors errors;
  options.watch ? validate_watch(options, errors) : validate_list(options, errors);
  if (!errors.empty()) return fail(std::move(errors).to_error("meta.k8s.io", "ListOptions", ""));
  TRY(options.fields.resolve(selectable.field_labels, selectable.namespaced, selectable.unknown_label));
  if (!selectable.name.empty()) TRY(select_name(options, selectable.name));
  return options;
}

// ---- revisions ----

namespace {

// Upstream's versions are unsigned; one beyond ours is beyond anything that will be written.
std::optional<Revision> revision_of(std::string_view text) {
  if (text.empty()) return 0;
  uint64_t number;
  if (!parse_int(text, number)) return {};
  return static_cast<Revision>(std::min<uint64_t>(number, INT64_MAX));
}

}  // namespace

Result<Revision> parse_revision(std::string_view text) {
  if (auto revision = revision_of(text)) return *revision;
  return fail(bad_request(concat("resourceVersion: Invalid value: ", quoted(text), ": ", number_error("ParseUint", text))));
}

// Upstream's store does not tell this from its own failures.
Result<Revision> read_revision(std::string_view text) {
  auto revision = parse_revision(text);
  if (!revision) return fail(Error(500, Reason::Unknown, revision.error().message()));
  return revision;
}

// ---- lists ----

Result<ListPlan> ListPlan::make(const ListOptions& options, bool single) {
  ListPlan plan;
  auto& version = options.resource_version;
  // As upstream's cache, which ignores the limit of a list that takes any state.
  plan.limit = version == "0" || options.limit < 0 ? 0 : options.limit;
  bool any_version = version.empty() || version == "0";
  if (!options.continue_token.empty()) {
    auto token = parse_continue_token(options.continue_token);
    if (!token) return fail(bad_request(concat("invalid continue token: ", token.error().message())));
    if (!any_version) return fail(bad_request("specifying resource version is not allowed when using continue"));
    plan.continued = true;
    plan.from = std::move(token->start);
    plan.read = token->revision > 0 ? Read::Exact : Read::Fresh;
    plan.revision = std::max<Revision>(token->revision, 0);
    return plan;
  }
  auto revision = parse_revision(version);
  if (!revision) return fail(bad_request(concat("invalid resource version: ", revision.error().message())));
  plan.revision = *revision;
  bool legacy_exact = options.resource_version_match.empty() && plan.limit > 0 && !single;
  if (version.empty()) plan.read = Read::Fresh;
  else if (plan.revision == 0) plan.read = Read::Newest;
  else if (options.resource_version_match == kExact || legacy_exact) plan.read = Read::Exact;
  else plan.read = Read::AtLeast;
  return plan;
}

Result<store::Snapshot> ListPlan::snapshot(store::Cache& cache) const {
  switch (read) {
    case Read::Newest: return cache.snapshot();
    case Read::AtLeast: return cache.at_least(revision);
    case Read::Fresh: return cache.fresh();
    case Read::Exact: break;
  }
  auto exact = cache.at(revision);
  if (exact || !continued || !exact.error().is(Reason::Expired)) return exact;
  Error error(Reason::Expired,
              "The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue "
              "parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided token "
              "results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was returned and "
              "now may show up in the list.");
  error.edit().continue_token = make_continue_token(-1, from);
  return fail(std::move(error));
}

Result<Page> read_page(store::Cache& cache, std::string_view prefix, const ListOptions& options, const Selectable& selectable,
                       std::string_view index_label) {
  // The list of one name is a look at one key, where the namespace is known.
  auto name = options.fields.exact("metadata.name");
  bool single = name && (!prefix.empty() || !selectable.namespaced);
  auto plan = TRY(ListPlan::make(options, single));
  single = single && !plan.continued;
  auto snapshot = TRY(plan.snapshot(cache));
  Page page;
  page.revision = snapshot.revision();
  auto matches = [&](const Object& object) { return options.labels.matches(object) && options.fields.matches(object); };

  if (single) {
    auto object = snapshot.find(concat(prefix, *name));
    if (object && matches(*object)) page.items.push_back(std::move(object));
    return page;
  }
  auto indexed = index_label.empty() || plan.read == ListPlan::Read::Exact || plan.limit || plan.continued
                     ? std::nullopt : options.fields.exact(index_label);
  if (indexed && !indexed->empty()) {
    for (auto& object : cache.indexed(*indexed, prefix, &page.revision))
      if (matches(*object)) page.items.push_back(std::move(object));
    return page;
  }

  auto from = concat(prefix, plan.from);
  auto limit = static_cast<size_t>(plan.limit);
  std::string last;
  if (options.selects_all()) {
    auto count = snapshot.count(prefix, from);
    page.items.reserve(limit ? std::min(limit, count) : count);
  }
  snapshot.each(prefix, from, [&](std::string_view key, const ObjectRef& object) {
    if (!matches(*object)) return true;
    page.items.push_back(object);
    if (!limit || page.items.size() < limit) return true;
    last = key;
    return false;
  });
  if (last.empty()) return page;
  auto next = concat(last, '\0');
  auto behind = snapshot.count(prefix, next);
  if (!behind) return page;
  page.continue_token = make_continue_token(page.revision, std::string_view(next).substr(prefix.size()));
  if (options.selects_all()) page.remaining = static_cast<int64_t>(behind);
  return page;
}

}  // namespace sampan::registry
