#include "devices/selector.h"

#include "base/text.h"
#include "cel/estimate.h"
#include "cel/evaluate.h"
#include "cel/plan.h"

namespace sampan::devices {

namespace {

using cel::Maybe;
using cel::Value;
using schema::AnyView;
using Kind = cel::Type::Kind;

constexpr std::string_view kDevice = "device";
constexpr uint64_t kDomainMax = 63, kIdMax = 32, kDriverMax = 63, kNamesMax = 32, kValueMax = 64;

const cel::Environment& environment() {
  static const cel::Environment made = [] {
    auto all = cel::Environment::kubernetes().extend();
    auto of_domains = [](cel::Type type) { return cel::Type::map(Kind::String, cel::Type::map(Kind::String, type)); };
    all.allow_bindings();
    all.declare_struct("kubernetes.DRADevice", {{"driver", Kind::String},
                                                {"allowMultipleAllocations", Kind::Bool},
                                                {"attributes", of_domains(Kind::Any)},
                                                {"capacity", of_domains(cel::Type::structure("kubernetes.Quantity"))}});
    all.declare(kDevice, cel::Type::structure("kubernetes.DRADevice"));
    return all;
  }();
  return made;
}

// The largest that a device can be.
class Sizes final : public cel::SizeEstimator {
 public:
  std::optional<cel::Range> size_of(std::span<const std::string> path) const override {
    if (path.empty() || path[0] != kDevice) return {};
    Place place{Part::Device, 0};
    for (auto& step : path.subspan(1)) {
      auto next = step_to(place, step);
      if (!next) return {};
      place = *next;
    }
    return cel::Range{0, place.size};
  }

 private:
  enum class Part { Device, Attributes, OwnAttributes, Capacity, OwnCapacity, Leaf };
  struct Place {
    Part part;
    uint64_t size;
  };
  static std::optional<Place> step_to(const Place& from, std::string_view step) {
    bool into = step == "@items" || step == "@values";
    switch (from.part) {
      case Part::Device:
        if (step == "driver") return Place{Part::Leaf, kDriverMax};
        if (step == "allowMultipleAllocations") return Place{Part::Leaf, 1};
        if (step == "attributes") return Place{Part::Attributes, kNamesMax};
        if (step == "capacity") return Place{Part::Capacity, kNamesMax};
        return {};
      case Part::Attributes:
        if (into) return Place{Part::OwnAttributes, kNamesMax};
        break;
      case Part::Capacity:
        if (into) return Place{Part::OwnCapacity, kNamesMax};
        break;
      case Part::OwnAttributes:
        if (step != "@keys") return Place{Part::Leaf, kValueMax};  // whichever it is
        return Place{Part::Leaf, kIdMax};
      case Part::OwnCapacity:
        if (into) return Place{Part::Leaf, 0};
        if (step == "@keys") return Place{Part::Leaf, kIdMax};
        return {};
      case Part::Leaf: return {};
    }
    if (step == "@keys") return Place{Part::Leaf, kDomainMax};
    return {};
  }
};

// As cel-go names a type outside of the checker's messages.
std::string name_of(const cel::Type& type) {
  std::string text(type.is(Kind::Error) ? "*error*" : type.name());
  auto parameters = type.parameters();
  for (size_t i = 0; i < parameters.size(); i++) append(text, i ? ", " : "(", name_of(parameters[i]));
  if (!parameters.empty()) text += ')';
  return text;
}

Maybe<Value> made_by(std::string_view function, std::string_view text) {
  Value argument = Value::borrowed(text);
  return environment().function(function)->overloads[0].call({&argument, 1});
}

Maybe<Value> value_of_attribute(const AnyView& attribute) {
  if (auto number = attribute["int"]; number.present()) return Value::integer(number.as_int());
  if (auto truth = attribute["bool"]; truth.present()) return Value::boolean(truth.as_bool());
  if (auto text = attribute["string"]; text.present()) return Value::borrowed(text.as_string());
  if (auto version = attribute["version"]; version.present()) {
    auto parsed = made_by("semver", version.as_string());
    if (!parsed) return cel::failed(concat("parse semantic version: ", parsed.error().message));
    return parsed;
  }
  return cel::failed("unsupported attribute value");
}

using Entries = std::vector<std::pair<Value, Value>>;

// By domain, then by name. What is asked of a domain that the device knows nothing about is asked of an empty map.
class Domains final : public cel::Map {
 public:
  explicit Domains(Entries entries) : known_(Value::map(std::move(entries))) {}
  size_t size() const override { return known_.as_map().size(); }
  std::optional<Value> find(const Value& key) const override {
    auto found = known_.as_map().find(key);
    return found ? *found : Value::map(Entries());
  }
  bool contains(const Value& key) const override { return known_.as_map().find(key).has_value(); }
  Value key_at(size_t index) const override { return known_.as_map().key_at(index); }

 private:
  Value known_;
};

// Names without a domain are of the driver's.
template <class F>
Maybe<Value> by_domain(const AnyView& map, std::string_view driver, F&& value_of) {
  std::vector<std::pair<std::string_view, Entries>> domains;
  for (uint32_t i = 0; i < map.size(); i++) {
    std::string_view name = map.key(i), domain = driver, id = name;
    if (size_t slash = name.find('/'); slash != name.npos) {
      domain = name.substr(0, slash);
      id = name.substr(slash + 1);
    }
    Maybe<Value> value = value_of(map.value(i));
    if (!value) return cel::failed(concat("attribute ", name, ": ", value.error().message));
    auto known = std::find_if(domains.begin(), domains.end(), [&](auto& each) { return each.first == domain; });
    if (known == domains.end()) known = domains.insert(known, {domain, {}});
    // With and without its domain a name can be there twice; upstream one of them wins.
    auto& entries = known->second;
    if (std::none_of(entries.begin(), entries.end(), [&](auto& each) { return each.first.as_text() == id; }))
      entries.emplace_back(Value::borrowed(id), *std::move(value));
  }
  Entries entries;
  for (auto& [domain, own] : domains) entries.emplace_back(Value::borrowed(domain), Value::map(std::move(own)));
  return Value::map(Ref<cel::Map>(new Domains(std::move(entries))));
}

Maybe<Value> value_of(std::string_view driver, const AnyView& device) {
  auto attributes = by_domain(device["attributes"], driver, value_of_attribute);
  if (!attributes) return attributes;
  auto capacity = by_domain(device["capacity"], driver, [](const AnyView& capacity) {
    auto value = capacity["value"].as_string();
    return made_by("quantity", value.empty() ? "0" : value);
  });
  if (!capacity) return capacity;
  auto multiple = device["allowMultipleAllocations"];
  return Value::map({{Value::borrowed("driver"), Value::borrowed(driver)},
                     {Value::borrowed("allowMultipleAllocations"), Value::boolean(multiple.present() && multiple.as_bool())},
                     {Value::borrowed("attributes"), *std::move(attributes)},
                     {Value::borrowed("capacity"), *std::move(capacity)}});
}

class OneDevice final : public cel::Activation {
 public:
  explicit OneDevice(Value device) : device_(std::move(device)) {}
  std::optional<Maybe<Value>> find(std::string_view variable) const override {
    if (variable != kDevice) return {};
    return device_;
  }

 private:
  Value device_;
};

}  // namespace

std::expected<cel::Checked, Mistake> compile_selector(std::string_view expression) {
  auto compiled = cel::compile(std::string(expression), environment());
  if (!compiled) return std::unexpected(Mistake{concat("compilation failed: ", compiled.error().text(expression))});
  if (auto type = compiled->type(); !type.is(Kind::Bool) && !type.is(Kind::Any))
    return std::unexpected(Mistake{concat("must evaluate to bool or the unknown type, not ", name_of(type))});
  if (auto failure = cel::planning_failure(*compiled))
    return std::unexpected(Mistake{concat("program instantiation failed: ", failure->message), true});
  return *std::move(compiled);
}

bool is_too_costly(const cel::Checked& selector) { return cel::estimate_cost(selector, Sizes()).max > cel::kCostOfOneMax; }

std::expected<bool, std::string> matches(const cel::Checked& selector, std::string_view driver, const AnyView& device) {
  auto value = value_of(driver, device);
  if (!value) return std::unexpected(value.error().message);
  auto result = cel::evaluate(selector, OneDevice(*std::move(value))).value;
  if (!result) return std::unexpected(result.error().message);
  if (result->is(Value::Kind::Bool)) return result->as_bool();
  auto type = result->type();
  return std::unexpected(concat("CEL result of type ", type.name(), " could not be converted to bool: type conversion error from '", type.name(), "' to 'bool'"));
}

}  // namespace sampan::devices
