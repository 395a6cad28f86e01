// Small words for what every controller does with objects: to walk them, to read their metadata, and to build trees of new ones.
#pragma once
#include <initializer_list>
#include <string>
#include <string_view>

#include "base/status.h"
#include "client/api.h"
#include "schema/object.h"
#include "schema/value.h"

namespace sampan::controllers {

using schema::AnyView;

// for (AnyView port : each(object["spec"]["ports"])) ...
class each {
 public:
  explicit each(const AnyView& list) : list_(list) {}
  struct Iterator {
    const AnyView* list;
    uint32_t i;
    AnyView operator*() const { return list->item(i); }
    Iterator& operator++() { return i++, *this; }
    bool operator!=(const Iterator& other) const { return i != other.i; }
  };
  Iterator begin() const { return {&list_, 0}; }
  Iterator end() const { return {&list_, list_.size()}; }

 private:
  AnyView list_;
};

inline std::string_view name_of(const schema::Object& object) { return object["metadata"]["name"].as_string(); }
inline std::string_view namespace_of(const schema::Object& object) { return object["metadata"]["namespace"].as_string(); }
inline std::string_view uid_of(const schema::Object& object) { return object["metadata"]["uid"].as_string(); }
inline std::string_view label_of(const schema::Object& object, std::string_view key) {
  return object["metadata"]["labels"][key].as_string();
}
inline std::string_view annotation_of(const schema::Object& object, std::string_view key) {
  return object["metadata"]["annotations"][key].as_string();
}
inline bool has_annotation(const schema::Object& object, std::string_view key) { return object["metadata"]["annotations"][key].present(); }
inline bool is_deleting(const schema::Object& object) { return object["metadata"]["deletionTimestamp"].present(); }
inline bool truth(const AnyView& value) { return value.present() && value.as_bool(); }
bool contains(const AnyView& list, std::string_view text);
bool has_finalizer(const schema::Object& object, std::string_view finalizer);
AnyView condition_of(const AnyView& conditions, std::string_view type);  // absent if there is none
bool is_true(const AnyView& conditions, std::string_view type);
// The reference with controller=true, or absent.
AnyView controlling_owner(const schema::Object& object);

// ---- trees ----

schema::Value tree_of(Arena& arena, std::initializer_list<schema::Member> members);
schema::Value list_of(Arena& arena, std::initializer_list<schema::Value> items);
schema::Value text_in(Arena& arena, std::string_view text);
schema::Value time_in(Arena& arena, int64_t seconds);
schema::Value owner_reference(Arena& arena, const client::Resource& resource, const schema::Object& owner, bool blocks = true);
// True if the list was changed.
bool add_finalizer(schema::Value tree, std::string_view finalizer);
bool remove_finalizer(schema::Value tree, std::string_view finalizer);

// Sets the condition of this type in the list: heartbeats aside. True if something but the times changed. The transition time is new only where the
// status is.
struct NewCondition {
  std::string_view type, status, reason;
  std::string message;
};
bool set_condition(schema::Value conditions, const NewCondition& wanted, int64_t now_seconds);

// ---- errors ----

// The namespace is going: what is to be made there never will be.
bool is_of_ending_namespace(const Error& error);
Result<void> ignore(Result<void> result, Reason reason);
inline Result<void> ignore_not_found(Result<void> result) { return ignore(std::move(result), Reason::NotFound); }

}  // namespace sampan::controllers
