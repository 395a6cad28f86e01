#include "schema/apply/apply.h"

#include <gtest/gtest.h>

#include "schema/apply/field_set.h"
#include "schema/apply/managed.h"
#include "schema/apply/typed.h"
#include "schema/json.h"

namespace sampan::schema {
namespace {

Value parse(std::string_view text, Arena& arena) {
  auto value = parse_json(text, arena);
  EXPECT_TRUE(value) << text;
  return value ? *value : Value();
}
std::string print(Value value) {
  std::string text;
  write_json(text, value);
  return text;
}
std::string print(const FieldSet* set, Arena& arena) {
  return print(write_field_set(set, arena));
}

const Type& pod() {
  return *builtin_kind("", "v1", "Pod");
}
const Type& deployment() {
  return *builtin_kind("apps", "v1", "Deployment");
}
const Type& config_map() {
  return *builtin_kind("", "v1", "ConfigMap");
}

// managedFields in short: "manager operation [subresource] @time fields" a line.
std::string owners(Value object) {
  std::string text;
  for (Value entry : object["metadata"]["managedFields"].items()) {
    text += entry["manager"].as_string();
    text += ' ';
    text += entry["operation"].as_string();
    if (entry.has("subresource")) (text += '/') += entry["subresource"].as_string();
    (text += " @") += entry["time"].is_string() ? entry["time"].as_string().substr(17, 2) : "-";
    (text += ' ') += print(entry["fieldsV1"]);
    text += '\n';
  }
  return text;
}

// An object that is written again and again.
class Story {
 public:
  explicit Story(const Type& type, std::string_view version = "v1") : type_(type), version_(version) {}
  std::string update(std::string_view manager, std::string_view text, std::string_view subresource = {}) {
    Value after = parse(text, arena_);
    FieldManager who{manager, version_, subresource, ++now_, {}};
    if (subresource.empty()) who.reset_fields = kStatus;
    EXPECT_TRUE(update_managed_fields(after, object_.get(), type_, who));
    return keep(after);
  }
  std::string apply_config(std::string_view manager, std::string_view text, bool force = false) {
    Value applied = parse(text, arena_);
    FieldManager who{manager, version_, {}, ++now_, kStatus};
    auto result = apply(object_.get(), applied, type_, who, force, arena_);
    if (!result) {
      causes.clear();
      for (const Cause& cause : result.error().data().causes) causes += cause.message + " at " + cause.field + "\n";
      return std::to_string(result.error().code()) + " " + result.error().message();
    }
    return keep(*result);
  }
  std::string text() const {
    Arena arena;
    Value value = thaw(*object_, arena);
    strip_managed_fields(value);
    return print(value);
  }
  std::string causes;

 private:
  std::string keep(Value value) {
    auto frozen = freeze(value, type_);
    EXPECT_TRUE(frozen) << (frozen ? "" : frozen.error().message());
    auto text = owners(value);  // which reads what the old object holds
    if (frozen) object_ = *frozen;
    return text;
  }
  static constexpr std::string_view kStatus[] = {"status"};
  const Type& type_;
  std::string_view version_;
  Arena arena_;
  ObjectRef object_;
  int64_t now_ = 0;
};

TEST(FieldSet, Text) {
  const struct {
    std::string_view in, out;
  } cases[] = {
      {R"({"f:b":{},"f:a":{".":{},"f:c":{}}})", R"({"f:a":{".":{},"f:c":{}},"f:b":{}})"},
      {R"({"i:2":{},"v:\"x\"":{},"k:{\"name\":\"n\",\"port\":80}":{"f:x":{}},"f:z":{},"i:10":{}})",
       R"({"f:z":{},"k:{\"name\":\"n\",\"port\":80}":{"f:x":{}},"v:\"x\"":{},"i:2":{},"i:10":{}})"},
      {R"({"v:\"b\"":{},"v:true":{},"v:2":{},"v:\"a\"":{},"v:1.5":{}})",
       R"({"v:1.5":{},"v:2":{},"v:\"a\"":{},"v:\"b\"":{},"v:true":{}})"},
      {R"({"f:a":{"x:unknown":{}}})", R"({"f:a":{}})"},
      {"{}", "{}"},
  };
  for (const auto& c : cases) {
    Arena arena;
    const FieldSet* set;
    ASSERT_TRUE(read_field_set(parse(c.in, arena), arena, set)) << c.in;
    EXPECT_EQ(print(set, arena), c.out);
  }
  Arena arena;
  const FieldSet* set;
  for (std::string_view bad :
       {R"({"nocolon":{}})", R"({"f":{}})", R"({"i:x":{}})", R"({"k:[1]":{}})", R"({"v:{":{}})", R"({"f:a":1})"})
    EXPECT_FALSE(read_field_set(parse(bad, arena), arena, set)) << bad;
}

TEST(FieldSet, Operations) {
  const struct {
    std::string_view a, b, both, either, only_a, below;
  } cases[] = {
      {R"({"f:a":{},"f:b":{}})", R"({"f:b":{},"f:c":{}})", R"({"f:b":{}})", R"({"f:a":{},"f:b":{},"f:c":{}})",
       R"({"f:a":{}})", R"({"f:a":{}})"},
      {R"({"f:a":{".":{},"f:x":{},"f:y":{}}})", R"({"f:a":{"f:x":{}}})", R"({"f:a":{"f:x":{}}})",
       R"({"f:a":{".":{},"f:x":{},"f:y":{}}})", R"({"f:a":{".":{},"f:y":{}}})", R"({"f:a":{".":{},"f:y":{}}})"},
      {R"({"f:a":{".":{},"f:x":{}}})", R"({"f:a":{}})", R"({"f:a":{}})", R"({"f:a":{".":{},"f:x":{}}})",
       R"({"f:a":{"f:x":{}}})", "{}"},
  };
  for (const auto& c : cases) {
    Arena arena;
    const FieldSet *a, *b;
    ASSERT_TRUE(read_field_set(parse(c.a, arena), arena, a) && read_field_set(parse(c.b, arena), arena, b));
    EXPECT_EQ(print(intersect(a, b, FieldNode::Member, arena), arena), c.both);
    EXPECT_EQ(print(unite(a, b, FieldNode::Member, arena), arena), c.either);
    EXPECT_EQ(print(subtract(a, b, FieldNode::Member, arena), arena), c.only_a);
    EXPECT_EQ(print(subtract_below(a, b, arena), arena), c.below);
    EXPECT_TRUE(equal(a, unite(subtract(a, b, FieldNode::Member, arena), intersect(a, b, FieldNode::Member, arena),
                               FieldNode::Member, arena)));
  }
}

TEST(ManagedFields, CreateAndUpdate) {
  Story story(pod());
  // Zero values that Go leaves out are nobody's; what is always printed (resources) is the creator's.
  EXPECT_EQ(
      story.update("one", R"({"metadata":{"name":"p","labels":{"a":"1"}},"spec":{"hostNetwork":false,"containers":[
      {"name":"c","image":"i","ports":[{"containerPort":80,"protocol":"TCP"}],"command":["x"]}],"nodeSelector":{"k":"v"}},
      "status":{"phase":"Running"}})"),
      "one Update @01 {\"f:metadata\":{\"f:labels\":{\".\":{},\"f:a\":{}}},\"f:spec\":{\"f:containers\":"
      "{\"k:{\\\"name\\\":\\\"c\\\"}\":{\".\":{},\"f:command\":{},\"f:image\":{},\"f:name\":{},\"f:ports\":{\".\":{},"
      "\"k:{\\\"containerPort\\\":80,\\\"protocol\\\":\\\"TCP\\\"}\":{\".\":{},\"f:containerPort\":{},\"f:protocol\":{}"
      "}},"
      "\"f:resources\":{}}},\"f:nodeSelector\":{}}}\n");
  // A field changes hands; one that goes is nobody's.
  EXPECT_EQ(story.update("two", R"({"metadata":{"name":"p","labels":{"a":"2"}},"spec":{"containers":[
      {"name":"c","image":"i","ports":[{"containerPort":80,"protocol":"TCP"}]}]}})"),
            "one Update @01 {\"f:metadata\":{\"f:labels\":{}},\"f:spec\":{\"f:containers\":"
            "{\"k:{\\\"name\\\":\\\"c\\\"}\":{\".\":{},\"f:image\":{},\"f:name\":{},\"f:ports\":{\".\":{},"
            "\"k:{\\\"containerPort\\\":80,\\\"protocol\\\":\\\"TCP\\\"}\":{\".\":{},\"f:containerPort\":{},\"f:"
            "protocol\":{}}},"
            "\"f:resources\":{}}}}}\n"
            "two Update @02 {\"f:metadata\":{\"f:labels\":{\"f:a\":{}}}}\n");
}

TEST(ManagedFields, NoChangeKeepsTimes) {
  Story story(config_map());
  std::string first = story.update("one", R"({"metadata":{"name":"c"},"data":{"a":"1"}})");
  EXPECT_EQ(story.update("one", R"({"metadata":{"name":"c"},"data":{"a":"1"}})"), first);
  EXPECT_EQ(story.update("two", R"({"metadata":{"name":"c"},"data":{"a":"1"}})"), first);
}

TEST(ManagedFields, ResetAndGarbage) {
  Story story(config_map());
  std::string first = story.update("one", R"({"metadata":{"name":"c"},"data":{"a":"1"}})");
  // Invalid entries are not honoured.
  EXPECT_EQ(story.update("one", R"({"metadata":{"name":"c","managedFields":[{"operation":"X"}]},"data":{"a":"1"}})"),
            first);
  EXPECT_EQ(story.update("one", R"({"metadata":{"name":"c","managedFields":[{}]},"data":{"a":"1"}})"), "");
  // Without owners an update finds none.
  EXPECT_EQ(story.update("one", R"({"metadata":{"name":"c"},"data":{"a":"2"}})"), "");
}

TEST(ManagedFields, VersionsThatTheKindLacks) {
  auto entry = [](std::string_view version) {
    return std::string(R"({"metadata":{"name":"c","managedFields":[{"manager":"m","operation":"Update","apiVersion":")")
        .append(version)
        .append(R"(","fieldsType":"FieldsV1","fieldsV1":{"f:data":{}}}]},"data":{"a":"1"}})");
  };
  for (std::string_view gone : {"apps/v1", "*", "v", "v1gamma1", "v1beta"}) {
    Story story(config_map());
    story.update("one", R"({"metadata":{"name":"c"},"data":{"a":"1"}})");
    EXPECT_EQ(story.update("one", entry(gone)), "") << gone;
  }
  for (std::string_view kept : {"v1", "v1beta2", "v3"}) {
    Story story(config_map());
    story.update("one", R"({"metadata":{"name":"c"},"data":{"a":"1"}})");
    EXPECT_TRUE(story.update("one", entry(kept)).starts_with("m Update")) << kept;
  }
}

TEST(ManagedFields, TenUpdatersAtMost) {
  Story story(config_map());
  std::string data, last;
  for (int i = 0; i < 13; i++) {
    data.append(data.empty() ? "\"k" : ",\"k").append(std::to_string(i)).append("\":\"v\"");
    last = story.update("m" + std::to_string(i), "{\"metadata\":{\"name\":\"c\"},\"data\":{" + data + "}}");
  }
  EXPECT_EQ(std::count(last.begin(), last.end(), '\n'), 10);
  EXPECT_TRUE(last.starts_with(
      "ancient-changes Update @04 {\"f:data\":{\".\":{},\"f:k0\":{},\"f:k1\":{},\"f:k2\":{},\"f:k3\":{}}}\n"))
      << last;
}

constexpr std::string_view kBase = R"({"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"c"})";
std::string config(std::string_view data) {
  return std::string(kBase) + ",\"data\":" + std::string(data) + "}";
}

TEST(Apply, OwnsWhatItApplies) {
  Story story(config_map());
  EXPECT_EQ(story.apply_config("one", config(R"({"a":"1","b":"1"})")),
            "one Apply @01 {\"f:data\":{\"f:a\":{},\"f:b\":{}}}\n");
  // The same again changes nothing, the time included.
  EXPECT_EQ(story.apply_config("one", config(R"({"a":"1","b":"1"})")),
            "one Apply @01 {\"f:data\":{\"f:a\":{},\"f:b\":{}}}\n");
  // What is applied no more goes away.
  EXPECT_EQ(story.apply_config("one", config(R"({"a":"1"})")), "one Apply @03 {\"f:data\":{\"f:a\":{}}}\n");
  EXPECT_EQ(story.text(), R"({"metadata":{"name":"c"},"data":{"a":"1"}})");
  // Another may own the same, and it stays until nobody does.
  story.apply_config("two", config(R"({"a":"1"})"));
  story.apply_config("one", std::string(kBase) + "}");
  EXPECT_EQ(story.text(), R"({"metadata":{"name":"c"},"data":{"a":"1"}})");
  story.apply_config("two", std::string(kBase) + "}");
  EXPECT_EQ(story.text(), R"({"metadata":{"name":"c"}})");
}

TEST(Apply, Conflicts) {
  Story story(config_map());
  story.apply_config("one", config(R"({"a":"1","b":"1"})"));
  story.update("up", R"({"metadata":{"name":"c"},"data":{"a":"1","b":"1","x":"1"}})");
  EXPECT_EQ(story.apply_config("two", config(R"({"a":"2"})")),
            "409 Apply failed with 1 conflict: conflict with \"one\": .data.a");
  EXPECT_EQ(story.causes, "conflict with \"one\" at .data.a\n");
}

TEST(Apply, ConflictsWithManyAndForce) {
  Story story(config_map());
  story.update("base", R"({"metadata":{"name":"c"},"data":{"x":"1"}})");
  story.apply_config("one", config(R"({"a":"1","b":"1"})"));
  EXPECT_EQ(story.apply_config("two", config(R"({"a":"2","b":"2","x":"2"})")),
            "409 Apply failed with 3 conflicts: conflicts with \"base\" using v1:\n- .data.x\n"
            "conflicts with \"one\":\n- .data.a\n- .data.b");
  EXPECT_EQ(story.apply_config("two", config(R"({"a":"2","x":"2"})"), true),
            "one Apply @02 {\"f:data\":{\"f:b\":{}}}\ntwo Apply @04 {\"f:data\":{\"f:a\":{},\"f:x\":{}}}\n"
            "base Update @01 {\"f:data\":{}}\n");
}

TEST(Apply, TakesOverFromClientSideApply) {
  Story story(config_map());
  story.update("kubectl-client-side-apply", R"({"metadata":{"name":"c","annotations":{
      "kubectl.kubernetes.io/last-applied-configuration":
      "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"c\"},\"data\":{\"a\":\"1\"}}"}},"data":{"a":"1","b":"1"}})");
  EXPECT_EQ(story.apply_config("kubectl", config(R"({"a":"2","b":"2"})")),
            "409 Apply failed with 1 conflict: conflict with \"kubectl-client-side-apply\" using v1: .data.b");
  story.apply_config("kubectl", config(R"({"a":"2"})"));
  EXPECT_NE(story.text().find(R"(\"data\":{\"a\":\"2\"},\"kind\":\"ConfigMap\")"), std::string::npos) << story.text();
}

TEST(Apply, Errors) {
  const struct {
    std::string_view text, error;
  } cases[] = {
      {R"({"apiVersion":"v1"})", "400 invalid object type: /v1, Kind="},
      {R"({"apiVersion":"apps/v1","kind":"ConfigMap"})", "400 invalid object type: apps/v1, Kind=ConfigMap"},
      {R"({"apiVersion":"v1","kind":"ConfigMap","metadata":{"managedFields":[{"manager":"x"}]}})",
       "400 metadata.managedFields must be nil"},
      {R"({"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"cm"},"data":{"a":1}})",
       "500 failed to create typed patch object (/cm; /v1, Kind=ConfigMap): .data.a: expected string, got "
       "&value.valueUnstructured{Value:1}"},
      {R"({"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"cm"},"nope":1})",
       "500 failed to create typed patch object (/cm; /v1, Kind=ConfigMap): .nope: field not declared in schema"},
      {R"({"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"cm","finalizers":["x","x"]}})",
       "500 failed to create typed patch object (/cm; /v1, Kind=ConfigMap): .metadata.finalizers: duplicate entries "
       "for key "
       "[=\"x\"]"},
  };
  for (const auto& c : cases) EXPECT_EQ(Story(config_map()).apply_config("one", c.text), c.error);
}

TEST(Apply, BeforeFirstApply) {
  Story story(config_map());
  story.update("one", R"({"metadata":{"name":"c","managedFields":[]},"data":{"a":"1"}})");
  story.update("one", R"({"metadata":{"name":"c","managedFields":[{}]},"data":{"a":"1"}})");
  EXPECT_EQ(
      story.apply_config("two", config(R"({"b":"1"})")),
      "two Apply @03 {\"f:data\":{\"f:b\":{}}}\nbefore-first-apply Update @03 {\"f:data\":{\".\":{},\"f:a\":{}}}\n");
}

TEST(ManagedFields, ResetFields) {
  const struct {
    std::vector<std::string_view> paths;
    std::string_view fields;
  } cases[] = {
      {{"status", "metadata.labels"},
       R"({"f:spec":{"f:containers":{"k:{\"name\":\"c\"}":{".":{},"f:image":{},"f:name":{},"f:resources":{}}}}})"},
      {{"spec", "metadata.annotations"}, R"({"f:metadata":{"f:labels":{".":{},"f:a":{}}},"f:status":{"f:phase":{}}})"},
      {{"+spec.containers.*.resources"},
       R"({"f:spec":{"f:containers":{"k:{\"name\":\"c\"}":{".":{},"f:resources":{}}}}})"},
  };
  for (const auto& c : cases) {
    Arena arena;
    Value after = parse(R"({"metadata":{"name":"p","labels":{"a":"1"}},"spec":{"containers":[{"name":"c","image":"i"}]},
        "status":{"phase":"x"}})",
                        arena);
    ASSERT_TRUE(update_managed_fields(after, nullptr, pod(), {"m", "v1", "", 1, c.paths}));
    EXPECT_EQ(print(after["metadata"]["managedFields"].at(0)["fieldsV1"]), c.fields);
  }
}

TEST(ManagedFields, Scale) {
  Arena arena;
  Value entries = parse(R"([{"manager":"one","operation":"Apply","apiVersion":"apps/v1","time":"2026-01-01T00:00:00Z",
      "fieldsType":"FieldsV1","fieldsV1":{"f:spec":{"f:replicas":{},"f:selector":{}}}},
      {"manager":"two","operation":"Update","apiVersion":"apps/v1","fieldsType":"FieldsV1","fieldsV1":{"f:status":{}}}])",
                        arena);
  Value scale = managed_fields_of_scale(entries, "spec.replicas", arena);
  EXPECT_EQ(print(scale),
            R"([{"manager":"one","operation":"Apply","apiVersion":"autoscaling/v1","time":"2026-01-01T00:00:00Z",)"
            R"("fieldsType":"FieldsV1","fieldsV1":{"f:spec":{"f:replicas":{}}}}])");
  // Nothing changed hands.
  EXPECT_TRUE(managed_fields_after_scale(entries, scale, "apps/v1", "spec.replicas", arena).equals(entries));
  // Somebody scaled it.
  scale = parse(R"([{"manager":"sc","operation":"Update","apiVersion":"autoscaling/v1","time":"2026-01-01T00:00:05Z",
      "fieldsType":"FieldsV1","fieldsV1":{"f:spec":{"f:replicas":{}}},"subresource":"scale"}])",
                arena);
  Value object = Value::object(arena);
  object.ensure_object("metadata")
      .set("managedFields", managed_fields_after_scale(entries, scale, "apps/v1", "spec.replicas", arena));
  EXPECT_EQ(owners(object),
            "one Apply @00 {\"f:spec\":{\"f:selector\":{}}}\nsc Update/scale @- {\"f:spec\":{\"f:replicas\":{}}}\n"
            "two Update @- {\"f:status\":{}}\n");
}

TEST(ManagedFields, OnlyTimesDiffer) {
  constexpr std::string_view kOne = R"({"metadata":{"name":"c","managedFields":[
      {"manager":"one","operation":"Update","apiVersion":"v1","time":"2026-01-01T00:00:00Z","fieldsType":"FieldsV1","fieldsV1":{"f:data":{}}},
      {"manager":"two","operation":"Update","apiVersion":"v1","time":"2026-01-01T00:00:01Z","fieldsType":"FieldsV1","fieldsV1":{"f:metadata":{}}}]},
      "data":{"a":"1"}})";
  Arena arena;
  auto frozen = [](Value tree) { return std::move(freeze(tree, config_map())).value(); };
  auto before = frozen(parse(kOne, arena));
  EXPECT_FALSE(only_times_differ(*before, *before)) << "nothing differs";
  struct {
    std::string_view what;
    std::function<void(Value)> change;
    bool only_times;
  } cases[] = {
      {"a time", [](Value tree) { tree["metadata"]["managedFields"].at(0).set("time", "2026-01-01T00:00:09Z"); }, true},
      {"times and so the order",
       [](Value tree) {
         auto entries = tree["metadata"]["managedFields"].items();
         std::swap(entries[0], entries[1]);
         entries[1].set("time", "2026-01-01T00:00:09Z");
       },
       true},
      {"data too",
       [](Value tree) {
         tree["metadata"]["managedFields"].at(0).set("time", "2026-01-01T00:00:09Z");
         tree["data"].set("a", "2");
       },
       false},
      {"metadata too",
       [](Value tree) {
         tree["metadata"]["managedFields"].at(0).set("time", "2026-01-01T00:00:09Z");
         tree["metadata"].ensure_object("labels").set("a", "2");
       },
       false},
      {"an owner too",
       [](Value tree) {
         tree["metadata"]["managedFields"].at(0).set("time", "2026-01-01T00:00:09Z");
         tree["metadata"]["managedFields"].at(0).set("manager", "three");
       },
       false},
  };
  for (auto& [what, change, only_times] : cases) {
    Value tree = parse(kOne, arena);
    change(tree);
    EXPECT_EQ(only_times_differ(*frozen(tree), *before), only_times) << what;
  }
}

TEST(Apply, OrderOfListItems) {
  // live, applied, merged: names of containers
  const std::vector<std::string> cases[] = {
      {"abc", "b", "abc"},  {"abc", "cb", "acb"},   {"abc", "d", "abcd"},
      {"ab", "bca", "bca"}, {"abcd", "db", "acdb"}, {"", "ba", "ba"},
  };
  auto list = [](const std::string& names) {
    std::string text = R"({"spec":{"template":{"spec":{"containers":[)";
    for (size_t i = 0; i < names.size(); i++)
      text.append(i ? "," : "").append("{\"name\":\"").append(1, names[i]).append("\"}");
    return text + "]}}}}";
  };
  for (const auto& c : cases) {
    Arena arena;
    std::string live = list(c[0]), applied = list(c[1]);
    auto merged = merge_trees(parse(live, arena), parse(applied, arena), deployment(), arena);
    ASSERT_TRUE(merged);
    EXPECT_EQ(print(*merged), list(c[2])) << c[0] << " and " << c[1];
  }
}

}  // namespace
}  // namespace sampan::schema
