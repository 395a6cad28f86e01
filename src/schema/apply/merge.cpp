// One tree merged into another, as apply does it. See typed.h.
#include "schema/apply/shape.h"
#include "schema/apply/typed.h"

namespace sampan::schema {

namespace {

struct Less {
  bool operator()(const PathElement& a, const PathElement& b) const { return compare(a, b) < 0; }
};

struct Elements {
  std::vector<PathElement> order;
  std::map<PathElement, Value, Less> values;  // absent: a duplicate, which is merged with nothing
  bool has(const PathElement& element) const { return values.contains(element); }
  Value at(const PathElement& element) const {
    auto found = values.find(element);
    return found == values.end() ? Value() : found->second;
  }
};

bool same(const PathElement& a, const PathElement& b) {
  return compare(a, b) == 0;
}

class Merging {
 public:
  explicit Merging(Arena& arena) : arena_(arena) {}
  // Absent on both sides is absent; so is a container of which nothing is left.
  Result<Value> merge(Value live, Value config, Use use);

 private:
  Result<Value> maps(Value live, Value config, Use use);
  Result<Value> lists(Value live, Value config, Use use);
  Result<Elements> elements(Value list, const Type& type, bool duplicates);

  Arena& arena_;
};

Result<Value> Merging::merge(Value live, Value config, Use use) {
  Shape shape = config.is_absent() ? shape_of(use.type, live) : shape_of(use.type, config);
  if (shape == Shape::Map) return maps(live, config, use);
  if (shape == Shape::List) return lists(live, config, use);
  return config.is_absent() ? live : config;
}

Result<Value> Merging::maps(Value live, Value config, Use use) {
  if (use.atomic_map() || (live.empty() && config.empty())) return config.is_absent() ? live : config;
  if (!live.is_object()) live = Value();
  Value merged = Value::object(arena_, live.size() + config.size());
  for (const Member& member : live.members()) {
    Value value = TRY(merge(member.value, config[member.name], use.member(member.name)));
    if (!value.is_absent()) merged.set(member.name, value);
  }
  for (const Member& member : config.members()) {
    if (live.has(member.name)) continue;
    Value value = TRY(merge(Value(), member.value, use.member(member.name)));
    if (!value.is_absent()) merged.set(member.name, value);
  }
  return merged.empty() ? Value() : merged;
}

Result<Elements> Merging::elements(Value list, const Type& type, bool duplicates) {
  Elements found;
  for (Value item : list.items()) {
    PathElement element = TRY(item_element(item, type, Reading::AsText, arena_));
    if (!found.has(element))
      found.values.emplace(element, item);
    else if (duplicates)
      found.values[element] = Value();
    else
      continue;
    found.order.push_back(element);
  }
  return found;
}

// Both orders are followed as far as they agree. Where they do not, config's order counts for its items; items that
// only live has stay before the next item that both have.
Result<Value> Merging::lists(Value live, Value config, Use use) {
  if (use.atomic_list() || (live.empty() && config.empty())) return config.is_absent() ? live : config;
  Elements left = TRY(elements(live, *use.type, true)), right = TRY(elements(config, *use.type, false));
  std::vector<const PathElement*> shared;
  for (const PathElement& element : right.order)
    if (left.has(element)) shared.push_back(&element);
  size_t next_shared = 0;
  std::map<PathElement, bool, Less> merged_config;
  Value merged = Value::list(arena_, live.size() + config.size());
  auto put = [&](Value l, Value r) -> Result<void> {
    Value value = TRY(merge(l, r, use.item()));
    if (!value.is_absent()) merged.push(value);
    return {};
  };
  const size_t lefts = left.order.size(), rights = right.order.size();
  for (size_t i = 0, j = 0; i < lefts || j < rights;) {
    if (i < lefts && j < rights) {
      const PathElement& element = left.order[i];
      if (same(element, right.order[j])) {
        merged_config.emplace(element, true);
        TRY(put(left.at(element), right.at(element)));
        i++, j++;
        next_shared++;
        continue;
      }
      if (right.has(element) && next_shared < shared.size() && !same(*shared[next_shared], element)) {
        i++;  // it comes later, where config has it
        continue;
      }
    }
    if (i < lefts) {
      const PathElement& element = left.order[i];
      if (!right.has(element)) {
        TRY(put(live.at(static_cast<uint32_t>(i)), Value()));
        i++;
        continue;
      }
      if (merged_config.contains(element)) i++;
    }
    if (j < rights) {
      const PathElement& element = right.order[j];
      merged_config.emplace(element, true);
      TRY(put(left.at(element), right.at(element)));
      j++;
      if (next_shared < shared.size() && same(*shared[next_shared], element)) next_shared++;
    }
  }
  return merged.empty() ? Value() : merged;
}

}  // namespace

Result<Value> merge_trees(Value live, Value config, const Type& type, Arena& arena) {
  return Merging(arena).merge(live, config, Use(&type));
}

}  // namespace sampan::schema
