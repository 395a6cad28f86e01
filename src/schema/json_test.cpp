#include "schema/json.h"

#include "base/text.h"

namespace sampan::schema {

namespace {
std::string round_trip(std::string_view text) {
  Arena arena;
  auto value = parse_json(text, arena);
  if (!value) return concat("error: ", value.error().message());
  std::string out;
  write_json(out, *value);
  return out;
}
}  // namespace

TEST(Json, RoundTrip) {
  struct Case {
    std::string_view text, want;
  };
  const Case cases[] = {
      {" { } ", "{}"},
      {"[]", "[]"},
      {"[1, -2, 0, -0, 9223372036854775807, -9223372036854775808]", "[1,-2,0,0,9223372036854775807,-9223372036854775808]"},
      {"[9223372036854775808]", "[9223372036854776000]"},
      {"[1.50, 1e3, 1.0, 1e21, 1e20, 0.000001, 0.0000001, -1.5e-9, 123456.789e3]", "[1.5,1000,1,1e+21,100000000000000000000,0.000001,1e-7,-1.5e-9,123456789]"},
      {"[0.1, 100.25, 5e-324, 1.7976931348623157e308, 1e-400]", "[0.1,100.25,5e-324,1.7976931348623157e+308,0]"},
      {R"({"a":true,"b":false,"c":null,"d":[{"e":"f"}]})", R"({"a":true,"b":false,"c":null,"d":[{"e":"f"}]})"},
      {R"(["\"\\\/\b\f\n\r\t\u0041\u00e9\u20ac\ud83d\ude00"])", "[\"\\\"\\\\/\\b\\f\\n\\r\\tA\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"]"},
      {R"(["\ud800", "\ude00x", "\ud800\u0041"])", "[\"\xef\xbf\xbd\",\"\xef\xbf\xbdx\",\"\xef\xbf\xbd" "A\"]"},
      {"[\"\xff\", \"a\xe2\x82\", \"\xc0\xaf\", \"\xed\xa0\x80\\n\"]",
       "[\"\xef\xbf\xbd\",\"a\xef\xbf\xbd\xef\xbf\xbd\",\"\xef\xbf\xbd\xef\xbf\xbd\",\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\\n\"]"},
      {"[\"<a&b>\x7f\xe2\x80\xa8\xe2\x80\xa9\xe2\x80\xaa\\u0001\\u001f\"]",
       "[\"\\u003ca\\u0026b\\u003e\x7f\\u2028\\u2029\xe2\x80\xaa\\u0001\\u001f\"]"},
      {R"({"a":1,"b":2,"a":3})", R"({"a":3,"b":2})"},
      {R"("0123456789abcdef0123456789abcdef")", R"("0123456789abcdef0123456789abcdef")"},
  };
  for (const Case& c : cases) EXPECT_EQ(round_trip(c.text), c.want) << c.text;
}

TEST(Json, Errors) {
  struct Case {
    std::string_view text, want;
  };
  const Case cases[] = {
      {"", "unexpected end of JSON input"},
      {"  ", "unexpected end of JSON input"},
      {"{", "unexpected end of JSON input"},
      {"{\"kind\": ", "unexpected end of JSON input"},
      {"[1,", "unexpected end of JSON input"},
      {"\"abc", "unexpected end of JSON input"},
      {"{\"a\"", "unexpected end of JSON input"},
      {"\"a\\", "invalid character ' ' in string escape code"},
      {"\"\\u12", "invalid character ' ' in \\u hexadecimal character escape"},
      {"tru", "invalid character ' ' in literal true (expecting 'e')"},
      {"-", "invalid character ' ' in numeric literal"},
      {"1.", "invalid character ' ' after decimal point in numeric literal"},
      {"1e+", "invalid character ' ' in exponent of numeric literal"},
      {"x", "invalid character 'x' looking for beginning of value"},
      {"'", "invalid character '\\'' looking for beginning of value"},
      {"\xe9", "invalid character '\xc3\xa9' looking for beginning of value"},
      {std::string_view("\0", 1), "invalid character '\\x00' looking for beginning of value"},
      {"[1,]", "invalid character ']' looking for beginning of value"},
      {"[1 2]", "invalid character '2' after array element"},
      {"{\"a\":1,}", "invalid character '}' looking for beginning of object key string"},
      {"{a}", "invalid character 'a' looking for beginning of object key string"},
      {"{\"a\" 1}", "invalid character '1' after object key"},
      {"{\"a\":1 \"b\"}", "invalid character '\"' after object key:value pair"},
      {"{} x", "invalid character 'x' after top-level value"},
      {"01", "invalid character '1' after top-level value"},
      {"\"\n\"", "invalid character '\\n' in string literal"},
      {"\"\\x\"", "invalid character 'x' in string escape code"},
      {"\"\\u12g4\"", "invalid character 'g' in \\u hexadecimal character escape"},
      {"nul!", "invalid character '!' in literal null (expecting 'l')"},
      {"1e999", "json: cannot unmarshal number 1e999 into Go value of type float64"},
  };
  for (const Case& c : cases) EXPECT_EQ(round_trip(c.text), concat("error: ", c.want)) << c.text;
}

TEST(Json, Depth) {
  std::string deep(600, '['), good = std::string(500, '[') + std::string(500, ']');
  EXPECT_EQ(round_trip(deep), "error: invalid character '[' exceeded max depth");
  EXPECT_EQ(round_trip(good), good);
}

TEST(Json, Duplicates) {
  Arena arena;
  std::vector<DuplicateKey> duplicates;
  auto value = parse_json(R"({"kind":"a","spec":{"containers":[{},{"name":1,"name":2}],"containers":[]},"kind":"b","kind":"c","m":{"x.y":{"a":1,"a":2}}})", arena,
                          &duplicates);
  ASSERT_TRUE(value);
  std::vector<std::string> paths;
  for (const auto& duplicate : duplicates) paths.push_back(duplicate.path);
  EXPECT_EQ(paths, (std::vector<std::string>{"spec.containers[1].name", "spec.containers", "kind", "m.x.y.a"}));
  std::string big = "{";
  for (int i = 0; i < 1000; i++) append(big, i ? "," : "", "\"k", i % 500, "\":", i);
  big += "}";
  duplicates.clear();
  value = parse_json(big, arena, &duplicates);
  ASSERT_TRUE(value);
  EXPECT_EQ(value->size(), 500u);
  EXPECT_EQ((*value)["k499"].as_int(), 999);
  EXPECT_EQ(duplicates.size(), 100u);
}

TEST(Json, Objects) {
  struct Case {
    std::string_view type, text, want;
  };
  const Case cases[] = {
      {"io.k8s.api.core.v1.ConfigMap", R"({"metadata":{"name":"a"},"data":{"b":"1","a":""},"binaryData":{"x":"AAEC"},"immutable":false})",
       R"({"kind":"K","apiVersion":"v1","metadata":{"name":"a","resourceVersion":"42"},"immutable":false,"data":{"a":"","b":"1"},"binaryData":{"x":"AAEC"}})"},
      {"io.k8s.api.core.v1.Service", R"({"metadata":{},"spec":{"ports":[{"port":80,"targetPort":"http"},{"port":81,"targetPort":8080}]}})",
       R"({"kind":"K","apiVersion":"v1","metadata":{"resourceVersion":"42"},"spec":{"ports":[{"port":80,"targetPort":"http"},{"port":81,"targetPort":8080}]},"status":{"loadBalancer":{}}})"},
  };
  for (const Case& c : cases) {
    Arena arena;
    auto value = parse_json(c.text, arena);
    ASSERT_TRUE(value);
    auto object = freeze(*value, *builtin_type(c.type));
    ASSERT_TRUE(object) << object.error().message();
    (*object)->set_revision(42);
    std::string out;
    write_json(out, **object, "v1", "K");
    EXPECT_EQ(out, c.want);
    std::string thawed;
    write_json(thawed, thaw(**object, arena));
    Value again = *parse_json(thawed, arena), printed = *parse_json(out, arena);
    printed.remove("kind");
    printed.remove("apiVersion");
    EXPECT_TRUE(again.equals(printed)) << thawed;
  }
}

}  // namespace sampan::schema
