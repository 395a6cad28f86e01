#include "registry/list_options.h"

#include "base/encoding.h"
#include "registry/testing.h"
#include "store/memory.h"

namespace sampan::registry {

namespace {

using Query = std::vector<std::pair<std::string, std::string>>;

// "a=1&b=2", decoded already.
Query query(std::string_view text) {
  Query out;
  for (auto part : split(text, '&')) {
    auto at = part.find('=');
    if (!part.empty()) out.emplace_back(part.substr(0, at), at == std::string_view::npos ? "" : part.substr(at + 1));
  }
  return out;
}

const FieldLabel kLabels[] = {{"data.node", [](const Object& object) { return std::string(object["data"]["node"].as_string()); }}};
const Selectable kSelectable{.field_labels = kLabels};

Result<ListOptions> options_of(std::string_view text) { return parse_list_options(query(text), kSelectable); }

}  // namespace

TEST(ListOptions, Complains) {
  constexpr std::string_view kInvalid = "ListOptions.meta.k8s.io \"\" is invalid: ";
  struct Case {
    std::string_view query;
    int code;
    std::string want;
  };
  const Case cases[] = {
      {"limit=x", 400, "strconv.ParseInt: parsing \"x\": invalid syntax"},
      {"limit=", 400, "strconv.ParseInt: parsing \"\": invalid syntax"},
      {"limit=9223372036854775808", 400, "strconv.ParseInt: parsing \"9223372036854775808\": value out of range"},
      {"timeoutSeconds=1.5&limit=x", 400, "strconv.ParseInt: parsing \"1.5\": invalid syntax"},
      {"labelSelector=a b", 400, "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt"},
      {"fieldSelector=a", 400, "invalid selector: 'a'; can't understand 'a'"},
      {"fieldSelector=spec.x=1", 400, "field label not supported: spec.x"},
      {"resourceVersionMatch=Exact", 422,
       concat(kInvalid, "resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided")},
      {"resourceVersionMatch=Exact&resourceVersion=0", 422,
       concat(kInvalid, "resourceVersionMatch: Forbidden: resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\"")},
      {"resourceVersionMatch=No&resourceVersion=1", 422,
       concat(kInvalid, "resourceVersionMatch: Unsupported value: \"No\": supported values: \"Exact\", \"NotOlderThan\", \"\"")},
      {"resourceVersionMatch=Exact&resourceVersion=1&continue=x", 422,
       concat(kInvalid, "resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden when continue is provided")},
      {"sendInitialEvents=true", 422, concat(kInvalid, "sendInitialEvents: Forbidden: sendInitialEvents is forbidden for list")},
      {"watch=1&sendInitialEvents=true", 422,
       concat(kInvalid, "resourceVersionMatch: Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan")},
      {"watch=1&resourceVersionMatch=NotOlderThan&resourceVersion=1", 422,
       concat(kInvalid, "resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided")},
      {"watch=1&sendInitialEvents=1&resourceVersionMatch=Exact", 422,
       concat(kInvalid,
              "[resourceVersionMatch: Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan, "
              "resourceVersionMatch: Unsupported value: \"Exact\": supported values: \"NotOlderThan\"]")},
  };
  for (auto& c : cases) {
    auto options = options_of(c.query);
    ASSERT_FALSE(options) << c.query;
    EXPECT_EQ(options.error().code(), c.code) << c.query;
    EXPECT_EQ(options.error().message(), c.want);
  }
}

TEST(ListOptions, Reads) {
  auto options = *options_of("watch=&allowWatchBookmarks=TRUE&timeoutSeconds=+5&resourceVersion=7&limit=3&limit=x&labelSelector=b,a");
  EXPECT_TRUE(options.watch);
  EXPECT_TRUE(options.allow_bookmarks);
  EXPECT_EQ(options.timeout_seconds, 5);
  EXPECT_EQ(options.limit, 3);
  EXPECT_EQ(options.labels.text(), "a,b");
  EXPECT_FALSE(options.send_initial_events);
  EXPECT_FALSE(options_of("watch=FALSE")->watch);
  EXPECT_FALSE(options_of("watch=0")->watch);
  for (auto from_now : {"watch=1", "watch=1&resourceVersion=0"}) {
    options = *options_of(from_now);
    EXPECT_EQ(options.send_initial_events, true);
    EXPECT_EQ(options.resource_version_match, "NotOlderThan");
  }
  EXPECT_EQ(options_of("watch=1&sendInitialEvents=false&resourceVersionMatch=NotOlderThan")->send_initial_events, false);
}

TEST(ListOptions, WatchOfOneObject) {
  auto one = [](std::string_view text) { return parse_list_options(query(text), {.field_labels = kLabels, .name = "x"}); };
  EXPECT_EQ(one("watch=1")->fields.text(), "metadata.name=x");
  EXPECT_EQ(one("fieldSelector=metadata.name=x,data.node=n")->fields.text(), "data.node=n,metadata.name=x");
  EXPECT_EQ(one("fieldSelector=metadata.name=y").error().message(), "fieldSelector metadata.name doesn't match requested name");
}

TEST(ListOptions, Revisions) {
  EXPECT_EQ(*parse_revision(""), 0);
  EXPECT_EQ(*parse_revision("18446744073709551615"), INT64_MAX);
  auto wrong = read_revision("-1");
  EXPECT_EQ(wrong.error().code(), 500);
  EXPECT_EQ(wrong.error().reason(), Reason::Unknown);
  EXPECT_EQ(wrong.error().message(), "resourceVersion: Invalid value: \"-1\": strconv.ParseUint: parsing \"-1\": invalid syntax");
}

TEST(ContinueToken, IsUpstreams) {
  // As kube-apiserver 1.36 makes it.
  auto token = make_continue_token(1234, std::string_view("web\0", 4));
  EXPECT_EQ(token, "eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6MTIzNCwic3RhcnQiOiJ3ZWJcdTAwMDAifQ");
  auto parsed = *parse_continue_token(token);
  EXPECT_EQ(parsed.revision, 1234);
  EXPECT_EQ(parsed.start, std::string_view("web\0", 4));
  EXPECT_EQ(parse_continue_token(make_continue_token(-1, "/a/b"))->start, "a/b");
}

TEST(ContinueToken, Complains) {
  auto of_json = [](std::string_view json) {
    std::string token;
    append_base64(token, json);
    while (token.ends_with('=')) token.pop_back();
    for (char& c : token) c = c == '+' ? '-' : c == '/' ? '_' : c;
    auto parsed = parse_continue_token(token);
    return parsed ? "good" : parsed.error().message();
  };
  struct Case {
    std::string_view json, want;
  };
  for (auto& c : std::initializer_list<Case>{
           {R"({"v":"meta.k8s.io/v1","rv":5,"start":"a\u0000"})", "good"},
           {R"({"v":"meta.k8s.io/v1","start":"a"})", "incorrect encoded start resourceVersion (version meta.k8s.io/v1)"},
           {R"({"v":"meta.k8s.io/v1","rv":5})", "encoded start key empty (version meta.k8s.io/v1)"},
           {R"({"v":"v2","rv":5,"start":"a"})", "server does not recognize this encoded version v2"},
           {R"({"v":"meta.k8s.io/v1","rv":5,"start":"../x"})", "../x"},
           {R"({"v":"meta.k8s.io/v1","rv":5,"start":"a//x"})", "a//x"},
           {R"({"v":"meta.k8s.io/v1","rv":"5","start":"x"})",
            "json: cannot unmarshal string into Go struct field continueToken.rv of type int64"},
           {R"({"v":"meta.k8s.io/v1","rv":1.5,"start":"x"})",
            "json: cannot unmarshal number 1.5 into Go struct field continueToken.rv of type int64"},
           {"[]", "json: cannot unmarshal array into Go value of type storage.continueToken"},
           {"", "unexpected end of JSON input"},
       })
    EXPECT_EQ(of_json(c.json), c.want == "good" ? "good" : concat("continue key is not valid: ", c.want)) << c.json;
  EXPECT_EQ(parse_continue_token("garbage").error().message(),
            "continue key is not valid: invalid character '\\u0081' looking for beginning of value");
  EXPECT_EQ(parse_continue_token("ab=c").error().message(), "continue key is not valid: illegal base64 data at input byte 2");
  EXPECT_EQ(parse_continue_token("abcde").error().message(), "continue key is not valid: illegal base64 data at input byte 4");
}

TEST(ListPlan, FollowsTheTable) {
  using Read = ListPlan::Read;
  struct Case {
    std::string_view query;
    Read read;
    Revision revision;
    int64_t limit;
  };
  auto token = concat("continue=", make_continue_token(9, "k"));
  auto again = concat("continue=", make_continue_token(-1, "k"));
  auto any = token + "&resourceVersion=0&limit=5";
  for (auto& c : std::initializer_list<Case>{
           {"", Read::Fresh, 0, 0},
           {"limit=5", Read::Fresh, 0, 5},
           {"resourceVersion=0", Read::Newest, 0, 0},
           {"resourceVersion=0&limit=5", Read::Newest, 0, 0},
           {"resourceVersion=7", Read::AtLeast, 7, 0},
           {"resourceVersion=7&limit=5", Read::Exact, 7, 5},
           {"resourceVersion=7&limit=5&resourceVersionMatch=NotOlderThan", Read::AtLeast, 7, 5},
           {"resourceVersion=0&limit=5&resourceVersionMatch=NotOlderThan", Read::Newest, 0, 0},
           {"resourceVersion=7&resourceVersionMatch=Exact", Read::Exact, 7, 0},
           {"limit=-1", Read::Fresh, 0, 0},
           {token, Read::Exact, 9, 0},
           {any, Read::Exact, 9, 0},
           {again, Read::Fresh, 0, 0},
       }) {
    auto plan = ListPlan::make(*options_of(c.query));
    ASSERT_TRUE(plan) << c.query;
    EXPECT_EQ(plan->read, c.read) << c.query;
    EXPECT_EQ(plan->revision, c.revision) << c.query;
    EXPECT_EQ(plan->limit, c.limit) << c.query;
    EXPECT_EQ(plan->from, c.query.starts_with("continue") ? "k" : "") << c.query;
  }
  auto complaint = [](std::string_view text) { return ListPlan::make(*options_of(text)).error().message(); };
  EXPECT_EQ(complaint("resourceVersion=x"),
            "invalid resource version: resourceVersion: Invalid value: \"x\": strconv.ParseUint: parsing \"x\": invalid syntax");
  EXPECT_EQ(complaint(token + "&resourceVersion=3"), "specifying resource version is not allowed when using continue");
  EXPECT_EQ(complaint("continue=garbage"),
            "invalid continue token: continue key is not valid: invalid character '\\u0081' looking for beginning of value");
}

// ---- pages ----

namespace {

class PageTest : public ::testing::Test {
 protected:
  PageTest() {
    store_ = store::make_memory_store(real_clock());
    for (auto name : {"a/1", "a/2", "a/3", "a/4", "a/5", "b/1"}) put(name);
    open();
  }
  void open() {
    store::CachedResource resource{.prefix = "/registry/configmaps/"};
    resource.decode = [](std::string_view value) -> Result<ObjectRef> {
      auto slash = value.find('/');
      return testing::make("v1", "ConfigMap",
                           concat("{'metadata': {'namespace': '", value.substr(0, slash), "', 'name': '", value.substr(slash + 1),
                                  "', 'labels': {'odd': '", (value.back() - '0') % 2, "'}}, 'data': {'node': 'n", value.back(), "'}}"));
    };
    resource.index = [](const Object& object) { return object["data"]["node"].as_string(); };
    cache_ = *store::Cache::open(*store_, std::move(resource), real_clock());
  }
  void put(std::string_view name) {
    (void)store_->write({.key = concat("/registry/configmaps/", name), .value = std::string(name)});
  }
  void erase(std::string_view name) { (void)store_->write({.key = concat("/registry/configmaps/", name)}); }
  Result<Page> page(std::string_view prefix, std::string_view text) {
    return read_page(*cache_, prefix, TRY(options_of(text)), kSelectable, "data.node");
  }
  // "a/1 a/2 @7 +3", with " ..." if there is more.
  std::string listed(std::string_view prefix, std::string_view text) {
    auto got = page(prefix, text);
    if (!got) return got.error().message();
    std::string out;
    for (auto& object : got->items)
      append(out, (*object)["metadata"]["namespace"].as_string(), "/", (*object)["metadata"]["name"].as_string(), " ");
    append(out, "@", got->revision);
    if (!got->continue_token.empty()) out += " ...";
    if (got->remaining) append(out, " +", *got->remaining);
    next_ = concat("&continue=", got->continue_token);
    return out;
  }

  std::unique_ptr<store::MemoryStore> store_;
  std::unique_ptr<store::Cache> cache_;
  std::string next_;
};

}  // namespace

TEST_F(PageTest, PagesShowOneMoment) {
  EXPECT_EQ(listed("", "limit=4"), "a/1 a/2 a/3 a/4 @7 ... +2");
  EXPECT_EQ(listed("a/", "limit=2"), "a/1 a/2 @7 ... +3");
  auto token = *parse_continue_token(std::string_view(next_).substr(10));
  EXPECT_EQ(token.start, std::string_view("2\0", 2));  // after the namespace, as upstream's
  erase("a/4");
  put("a/2x1");
  EXPECT_EQ(listed("a/", "limit=2" + next_), "a/3 a/4 @7 ... +1");
  EXPECT_EQ(listed("a/", "limit=2" + next_), "a/5 @7");
  EXPECT_EQ(listed("a/", ""), "a/1 a/2 a/2x1 a/3 a/5 @9");
  EXPECT_EQ(listed("a/", "limit=5"), "a/1 a/2 a/2x1 a/3 a/5 @9");
  EXPECT_EQ(listed("a/", "limit=2&resourceVersion=0"), "a/1 a/2 a/2x1 a/3 a/5 @9");
  EXPECT_EQ(listed("a/", "limit=1&resourceVersion=8"), "a/1 @8 ... +3");
  EXPECT_EQ(listed("nobody/", ""), "@9");
}

TEST_F(PageTest, Selectors) {
  // More may follow, whether it matches is not known.
  EXPECT_EQ(listed("a/", "limit=3&labelSelector=odd=1"), "a/1 a/3 a/5 @7");
  EXPECT_EQ(listed("", "limit=3&labelSelector=odd=1"), "a/1 a/3 a/5 @7 ...");
  EXPECT_EQ(listed("", "labelSelector=odd!=1"), "a/2 a/4 @7");
  EXPECT_EQ(listed("", "fieldSelector=metadata.namespace=b"), "b/1 @7");
  EXPECT_EQ(listed("", "fieldSelector=data.node=n1"), "a/1 b/1 @7");
  EXPECT_EQ(listed("b/", "fieldSelector=data.node=n1"), "b/1 @7");
  EXPECT_EQ(listed("b/", "fieldSelector=data.node=n1&labelSelector=!odd"), "@7");
  EXPECT_EQ(listed("", "fieldSelector=metadata.name=1"), "a/1 b/1 @7");
  EXPECT_EQ(listed("a/", "fieldSelector=metadata.name=1"), "a/1 @7");
  // A token makes it a list like any other.
  EXPECT_EQ(listed("a/", "fieldSelector=metadata.name=1&limit=1&continue=!!!"),
            "invalid continue token: continue key is not valid: illegal base64 data at input byte 0");
  EXPECT_EQ(listed("a/", "fieldSelector=metadata.name=1,data.node=n2"), "@7");
}

TEST_F(PageTest, ContinueAfterCompaction) {
  EXPECT_EQ(listed("a/", "limit=2"), "a/1 a/2 @7 ... +3");
  erase("a/1");
  put("a/3");
  ASSERT_TRUE(store_->compact(9));
  open();
  auto expired = page("a/", "limit=2" + next_);
  ASSERT_FALSE(expired);
  EXPECT_EQ(expired.error().code(), 410);
  EXPECT_TRUE(expired.error().message().starts_with("The provided continue parameter is too old to display a consistent list result."));
  EXPECT_EQ(listed("a/", concat("limit=2&continue=", expired.error().data().continue_token)), "a/3 a/4 @9 ... +1");
  EXPECT_EQ(listed("a/", "resourceVersion=3&resourceVersionMatch=Exact"), "The resourceVersion for the provided list is too old.");
}

}  // namespace sampan::registry
