// Kubernetes' libraries: URLs, addresses, quantities, versions, formats, access.
#include "cel/library/authorizer.h"
#include "cel/library/json_patch.h"
#include "cel/library/testing.h"

namespace sampan::cel {
namespace {

TEST(Urls, True) {
  const std::string_view table[] = {
      "url('https://user:pass@example.com:80/path?query=val#fragment').getHost() == 'example.com:80' && url('HTTPS://h/').getScheme() == 'https'",
      "url('https://[::1]:80/').getHostname() == '::1' && url('https://[::1]:80/').getPort() == '80' && url('/path').getHost() == ''",
      "url('https://[fe80::1%25en0]:80/x').getHost() == '[fe80::1%en0]:80'",
      "url('https://e.com/path with spaces/').getEscapedPath() == '/path%20with%20spaces/' && url('http://x/a%20b%2Fc').getEscapedPath() == '/a%20b%2Fc' && url('http://a/é').getEscapedPath() == '/%C3%A9'",
      "url('http://e?k=a&k=b&;x=1&e=%zz&p=a+b%20c').getQuery() == {'k': ['a', 'b'], 'p': ['a b c']} && url('/a?').getQuery() == {}",
      "isURL('/absolute') && !isURL('../relative') && !isURL('') && isURL('mailto:joe@example.com') && !isURL('https://a:b:c/') && isURL('*')",
      "!isURL('http://[1.2.3.4]/') && !isURL('http://us er@h/') && isURL('foo://a:1:2/') && !isURL('http://a:1:2/')",
      "url('http://a/b#c') == url('http://a/b#c') && url('http://a/b') != url('http://a/c')",
  };
  expect_true(table);
  const Failing failures[] = {
      {"url('../a')", "URL parse error during conversion from string: parse \"../a\": invalid URI for request"},
      {"url('https://a:b:c/')", "URL parse error during conversion from string: parse \"https://a:b:c/\": invalid port \":b:c\" after host"},
      {"url('https://[::1')", "URL parse error during conversion from string: parse \"https://[::1\": missing ']' in host"},
      {"url('http://a/%zz')", "URL parse error during conversion from string: parse \"http://a/%zz\": invalid URL escape \"%zz\""},
      {"url('http://ex ample.com')", "URL parse error during conversion from string: parse \"http://ex ample.com\": invalid character \" \" in host name"},
      {"url(':foo')", "URL parse error during conversion from string: parse \":foo\": missing protocol scheme"},
  };
  expect_failures(failures);
}

TEST(Addresses, True) {
  const std::string_view table[] = {
      "isIP('1.2.3.4') && isIP('::1') && !isIP('1.2.3') && !isIP('01.2.3.4') && !isIP('::ffff:1.2.3.4') && !isIP('fe80::1%eth0') && !isIP('')",
      "string(ip('2001:DB8:0:0:0:0:0:1')) == '2001:db8::1' && string(ip('1:0:0:2:0:0:0:3')) == '1:0:0:2::3' && string(ip('::')) == '::' && string(ip('1:2:3:4:5:6:1.2.3.4')) == '1:2:3:4:5:6:102:304'",
      "ip.isCanonical('2001:db8::1') && !ip.isCanonical('2001:DB8::1') && ip('1.2.3.4').family() == 4 && ip('::1').family() == 6",
      "ip('0.0.0.0').isUnspecified() && ip('::').isUnspecified() && ip('127.1.1.1').isLoopback() && ip('::1').isLoopback()",
      "ip('224.0.0.1').isLinkLocalMulticast() && ip('ff02::1').isLinkLocalMulticast() && !ip('224.0.1.1').isLinkLocalMulticast() && ip('169.254.0.1').isLinkLocalUnicast() && ip('fe80::1').isLinkLocalUnicast()",
      "ip('10.0.0.1').isGlobalUnicast() && !ip('255.255.255.255').isGlobalUnicast() && !ip('224.1.1.1').isGlobalUnicast() && ip('2001:db8::1').isGlobalUnicast()",
      "isCIDR('10.0.0.0/8') && !isCIDR('10.0.0.0') && !isCIDR('10.0.0.0/33') && !isCIDR('10.0.0.0/08') && !isCIDR('10.0.0.0/-1')",
      "cidr('10.0.0.0/8').containsIP('10.1.2.3') && cidr('10.0.0.0/8').containsIP(ip('10.1.2.3')) && !cidr('10.0.0.0/8').containsIP('::1') && cidr('0.0.0.0/0').containsIP('9.9.9.9')",
      "cidr('10.0.0.0/8').containsCIDR('10.1.0.0/16') && !cidr('10.0.0.0/8').containsCIDR(cidr('0.0.0.0/0')) && cidr('2001:db8::/32').containsCIDR('2001:db8:1::/48')",
      "string(cidr('192.168.3.4/22').masked()) == '192.168.0.0/22' && cidr('::1/128').prefixLength() == 128 && string(cidr('10.1.2.3/8').ip()) == '10.1.2.3'",
      "cidr('10.0.0.1/8') != cidr('10.0.0.1/8').masked() && ip('::1') in [ip('::1')] && type(ip('::1')) == net.IP && type(cidr('::/0')) == net.CIDR",
  };
  expect_true(table);
  const Failing failures[] = {
      {"ip('1.2.3')", "IP Address \"1.2.3\" parse error during conversion from string: ParseAddr(\"1.2.3\"): IPv4 address too short"},
      {"ip('1:2:3')", "IP Address \"1:2:3\" parse error during conversion from string: ParseAddr(\"1:2:3\"): address string too short"},
      {"ip('::1::')", "IP Address \"::1::\" parse error during conversion from string: ParseAddr(\"::1::\"): multiple :: in address (at \":\")"},
      {"ip('fe80::1%e')", "IP address \"fe80::1%e\" with zone value is not allowed"},
      {"ip('::ffff:1.2.3.4')", "IPv4-mapped IPv6 address \"::ffff:1.2.3.4\" is not allowed"},
      {"cidr('10.0.0.0')",
       "network address parse error during conversion from string: network address parse error during conversion from string: netip.ParsePrefix(\"10.0.0.0\"): no '/'"},
      {"cidr('10.0.0.0/8').containsIP('x')", "no such overload"},
  };
  expect_failures(failures);
  const Costing costs[] = {{"ip('2001:db8::1')", 2}, {"ip.isCanonical('2001:db8::1')", 3}, {"cidr('10.0.0.0/8').containsIP('10.1.2.3')", 3}, {"cidr('10.0.0.0/24').containsCIDR('10.0.0.0/28')", 7}, {"cidr('10.0.0.0/8').ip()", 2}};
  expect_costs(costs);
}

TEST(Quantities, True) {
  const std::string_view table[] = {
      "isQuantity('1.3Gi') && !isQuantity('1x') && !isQuantity('') && sign(quantity('-1')) == -1 && sign(quantity('0')) == 0",
      "quantity('1Gi').isGreaterThan(quantity('1G')) && quantity('1').isLessThan(quantity('1k')) && quantity('1000m').compareTo(quantity('1')) == 0 && quantity('1000m') == quantity('1')",
      "quantity('50k').asInteger() == 50000 && quantity('50k').isInteger() && !quantity('1500m').isInteger() && !quantity('1000m').isInteger() && !quantity('0.5Gi').isInteger()",
      "quantity('1.5').asApproximateFloat() == 1.5 && quantity('5u').asApproximateFloat() == 4.9999999999999996e-06",
      "quantity('50k').add(quantity('20k')) == quantity('70k') && quantity('50k').add(20) == quantity('50020') && quantity('50k').sub(quantity('20k')).asInteger() == 30000 && quantity('50k').sub(-1).asInteger() == 50001",
  };
  expect_true(table);
  const Failing failures[] = {
      {"quantity('a')", "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"},
      {"quantity('1500m').asInteger()", "cannot convert value to integer"},
  };
  expect_failures(failures);
}

TEST(SemanticVersions, True) {
  const std::string_view table[] = {
      "isSemver('1.2.3-rc.1+build.5') && !isSemver('1.2') && !isSemver('v1.2.3') && !isSemver('01.2.3') && isSemver('v1.2', true) && isSemver('01.02.03', true) && !isSemver('1.2-rc', true)",
      "semver('1.2.3').major() == 1 && semver('1.2.3').minor() == 2 && semver('1.2.3').patch() == 3 && semver('v01', true).compareTo(semver('1.0.0')) == 0",
      "semver('1.2.3-alpha').isLessThan(semver('1.2.3')) && semver('1.2.3-alpha.beta').isGreaterThan(semver('1.2.3-alpha.1')) && semver('1.0.0-rc.10').isGreaterThan(semver('1.0.0-rc.9'))",
      "semver('1.2.3+a') == semver('1.2.3+b') && semver('1.10.0').compareTo(semver('1.9.0')) == 1 && semver('1.2.3-a').compareTo(semver('1.2.3-a.b')) == -1",
  };
  expect_true(table);
  const Failing failures[] = {
      {"semver('')", "Version string empty"},
      {"semver('1.2')", "No Major.Minor.Patch elements found"},
      {"semver('a.2.3')", "Invalid character(s) found in major number \"a\""},
      {"semver('1.02.3')", "Minor number must not contain leading zeroes \"02\""},
      {"semver('1..3')", "strconv.ParseUint: parsing \"\": invalid syntax"},
      {"semver('99999999999999999999.0.0')", "strconv.ParseUint: parsing \"99999999999999999999\": value out of range"},
      {"semver('1.2.3-01')", "Numeric PreRelease version must not contain leading zeroes \"01\""},
      {"semver('1.2.3-')", "Prerelease is empty"},
      {"semver('1.2.3+a.')", "Build meta data is empty"},
      {"semver('1.2-rc', true)", "short version cannot contain PreRelease/Build meta data"},
  };
  expect_failures(failures);
}

TEST(Formats, True) {
  const std::string_view table[] = {
      "format.dns1123Label().validate('my-label') == optional.none() && format.dns1123Label().validate('My').value()[0].startsWith('a lowercase RFC 1123 label must consist of')",
      "!format.dns1123LabelPrefix().validate('my-label-').hasValue() && format.dns1123Label().validate('my-label-').hasValue() && !format.dns1123Subdomain().validate('a.b').hasValue()",
      "format.labelValue().validate('-a').hasValue() && !format.qualifiedName().validate('example.com/name').hasValue() && format.dns1035Label().validate('1a').hasValue()",
      "!format.uuid().validate('123E4567-e89b-12d3-a456-426614174000').hasValue() && format.uuid().validate('x').value() == ['does not match the UUID format']",
      "!format.byte().validate('aGVsbG8=').hasValue() && format.byte().validate('').value() == ['invalid base64'] && format.byte().validate('aGVsbG8').hasValue()",
      "!format.date().validate('2020-02-29').hasValue() && format.date().validate('2021-02-29').value() == ['invalid date'] && format.date().validate('2021-1-1').hasValue()",
      "!format.datetime().validate('2021-01-01t23:59:59.123+01:00').hasValue() && format.datetime().validate('2021-01-01T24:00:00Z').value() == ['invalid datetime']",
      "!format.uri().validate('/a').hasValue() && format.uri().validate('a').value() == ['parse \"a\": invalid URI for request']",
      "format.named('uuid').value() == format.uuid() && format.named('nope') == optional.none() && format.uuid() != format.byte()",
  };
  expect_true(table);
  const Costing costs[] = {{"format.dns1123Label().validate('0123456789')", 1 + 2 * 8}, {"format.uri().validate('/a')", 1 + 276}};
  expect_costs(costs);
}

class Judge : public AccessJudge {
 public:
  AccessAnswer judge(const AccessQuestion& question) const override {
    asked = question;
    if (question.verb == "fail") return {.allowed = false, .reason = "", .error = "broken"};
    return {.allowed = question.verb == "get", .reason = "because", .error = {}};
  }
  mutable AccessQuestion asked;
};

class JudgeVariable : public Activation {
 public:
  explicit JudgeVariable(const AccessJudge& judge) : judge_(judge) {}
  std::optional<Maybe<Value>> find(std::string_view name) const override {
    if (name == "authorizer") return authorizer_value(judge_);
    if (name == "authorizer.requestResource") return request_resource_value(judge_, {.group = "apps", .resource = "deployments", .namespace_name = "ns"});
    return std::nullopt;
  }

 private:
  const AccessJudge& judge_;
};

TEST(Authorizer, AsksWhatWasPutTogether) {
  Environment environment = Environment::kubernetes().extend();
  environment.declare("authorizer", authorizer_type());
  environment.declare("authorizer.requestResource", resource_check_type());
  Judge judge;
  JudgeVariable variables(judge);
  auto ask = [&](std::string_view expression) { return value_of(expression, environment, variables); };

  auto answer = ask("authorizer.serviceAccount('default', 'robot').group('apps').resource('deployments').subresource('scale').namespace('n').name('x')"
                    ".fieldSelector('a=b').labelSelector('c=d').check('get').allowed()");
  ASSERT_TRUE(answer.value) << answer.value.error().message;
  EXPECT_TRUE(answer.value->is_true());
  EXPECT_EQ(judge.asked.group, "apps");
  EXPECT_EQ(judge.asked.resource, "deployments");
  EXPECT_EQ(judge.asked.subresource, "scale");
  EXPECT_EQ(judge.asked.namespace_name, "n");
  EXPECT_EQ(judge.asked.name, "x");
  EXPECT_EQ(judge.asked.field_selector, "a=b");
  EXPECT_EQ(judge.asked.label_selector, "c=d");
  EXPECT_EQ(judge.asked.service_account, std::pair(std::string("default"), std::string("robot")));
  EXPECT_EQ(answer.cost, 350'000 + 8 + 2 * (10 + 1 + 2 * 50));

  EXPECT_FALSE(ask("authorizer.path('/healthz').check('post').allowed()").value->is_true());
  EXPECT_EQ(judge.asked.path, "/healthz");
  EXPECT_EQ(ask("authorizer.path('/healthz').check('get').reason()").value->as_text(), "because");
  EXPECT_TRUE(ask("authorizer.group('').resource('pods').check('fail').errored()").value->is_true());
  EXPECT_EQ(ask("authorizer.group('').resource('pods').check('fail').error()").value->as_text(), "broken");
  EXPECT_TRUE(ask("authorizer.requestResource.check('get').allowed()").value->is_true());
  EXPECT_EQ(judge.asked.namespace_name, "ns");

  const Failing failures[] = {{"authorizer.path(' ')", "path must not be empty"},
                              {"authorizer.group('apps').resource('')", "resource must not be empty"},
                              {"authorizer.serviceAccount('not@valid', 'x')", "Invalid service account namespace"},
                              {"authorizer.serviceAccount('x', 'A')", "Invalid service account name"}};
  for (auto& [expression, message] : failures) EXPECT_EQ(ask(expression).value.error().message, message) << expression;
}

TEST(JsonPatch, EscapesKeys) {
  Environment environment = Environment::kubernetes().extend();
  add_json_patch(environment);
  EXPECT_EQ(value_of("jsonpatch.escapeKey('k8s.io/my~label')", environment).value->as_text(), "k8s.io~1my~0label");
  auto patch = value_of("JSONPatch{op: 'add', path: '/a', value: [1]}", environment).value;
  ASSERT_TRUE(patch) << patch.error().message;
  EXPECT_EQ(patch->as_struct().find("op")->as_text(), "add");
  EXPECT_EQ(patch->as_struct().fields().size(), 3u);
}

}  // namespace
}  // namespace sampan::cel
