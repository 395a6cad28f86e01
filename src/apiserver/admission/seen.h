// A request's objects in the versions of the API that webhooks and policies ask for, which need not be the client's.
#pragma once
#include <string>
#include <vector>

#include "apiserver/admission.h"

namespace sampan::apiserver {

// As what a request is seen.
struct Target {
  std::string_view group, version, resource;
  ExpectedKind kind;
  const Served* served = nullptr;
};

Target target_of(const Attributes& attributes);  // as the client sent it
// In its other versions, in discovery's order.
std::vector<Target> equivalents_of(const Attributes& attributes, const Catalog& catalog);

// The namespace that a request is about; of a namespace, that itself. "" = none.
std::string_view namespace_of(const Attributes& attributes);

class Seen {
 public:
  Seen(const Attributes& attributes, schema::Value object, const schema::Object* old);
  Seen(const Attributes& attributes, const schema::Object* object, const schema::Object* old);

  // Null if there is none. Of the stored version, if it is a whole object.
  Result<schema::ObjectRef> object();
  const schema::ObjectRef& old() const { return old_; }
  Result<schema::ObjectRef> object_as(const Target& target) { return as(target, TRY(object())); }
  Result<schema::ObjectRef> old_as(const Target& target) { return as(target, old_); }

  // The tree becomes this one, which is of the target's version and conforms to its type.
  Result<void> replace(const Target& target, schema::Value by);
  bool can_change() const { return tree_.is_object(); }

 private:
  Result<schema::ObjectRef> as(const Target& target, const schema::ObjectRef& object) const;

  const Attributes& attributes_;
  schema::Value tree_;  // absent: the object cannot change any more
  schema::ObjectRef object_, old_;
};

// "{"kind":...}", or "null".
std::string json_of(const schema::ObjectRef& object, const Target& target);

}  // namespace sampan::apiserver
