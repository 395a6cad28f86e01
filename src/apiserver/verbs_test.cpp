// What the verbs answer where kinds differ: names that are made up, groups in errors, generations, forms, the events of a deletion.
#include "apiserver/testing.h"
#include "base/text.h"

#include <gtest/gtest.h>

namespace sampan::apiserver {

namespace {

constexpr std::string_view kTable = "application/json;as=Table;g=meta.k8s.io;v=v1", kPartial = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";

class Verbs : public ::testing::Test {
 protected:
  Verbs() {
    send("POST", "/api/v1/namespaces", "{'metadata':{'name':'default'}}");
    send("POST", "/api/v1/namespaces/default/serviceaccounts", "{'metadata':{'name':'default'}}");
  }

  // "201 body", with single quotes.
  std::string send(std::string_view method, std::string_view path, std::string body = {}, std::string_view media = "application/json",
                   std::string_view accept = "application/json") {
    for (char& c : body)
      if (c == '\'') c = '"';
    auto response = server_.ask(method, path, {{"content-type", std::string(media)}, {"accept", std::string(accept)}}, body);
    int status = response.status;
    std::string text = body_of(std::move(response));
    for (char& c : text)
      if (c == '"') c = '\'';
    return concat(status, " ", text);
  }
  std::string get_as(std::string_view path, std::string_view accept) { return send("GET", path, {}, "application/json", accept); }
  std::string apply(std::string_view path, std::string body) {
    return send("PATCH", concat(path, "?fieldManager=x"), std::move(body), "application/apply-patch+yaml");
  }
  std::string merge(std::string_view path, std::string body) { return send("PATCH", path, std::move(body), "application/merge-patch+json"); }

  TestServer server_;
};

void expect_has(const std::string& answer, std::string_view part) { EXPECT_NE(answer.find(part), std::string::npos) << part << " in " << answer; }
void expect_lacks(const std::string& answer, std::string_view part) { EXPECT_EQ(answer.find(part), std::string::npos) << part << " in " << answer; }

TEST_F(Verbs, NamesALimitRangeThatHasNone) {
  constexpr std::string_view kPath = "/api/v1/namespaces/default/limitranges";
  auto made = send("POST", kPath, "{'metadata':{},'spec':{'limits':[]}}");
  EXPECT_TRUE(made.starts_with("201 ")) << made;
  auto at = made.find("'name':'");
  ASSERT_NE(at, std::string::npos);
  EXPECT_EQ(made.find('\'', at + 8) - at - 8, 36u) << made;
  expect_has(send("POST", "/api/v1/namespaces/default/configmaps", "{'metadata':{}}"), "name or generateName is required");
}

TEST_F(Verbs, ErrorsNameTheGroupThatWasAsked) {
  constexpr std::string_view kPath = "/apis/events.k8s.io/v1/namespaces/default/events";
  constexpr std::string_view kEvent =
      "{'metadata':{'name':'e'},'eventTime':'2020-01-02T03:04:05.000000Z','reportingController':'a.b/c','reportingInstance':'i','action':'A','reason':'R',"
      "'type':'Normal','regarding':{'kind':'Pod','namespace':'default','name':'x'}}";
  auto one = concat(kPath, "/e");
  auto made = send("POST", kPath, std::string(kEvent));
  EXPECT_TRUE(made.starts_with("201")) << made;
  expect_has(send("POST", kPath, std::string(kEvent)), "'message':'events.events.k8s.io \\'e\\' already exists'");
  auto conflict = merge(one, "{'metadata':{'resourceVersion':'1'}}");
  expect_has(conflict, "Operation cannot be fulfilled on events.events.k8s.io \\'e\\': the object has been modified");
  expect_has(conflict, "'details':{'name':'e','group':'events.k8s.io','kind':'events'}");
  // What is wrong with the kind is said of the one that is kept.
  expect_has(merge(one, "{'metadata':{'labels':{'bad key':'x'}}}"), "'details':{'name':'e','kind':'Event'");
  expect_has(send("DELETE", one, "{'preconditions':{'uid':'other'}}"), "Operation cannot be fulfilled on Event \\'e\\'");
  expect_has(send("DELETE", one), "'details':{'name':'e','group':'events.k8s.io','kind':'events'");
  expect_has(send("GET", one), "events.events.k8s.io \\'e\\' not found");
  expect_has(send("GET", "/api/v1/namespaces/default/events/e"), "'message':'events \\'e\\' not found'");
}

TEST_F(Verbs, GenerationCountsWhatItsKindCounts) {
  constexpr std::string_view kSlice = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices/s";
  send("POST", "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices", "{'metadata':{'name':'s'},'addressType':'IPv4','endpoints':[]}");
  expect_has(merge(kSlice, "{'metadata':{'annotations':{'a':'b'}}}"), "'generation':1,");
  expect_has(merge(kSlice, "{'metadata':{'labels':{'a':'b'}}}"), "'generation':2,");
  expect_has(merge(kSlice, "{'endpoints':[{'addresses':['10.0.0.1']}]}"), "'generation':3,");

  constexpr std::string_view kHooks = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/h";
  constexpr std::string_view kEmpty =
      "{'apiVersion':'admissionregistration.k8s.io/v1','kind':'ValidatingWebhookConfiguration','metadata':{'name':'h'},'webhooks':[]}";
  expect_has(apply(kHooks, std::string(kEmpty)), "'generation':1,");
  expect_has(apply(kHooks, std::string(kEmpty)), "'generation':2,");
  expect_has(merge(kHooks, "{'metadata':{'labels':{'a':'b'}}}"), "'generation':2,");

  constexpr std::string_view kIngresses = "/apis/networking.k8s.io/v1/namespaces/default/ingresses/i";
  constexpr std::string_view kNone =
      "{'apiVersion':'networking.k8s.io/v1','kind':'Ingress','metadata':{'name':'i'},'spec':{'rules':[],'defaultBackend':{'resource':{'kind':'K','name':'n'}}}}";
  expect_has(apply(kIngresses, std::string(kNone)), "'generation':1,");
  expect_has(apply(kIngresses, std::string(kNone)), "'generation':1,");
}

TEST_F(Verbs, MetadataAloneIsTheInternalOne) {
  constexpr std::string_view kSets = "/apis/apps/v1/namespaces/default/daemonsets", kKey = "'deprecated.daemonset.template.generation':'1'";
  auto one = concat(kSets, "/d");
  send("POST", kSets,
       "{'metadata':{'name':'d'},'spec':{'selector':{'matchLabels':{'a':'b'}},'template':{'metadata':{'labels':{'a':'b'}},"
       "'spec':{'containers':[{'name':'c','image':'i'}]}}}}");
  expect_has(send("GET", one), kKey);
  expect_lacks(get_as(one, kPartial), kKey);
  expect_lacks(get_as(one, kTable), kKey);
  expect_has(get_as(concat(one, "?includeObject=Object"), kTable), kKey);
}

TEST_F(Verbs, OnlySomeSubresourcesAreTables) {
  send("POST", "/apis/resource.k8s.io/v1/namespaces/default/resourceclaims", "{'metadata':{'name':'c'},'spec':{'devices':{}}}");
  EXPECT_TRUE(get_as("/apis/resource.k8s.io/v1/namespaces/default/resourceclaims/c", kTable).starts_with("200"));
  EXPECT_TRUE(get_as("/apis/resource.k8s.io/v1/namespaces/default/resourceclaims/c/status", kTable).starts_with("406"));
  EXPECT_TRUE(get_as("/apis/resource.k8s.io/v1/namespaces/default/resourceclaims/c/status", kPartial).starts_with("200"));
  EXPECT_TRUE(get_as("/api/v1/namespaces/default/status", kTable).starts_with("200"));
}

TEST_F(Verbs, AdministratorsAccessIsAskedForBesideTheRest) {
  auto refused = send("POST", "/apis/resource.k8s.io/v1/namespaces/default/resourceclaims",
                      "{'metadata':{'name':'c'},'spec':{'devices':{'requests':[{'name':'Bad Name','exactly':{'deviceClassName':'d','adminAccess':true}}]}}}");
  EXPECT_TRUE(refused.starts_with("422")) << refused;
  expect_has(refused, "'field':'spec.devices.requests[0].adminAccess'");
  expect_has(refused, "'field':'spec.devices.requests[0].name'");
}

TEST_F(Verbs, NamespacesAndEventsAreDeletedTheirWay) {
  send("POST", "/api/v1/namespaces", "{'metadata':{'name':'goes'}}");
  expect_has(send("DELETE", "/api/v1/namespaces/goes", "{'preconditions':{'uid':'other'}}"),
             "Operation cannot be fulfilled on namespaces \\'goes\\': Precondition failed: UID in precondition: other, UID in object meta: ");
  constexpr std::string_view kEvents = "/api/v1/namespaces/default/events";
  send("POST", kEvents, "{'metadata':{'name':'e'},'involvedObject':{'namespace':'default'}}");
  expect_has(send("DELETE", concat(kEvents, "/e"), "{'orphanDependents':true}"), "'status':'Success'");
}

TEST_F(Verbs, AppliesWhatNamesAVersionThatIsNotThere) {
  auto made = apply("/api/v1/namespaces/default/configmaps/c",
                    "{'apiVersion':'v1','kind':'ConfigMap','metadata':{'name':'c','resourceVersion':'1'},'data':{'a':'b'}}");
  EXPECT_TRUE(made.starts_with("201")) << made;
  expect_has(send("POST", "/api/v1/namespaces/default/configmaps", "{'metadata':{'name':'d','resourceVersion':'1'}}"),
             "resourceVersion should not be set on objects to be created");
}

TEST_F(Verbs, PreconditionsAreSaidOfTheKeyThatIsWritten) {
  send("POST", "/api/v1/namespaces/default/configmaps", "{'metadata':{'name':'k'}}");
  constexpr std::string_view kOne = "/api/v1/namespaces/default/configmaps/k", kOther = "{'metadata':{'name':'k','uid':'other'}}";
  expect_has(send("PUT", kOne, std::string(kOther)), "Key: /registry/configmaps/default/k,");
  expect_has(send("PUT", concat(kOne, "?dryRun=All"), std::string(kOther)), "Key: /configmaps/default/k,");
}

TEST_F(Verbs, EmptyListsInOtherForms) {
  constexpr std::string_view kPartialList = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";
  expect_has(get_as("/apis/rbac.authorization.k8s.io/v1/namespaces/none/roles", kTable), "'rows':null");
  expect_has(get_as("/api/v1/namespaces/none/pods", kTable), "'rows':[]");
  expect_has(get_as("/api/v1/namespaces/none/pods", kPartialList), "'items':null");
  EXPECT_TRUE(send("GET", "/api/v1/namespaces/none/pods?continue=!!!&fieldSelector=metadata.name%3Da").starts_with("400"));
}

TEST_F(Verbs, SlicesLoseWhatIsSwitchedOff) {
  constexpr std::string_view kSlices = "/apis/resource.k8s.io/v1/resourceslices";
  auto made = send("POST", kSlices,
                   "{'metadata':{'name':'s'},'spec':{'driver':'d.example.com','nodeName':'n','pool':{'name':'p','generation':1,'resourceSliceCount':1},"
                   "'devices':[{'name':'g','attributes':{'m':{'bool':true,'bools':[true]}}}]}}");
  EXPECT_TRUE(made.starts_with("201")) << made;
  auto changed = merge(concat(kSlices, "/s"), "{'spec':{'devices':[{'name':'g','attributes':{'m':{'bool':false,'bools':[true]}}}]}}");
  EXPECT_TRUE(changed.starts_with("200")) << changed;
  expect_lacks(changed, "'bools'");
}

TEST_F(Verbs, APodIsMarkedBeforeItGoes) {
  constexpr std::string_view kPods = "/api/v1/namespaces/default/pods";
  auto one = concat(kPods, "/p");
  auto made = send("POST", kPods, "{'metadata':{'name':'p'},'spec':{'containers':[{'name':'c','image':'i'}]}}");
  EXPECT_TRUE(made.starts_with("201")) << made;
  auto rehearsed = send("DELETE", one, "{'gracePeriodSeconds':0,'dryRun':['All']}");
  expect_has(rehearsed, "'generation':2,");
  auto since = server_.catalog().find("", "v1", "pods")->store->cache().snapshot().revision();
  auto gone = send("DELETE", one, "{'gracePeriodSeconds':0}");
  expect_has(gone, "'deletionGracePeriodSeconds':0");
  auto events = send("GET", concat(kPods, "?watch=true&timeoutSeconds=1&resourceVersion=", since));
  auto modified = events.find("'type':'MODIFIED'"), deleted = events.find("'type':'DELETED'");
  ASSERT_NE(modified, std::string::npos) << events;
  ASSERT_NE(deleted, std::string::npos) << events;
  EXPECT_LT(modified, deleted);
  expect_has(events.substr(0, deleted), "'deletionGracePeriodSeconds':0");
}

}  // namespace

}  // namespace sampan::apiserver
