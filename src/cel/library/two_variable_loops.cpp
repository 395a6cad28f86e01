// What transformMap() and transformMapEntry() put their entries together with.
#include <unordered_map>

#include "base/text.h"
#include "cel/libraries.h"
#include "cel/library/support.h"
#include "cel/map_key.h"

namespace sampan::cel {

namespace {

using namespace library;

// Entries that are only ever added to. Each step of a loop makes a view that sees what was there by then, so that a loop that builds a map of n
// entries copies none of them.
struct Grown final : Shared {
  void add(Value key, Value value) const {
    by_hash.emplace(hash_of_key(key), entries.size());
    entries.emplace_back(std::move(key), std::move(value));
  }
  // An evaluation is one thread, and what is added no older view sees.
  mutable std::vector<std::pair<Value, Value>> entries;
  mutable std::unordered_multimap<size_t, size_t> by_hash;
};

struct MapView final : Map {
  MapView(Ref<Grown> g, size_t c) : grown(std::move(g)), count(c) {}
  size_t size() const override { return count; }
  Value key_at(size_t index) const override { return grown->entries[index].first; }
  std::optional<Value> find(const Value& key) const override {
    auto [from, to] = grown->by_hash.equal_range(hash_of_key(key));
    for (; from != to; ++from)
      if (from->second < count && key_means(grown->entries[from->second].first, key)) return grown->entries[from->second].second;
    return {};
  }
  Ref<Grown> grown;
  size_t count;
};

// The map and one entry more, whose key it does not have.
Value with_entry(const Value& map, const Value& key, const Value& value) {
  auto* view = dynamic_cast<const MapView*>(&map.as_map());
  Ref<Grown> grown;
  if (view && view->count == view->grown->entries.size()) {
    grown = view->grown;
  } else {
    grown = Ref<Grown>(new Grown);
    const Map& known = map.as_map();
    for (size_t i = 0; i < known.size(); i++) {
      Value old = known.key_at(i);
      grown->add(old, known.find(old).value_or(Value()));
    }
  }
  grown->add(key, value);
  return Value::map(Ref<Map>(new MapView(grown, grown->entries.size())));
}

Maybe<Value> insert_one(const Value& map, const Value& key, const Value& value) {
  if (map.as_map().find(key)) return failed(concat("insert failed: key ", key.shown(), " already exists"));
  return with_entry(map, key, value);
}

Maybe<Value> insert(Arguments arguments) { return insert_one(arguments[0], arguments[1], arguments[2]); }

Maybe<Value> insert_all(Arguments arguments) {
  Value map = arguments[0];
  const Map& added = arguments[1].as_map();
  for (size_t i = 0; i < added.size(); i++) {
    Value key = added.key_at(i);
    auto grown = insert_one(map, key, added.find(key).value_or(Value()));
    if (!grown) return grown;
    map = *std::move(grown);
  }
  return map;
}

}  // namespace

void add_two_variable_loops(Environment& environment) {
  const Type key = Type::parameter("K"), value = Type::parameter("V"), map = Type::map(key, value);
  environment.declare({"cel.@mapInsert",
                       {function("@mapInsert_map_key_value", {map, key, value}, map, insert), function("@mapInsert_map_map", {map, map}, map, insert_all)}});
}

}  // namespace sampan::cel
