// Any request to the whole API server: "METHOD TARGET", headers line by line, an empty line, a body. Nothing is stored (writes are dry runs), so that every
// input finds the same server. Bodies of JSON are also changed as trees: a change of bytes hardly ever leaves an object behind whose fields
// anybody looks at.
#include "apiserver/testing.h"
#include "base/text.h"
#include "schema/json.h"

using namespace sampan;
using namespace sampan::apiserver;
using schema::Value;

extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t size_max);

namespace {

// What updates, patches and deletes find.
constexpr std::pair<std::string_view, std::string_view> kThere[] = {
    {"/api/v1/namespaces", "{'metadata':{'name':'n'}}"},
    {"/api/v1/nodes", "{'metadata':{'name':'a'},'spec':{'podCIDR':'10.244.0.0/24'}}"},
    {"/api/v1/namespaces/n/configmaps", "{'metadata':{'name':'a','labels':{'a':'b'}},'data':{'a':'b'}}"},
    {"/api/v1/namespaces/n/serviceaccounts", "{'metadata':{'name':'default'}}"},
    {"/api/v1/namespaces/n/services", "{'metadata':{'name':'a'},'spec':{'selector':{'a':'b'},'ports':[{'name':'p','port':80}]}}"},
    {"/api/v1/namespaces/n/pods", "{'metadata':{'name':'a','labels':{'a':'b'}},'spec':{'containers':[{'name':'c','image':'i','resources':{'requests':{'cpu':'1'}}}]}}"},
    {"/api/v1/namespaces/n/persistentvolumeclaims", "{'metadata':{'name':'a'},'spec':{'accessModes':['ReadWriteOnce'],'resources':{'requests':{'storage':'1Gi'}}}}"},
    {"/api/v1/namespaces/n/limitranges", "{'metadata':{'name':'a'},'spec':{'limits':[{'type':'Container','max':{'memory':'1Gi'},'maxLimitRequestRatio':{'cpu':'2'}}]}}"},
    {"/api/v1/namespaces/n/resourcequotas", "{'metadata':{'name':'a'},'spec':{'hard':{'pods':'10','requests.cpu':'4','services.nodeports':'2'}}}"},
    {"/apis/apps/v1/namespaces/n/deployments",
     "{'metadata':{'name':'a'},'spec':{'selector':{'matchLabels':{'a':'b'}},'template':{'metadata':{'labels':{'a':'b'}},'spec':{'containers':[{'name':'c','image':'i'}]}}}}"},
    {"/apis/batch/v1/namespaces/n/jobs", "{'metadata':{'name':'a'},'spec':{'template':{'spec':{'restartPolicy':'Never','containers':[{'name':'c','image':'i'}]}}}}"},
    {"/apis/policy/v1/namespaces/n/poddisruptionbudgets", "{'metadata':{'name':'a'},'spec':{'minAvailable':'50%','selector':{'matchLabels':{'a':'b'}}}}"},
    {"/apis/autoscaling/v2/namespaces/n/horizontalpodautoscalers",
     "{'metadata':{'name':'a'},'spec':{'maxReplicas':3,'scaleTargetRef':{'apiVersion':'apps/v1','kind':'Deployment','name':'a'}}}"},
};

TestServer& server() {
  static TestServer* one = [] {
    auto made = new TestServer();
    check(bootstrap(made->catalog(), {}).has_value());
    for (auto [path, object] : kThere) {
      std::string json(object);
      std::replace(json.begin(), json.end(), '\'', '"');
      check(made->ask("POST", path, {{"content-type", "application/json"}}, json).status == 201);
    }
    return made;
  }();
  return *one;
}

std::string_view take_line(std::string_view& text) {
  auto end = text.find('\n');
  auto line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return line;
}

// ---- changing trees ----

struct Dice {
  uint64_t state;
  uint32_t below(size_t n) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return n ? static_cast<uint32_t>((state >> 33) % n) : 0;
  }
};

void collect(Value value, std::vector<Value>& parents) {
  if (value.empty() || (!value.is_list() && !value.is_object())) return;
  parents.push_back(value);
  for (Value item : value.items()) collect(item, parents);
  for (auto& member : value.members()) collect(member.value, parents);
}

Value odd_value(Dice& dice, Arena& arena) {
  static constexpr std::string_view texts[] = {"", " ", "a", "*", "0", "-1", "-9223372036854775808", "9223372036854775807", "99999999999999999999", "1e999", "8Ei", "1m", "0.5", "150%", "-5%",
      "10.0.0.1", "::1", "10.0.0.0/24", "::/0", "a.b/c", "A_", "..", "/", "None", "Always", "In", "Exists", "2026-01-01T00:00:00Z", "0000-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "\xff\xfe", "TZ=UTC @every 1s"};
  static constexpr int64_t numbers[] = {0, 1, -1, 2, 100, 65535, 65536, INT32_MAX, INT32_MIN, int64_t{INT32_MAX} + 1, INT64_MAX, INT64_MIN};
  switch (dice.below(6)) {
    case 0: return Value::null();
    case 1: return Value(dice.below(2) == 0);
    case 2: return Value::list(arena);
    case 3: return Value::object(arena);
    case 4: return Value(numbers[dice.below(std::size(numbers))]);
    default: return Value(texts[dice.below(std::size(texts))]);
  }
}

void change(Value root, Dice& dice, Arena& arena) {
  std::vector<Value> parents;
  collect(root, parents);
  if (parents.empty()) return;
  Value parent = parents[dice.below(parents.size())], other = parents[dice.below(parents.size())];
  uint32_t at = dice.below(parent.size());
  Value& place = parent.is_list() ? parent.items()[at] : parent.members()[at].value;
  switch (dice.below(5)) {
    case 0: parent.is_list() ? parent.erase(at) : static_cast<void>(parent.remove(parent.members()[at].name)); break;
    case 1: place = other.clone(arena); break;
    case 2:
      if (parent.is_list()) parent.push(place.clone(arena));  // twice the same
      else if (other.is_object()) parent.set(other.members()[dice.below(other.size())].name, place.clone(arena));
      break;
    default: place = odd_value(dice, arena);
  }
}

}  // namespace

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t size_max, unsigned seed) {
  Dice dice{seed};
  std::string_view text(reinterpret_cast<const char*>(data), size);
  auto end = text.find("\n\n");
  Arena arena;
  if (end == std::string_view::npos || dice.below(4) == 0) return LLVMFuzzerMutate(data, size, size_max);
  std::string head(text.substr(0, end + 2)), body(text.substr(end + 2));
  auto tree = schema::parse_json(body, arena);
  if (!tree) return LLVMFuzzerMutate(data, size, size_max);
  for (uint32_t i = dice.below(3) + 1; i > 0; i--) change(*tree, dice, arena);
  schema::write_json(head, *tree);
  if (head.size() > size_max) return LLVMFuzzerMutate(data, size, size_max);
  std::memcpy(data, head.data(), head.size());
  return head.size();
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  auto first = take_line(text);
  auto space = first.find(' ');
  if (space == std::string_view::npos) return 0;
  std::string method(first.substr(0, space)), target(first.substr(space + 1));
  if (method != "GET" && method != "HEAD") append(target, target.find('?') == std::string::npos ? "?" : "&", "dryRun=All");
  net::Headers headers;
  for (auto line = take_line(text); !line.empty(); line = take_line(text)) {
    auto colon = line.find(':');
    if (colon != std::string_view::npos) headers.emplace_back(to_lower(line.substr(0, colon)), trim(line.substr(colon + 1)));
  }
  auto answer = server().ask(method, target, std::move(headers), std::string(text));
  check(answer.status >= 101 && answer.status < 600);
  if (answer.source) {
    answer.source->start([] {});
    std::string out;
    for (int i = 0; i < 100 && answer.source->pull(out, 65536) == net::BodySource::Pull::More; i++) out.clear();
  }
  return 0;
}
