// What is read of an expression, and what is said of one that cannot be read: the places and words are cel-go's.
#include "cel/parse.h"

#include "base/text.h"

namespace sampan::cel {
namespace {

struct Row {
  std::string_view text, expected;
};

std::string shown(const Node& node);

std::string shown(std::string_view opening, const std::vector<const Node*>& nodes, std::string_view closing) {
  std::string out(opening);
  for (const Node* node : nodes) append(out, node == nodes[0] ? "" : ", ", node ? shown(*node) : "");
  return out + std::string(closing);
}

// The tree in one line; of a loop its parts in the order in which they are made.
std::string shown(const Node& node) {
  switch (node.kind) {
    case Node::Kind::Literal: return node.literal.is(Value::Kind::String) ? quoted(node.literal.as_text()) : node.literal.shown();
    case Node::Kind::Identifier: return node.name;
    case Node::Kind::Select: return concat(shown(*node.target), node.tests_presence ? "~" : ".", node.name);
    case Node::Kind::Call: return concat(node.target ? shown(*node.target) + "." : "", node.name, shown("(", node.arguments, ")"));
    case Node::Kind::List: {
      std::string out = shown("[", node.arguments, "]");
      for (uint32_t item : node.optional_items) append(out, "?", item);
      return out;
    }
    case Node::Kind::Map:
    case Node::Kind::Struct: {
      std::string out = node.name + "{";
      for (const MapEntry& entry : node.entries) append(out, entry.optional ? "?" : "", shown(*entry.key), ": ", shown(*entry.value), ";");
      for (const FieldEntry& field : node.fields) append(out, field.optional ? "?" : "", field.field, ": ", shown(*field.value), ";");
      return out + "}";
    }
    case Node::Kind::Loop: break;
  }
  const Loop& loop = node.loop;
  return concat("loop(", loop.variable, loop.second_variable.empty() ? "" : ", ", loop.second_variable, " of ", shown(*loop.range), "; ", loop.accumulator, " = ",
                shown(*loop.initial), "; ", shown(*loop.condition), "; ", shown(*loop.step), "; ", shown(*loop.result), ")");
}

TEST(Parse, Trees) {
  static constexpr Row kRows[] = {
      {"1 + 2 * 3 - 4", "_-_(_+_(1, _*_(2, 3)), 4)"},
      {"a < b == c", "_==_(_<_(a, b), c)"},
      {"a in b && !c || d", "_||_(_&&_(@in(a, b), !_(c)), d)"},
      {"a && b && c && d", "_&&_(_&&_(a, b), _&&_(c, d))"},
      {"a || b || c", "_||_(_||_(a, b), c)"},
      {"a ? b : c ? d : e", "_?_:_(a, b, _?_:_(c, d, e))"},
      {"-1", "-1"},
      {"-x", "-_(x)"},
      {"--x", "x"},
      {"- -1", "1"},
      {"!!!b", "!_(b)"},
      {"-9223372036854775808", "-9223372036854775808"},
      {"0x1F + 0xAu", "_+_(31, 10)"},
      {".5 + 1e3", "_+_(0.5, 1000)"},
      {".a.b(c)[d]", "_[_](.a.b(c), d)"},
      {"f(1, 2).x", "f(1, 2).x"},
      {"a.?b.c[?0]", "_[?_](_?._(a, \"b\").c, 0)"},
      {"[1, ?a, 2,]", "[1, a, 2]?1"},
      {"[]", "[]"},
      {"{a: 1, ?b: c}", "{a: 1;?b: c;}"},
      {"x.y.Z{a: 1, ?b: c,}", "x.y.Z{a: 1;?b: c;}"},
      {".Z{}", ".Z{}"},
      {R"('a\tb' + "c\'" + '''d"e''' + r'\f')", R"(_+_(_+_(_+_("a\tb", "c'"), "d\"e"), "\\f"))"},
      {R"('\u00e9\x41\101\U0001F600')", "\"éAA😀\""},
      {R"(b'\xff' == br"a")", "_==_([255], [97])"},
      {"// all of it\n1 // and more", "1"},
      {"has(a.b)", "a~b"},
      {"has(a)(b)", ""},
      {"l.all(x, x > 0)", "loop(x of l; @result = true; @not_strictly_false(@result); _&&_(@result, _>_(x, 0)); @result)"},
      {"l.exists(x, x)", "loop(x of l; @result = false; @not_strictly_false(!_(@result)); _||_(@result, x); @result)"},
      {"l.exists_one(x, x)", "loop(x of l; @result = 0; true; _?_:_(x, _+_(@result, 1), @result); _==_(@result, 1))"},
      {"l.existsOne(x, x)", "l.existsOne(x, x)"},
      {"l.map(x, y)", "loop(x of l; @result = []; true; _+_(@result, [y]); @result)"},
      {"l.map(x, y, z)", "loop(x of l; @result = []; true; _?_:_(y, _+_(@result, [z]), @result); @result)"},
      {"l.filter(x, y)", "loop(x of l; @result = []; true; _?_:_(y, _+_(@result, [x]), @result); @result)"},
      {"l.all(i, x, y)", "loop(i, x of l; @result = true; @not_strictly_false(@result); _&&_(@result, y); @result)"},
      {"l.transformList(i, x, y, z)", "loop(i, x of l; @result = []; true; _?_:_(y, _+_(@result, [z]), @result); @result)"},
      {"l.transformMap(i, x, y)", "loop(i, x of l; @result = {}; true; cel.@mapInsert(@result, i, y); @result)"},
      {"l.transformMapEntry(i, x, y)", "loop(i, x of l; @result = {}; true; cel.@mapInsert(@result, y); @result)"},
      {"o.optMap(x, y)",
       "_?_:_(o.hasValue(), optional.of(loop(#unused of []; x = o.value(); false; x; y)), optional.none())"},
      {"o.optFlatMap(x, y)", "_?_:_(o.hasValue(), loop(#unused of []; x = o.value(); false; x; y), optional.none())"},
      {"l.sortBy(x, -x)",
       "loop(#unused of []; @__sortBy_input__ = l; false; @__sortBy_input__; @__sortBy_input__.@sortByAssociatedKeys(loop(x of @__sortBy_input__; "
       "@result = []; true; _+_(@result, [-_(x)]); @result)))"},
  };
  for (auto [text, expected] : kRows) {
    auto parsed = parse(std::string(text));
    EXPECT_EQ(parsed ? shown(parsed->root()) : "", expected) << text;
    if (parsed) EXPECT_EQ(parsed->text(), text);
  }
}

// Places are counted in code points; "~" stands for "Syntax error: ".
TEST(Parse, WhatIsWrong) {
  static constexpr Row kRows[] = {
      {"", "0: ~mismatched input '<EOF>' expecting {expression}"},
      {"1 +", "3: ~mismatched input '<EOF>' expecting {expression}"},
      {"1 2", "2: ~extraneous input '2' expecting <EOF>"},
      {"a b", "2: ~extraneous input 'b' expecting <EOF>"},
      {"1 + $", "4: ~token recognition error at: '$'\n5: ~mismatched input '<EOF>' expecting {expression}"},
      {"a & b", "2: ~token recognition error at: '& '\n4: ~extraneous input 'b' expecting <EOF>"},
      {"a = b", "2: ~token recognition error at: '= '\n4: ~extraneous input 'b' expecting <EOF>"},
      {"i.", "2: ~no viable alternative at input '.'"},
      {"i.true", "2: ~mismatched input 'true' expecting IDENTIFIER"},
      {"i.1", "1: ~extraneous input '.1' expecting <EOF>"},
      {"[1, 2", "5: ~mismatched input '<EOF>' expecting {']', ','}"},
      {"[1,, 2]", "3: ~mismatched input ',' expecting ']'"},
      {"{1 2}", "3: ~missing ':' at '2'"},
      {"{1: }", "4: ~mismatched input '}' expecting {expression}"},
      {"(", "1: ~mismatched input '<EOF>' expecting {expression}"},
      {"}", "0: ~mismatched input '}' expecting {expression}"},
      {"'abc", "0: ~token recognition error at: ''abc'\n4: ~mismatched input '<EOF>' expecting {expression}"},
      {R"("a\qb")", "0: ~token recognition error at: '\"a\\q'\n5: ~token recognition error at: '\"'"},
      {R"("""abc)", R"(2: ~token recognition error at: '"abc')"},
      {"..x", "1: ~no viable alternative at input '..'"},
      {"?", "0: ~mismatched input '?' expecting {expression}\n1: ~mismatched input '<EOF>' expecting {expression}"},
      {"b ? 1", "5: ~mismatched input '<EOF>' expecting ':'"},
      {"b ? : 2", "4: ~extraneous input ':' expecting {expression}\n7: ~mismatched input '<EOF>' expecting ':'"},
      {"b ? 1 : 2 : 3", "10: ~mismatched input ':' expecting <EOF>"},
      {"!", "1: ~extraneous input '<EOF>' expecting {expression}"},
      {"-", "1: ~no viable alternative at input '-'\n1: ~mismatched input '<EOF>' expecting {expression}"},
      {"!+1", "1: ~extraneous input '+' expecting {expression}"},
      {"-1 2", "3: ~extraneous input '2' expecting <EOF>"},
      {"-1[", "3: ~mismatched input '<EOF>' expecting {'[', '{', '(', '.', '-', '!', '?', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}"},
      {"-1 )", "3: ~extraneous input ')' expecting <EOF>"},
      {"has(i)", "4: invalid argument to has() macro"},
      {"has(object.?x)", "10: invalid argument to has() macro"},
      {"li.all(1, x > 0)", "7: argument must be a simple name"},
      {"li.all(x, y, z, w", "17: ~missing ')' at '<EOF>'"},
      {"li.all(x, x, true)", "10: duplicate variable name: x"},
      {"li.map(x.y, 1)", "8: argument is not an identifier"},
      {"li.map(__result__, 1)", "7: iteration variable overwrites accumulator variable"},
      {"li.sortBy(1, 1)", "10: argument is not an identifier"},
      {"1.sortBy(x, x)", "0: sortBy can only be applied to a list, identifier, comprehension, call or select expression"},
      {"m.optMap(1, 2)", "9: optMap() variable name must be a simple identifier"},
      {"if", "0: reserved identifier: if"},
      {"x.all(in, true)",
       "6: ~mismatched input 'in' expecting {'[', '{', '(', ')', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}\n"
       "8: ~extraneous input ',' expecting {expression}\n"
       "14: ~extraneous input ')' expecting <EOF>"},
      {"while(1 + nothing)", "0: reserved identifier: while"},
      {"var.x", "0: reserved identifier: var"},
      {"99999999999999999999", "0: invalid int literal"},
      {"0xFFFFFFFFFFFFFFFFFu", "0: invalid uint literal"},
      {"1e400", "0: invalid double literal"},
      {R"(b"\u00e9")", "0: unable to unescape string"},
      {R"('\ud800')", "0: invalid unicode code point"},
      {"object.`a.b`", "7: unsupported syntax: '`'"},
      {"`a`", "0: ~mismatched input '`a`' expecting {expression}"},
      {"object.?", "8: ~mismatched input '<EOF>' expecting {IDENTIFIER, ESC_IDENTIFIER}\n8: unsupported ident kind"},
      {"[?", "2: ~mismatched input '<EOF>' expecting {expression}"},
      {"Foo{a", "5: ~mismatched input '<EOF>' expecting ':'"},
      {"Foo{a:", "6: ~mismatched input '<EOF>' expecting {expression}"},
      {"Foo{1: 2}", "4: ~mismatched input '1' expecting {'}', ',', '?', IDENTIFIER, ESC_IDENTIFIER}"},
      {"Foo{`a`: 1}", "4: unsupported syntax: '`'"},
      {"{,,}", "2: ~extraneous input ',' expecting '}'"},
      {"size(1", "6: ~missing ')' at '<EOF>'"},
      {"size(1,)", "7: ~mismatched input ')' expecting {expression}"},
      {"li[1,2]", "4: ~mismatched input ',' expecting ']'"},
      {"i == == 3", "5: ~extraneous input '==' expecting {expression}"},
      {"i && || 1", "5: ~extraneous input '||' expecting {expression}"},
      {"i +- $ + * 3",
       "5: ~token recognition error at: '$'\n"
       "7: ~no viable alternative at input '-  +'\n"
       "7: ~mismatched input '+' expecting {expression}\n"
       "9: ~extraneous input '*' expecting {expression}"},
      {"x.(1)[)", "2: ~no viable alternative at input '.('"},
      {"# i ~ @", "0: ~token recognition error at: '#'\n4: ~token recognition error at: '~'\n6: ~token recognition error at: '@'"},
      {"'é' + é )", "6: ~token recognition error at: 'é'\n8: ~mismatched input ')' expecting {expression}"},
      {"i // comment )\n)", "15: ~extraneous input ')' expecting <EOF>"},
      {"b ? if : nothing.", "17: ~no viable alternative at input '.'\n4: reserved identifier: if"},
      {"\"a\nb\"", "0: ~token recognition error at: '\"a\n'\n4: ~token recognition error at: '\"'"},
      {R"(`a b\`)", "0: ~token recognition error at: '`a b\\'\n5: ~token recognition error at: '`'\n6: ~mismatched input '<EOF>' expecting {expression}"},
      {R"(r"\" + b"\400")", "8: ~token recognition error at: '\"\\4'\n13: ~token recognition error at: '\"'\n11: ~extraneous input '00' expecting <EOF>"},
      {"a && in || c", "5: ~mismatched input 'in' expecting {expression}\n8: ~extraneous input '||' expecting {expression}"},
      {"{1: 2, 3}", "8: ~mismatched input '}' expecting ':'"},
      {"x.map(y, ", "9: ~mismatched input '<EOF>' expecting {expression}"},
      {"[1 2]", "3: ~extraneous input '2' expecting {']', ','}"},
      {"1..2", "2: ~no viable alternative at input '..2'"},
      {R"("\x4")", "0: ~token recognition error at: '\"\\x4\"'\n5: ~mismatched input '<EOF>' expecting {expression}"},
      {"{if 1}", "4: ~missing ':' at '1'\n1: reserved identifier: if"},
  };
  static constexpr std::string_view kExpression =
      "{'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}";
  for (auto [text, expected] : kRows) {
    auto parsed = parse(std::string(text));
    ASSERT_FALSE(parsed) << text;
    std::string told;
    for (const Issue& issue : parsed.error().list()) {
      std::string message = issue.message;
      if (message.starts_with("Syntax error: ")) message.replace(0, 14, "~");
      if (size_t found = message.find(kExpression); found != std::string::npos) message.replace(found, kExpression.size(), "{expression}");
      append(told, told.empty() ? "" : "\n", issue.at, ": ", message);
    }
    EXPECT_EQ(told, expected) << text;
  }
}

std::string repeated(std::string_view part, int count) {
  std::string out;
  while (count-- > 0) out += part;
  return out;
}

std::string first_issue(const std::string& text) {
  auto parsed = parse(text);
  return parsed ? "" : parsed.error().list()[0].message;
}

TEST(Parse, Limits) {
  EXPECT_EQ(first_issue(repeated("(", 249) + "1" + repeated(")", 249)), "");
  EXPECT_EQ(first_issue(repeated("(", 250) + "1" + repeated(")", 250)), "expression recursion limit exceeded: 250");
  EXPECT_EQ(first_issue(repeated("[", 300)), "expression recursion limit exceeded: 250");
  EXPECT_EQ(first_issue("1" + repeated(" + 1", 250)), "");
  EXPECT_EQ(first_issue("1" + repeated(" + 1", 251)), "max recursion depth exceeded");
  EXPECT_EQ(first_issue("a" + repeated(".b", 251)), "max recursion depth exceeded");
  EXPECT_EQ(first_issue("a" + repeated(" || a", 5000)), "");
  EXPECT_EQ(first_issue("\"" + std::string(99'998, 'a') + "\""), "");
  EXPECT_EQ(first_issue("\"" + std::string(99'999, 'a') + "\""), "expression code point size exceeds limit: size: 100001, limit 100000");
  EXPECT_EQ(first_issue("a" + repeated(".optMap(x, x)", 40)), "expression has too many parts");
  // Of what is wrong a hundred issues are told, and thirty times it is gone on behind one.
  auto many = parse(repeated("$ ", 200));
  EXPECT_EQ(many.error().list().size(), 100u);
  EXPECT_TRUE(many.error().text(repeated("$ ", 200)).ends_with("\n1 more errors were truncated"));
  auto recovered = parse("[" + repeated("+,", 40));
  EXPECT_EQ(recovered.error().list().back().message, "Syntax error: error recovery attempt limit exceeded: 30");
  EXPECT_EQ(first_issue("1 2" + repeated(" 3", 300)), "Syntax error: mismatched input '2' expecting <EOF>");
  EXPECT_EQ(parse("1 2" + repeated(" 3", 300)).error().list().back().message, "error recovery token lookahead limit exceeded: 256");
}

TEST(Parse, NodesAreNumberedInARow) {
  auto parsed = parse("[1, 2].map(x, x + size('é'))");
  std::set<uint32_t> ids;
  auto visit = [&](auto& self, const Node* node) -> void {
    if (!node) return;
    EXPECT_TRUE(ids.insert(node->id).second);
    EXPECT_LT(node->id, parsed->count());
    self(self, node->target);
    for (const Node* part : node->arguments) self(self, part);
    for (const Node* part : {node->loop.range, node->loop.initial, node->loop.condition, node->loop.step, node->loop.result}) self(self, part);
  };
  visit(visit, &parsed->root());
  EXPECT_EQ(parsed->root().at, 10);
}

TEST(Issues, AreShownBelowTheirLine) {
  struct Shown {
    std::string_view text;
    std::vector<Issue> issues;
    std::string_view expected;
  };
  const Shown kRows[] = {
      {"a + b", {{4, "no b"}, {0, "no a"}}, "ERROR: <input>:1:1: no a\n | a + b\n | ^\nERROR: <input>:1:5: no b\n | a + b\n | ....^"},
      {"a\n\t+ b\n", {{5, "no b"}}, "ERROR: <input>:2:4: no b\n |  + b\n | ...^"},
      {"'é日' + 語", {{7, "no"}}, "ERROR: <input>:1:8: no\n | 'é日' + 語\n | .．．....＾"},
      {"a", {{1, "end"}}, "ERROR: <input>:1:2: end\n | a\n | .^"},
      {"a", {{-1, "nowhere"}}, "ERROR: <input>:-1:0: nowhere"},
      {"", {{0, "nothing"}}, "ERROR: <input>:1:0: nothing"},
  };
  for (const Shown& row : kRows) {
    Issues issues;
    for (const Issue& issue : row.issues) issues.add(issue.at, issue.message);
    EXPECT_EQ(issues.text(row.text), row.expected);
  }
  Issues issues;
  issues.add(0, "long");
  EXPECT_EQ(issues.text(std::string(16'385, 'a')), "ERROR: <input>:1:1: long");
}

}  // namespace
}  // namespace sampan::cel
