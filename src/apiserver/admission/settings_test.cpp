// The file of --admission-control-config-file, and what plug-ins say of their parts of it.
#include "apiserver/admission/settings.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>

#include "apiserver/admission/testing.h"
#include "base/text.h"

namespace sampan::apiserver {

namespace {

void save(const std::string& path, std::string_view text) {
  FILE* file = std::fopen(path.c_str(), "we");
  ASSERT_TRUE(file && std::fwrite(text.data(), 1, text.size(), file) == text.size());
  std::fclose(file);
}

TEST(AdmissionSettings, AreFoundInOneFile) {
  char folder[] = "/tmp/sampan-settings-XXXXXX";
  ASSERT_TRUE(::mkdtemp(folder));
  auto path = concat(folder, "/config"), other = concat(folder, "/other");
  save(other, "a: 1\n");
  constexpr std::string_view kHead = "apiVersion: apiserver.config.k8s.io/v1\nkind: AdmissionConfiguration\nplugins:\n";
  struct Case {
    std::string text;
    std::string_view want;  // plug-ins and their settings, or a complaint
  };
  for (const Case& it : {Case{concat(kHead, "- name: A\n  configuration: {x: [1]}\n- {name: B, path: other}\n- {name: A, path: other}\n"), "A={\"x\":[1]} B=a: 1\n "},
                         {concat(kHead, "- {name: A, path: ", other, "}\n"), "A=a: 1\n "},
                         {concat(kHead, "- {name: A, foo: 1}\n"), R"(failed to read plugin config: strict decoding error: unknown field "plugins[0].foo")"},
                         {"foo: bar", "failed to read plugin config: Object 'Kind' is missing in 'foo: bar'"},
                         {"podNodeSelectorPluginConfig: {a: b}", "PodNodeSelector=podNodeSelectorPluginConfig: {a: b} "},
                         {concat(kHead, "- {name: A, path: /nope}\n"), "open /nope: no such file or directory"}}) {
    save(path, it.text);
    auto settings = read_admission_settings(path);
    std::string shown;
    if (settings)
      for (const auto& [name, text] : *settings) append(shown, name, "=", text, " ");
    else
      shown = settings.error().message();
    EXPECT_EQ(shown, it.want);
  }
  for (const auto& file : {path, other}) std::remove(file.c_str());
  ::rmdir(folder);
}

// As a real server complains.
TEST(AdmissionSettings, PluginsComplain) {
  testing::Trial trial;
  struct Case {
    std::string_view plugin, settings, want;
  };
  const std::string limits = "{apiVersion: eventratelimit.admission.k8s.io/v1alpha1, kind: Configuration, limits: [{type: X, qps: 0}, {type: Server, burst: 0, cacheSize: -1}]}";
  for (const Case& it :
       {Case{"ResourceQuota", R"({"a":"b"})", R"(Object 'Kind' is missing in '{"a":"b"}')"},
        {"ResourceQuota", "{apiVersion: apiserver.config.k8s.io/v1, kind: ResourceQuotaConfiguration, limitedResources: [{foo: 1}]}", R"(strict decoding error: unknown field "limitedResources[0].foo")"},
        {"ResourceQuota", "{apiVersion: resourcequota.admission.k8s.io/v1beta1, kind: Configuration, limitedResources: [{apiGroup: x}]}", "limitedResources[0].resource: Required value"},
        {"ResourceQuota", "{apiVersion: resourcequota.admission.k8s.io/v1, kind: Configuration}", R"(no kind "Configuration" is registered for version "resourcequota.admission.k8s.io/v1")"},
        {"EventRateLimit", "", "limits: Invalid value: null: must not be empty"},
        {"EventRateLimit", limits,
         R"([limits[0].type: Unsupported value: "X": supported values: "Server", "Namespace", "User", "SourceAndObject", limits[0].burst: Invalid value: 0: must be positive, )"
         R"(limits[0].qps: Invalid value: 0: must be positive, limits[1].burst: Invalid value: 0: must be positive, limits[1].qps: Invalid value: 0: must be positive])"},
        {"PodSecurity", "{apiVersion: pod-security.admission.config.k8s.io/v1, kind: PodSecurityConfiguration, defaults: {enforce: x, foo: z}}", R"(strict decoding error: unknown field "defaults.foo")"},
        {"PodSecurity", "{apiVersion: pod-security.admission.config.k8s.io/v1beta1, kind: PodSecurityConfiguration, defaults: {enforce: x, audit-version: z}}",
         R"(PodSecurity configuration error: [enforce: must be one of privileged, baseline, restricted, audit-version: must be "latest" or "v1.x"])"},
        {"PodSecurity", "{apiVersion: pod-security.admission.config.k8s.io/v1, kind: PodSecurityConfiguration, exemptions: {usernames: ['', a, a]}}",
         R"([exemptions.usernames[0]: Invalid value: "": username must not be empty, exemptions.usernames[2]: Duplicate value: "a"])"},
        {"PodTolerationRestriction", "{apiVersion: podtolerationrestriction.admission.k8s.io/v1alpha1, kind: Configuration, default: [{foo: 1}]}", R"(strict decoding error: unknown field "default[0].foo")"}}) {
    AdmissionConfig config;
    config.enable = {std::string(it.plugin)};
    config.settings[std::string(it.plugin)] = it.settings;
    auto made = Admission::create(trial.parts(config));
    ASSERT_FALSE(made) << it.settings;
    EXPECT_EQ(made.error().message(), concat("failed to apply admission: couldn't init admission plugin ", quoted(it.plugin), ": ", it.want));
  }
}

TEST(AdmissionSettings, NamesOfPluginsAreKnown) {
  testing::Trial trial;
  struct Case {
    std::vector<std::string> enable, disable;
    std::string_view want;
  };
  for (const Case& it : {Case{{"Foo", "Bar"}, {}, R"([enable-admission-plugins plugin "Foo" is unknown, enable-admission-plugins plugin "Bar" is unknown])"},
                         {{}, {"Foo"}, R"(disable-admission-plugins plugin "Foo" is unknown)"},
                         {{"ImagePolicyWebhook"}, {}, R"(enable-admission-plugins plugin "ImagePolicyWebhook" is not supported)"},
                         {{"AlwaysAdmit", "MutatingAdmissionWebhook"}, {"ValidatingAdmissionWebhook"}, ""}}) {
    AdmissionConfig config;
    config.enable = it.enable;
    config.disable = it.disable;
    auto made = Admission::create(trial.parts(config));
    EXPECT_EQ(made ? "" : made.error().message(), it.want);
  }
}

}  // namespace

}  // namespace sampan::apiserver
