// Informers and events over a real API server in this process.
#include "client/informer.h"

#include <gtest/gtest.h>

#include "apiserver/in_process.h"
#include "base/check.h"
#include "base/text.h"
#include "client/events.h"
#include "client/testing.h"
#include "store/memory.h"

namespace sampan::client {
namespace {

struct Server : ::testing::Test {
  ManualTime time;
  std::unique_ptr<store::Store> store = store::make_memory_store(time);
  std::unique_ptr<apiserver::ApiServer> server = std::move(apiserver::ApiServer::create(*store, time, secure_random(), {.workers = 1}).value());
  std::unique_ptr<Api> api = apiserver::in_process_api(*server, {"tester", {"system:masters"}, "tester"});
  Informers informers{apiserver::in_process_caches(*server), time};
  const Resource& config_maps = builtin("", "configmaps");

  Server() { make(builtin("", "namespaces"), "", "default"); }

  ObjectRef make(const Resource& resource, std::string_view name_space, std::string_view name, std::string_view label = {}) {
    Arena arena;
    Value object = Value::object(arena);
    object.ensure_object("metadata").set("name", name);
    if (!label.empty()) object["metadata"].ensure_object("labels").set("of", label);
    auto made = api->create(resource, name_space, object);
    check(made.has_value());
    return *made;
  }
  void relabel(std::string_view name, std::string_view label) {
    check(update_latest(*api, config_maps, "default", name, {}, [&](const Object&, Value tree) -> Result<bool> {
            tree["metadata"].ensure_object("labels").set("of", label);
            return true;
          }).has_value());
  }
  void remove(std::string_view name) { check(api->remove(config_maps, "default", name).has_value()); }
};

std::string text_of(const Change& change) {
  return concat(change.previous ? change.object ? "~" : "-" : "+", change.any()["metadata"]["name"].as_string());
}

TEST_F(Server, HandlersHearOfWhatIsThereAndOfEveryChange) {
  make(config_maps, "default", "a");
  Informer& informer = **informers.of(config_maps);
  std::vector<std::string> heard;
  auto subscription = informer.on_change([&](const Change& change) { heard.push_back(text_of(change)); });
  informers.start();
  EXPECT_EQ(heard, std::vector<std::string>{"+a"});
  make(config_maps, "default", "b");
  relabel("a", "x");
  remove("b");
  EXPECT_EQ(heard.size(), 1u) << "handlers run on the executor";
  time.run();
  EXPECT_EQ(heard, (std::vector<std::string>{"+a", "+b", "~a", "-b"}));
  { auto ended = std::move(subscription); }
  make(config_maps, "default", "c");
  time.run();
  EXPECT_EQ(heard.size(), 4u);
}

TEST_F(Server, CatchUpTellsAtOnce) {
  Informer& informer = **informers.of(config_maps);
  int heard = 0;
  auto subscription = informer.on_change([&](const Change&) { heard++; });
  informers.start();
  auto made = make(config_maps, "default", "a");
  EXPECT_LT(informer.told(), made->revision());
  informer.catch_up();
  EXPECT_EQ(heard, 1);
  EXPECT_GE(informer.told(), made->revision());
}

TEST_F(Server, AnIndexFollowsChanges) {
  Informer& informer = **informers.of(config_maps);
  Index& by_label = informer.index([](const Object& object, std::vector<std::string>& keys) {
    keys.emplace_back(object["metadata"]["labels"]["of"].as_string());
  });
  informers.start();
  make(config_maps, "default", "b", "x");
  make(config_maps, "default", "a", "x");
  informer.catch_up();
  auto found = by_label.find("x");
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ((*found[0])["metadata"]["name"].as_string(), "a");
  relabel("a", "y");
  remove("b");
  informer.catch_up();
  EXPECT_TRUE(by_label.find("x").empty());
  EXPECT_EQ(by_label.find("y").size(), 1u);
}

TEST_F(Server, ARestartTellsTheDifferenceOnly) {
  Informer& informer = **informers.of(config_maps);
  std::vector<std::string> heard;
  make(config_maps, "default", "a");
  make(config_maps, "default", "b");
  make(config_maps, "default", "c");
  auto subscription = informer.on_change([&](const Change& change) { heard.push_back(text_of(change)); });
  informers.start();
  heard.clear();
  remove("a");
  relabel("b", "x");
  make(config_maps, "default", "d");
  informer.restart();
  std::sort(heard.begin(), heard.end());
  EXPECT_EQ(heard, (std::vector<std::string>{"+d", "-a", "~b"}));
}

struct EventsOf : Server {
  const Resource& events = builtin("", "events");
  Events teller{*api, time, time, "tester"};
  Reference about = Reference::of(config_maps, *make(config_maps, "default", "a"));
  std::vector<ObjectRef> told() {
    time.run();
    return api->list(events, "default").value();
  }
};

TEST_F(EventsOf, ARepetitionIsCounted) {
  for (int i = 0; i < 3; i++) teller.tell(about, kNormal, "Looked", "again");
  auto all = told();
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ((*all[0])["count"].as_int(), 3);
  EXPECT_EQ((*all[0])["source"]["component"].as_string(), "tester");
  EXPECT_EQ((*all[0])["involvedObject"]["kind"].as_string(), "ConfigMap");
}

TEST_F(EventsOf, ManyMessagesOfOneKindAreFolded) {
  for (int i = 0; i < 14; i++) teller.tell(about, kWarning, "Failed", concat("number ", i));
  auto all = told();
  EXPECT_EQ(all.size(), 10u);
  bool folded = false;
  for (auto& event : all) folded |= (*event)["message"].as_string().starts_with("(combined from similar events): ");
  EXPECT_TRUE(folded);
}

TEST_F(EventsOf, OneObjectCannotFloodTheServer) {
  for (int i = 0; i < 100; i++) teller.tell(about, kNormal, concat("Reason", i), "m");
  EXPECT_EQ(told().size(), 25u);
}

TEST_F(EventsOf, ModernEventsBecomeASeries) {
  for (int i = 0; i < 2; i++) teller.tell(about, nullptr, kWarning, "FailedScheduling", "Scheduling", "no room");
  auto all = told();
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ((*all[0])["series"]["count"].as_int(), 2);
  EXPECT_EQ((*all[0])["reportingComponent"].as_string(), "tester");
  EXPECT_EQ((*all[0])["action"].as_string(), "Scheduling");
}

}  // namespace
}  // namespace sampan::client
