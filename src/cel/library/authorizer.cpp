// Questions of access from expressions. Every step makes a copy of the question with a bit more in it; check() asks it.
#include "cel/library/authorizer.h"

#include "base/names.h"
#include "base/text.h"
#include "cel/library/support.h"

namespace sampan::cel {

namespace {

using namespace library;

struct Question final : Opaque {
  Question(Type t, const AccessJudge& j, AccessQuestion q) : of(std::move(t)), judge(j), question(std::move(q)) {}
  Type type() const override { return of; }
  bool equals(const Opaque&) const override { return false; }  // they cannot be compared upstream
  Type of;
  const AccessJudge& judge;
  AccessQuestion question;
};

struct Decision final : Opaque {
  explicit Decision(AccessAnswer a) : answer(std::move(a)) {}
  Type type() const override { return Type::structure("kubernetes.authorization.Decision"); }
  bool equals(const Opaque&) const override { return false; }
  AccessAnswer answer;
};

Type path_check_type() { return Type::structure("kubernetes.authorization.PathCheck"); }
Type group_check_type() { return Type::structure("kubernetes.authorization.GroupCheck"); }

Value value_of(Type type, const AccessJudge& judge, AccessQuestion question) {
  return Value::opaque(Ref<Question>(new Question(std::move(type), judge, std::move(question))));
}

// The question of the first argument with a member set to the second.
Value with(Arguments arguments, Type type, std::string AccessQuestion::* member) {
  auto& before = opaque_as<Question>(arguments[0]);
  AccessQuestion question = before.question;
  question.*member = arguments[1].as_text();
  return value_of(std::move(type), before.judge, std::move(question));
}

Maybe<Value> path(Arguments arguments) {
  if (trim(arguments[1].as_text()).empty()) return failed("path must not be empty");
  return with(arguments, path_check_type(), &AccessQuestion::path);
}
Maybe<Value> group(Arguments arguments) { return with(arguments, group_check_type(), &AccessQuestion::group); }
Maybe<Value> resource(Arguments arguments) {
  if (trim(arguments[1].as_text()).empty()) return failed("resource must not be empty");
  return with(arguments, resource_check_type(), &AccessQuestion::resource);
}
Maybe<Value> subresource(Arguments arguments) { return with(arguments, resource_check_type(), &AccessQuestion::subresource); }
Maybe<Value> namespace_name(Arguments arguments) { return with(arguments, resource_check_type(), &AccessQuestion::namespace_name); }
Maybe<Value> name(Arguments arguments) { return with(arguments, resource_check_type(), &AccessQuestion::name); }
Maybe<Value> field_selector(Arguments arguments) { return with(arguments, resource_check_type(), &AccessQuestion::field_selector); }
Maybe<Value> label_selector(Arguments arguments) { return with(arguments, resource_check_type(), &AccessQuestion::label_selector); }

Maybe<Value> service_account(Arguments arguments) {
  Complaints complaints;
  name_is_dns_subdomain(arguments[2].as_text(), false, complaints);
  if (!complaints.empty()) return failed("Invalid service account name");
  name_is_dns_label(arguments[1].as_text(), false, complaints);
  if (!complaints.empty()) return failed("Invalid service account namespace");
  auto& before = opaque_as<Question>(arguments[0]);
  AccessQuestion question = before.question;
  question.service_account = {std::string(arguments[1].as_text()), std::string(arguments[2].as_text())};
  return value_of(authorizer_type(), before.judge, std::move(question));
}

Maybe<Value> check_access(Arguments arguments) {
  auto& asked = opaque_as<Question>(arguments[0]);
  AccessQuestion question = asked.question;
  question.verb = arguments[1].as_text();
  return Value::opaque(Ref<Decision>(new Decision(asked.judge.judge(question))));
}

const AccessAnswer& answer_of(Arguments arguments) { return opaque_as<Decision>(arguments[0]).answer; }
Maybe<Value> allowed(Arguments arguments) { return Value::boolean(answer_of(arguments).allowed); }
Maybe<Value> reason(Arguments arguments) { return Value::string(answer_of(arguments).reason); }
Maybe<Value> errored(Arguments arguments) { return Value::boolean(answer_of(arguments).error.has_value()); }
Maybe<Value> error(Arguments arguments) { return Value::string(answer_of(arguments).error.value_or("")); }

uint64_t cost_of_check(Arguments, const Value&) { return 350'000; }

// A list, and for every two characters a requirement that is a struct with a list.
uint64_t cost_of_selector(Arguments arguments, const Value&) {
  uint64_t size = size_of(arguments[1]);
  return 10 + traversal(size) + (size + 1) / 2 * 50;
}

}  // namespace

Type authorizer_type() { return Type::structure("kubernetes.authorization.Authorizer"); }
Type resource_check_type() { return Type::structure("kubernetes.authorization.ResourceCheck"); }

Value authorizer_value(const AccessJudge& judge) { return value_of(authorizer_type(), judge, {}); }
Value request_resource_value(const AccessJudge& judge, AccessQuestion resource) { return value_of(resource_check_type(), judge, std::move(resource)); }

void add_authorizer(Environment& environment) {
  const Type text = Type::Kind::String, boolean = Type::Kind::Bool, authorizer = authorizer_type(), of_path = path_check_type(), of_group = group_check_type(),
             of_resource = resource_check_type(), decision = Type::structure("kubernetes.authorization.Decision");
  environment.declare({"path", {member("authorizer_path", {authorizer, text}, of_path, path)}});
  environment.declare({"group", {member("authorizer_group", {authorizer, text}, of_group, group)}});
  environment.declare({"serviceAccount", {member("authorizer_serviceaccount", {authorizer, text, text}, authorizer, service_account)}});
  environment.declare({"resource", {member("groupcheck_resource", {of_group, text}, of_resource, resource)}});
  environment.declare({"subresource", {member("resourcecheck_subresource", {of_resource, text}, of_resource, subresource)}});
  environment.declare({"namespace", {member("resourcecheck_namespace", {of_resource, text}, of_resource, namespace_name)}});
  environment.declare({"name", {member("resourcecheck_name", {of_resource, text}, of_resource, name)}});
  environment.declare({"check",
                       {member("pathcheck_check", {of_path, text}, decision, check_access, cost_of_check),
                        member("resourcecheck_check", {of_resource, text}, decision, check_access, cost_of_check)}});
  environment.declare({"errored", {member("decision_errored", {decision}, boolean, errored)}});
  environment.declare({"error", {member("decision_error", {decision}, text, error)}});
  environment.declare({"allowed", {member("decision_allowed", {decision}, boolean, allowed)}});
  environment.declare({"reason", {member("decision_reason", {decision}, text, reason)}});
  environment.declare({"fieldSelector", {member("authorizer_fieldselector", {of_resource, text}, of_resource, field_selector, cost_of_selector)}});
  environment.declare({"labelSelector", {member("authorizer_labelselector", {of_resource, text}, of_resource, label_selector, cost_of_selector)}});
}

}  // namespace sampan::cel
