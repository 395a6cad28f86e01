#include "apiserver/openapi_paths.h"

#include "base/text.h"

namespace sampan::apiserver {

namespace {

using Form = PathPlan::Form;

bool is_proxy(const schema::Subresource& subresource) { return subresource.name == "proxy"; }

void add_resource(const GroupVersion& it, const Served& served, const std::string& base, std::vector<PathPlan>& plans) {
  const schema::Resource& resource = *served.resource;
  bool item = resource.verbs & (schema::Get | schema::Update | schema::Patch | schema::Delete);
  bool watch = resource.verbs & schema::Watch;
  auto add = [&](std::string path, Form form, const schema::Subresource* subresource = nullptr) {
    plans.push_back({std::move(path), form, it.group, it.version, &served, subresource});
  };
  auto place = resource.namespaced ? "namespaces/{namespace}/" : "";
  auto collection = concat(base, place, resource.resource);
  add(collection, Form::Collection);
  if (item) add(collection + "/{name}", Form::Item);
  for (const auto& subresource : resource.subresources) {
    auto path = concat(collection, "/{name}/", subresource.name);
    add(path, Form::Sub, &subresource);
    if (is_proxy(subresource)) add(path + "/{path}", Form::SubWithPath, &subresource);
  }
  if (resource.namespaced && (resource.verbs & schema::List_)) add(concat(base, resource.resource), Form::AllNamespaces);
  if (!watch) return;
  add(concat(base, "watch/", place, resource.resource), Form::WatchCollection);
  if (item) add(concat(base, "watch/", place, resource.resource, "/{name}"), Form::WatchItem);
  if (resource.namespaced) add(concat(base, "watch/", resource.resource), Form::WatchAllNamespaces);
}

}  // namespace

std::vector<PathPlan> version_paths(const GroupVersion& served) {
  std::vector<PathPlan> plans;
  auto base = served.group.empty() ? concat("/api/", served.version, "/") : concat("/apis/", served.group, "/", served.version, "/");
  plans.push_back({base, Form::Resources, served.group, served.version, nullptr, nullptr});
  for (const Served* resource : served.resources) add_resource(served, *resource, base, plans);
  std::sort(plans.begin(), plans.end(), [](const PathPlan& a, const PathPlan& b) { return a.path < b.path; });
  return plans;
}

std::vector<PathPlan> root_paths(const Catalog& catalog) {
  std::vector<PathPlan> plans;
  plans.push_back({"/api/", Form::CoreRoot, {}, {}, nullptr, nullptr});
  plans.push_back({"/apis/", Form::GroupsRoot, {}, {}, nullptr, nullptr});
  std::string_view last;
  for (const auto& it : catalog.group_versions()) {
    if (it.group.empty() || it.group == last) continue;
    last = it.group;
    plans.push_back({concat("/apis/", it.group, "/"), Form::Group, it.group, {}, nullptr, nullptr});
  }
  plans.push_back({"/version/", Form::Version, {}, {}, nullptr, nullptr});
  return plans;
}

}  // namespace sampan::apiserver
