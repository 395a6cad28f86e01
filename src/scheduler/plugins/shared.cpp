#include "base/text.h"
#include "scheduler/node_match.h"
#include "scheduler/plugins/makers.h"
#include "schema/conform.h"
#include "schema/json.h"

namespace sampan::scheduler {

std::string key_of(std::string_view what, const schema::AnyView& view) {
  std::string key(what);
  if (view.present()) schema::write_json(key, view);
  return key;
}

std::shared_ptr<const NodeColumn> required_nodes(State& state, const PodInfo& pod) {
  auto spec = pod.pod.spec();
  if (!RequiredNodes::any_in(spec)) return nullptr;
  auto key = key_of("required:", any(spec)["nodeSelector"]);
  key += key_of(":", any(spec.affinity().node_affinity().required_during_scheduling_ignored_during_execution()));
  auto column = state.column(key, [&] {
    auto required = std::make_shared<const RequiredNodes>(spec);
    return [required](const core_v1::Node& node) -> int32_t { return required->matches(node); };
  });
  pod.keep(column);
  return column;
}

std::shared_ptr<const NodeColumn> untolerated_nodes(State& state, const PodInfo& pod) {
  auto column = state.column(key_of("untolerated:", any(pod.pod.spec())["tolerations"]), [&] {
    return [object = pod.object](const core_v1::Node& node) -> int32_t {
      return has_untolerated_taint(node, object->as<core_v1::Pod>().spec().tolerations());
    };
  });
  pod.keep(column);
  return column;
}

Result<ObjectRef> typed(schema::Value value, const schema::Type& type) {
  if (value.is_missing()) return ObjectRef();
  schema::Conformance found;
  TRY(schema::conform(value, type, found));
  if (!found.unknown_fields.empty()) return fail(bad_request(found.unknown_fields.front()));
  return schema::freeze(value, type);
}

Result<Shape> Shape::read(schema::Value value, std::string_view field) {
  Shape shape;
  for (auto point : value.items()) {
    int64_t utilization = point["utilization"].as_int(), score = point["score"].as_int();
    if (utilization < 0 || utilization > 100 || score < 0 || score > 10)
      return fail(bad_request(concat(field, ": utilization must be from 0 to 100, score from 0 to 10")));
    if (!shape.points.empty() && utilization <= shape.points.back().first)
      return fail(bad_request(concat(field, ": utilization values must be sorted in increasing order")));
    shape.points.emplace_back(utilization, score * (kScoreMax / 10));
  }
  if (shape.points.empty()) return fail(bad_request(concat(field, ": Required value: at least one point must be specified")));
  return shape;
}

int64_t Shape::at(int64_t utilization) const {
  for (size_t i = 0; i < points.size(); i++) {
    if (utilization > points[i].first) continue;
    if (i == 0) return points[0].second;
    auto [x0, y0] = points[i - 1];
    auto [x1, y1] = points[i];
    return y0 + (y1 - y0) * (utilization - x0) / (x1 - x0);
  }
  return points.back().second;
}

schema::LabelSelector default_selector(const Lister& lister, const PodInfo& pod) {
  using Kind = Lister::Kind;
  schema::LabelSelector selector;
  lister.each(Kind::Service, pod.name_space, [&](const ObjectRef& service) {
    auto labels = (*service)["spec"]["selector"];
    if (labels.size() == 0) return;
    auto one = schema::LabelSelector::from_map(labels);
    if (one.matches(pod.labels)) selector.also(one);
  });
  for (auto owner : pod.pod.metadata().owner_references()) {
    if (owner.controller() != true) continue;
    if (owner.kind() == "ReplicationController" && owner.api_version() == "v1") {
      auto object = lister.find(Kind::ReplicationController, pod.name_space, owner.name());
      if (object && (*object)["spec"]["selector"].size()) selector.also(schema::LabelSelector::from_map((*object)["spec"]["selector"]));
    } else if ((owner.kind() == "ReplicaSet" || owner.kind() == "StatefulSet") && owner.api_version() == "apps/v1") {
      auto object = lister.find(owner.kind() == "ReplicaSet" ? Kind::ReplicaSet : Kind::StatefulSet, pod.name_space, owner.name());
      if (!object) break;
      if (auto selects = schema::LabelSelector::from((*object)["spec"]["selector"])) selector.also(*selects);
    }
    break;
  }
  return selector;
}

}  // namespace sampan::scheduler
