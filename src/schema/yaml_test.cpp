#include "schema/yaml.h"

#include "base/text.h"
#include "schema/json.h"

namespace sampan::schema {

namespace {
std::string as_json(std::string_view text, YamlLimits limits = {}) {
  Arena arena;
  auto documents = parse_yaml(text, arena, limits);
  if (!documents) return documents.error().message();
  std::string out;
  for (Value document : *documents) {
    if (!out.empty()) out += ' ';
    write_json(out, document);
  }
  return out;
}
std::string as_yaml(std::string_view json) {
  Arena arena;
  std::string out;
  write_yaml(out, *parse_json(json, arena));
  return out;
}
}  // namespace

TEST(Yaml, Reads) {
  struct Case {
    std::string_view text, want;
  };
  const Case cases[] = {
      {"", ""},
      {"a: b\n---\n- 1\n---\n", R"({"a":"b"} [1] null)"},
      {"[y, Yes, on, n, No, OFF, true, False, ~, null, '', \"yes\", yes1]", R"([true,true,true,false,false,false,true,false,null,null,"","yes","yes1"])"},
      {"[010, 0x1F, 0b11, 0o17, 1_000, +5, -0x10, 08, 1:20, 1e3, 1.0, .5, -1.50, 1.2.3, -, 18446744073709551615]",
       R"([8,31,3,15,1000,5,-16,8,"1:20",1000,1,0.5,-1.5,"1.2.3","-",18446744073709552000])"},
      {"[2024-01-02, 2024-01-02T03:04:05Z, 2024-1-2 3:4:5.5]", R"(["2024-01-02","2024-01-02T03:04:05Z","2024-1-2 3:4:5.5"])"},
      {"{on: 1, 2: 3, 1.5: 4, n: 5}", R"({"true":1,"2":3,"1.5":4,"false":5})"},
      {"a: |\n  x\n  y\nb: >-\n  x\n  y\nc: !!str 5\nd: !!binary QUI=\ne: !own z\nf: !!float 3", R"({"a":"x\ny\n","b":"x y","c":"5","d":"AB","e":"z","f":3})"},
      {"base: &b {x: 1, v: 2}\nc:\n  <<: *b\n  v: 3\nd: [*b]\ne: {<<: [{x: 5}, {x: 6, z: 7}]}",
       R"({"base":{"x":1,"v":2},"c":{"x":1,"v":3},"d":[{"x":1,"v":2}],"e":{"x":5,"z":7}})"},
      {"a: [", "yaml: line 1: did not find expected node content"},
      {"a: b: c", "yaml: mapping values are not allowed in this context"},
      {"a: *x", "yaml: unknown anchor 'x' referenced"},
      {"a: &x [*x]", "yaml: anchor 'x' value contains itself"},
      {"a: .nan", "json: unsupported value: NaN"},
      {"a: !!int x", "yaml: cannot decode !!str `x` as a !!int"},
      {"? [1]\n: 2", "yaml: invalid map key"},
      {"<<: 1", "yaml: map merge requires map or sequence of maps as the value"},
  };
  for (const Case& c : cases) EXPECT_EQ(as_json(c.text), c.want) << c.text;
  EXPECT_EQ(as_json("a: 1\n---\nb: [", {.first_only = true}), R"({"a":1})");
}

TEST(Yaml, Bounds) {
  std::string bomb = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n";
  for (int i = 1; i < 10; i++) {
    append(bomb, "a", i, ": &a", i, " [");
    for (int j = 0; j < 10; j++) append(bomb, j ? "," : "", "*a", i - 1);
    bomb += "]\n";
  }
  EXPECT_EQ(as_json(bomb), "yaml: document contains excessive aliasing");
  EXPECT_EQ(as_json(std::string(5000, '[')), "yaml: exceeded max depth");
}

TEST(Yaml, FindsDuplicates) {
  Arena arena;
  std::vector<std::string> duplicates;
  auto documents = parse_yaml("a: 1\nb: {c: 1, c: 2}\na: 3\n", arena, {}, &duplicates);
  ASSERT_TRUE(documents);
  EXPECT_EQ((*documents)[0]["a"].as_int(), 3);
  EXPECT_EQ(duplicates, (std::vector<std::string>{"line 2: key \"c\" already set in map", "line 3: key \"a\" already set in map"}));
}

TEST(Yaml, Writes) {
  struct Case {
    std::string_view json, want;
  };
  const Case cases[] = {
      {R"({"b":[{"x":1,"a":[]},"s"],"a":{},"c10":null,"c9":true})", "a: {}\nb:\n- a: []\n  x: 1\n- s\nc9: true\nc10: null\n"},
      {R"(["yes","1","1.5","null","~","","true","0x1f","1:20","2024-01-02","a: b","- x","#c"," s","*a","x"])",
       "- \"yes\"\n- \"1\"\n- \"1.5\"\n- \"null\"\n- \"~\"\n- \"\"\n- \"true\"\n- \"0x1f\"\n- \"1:20\"\n- \"2024-01-02\"\n- 'a: b'\n- '- x'\n- '#c'\n- ' s'\n- '*a'\n- x\n"},
      {R"({"a":"x\ny\n","b":"x\ny","c":"x\n\n","t":"tab\there"})", "a: |\n  x\n  y\nb: |-\n  x\n  y\nc: |+\n  x\n\nt: \"tab\\there\"\n"},
      {R"({"f":1.5,"g":1e21,"i":1234567.5,"h":0.00001,"u":"\u00e9"})", "f: 1.5\ng: 1e+21\nh: 1e-05\ni: 1.2345675e+06\nu: \xc3\xa9\n"},
      {R"("x")", "x\n"},
  };
  for (const Case& c : cases) EXPECT_EQ(as_yaml(c.json), c.want) << c.json;
}

}  // namespace sampan::schema
