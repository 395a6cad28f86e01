// The statuses of pods on their way to an API server that fails, and that forgets pods.
#include "kubelet/status_writer.h"

#include "client/no_api_for_test.h"
#include "client/testing.h"
#include "kubelet/testing.h"

namespace sampan::kubelet {
namespace {

// Has one pod, or an answer for who asks.
class OnePod final : public client::NoApi {
 public:
  Result<client::ObjectRef> get(const client::Resource&, std::string_view, std::string_view) override {
    calls++;
    if (refusal) return fail(refusal->clone());
    return pod;
  }
  Result<client::ObjectRef> update(const client::Resource&, schema::Value object, const client::Options&) override {
    writes++;
    pod = TRY(schema::freeze(object, core_v1::Pod::schema_type()));
    return pod;
  }

  client::ObjectRef pod;
  std::optional<Error> refusal;
  int calls = 0, writes = 0;
};

constexpr std::string_view kSpec = "{containers: [{name: a, image: i}]}";
constexpr int64_t kMinute = 60'000'000;

schema::ObjectRef in_phase(std::string_view phase) { return pod_with(kSpec, concat(", status: {phase: ", phase, "}")); }

struct Written {
  OnePod api;
  client::ManualTime time;
  bool is_there = true;
  StatusWriter writer{api, time, time, [this](const core_v1::Pod&) { return is_there; }};
  schema::ObjectRef pending = in_phase("Pending");

  Written() { api.pod = pending; }
  void put(std::string_view phase) { writer.put(in_phase(phase), pending, false); }
  // How often it asks within ten minutes.
  int asked() {
    int before = api.calls;
    for (int i = 0; i < 10; i++) time.advance(kMinute);
    return api.calls - before;
  }
  std::string_view phase() const { return api.pod->as<core_v1::Pod>().status().phase(); }
};

TEST(StatusWriter, TriesUntilAPodIsToldThatIsThere) {
  for (auto reason : {Reason::Forbidden, Reason::InternalError, Reason::ServiceUnavailable}) {
    Written it;
    it.api.refusal = Error(reason, "not now");
    it.put("Running");
    EXPECT_GT(it.asked(), 10);
    it.api.refusal.reset();
    it.asked();
    EXPECT_EQ(it.phase(), "Running");
    EXPECT_EQ(it.asked(), 0);
    EXPECT_EQ(it.api.writes, 1);
  }
}

// A node may not even read a pod that is gone: it is told 403, not 404.
TEST(StatusWriter, GivesUpOnAPodThatIsGone) {
  Written it;
  it.api.refusal = Error(Reason::Forbidden, "no relationship found between node 'n' and this object");
  it.put("Running");
  EXPECT_GT(it.asked(), 10);
  it.is_there = false;
  EXPECT_LE(it.asked(), 1);
  EXPECT_EQ(it.asked(), 0);
  EXPECT_EQ(it.writer.size(), 0u);
}

// Deleted by force, a pod's object is gone before its containers are.
TEST(StatusWriter, KeepsNothingOfAPodThatEndsAfterItsObject) {
  Written it;
  it.put("Running");
  it.time.run();
  EXPECT_EQ(it.phase(), "Running");
  it.is_there = false;
  it.writer.forget("u");
  it.api.refusal = Error(Reason::Forbidden, "no relationship found between node 'n' and this object");
  it.put("Failed");
  EXPECT_EQ(it.asked(), 0);
  EXPECT_EQ(it.writer.size(), 0u);
}

// A client takes a resize for done when nothing says that it goes on; what others say of the pod is theirs.
TEST(StatusWriter, ConditionsOfResizesComeAndGo) {
  Written it;
  auto with = [](std::string_view conditions) { return pod_with(kSpec, concat(", status: {phase: Running, conditions: [", conditions, "]}")); };
  auto told = [&] {
    std::vector<std::string> types;
    for (auto condition : it.api.pod->as<core_v1::Pod>().status().conditions()) types.emplace_back(condition.type());
    return join(types, " ");
  };
  it.api.pod = with("{type: example.com/Gate, status: 'True'}");
  it.writer.put(with("{type: Ready, status: 'True'}, {type: PodResizeInProgress, status: 'True'}, {type: PodResizePending, status: 'True', reason: Deferred}"), it.pending, false);
  it.time.run();
  EXPECT_EQ(told(), "example.com/Gate Ready PodResizeInProgress PodResizePending");
  it.writer.put(with("{type: Ready, status: 'True'}"), it.pending, false);
  it.time.run();
  EXPECT_EQ(told(), "example.com/Gate Ready");
}

TEST(StatusWriter, LeavesAnotherPodOfTheSameNameAlone) {
  Written it;
  it.api.pod = object_of(core_v1::Pod::schema_type(), "{metadata: {name: p, namespace: default, uid: other}, status: {phase: Pending}}");
  it.put("Failed");
  it.asked();
  EXPECT_EQ(it.api.writes, 0);
  EXPECT_EQ(it.phase(), "Pending");
}

}  // namespace
}  // namespace sampan::kubelet
