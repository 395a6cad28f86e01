// cel-go's functions over texts, and Kubernetes' over patterns.
#include "cel/library/testing.h"

namespace sampan::cel {
namespace {

TEST(Strings, True) {
  const std::string_view table[] = {
      "'héllo'.charAt(1) == 'é' && 'abc'.charAt(3) == '' && '😀ab'.charAt(0) == '😀'",
      "'tacocat'.indexOf('ac') == 1 && 'tacocat'.indexOf('ac', 2) == -1 && 'abc'.indexOf('') == 0 && 'abc'.indexOf('', 7) == 7 && 'héllo'.indexOf('l') == 2",
      "'tacocat'.lastIndexOf('t') == 6 && 'tacocat'.lastIndexOf('ac', 3) == 1 && 'abc'.lastIndexOf('') == 3 && 'ab'.lastIndexOf('abc') == -1 && 'ab'.lastIndexOf('a', 9) == -1",
      "'ÄBc'.lowerAscii() == 'Äbc' && 'äbC'.upperAscii() == 'äBC'",
      "'aaaa'.replace('a', 'b') == 'bbbb' && 'aaaa'.replace('a', 'b', 2) == 'bbaa' && 'aaa'.replace('a', '', -1) == ''",
      "'hé'.replace('', '-') == '-h-é-' && 'abc'.replace('', '-', 2) == '-a-bc' && ''.replace('', 'x') == 'x' && 'a'.replace('a', 'b', 0) == 'a'",
      "'a,b,,c'.split(',') == ['a', 'b', '', 'c'] && 'a,b,c'.split(',', 2) == ['a', 'b,c'] && 'a'.split(',', 0) == [] && 'hé'.split('') == ['h', 'é'] && ''.split(',') == ['']",
      "'héllo'.split('', 2) == ['h', 'éllo'] && ''.split('') == []",
      "'tacocat'.substring(4) == 'cat' && 'tacocat'.substring(0, 4) == 'taco' && 'héllo'.substring(1, 2) == 'é' && 'a'.substring(1) == ''",
      "'  \\t\\n x y \\u00a0\\u3000'.trim() == 'x y' && ''.trim() == ''",
      "['a', 'b'].join() == 'ab' && ['a', 'b'].join(', ') == 'a, b' && [].join('-') == ''",
      "strings.quote('a\"b\\\\\\n\\t\\a é') == '\"a\\\\\"b\\\\\\\\\\\\n\\\\t\\\\a é\"'",
      "'abc 123'.find('[0-9]+') == '123' && 'abc'.find('x') == '' && 'aXb'.find('(?i)x') == 'X' && 'foo bar'.find('\\\\bbar') == 'bar'",
      "'1 a 23'.findAll('[0-9]+') == ['1', '23'] && '1 2'.findAll('[0-9]', 1) == ['1'] && '1 2'.findAll('[0-9]', 0) == [] && 'x'.findAll('y') == []",
      "'baac'.findAll('a*') == ['', 'aa', ''] && 'é'.findAll('') == ['', '']",  // no empty match behind another one
      "'xay'.find('(?<n>a)') == 'a' && 'a]b'.find('[]]') == ']' && 'a(?<b'.find('\\\\(\\\\?<b') == '(?<b' && '(?<'.find('[(?<]+') == '(?<'",
  };
  expect_true(table);
}

TEST(Strings, Formats) {
  const std::string_view table[] = {
      "'%s|%s|%s|%s|%s|%s'.format(['a', 1, 2u, 1.5, true, null]) == 'a|1|2|1.5|true|null'",
      "'%s %s'.format([duration('1h30m'), timestamp('2020-01-01T00:00:00Z')]) == '5400s 2020-01-01T00:00:00Z'",
      "'%s'.format([[1, 'a\"', 2.5, null, b'x', duration('1s'), timestamp('2020-01-01T00:00:00Z')]]) == "
      "'[1, \"a\\\\\"\", 2.500000, null, b\"x\", duration(\"1s\"), timestamp(\"2020-01-01T00:00:00Z\")]'",
      "'%s %s'.format([{'b': 1, 'a': [2]}, type(1)]) == '{\"a\":[2], \"b\":1} int'",
      "'%d %d %d'.format([-1, 2u, 3]) == '-1 2 3'",
      "'%f %.2f %.0f'.format([1234567.891, -1234.567, 2.5]) == '1,234,567.891000 -1,234.57 2'",
      "'%f %f %f'.format(['NaN', 'Infinity', '-Infinity']) == 'NaN ∞ -∞'",
      "'%e'.format([1052.032911275]) == '1.052033×10⁰³' && '%e'.format([-1.5e-10]) == '-1.500000×10⁻¹⁰'",
      "'%.14e|%e'.format([1.0, 'NaN']) == ' 1.000000×10⁰⁰|   NaN'",  // a precision is taken for a width
      "'%b %b %b %o %o'.format([5, -5, true, 8, 9u]) == '101 -101 1 10 11'",
      "'%x %X %x %X %x'.format([30, -30, 'hello', b'\\xff', 255u]) == '1e -1E 68656c6c6f FF ff'",
      "'100%% %s%%'.format(['x']) == '100% x%'",
  };
  expect_true(table);
}

TEST(Strings, Failures) {
  const Failing table[] = {
      {"'abc'.charAt(4)", "index out of range: 4"},
      {"'abc'.indexOf('a', -1)", "index out of range: -1"},
      {"'abc'.lastIndexOf('a', -1)", "index out of range: -1"},
      {"'abc'.substring(4)", "index out of range: 4"},
      {"'abc'.substring(2, 1)", "invalid substring range. start: 2, end: 1"},
      {"'abc'.substring(0, 4)", "index out of range: 4"},
      {"[dyn('a'), dyn(1)].join()", "join: invalid input: 1"},
      {"'a'.find('(' + '')", "Illegal regex: error parsing regexp: missing closing ): `(`"},
      {"'a'.find('a**' + '')", "Illegal regex: error parsing regexp: invalid nested repetition operator: `**`"},
      {"'a'.findAll('\\\\C' + '')", "Illegal regex: error parsing regexp: invalid escape sequence: `\\C`"},
      {"'a'.find('(?<n' + '')", "Illegal regex: error parsing regexp: invalid named capture: `(?<n`"},
      {"('%s' + '').format([])", "index 0 out of range"},
      {"('%' + '').format([1])", "unexpected end of string"},
      {"('%y' + '').format([1])", "could not parse formatting clause: unrecognized formatting clause \"y\""},
      {"('%.2' + '').format([1.0])", "could not parse formatting clause: error while parsing precision: could not find end of precision specifier"},
      {"('%.f' + '').format([1.0])",
       "could not parse formatting clause: error while parsing precision: error while converting precision to integer: strconv.Atoi: parsing \"\": invalid syntax"},
      {"('%d' + '').format([1.5])", "error during formatting: decimal clause can only be used on integers, was given double"},
      {"('%f' + '').format([1])", "error during formatting: fixed-point clause can only be used on doubles, was given int"},
      {"('%e' + '').format([1])", "error during formatting: scientific clause can only be used on doubles, was given int"},
      {"('%b' + '').format([1.5])", "error during formatting: only integers and bools can be formatted as binary, was given double"},
      {"('%x' + '').format([true])", "error during formatting: only integers, byte buffers, and strings can be formatted as hex, was given bool"},
      {"('%o' + '').format(['a'])", "error during formatting: octal clause can only be used on integers, was given string"},
      {"('%s' + '').format([{1.5: 2}])", "error during formatting: no formatting function for map key of type double"},
  };
  expect_failures(table);
}

TEST(Strings, Costs) {
  const Costing table[] = {
      {"'0123456789abc'.lowerAscii()", 2}, {"'0123456789abc'.trim()", 2},         {"'0123456789abc'.substring(1)", 2}, {"'0123456789abc'.replace('a', 'b')", 3},
      {"'0123456789abc'.split('a')", 3},   {"'0123456789abc'.indexOf('a')", 1},   {"'0123456789abc'.charAt(1)", 1},    {"['0123456', '789abc'].join()", 3},
      {"'0123456789'.find('abcde')", 4},   {"'0123456789'.findAll('abcde', 1)", 4}, {"'0123456789abc%s'.format(['x'])", 2},
  };
  expect_costs(table);
}

}  // namespace
}  // namespace sampan::cel
