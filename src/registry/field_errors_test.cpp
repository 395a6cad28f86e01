// How errors tell values: what was sent empty is not shown as if it had not been sent.
#include "registry/internal_form.h"
#include "registry/testing.h"

namespace sampan::registry {

namespace {

using namespace testing;

TEST(FieldErrors, TellWhatIsEmptyFromWhatIsAbsent) {
  Arena arena;
  Value sent = tree(arena, "{'a':{'list':[],'map':{},'text':'','full':[1],'null':null},'b':[{'x.y':{'c':[]}}]}");
  FieldErrors errors;
  Path a("a"), b("b");
  schema::AnyView absent;
  auto shown = [&](const Path& path) { return errors.shown(path, absent).text(); };
  EXPECT_EQ(shown(a.child("list")), "null");
  errors.set_sent(sent);
  EXPECT_EQ(shown(a.child("list")), "[]");
  EXPECT_EQ(shown(a.child("map")), "{}");
  EXPECT_EQ(shown(a.child("text")), "\"\"");
  EXPECT_EQ(shown(a.child("full")), "null");
  EXPECT_EQ(shown(a.child("null")), "null");
  EXPECT_EQ(shown(a.child("none").child("deeper")), "null");
  auto item = b.index(0), key = item.key("x.y");
  EXPECT_EQ(shown(key.child("c")), "[]");
  EXPECT_EQ(shown(b.index(1)), "null");
  errors.invalid(a.child("map"), Shown(absent), "bad");
  errors.invalid(a.child("map"), Shown::null(), "bad");
  EXPECT_EQ(texts_of(errors), (Errors{"a.map: Invalid value: null: bad", "a.map: Invalid value: {}: bad"}));
}

TEST(InternalForm, ShowsWhatWasSentEmpty) {
  Arena arena;
  Value sent = tree(arena, "{'metadata':{},'spec':{'selector':{'matchExpressions':[{}],'matchLabels':{}},'accessModes':[]}}");
  auto claim = frozen(sent, type_of("v1", "PersistentVolumeClaim"));
  auto spec = (*claim)["spec"];
  constexpr std::string_view kRest =
      "\"Resources\":{\"Limits\":null,\"Requests\":null},\"VolumeName\":\"\",\"StorageClassName\":null,\"VolumeMode\":null,\"DataSource\":null,"
      "\"DataSourceRef\":null,\"VolumeAttributesClassName\":null}";
  EXPECT_EQ(internal_form(spec), concat("{\"AccessModes\":null,\"Selector\":{\"matchExpressions\":[{\"key\":\"\",\"operator\":\"\"}]},", kRest));
  EXPECT_EQ(internal_form(spec, Layout::Compact, sent["spec"]),
            concat("{\"AccessModes\":[],\"Selector\":{\"matchExpressions\":[{\"key\":\"\",\"operator\":\"\"}]},", kRest));
}

}  // namespace

}  // namespace sampan::registry
