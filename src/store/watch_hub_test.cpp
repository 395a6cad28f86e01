#include "store/watch_hub.h"

#include <gtest/gtest.h>

#include "store/errors.h"
#include "store/testing.h"

namespace sampan::store {

namespace {

WatchHub::History no_history() {
  return [](const KeyRange&, Revision, Revision, const WatchHub::Deliver&) -> Result<void> { return {}; };
}

Change change(Revision revision, std::string_view key) {
  Change change;
  change.key = key;
  change.value = "v";
  change.revision = change.created = revision;
  return change;
}

TEST(WatchHub, DeliversWhatEachWatchAskedFor) {
  WatchHub hub(1);
  auto a = std::make_shared<Recorder>(), all = std::make_shared<Recorder>(), late = std::make_shared<Recorder>();
  auto first = *hub.add({"a", "b"}, 2, a, no_history());
  auto second = *hub.add({"", std::string(1, '\0')}, 2, all, no_history());
  auto third = *hub.add({"a", "z"}, 4, late, no_history());
  // Wanted ones with others between them.
  Change changes[] = {change(2, "a1"), change(3, "b1"), change(4, "a2"), change(5, "c1"), change(6, "a3")};
  hub.publish(changes);
  EXPECT_EQ(a->lines(3), (std::vector<std::string>{"+2 a1=v", "+4 a2=v", "+6 a3=v"}));
  EXPECT_EQ(all->lines(5).size(), 5u);
  EXPECT_EQ(late->lines(3), (std::vector<std::string>{"+4 a2=v", "+5 c1=v", "+6 a3=v"}));
  EXPECT_EQ(hub.published(), 6);
}

TEST(WatchHub, JoinsThePastToThePresent) {
  WatchHub hub(5);
  auto sink = std::make_shared<Recorder>();
  int reads = 0;
  // While the past is read, the present moves on.
  auto history = [&](const KeyRange&, Revision from, Revision to, const WatchHub::Deliver& deliver) -> Result<void> {
    for (auto revision = from; revision <= to; revision++) {
      auto past = change(revision, "a");
      deliver({&past, 1});
    }
    if (++reads < 3) {
      auto now = change(to + 1, "a");
      hub.publish({&now, 1});
    }
    return {};
  };
  auto watch = *hub.add({"a", ""}, 3, sink, history);
  auto now = change(8, "a");
  hub.publish({&now, 1});
  EXPECT_EQ(sink->lines(6), (std::vector<std::string>{"+3 a=v", "+4 a=v", "+5 a=v", "+6 a=v", "+7 a=v", "+8 a=v"}));
}

TEST(WatchHub, PastThatIsGoneIsRefused) {
  WatchHub hub(5);
  auto history = [](const KeyRange&, Revision from, Revision, const WatchHub::Deliver&) -> Result<void> {
    return fail(revision_compacted(from, 4));
  };
  auto refused = hub.add({"a", ""}, 3, std::make_shared<Recorder>(), history);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().reason(), Reason::Expired);
  // From now on needs no past.
  EXPECT_TRUE(hub.add({"a", ""}, 0, std::make_shared<Recorder>(), history));
}

TEST(WatchHub, SinkMayCloseItsWatchAndStartAnother) {
  class Restless : public Recorder {
   public:
    void on_changes(std::span<const Change> changes) override {
      Recorder::on_changes(changes);
      own.reset();
      if (!other) other = *hub->add({"a", ""}, changes.back().revision + 1, next, no_history());
    }
    WatchHub* hub = nullptr;
    std::unique_ptr<Watch> own, other;
    std::shared_ptr<Recorder> next = std::make_shared<Recorder>();
  };
  WatchHub hub(1);
  auto sink = std::make_shared<Restless>();
  sink->hub = &hub;
  sink->own = *hub.add({"a", ""}, 2, sink, no_history());
  for (Revision revision : {2, 3}) {
    auto now = change(revision, "a");
    hub.publish({&now, 1});
  }
  EXPECT_EQ(sink->lines(1), (std::vector<std::string>{"+2 a=v"}));
  EXPECT_EQ(sink->next->lines(1), (std::vector<std::string>{"+3 a=v"}));
  hub.end_all("closed");
  EXPECT_EQ(sink->next->ended(), "ServiceUnavailable");
  EXPECT_EQ(sink->lines(0).size(), 1u);
}

}  // namespace

}  // namespace sampan::store
