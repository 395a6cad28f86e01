// The forms of names, and what is said of those that lack them.
#include "registry/names.h"

#include "registry/addresses.h"
#include "registry/metadata.h"
#include "registry/testing.h"

namespace sampan::registry {
namespace {

using testing::Errors;
using testing::make;

constexpr const char* kSubdomain =
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an "
    "alphanumeric character (e.g. 'example.com', regex used for validation is "
    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";

Complaints complaints(void (*form)(std::string_view, Complaints&), std::string_view value) {
  Complaints out;
  form(value, out);
  return out;
}

TEST(Names, good_and_bad) {
  struct Case {
    void (*form)(std::string_view, Complaints&);
    std::string value;
    bool good;
  };
  const Case cases[] = {
      {check_dns1123_label, "a-b1", true},
      {check_dns1123_label, "a.b", false},
      {check_dns1123_label, "", false},
      {check_dns1123_label, std::string(63, 'a'), true},
      {check_dns1123_label, std::string(64, 'a'), false},
      {check_dns1123_subdomain, "a.b-c", true},
      {check_dns1123_subdomain, "a..b", false},
      {check_dns1123_subdomain, "a.-b", false},
      {check_dns1123_subdomain_caseless, "A.b", true},
      {check_dns1123_subdomain_with_underscore, "_sip._tcp.x", true},
      {check_dns1035_label, "1a", false},
      {check_dns1035_label, "a1", true},
      {check_wildcard_dns1123_subdomain, "*.a.b", true},
      {check_wildcard_dns1123_subdomain, "*.*.b", false},
      {check_qualified_name, "example.com/A_b", true},
      {check_qualified_name, "a/b/c", false},
      {check_label_value, "", true},
      {check_label_value, "a b", false},
      {check_port_name, "http-2", true},
      {check_port_name, "80", false},
      {check_port_name, "a--b", false},
      {check_env_var_name, "a b", true},
      {check_env_var_name, "a=b", false},
      {check_config_map_key, "..a", false},
      {check_config_map_key, "a/b", false},
      {check_c_identifier, "a-b", false},
      {check_percent, "25%", true},
      {check_percent, "%", false},
      {check_ip, "2001:db8::1", true},
      {check_ip, "010.0.0.1", false},
      {check_ip, "::ffff:1.2.3.4", false},
      {check_cidr, "10.0.0.0/8", true},
      {check_cidr, "10.0.0.1/8", false},
      {check_cidr, "10.0.0.0", false},
  };
  for (const auto& c : cases) EXPECT_EQ(complaints(c.form, c.value).empty(), c.good) << c.value;
}

TEST(Names, words) {
  EXPECT_EQ(complaints(check_dns1123_subdomain, "A"), Complaints{kSubdomain});
  EXPECT_EQ(complaints(check_dns1123_label, "a.b"), Complaints{"must not contain dots"});
  EXPECT_EQ(complaints(check_qualified_name, "/x"), Complaints{"prefix part must be non-empty"});
  EXPECT_EQ(complaints(check_label_value, std::string(64, 'v')), Complaints{"must be no more than 63 bytes"});
  EXPECT_EQ(complaints(check_dns1035_label, std::string(64, 'v')), Complaints{"must be no more than 63 characters"});
  EXPECT_EQ(complaints(check_path_segment, ".."), Complaints{"may not be '..'"});
  Complaints generated;
  name_is_dns_subdomain("web-", true, generated);
  EXPECT_TRUE(generated.empty());
}

TEST(Addresses, text) {
  struct Case {
    const char *text, *canonical;
  };
  const Case cases[] = {{"10.1.2.3", "10.1.2.3"},
                        {"001.002.3.4", "1.2.3.4"},
                        {"2001:DB8:0:0:1:0:0:1", "2001:db8::1:0:0:1"},
                        {"::", "::"},
                        {"::1", "::1"},
                        {"1::", "1::"},
                        {"fe80::0:0:1:0", "fe80::1:0"},
                        {"1:2:3:4:5:6:7:0", "1:2:3:4:5:6:7:0"},
                        {"1:0:3:0:0:6:0:0", "1:0:3::6:0:0"},
                        {"::ffff:10.0.0.1", "10.0.0.1"},
                        {"64:ff9b::10.0.0.1", "64:ff9b::a00:1"}};
  for (const auto& c : cases) {
    auto ip = parse_ip(c.text);
    ASSERT_TRUE(ip) << c.text;
    EXPECT_EQ(ip->text(), c.canonical);
  }
  for (const char* bad : {"", "1.2.3", "1.2.3.4.5", "256.1.1.1", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1::2::3", ":1", "1:", "12345::", "g::",
                          "1:2:3:4:5:6:7::8:9", "1.2.3.4:80", "fe80::1%eth0", "1:2:3:4:5:6:7:1.2.3.4"})
    EXPECT_FALSE(parse_ip(bad)) << bad;
  EXPECT_EQ(parse_cidr("10.1.2.3/8")->text(), "10.0.0.0/8");
  EXPECT_EQ(parse_cidr("2001:db8::1/32")->text(), "2001:db8::/32");
  EXPECT_TRUE(parse_cidr("10.96.0.0/16")->contains(*parse_ip("10.96.255.255")));
  EXPECT_FALSE(parse_cidr("10.96.0.0/16")->contains(*parse_ip("10.97.0.0")));
  EXPECT_FALSE(parse_cidr("::/0")->contains(*parse_ip("10.97.0.0")));
}

TEST(Addresses, warnings) {
  std::vector<std::string> out;
  warn_of_ip(Path("ip"), "2001:DB8::1", out);
  warn_of_ip(Path("ip"), "01.2.3.4", out);
  warn_of_cidr(Path("cidr"), "10.0.0.1/8", out);
  EXPECT_EQ(out, (std::vector<std::string>{
                     "ip: IPv6 address \"2001:DB8::1\" should be in RFC 5952 canonical format (\"2001:db8::1\")",
                     "ip: non-standard IP address \"01.2.3.4\" is invalid: use \"1.2.3.4\"",
                     "cidr: CIDR value \"10.0.0.1/8\" is ambiguous in this context (should be \"10.0.0.0/8\" or \"10.0.0.1/32\"?)"}));
}

Errors created(std::string_view metadata, const Rules& rules = {}) {
  FieldErrors errors;
  validate_metadata_on_create(*make("v1", "ConfigMap", concat("{'metadata':", metadata, "}")), true, rules, errors);
  return testing::texts_of(errors);
}

TEST(Metadata, create) {
  EXPECT_EQ(created("{'name':'a','namespace':'b'}"), Errors{});
  EXPECT_EQ(created("{}"), (Errors{"metadata.name: Required value: name or generateName is required", "metadata.namespace: Required value"}));
  EXPECT_EQ(created("{'name':'a','namespace':'b','finalizers':['nodomain']}"),
            Errors{"metadata.finalizers[0]: Invalid value: \"nodomain\": name is neither a standard finalizer name nor is it fully qualified"});
  EXPECT_EQ(created("{'name':'a','namespace':'b','finalizers':['nodomain']}", {.qualified_finalizers = false}), Errors{});
  EXPECT_EQ(created("{'name':'a','namespace':'b','annotations':{'UPPER.example.com/Key':'v'},'generation':-1}"),
            Errors{"metadata.generation: Invalid value: -1: must be greater than or equal to 0"});
  EXPECT_EQ(created("{'name':'a','namespace':'b','finalizers':['orphan','foregroundDeletion']}"),
            Errors{"metadata.finalizers: Invalid value: [\"orphan\",\"foregroundDeletion\"]: finalizer orphan and foregroundDeletion cannot be both set"});
  EXPECT_EQ(created("{'name':'a','namespace':'b','ownerReferences':[{'apiVersion':'v1','kind':'Event','name':'p','uid':'u-1'}]}"),
            Errors{"metadata.ownerReferences: Invalid value: {\"apiVersion\":\"v1\",\"kind\":\"Event\",\"name\":\"p\",\"uid\":\"u-1\"}: /v1, "
                   "Kind=Event is disallowed from being an owner"});
  EXPECT_EQ(created("{'name':'a/b','namespace':'b'}", {.validate_name = [](std::string_view, bool, Complaints&) {}}),
            Errors{"metadata.name: Invalid value: \"a/b\": may not contain '/'"});
  EXPECT_EQ(created("{'name':'a','namespace':'b','managedFields':[{'manager':'a\\u0007','operation':'Apply'}]}"),
            Errors{"metadata.managedFields[0].manager: Invalid value: \"a\\a\": invalid character U+0007 (at position 1)"});
}

TEST(Metadata, update) {
  auto old = make("v1", "ConfigMap", "{'metadata':{'name':'a','namespace':'b','uid':'1','deletionTimestamp':'2020-01-01T00:00:00Z'}}");
  auto now = make("v1", "ConfigMap", "{'metadata':{'name':'a','namespace':'b','uid':'2','finalizers':['x.y/b','x.y/a']}}");
  FieldErrors errors;
  validate_metadata_on_update(*now, *old, true, {.update_checks_metadata = false}, "", errors);
  EXPECT_EQ(testing::texts_of(errors),
            (Errors{"metadata.deletionTimestamp: Invalid value: null: field is immutable",
                    "metadata.finalizers: Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers "
                    "[]string{\"x.y/a\", \"x.y/b\"}",
                    "metadata.uid: Invalid value: \"2\": field is immutable"}));
}

TEST(FieldErrors, message_once_causes_as_often_as_found) {
  FieldErrors errors;
  errors.invalid(Path("a"), 1, "bad");
  errors.invalid(Path("a"), 1, "bad");
  EXPECT_EQ(errors.size(), 2u);
  auto error = std::move(errors).to_error("apps", "Deployment", "x");
  EXPECT_EQ(error.message(), "Deployment.apps \"x\" is invalid: a: Invalid value: 1: bad");
  EXPECT_EQ(error.data().causes.size(), 2u);
  EXPECT_EQ(error.code(), 422);
}

TEST(FieldErrors, internal_values) {
  auto node = make("v1", "Node", "{'metadata':{'name':'a'},'spec':{'taints':[{'key':'a','effect':'NoSchedule'}]}}");
  EXPECT_EQ(Shown::internal((*node)["spec"]["taints"].item(0)).text(),
            "{\"Key\":\"a\",\"Value\":\"\",\"Effect\":\"NoSchedule\",\"TimeAdded\":null}");
  EXPECT_EQ(Shown::named("<a>").text(), "\"\\u003ca\\u003e\"");
}

}  // namespace
}  // namespace sampan::registry
