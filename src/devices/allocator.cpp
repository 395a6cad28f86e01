#include "devices/allocator.h"

#include "base/text.h"
#include "devices/search.h"

namespace sampan::devices {

using schema::Value;

const std::expected<cel::Checked, Mistake>& Selectors::of(std::string_view expression) {
  constexpr size_t kKeptMax = 1000;
  auto known = compiled_.find(std::string(expression));
  if (known != compiled_.end()) return known->second;
  if (compiled_.size() >= kKeptMax) compiled_.clear();
  return compiled_.emplace(std::string(expression), compile_selector(expression)).first->second;
}

ObjectRef Allocator::device_class(std::string_view name) {
  auto at = classes_.find(name);
  if (at == classes_.end()) at = classes_.emplace(std::string(name), market_.find_class(name)).first;
  return at->second;
}

bool Allocator::matches(const Device& device, const AnyView& selectors, std::string_view whose, std::string& wrong) {
  if (selectors.size() == 0) return true;
  auto key = std::pair(&device, selectors.base() + selectors.slot());
  if (auto known = matches_.find(key); known != matches_.end()) return known->second;
  bool good = true;
  for (uint32_t i = 0; i < selectors.size() && good; i++) {
    auto& compiled = market_.selectors.of(selectors.item(i)["cel"]["expression"].as_string());
    if (!compiled) {
      wrong = concat(whose, ": selector #", i, ": CEL compile error: ", compiled.error().detail);
      return false;
    }
    auto result = devices::matches(*compiled, device.slice->driver, device.view);
    if (!result) {
      wrong = concat(whose, ": selector #", i, ": CEL runtime error: ", result.error());
      return false;
    }
    good = *result;
  }
  matches_.emplace(key, good);
  return good;
}

Outcome Allocator::allocate(const Node& node, const std::vector<ObjectRef>& claims) { return Search(*this, node).run(claims); }

// Settings of classes come first, each once with all requests that chose the class; then those of the claim that are for what was chosen.
void Search::configure(Claimed& claimed, Allocation& allocation) const {
  struct Range {
    size_t from, to;
  };
  std::map<const schema::Object*, Range> of_class;
  auto& out = allocation.configurations;
  auto full_name = [](const Request& request) { return request.is_choice ? concat(request.name, "/", request.choices[request.chosen].name) : std::string(request.name); };
  for (auto& request : claimed.requests) {
    auto& device_class = request.choices[request.chosen].device_class;
    if (auto known = of_class.find(device_class.get()); known != of_class.end()) {
      for (size_t i = known->second.from; i < known->second.to; i++) out[i].requests.push_back(full_name(request));
      continue;
    }
    size_t from = out.size();
    auto settings = (*device_class)["spec"]["config"];
    for (uint32_t i = 0; i < settings.size(); i++) out.push_back({true, {full_name(request)}, settings.item(i)["opaque"]});
    of_class[device_class.get()] = {from, out.size()};
  }
  auto settings = (*claimed.claim)["spec"]["devices"]["config"];
  for (uint32_t i = 0; i < settings.size(); i++) {
    Configuration one{false, {}, settings.item(i)["opaque"]};
    auto requests = settings.item(i)["requests"];
    for (uint32_t j = 0; j < requests.size(); j++) one.requests.emplace_back(requests.item(j).as_string());
    auto names = [&](std::string_view name) { return std::find(one.requests.begin(), one.requests.end(), name) != one.requests.end(); };
    if (one.requests.empty()) out.push_back(one);
    for (auto& request : claimed.requests)
      if (names(request.name) || (request.is_choice && names(full_name(request)))) out.push_back(one);
  }
}

namespace {

void set_list(Value to, std::string_view name, const AnyView& list, Arena& arena) {
  if (list.size() > 0) to.set(name, schema::thaw(list, arena));
}

Value result_of(const Given& given, Arena& arena) {
  auto device = given.device->view;
  Value out = Value::object(arena);
  out.set("request", arena.copy(given.request));
  out.set("driver", given.device->slice->driver);
  out.set("pool", given.device->slice->pool);
  out.set("device", device["name"].as_string());
  if (given.admin) out.set("adminAccess", true);
  set_list(out, "tolerations", given.tolerations, arena);
  set_list(out, "bindingConditions", device["bindingConditions"], arena);
  set_list(out, "bindingFailureConditions", device["bindingFailureConditions"], arena);
  if (!given.share_id.empty()) out.set("shareID", arena.copy(given.share_id));
  if (!given.taken.empty()) {
    Value consumed = out.ensure_object("consumedCapacity");
    for (auto& [name, amount] : given.taken) consumed.set(arena.copy(name), arena.copy(amount.text()));
  }
  return out;
}

Value configuration_of(const Configuration& configuration, Arena& arena) {
  Value out = Value::object(arena);
  out.set("source", configuration.of_class ? "FromClass" : "FromClaim");
  if (!configuration.requests.empty()) {
    Value requests = out.ensure_list("requests");
    for (auto& name : configuration.requests) requests.push(arena.copy(name));
  }
  if (configuration.opaque.present()) out.set("opaque", schema::thaw(configuration.opaque, arena));
  return out;
}

bool same_requirement(Value a, Value b) {
  if (a["key"].as_string() != b["key"].as_string() || a["operator"].as_string() != b["operator"].as_string()) return false;
  auto texts = [](Value list) {
    std::set<std::string_view> out;
    for (Value item : list.items()) out.insert(item.as_string());
    return out;
  };
  return texts(a["values"]) == texts(b["values"]);
}

void add_requirements(Value term, std::string_view list, Value requirements) {
  for (Value requirement : requirements.items()) {
    auto known = term[list].items();
    if (!std::any_of(known.begin(), known.end(), [&](Value one) { return same_requirement(one, requirement); })) term.ensure_list(list).push(requirement);
  }
}

Value selector_of(Value term, Arena& arena) {
  Value selector = Value::object(arena);
  selector.ensure_list("nodeSelectorTerms").push(term);
  return selector;
}

// Where all the devices can be used. Missing: everywhere.
Value nodes_of(const Allocation& allocation, std::string_view node, Arena& arena) {
  Value term = Value::object(arena);
  for (auto& given : allocation.devices) {
    auto& device = given.device->view;
    auto& where = given.device->slice->each_device ? device : given.device->slice->spec;
    if (where["nodeName"].present() || (device["bindsToNode"].present() && device["bindsToNode"].as_bool())) {
      Value field = Value::object(arena);
      field.set("key", "metadata.name");
      field.set("operator", "In");
      field.ensure_list("values").push(arena.copy(node));
      Value only = Value::object(arena);
      only.ensure_list("matchFields").push(field);
      return selector_of(only, arena);
    }
    auto terms = where["nodeSelector"]["nodeSelectorTerms"];
    if (terms.size() == 0) continue;
    Value wanted = schema::thaw(terms.item(0), arena);
    add_requirements(term, "matchFields", wanted["matchFields"]);
    add_requirements(term, "matchExpressions", wanted["matchExpressions"]);
  }
  return term.size() ? selector_of(term, arena) : Value();
}

}  // namespace

Value tree_of(const Allocation& allocation, std::string_view node, Arena& arena) {
  Value out = Value::object(arena), devices = out.ensure_object("devices");
  for (auto& given : allocation.devices) devices.ensure_list("results").push(result_of(given, arena));
  for (auto& configuration : allocation.configurations) devices.ensure_list("config").push(configuration_of(configuration, arena));
  if (Value nodes = nodes_of(allocation, node, arena); nodes.is_object()) out.set("nodeSelector", nodes);
  return out;
}

}  // namespace sampan::devices
