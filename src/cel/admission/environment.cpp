// The variables of admission and their types.
#include "cel/admission/environment.h"

#include <array>

#include "cel/library/authorizer.h"
#include "cel/library/json_patch.h"

namespace sampan::cel::admission {

namespace {

using Kind = Type::Kind;

void declare_request(Environment& to) {
  const Type text = Kind::String, texts = Type::list(text);
  const Type kind = Type::structure("kubernetes.GroupVersionKind"), resource = Type::structure("kubernetes.GroupVersionResource"),
             user = Type::structure("kubernetes.UserInfo");
  to.declare_struct(kind.name(), {{"group", text}, {"version", text}, {"kind", text}});
  to.declare_struct(resource.name(), {{"group", text}, {"version", text}, {"resource", text}});
  to.declare_struct(user.name(), {{"username", text}, {"uid", text}, {"groups", texts}, {"extra", Type::map(text, texts)}});
  to.declare_struct("kubernetes.AdmissionRequest", {{"kind", kind},
                                                    {"resource", resource},
                                                    {"subResource", text},
                                                    {"requestKind", kind},
                                                    {"requestResource", resource},
                                                    {"requestSubResource", text},
                                                    {"name", text},
                                                    {"namespace", text},
                                                    {"operation", text},
                                                    {"userInfo", user},
                                                    {"dryRun", Kind::Bool},
                                                    {"options", Type()}});
  to.declare("request", Type::structure("kubernetes.AdmissionRequest"));
}

void declare_namespace(Environment& to) {
  const Type text = Kind::String, texts = Type::list(text), map = Type::map(text, text), time = Kind::Timestamp;
  const Type metadata = Type::structure("kubernetes.NamespaceMetadata"), spec = Type::structure("kubernetes.NamespaceSpec"),
             status = Type::structure("kubernetes.NamespaceStatus"), condition = Type::structure("kubernetes.NamespaceCondition");
  to.declare_struct(spec.name(), {{"finalizers", texts}});
  to.declare_struct(condition.name(), {{"status", text}, {"type", text}, {"lastTransitionTime", time}, {"message", text}, {"reason", text}});
  to.declare_struct(status.name(), {{"conditions", Type::list(condition)}, {"phase", text}});
  to.declare_struct(metadata.name(), {{"name", text},
                                      {"generateName", text},
                                      {"namespace", text},
                                      {"labels", map},
                                      {"annotations", map},
                                      {"UID", text},  // upstream's slip: the object has a "uid"
                                      {"creationTimestamp", time},
                                      {"deletionGracePeriodSeconds", Kind::Int},
                                      {"deletionTimestamp", time},
                                      {"generation", Kind::Int},
                                      {"resourceVersion", text},
                                      {"finalizers", texts}});
  to.declare_struct("kubernetes.Namespace", {{"metadata", metadata}, {"spec", spec}, {"status", status}});
  to.declare("namespaceObject", Type::structure("kubernetes.Namespace"));
}

Environment made_for(Names names) {
  Environment made = Environment::kubernetes().extend();
  made.declare("object", Type());
  made.declare("oldObject", Type());
  declare_request(made);
  declare_namespace(made);
  made.declare_short_names();
  if (names.params) made.declare("params", Type());
  if (names.authorizer) {
    made.declare("authorizer", authorizer_type());
    made.declare("authorizer.requestResource", resource_check_type());
  }
  if (names.patches) {
    made.declare_open_structs("Object");
    add_json_patch(made);
  }
  return made;
}

size_t number_of(Names names) { return names.params + 2U * names.authorizer + 4U * names.patches; }

}  // namespace

const Environment& environment_of(Names names) {
  static const std::vector<Environment> all = [] {
    std::vector<Environment> made;
    for (size_t i = 0; i < 8; i++) made.push_back(made_for({(i & 1) != 0, (i & 2) != 0, (i & 4) != 0}));
    return made;
  }();
  return all[number_of(names)];
}

}  // namespace sampan::cel::admission
