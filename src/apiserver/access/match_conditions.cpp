#include "apiserver/access/match_conditions.h"

#include "apiserver/access/webhook_client.h"
#include "base/aggregate.h"
#include "base/text.h"
#include "cel/evaluate.h"
#include "cel/json_value.h"

namespace sampan::apiserver {

using schema::Value;

namespace {

const cel::Environment& environment() {
  using cel::Type;
  static const cel::Environment made = [] {
    const Type text = Type::Kind::String, texts = Type::list(text);
    const Type review = Type::structure("kubernetes.SubjectAccessReviewSpec"), resource = Type::structure("kubernetes.ResourceAttributes"),
               other = Type::structure("kubernetes.NonResourceAttributes"), fields = Type::structure("kubernetes.FieldSelectorAttributes"),
               labels = Type::structure("kubernetes.LabelSelectorAttributes"), requirement = Type::structure("kubernetes.SelectorRequirement");
    cel::Environment to = cel::Environment::kubernetes().extend();
    to.declare_struct(requirement.name(), {{"key", text}, {"operator", text}, {"values", texts}});
    for (const Type& selector : {fields, labels}) to.declare_struct(selector.name(), {{"rawSelector", text}, {"requirements", Type::list(requirement)}});
    to.declare_struct(other.name(), {{"path", text}, {"verb", text}});
    to.declare_struct(resource.name(), {{"namespace", text},
                                        {"verb", text},
                                        {"group", text},
                                        {"version", text},
                                        {"resource", text},
                                        {"subresource", text},
                                        {"name", text},
                                        {"fieldSelector", fields},
                                        {"labelSelector", labels}});
    to.declare_struct(review.name(), {{"resourceAttributes", resource},
                                      {"nonResourceAttributes", other},
                                      {"user", text},
                                      {"groups", texts},
                                      {"extra", Type::map(text, texts)},
                                      {"uid", text}});
    to.declare_short_names();
    to.declare("request", review);
    return to;
  }();
  return made;
}

// What a review leaves out because it is empty is there for conditions.
Value spec_of(const User& user, const RequestInfo& request, Arena& arena) {
  Value spec = Value::object(arena), extra = spec.ensure_object("extra");
  spec.set("user", std::string_view(user.name));
  spec.set("uid", std::string_view(user.uid));
  spec.set("groups", list_of(user.groups, arena));
  for (const auto& [key, values] : user.extra) extra.set(key, list_of(values, arena));
  if (!request.is_resource) {
    Value of = spec.ensure_object("nonResourceAttributes");
    of.set("path", std::string_view(request.path));
    of.set("verb", std::string_view(request.verb));
    return spec;
  }
  Value of = spec.ensure_object("resourceAttributes");
  of.set("namespace", std::string_view(request.name_space));
  of.set("verb", std::string_view(request.verb));
  of.set("group", std::string_view(request.group));
  of.set("version", std::string_view(request.version));
  of.set("resource", std::string_view(request.resource));
  of.set("subresource", std::string_view(request.subresource));
  of.set("name", std::string_view(request.name));
  set_selectors(of, request, arena);
  for (auto selector : {"fieldSelector", "labelSelector"})
    for (Value requirement : of[selector]["requirements"].items()) requirement.ensure_list("values");
  return spec;
}

struct Review final : cel::Activation {
  std::optional<cel::Maybe<cel::Value>> find(std::string_view variable) const override {
    if (variable != "request") return std::nullopt;
    return spec;
  }
  cel::Value spec;
};

}  // namespace

cel::Program match_condition(std::string text) {
  static const cel::Type kResults[] = {cel::Type::Kind::Bool};
  return cel::make_program(std::move(text), environment(), kResults);
}

MatchConditions::Outcome MatchConditions::judge(const User& user, const RequestInfo& request, std::string& error) const {
  Arena arena;
  Review review;
  review.spec = cel::value_of(spec_of(user, request, arena));
  std::vector<std::string> failures;
  for (const auto& condition : conditions_) {
    auto value = cel::evaluate(*condition.checked, review).value;
    const std::string intro = concat("cel evaluation error: expression '", condition.text, "' ");
    if (!value)
      failures.push_back(concat(intro, "resulted in error: ", value.error().message));
    else if (!value->is(cel::Value::Kind::Bool))
      failures.push_back(concat(intro, "eval result type should be bool but got ", value->type().name()));
    else if (!value->as_bool())
      return Outcome::Excluded;
  }
  if (failures.empty()) return Outcome::Met;
  error = aggregated(failures);
  return Outcome::Failed;
}

}  // namespace sampan::apiserver
