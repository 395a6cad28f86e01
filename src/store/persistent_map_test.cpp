#include "store/persistent_map.h"

#include <gtest/gtest.h>

#include "base/text.h"

namespace sampan::store::persistent_map {

namespace {

ObjectRef numbered(int64_t number) { return schema::Object::make(schema::scalar(schema::Kind::String), "", 0, number); }

using Model = std::map<std::string, int64_t>;

void expect_same(const Root& root, const Model& model, std::string_view prefix, std::string_view from) {
  Model seen;
  std::string last;
  each(root.get(), prefix, from, [&](std::string_view key, const ObjectRef& object) {
    EXPECT_LT(last, key);
    last = key;
    seen[std::string(key)] = object->revision();
    return true;
  });
  Model expected;
  for (auto& [key, number] : model)
    if (key.starts_with(prefix) && key >= from) expected[key] = number;
  EXPECT_EQ(seen, expected) << prefix << " " << from;
  EXPECT_EQ(count(root.get(), prefix, from), expected.size()) << prefix << " " << from;
}

}  // namespace

TEST(PersistentMap, AgreesWithAModel) {
  uint64_t state = 7;
  auto next = [&](uint64_t limit) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (state >> 33) % limit;
  };
  Root root;
  Model model;
  std::vector<std::pair<Root, Model>> kept;
  for (int step = 0; step < 6000; step++) {
    // Grows for a while, then shrinks to nothing.
    auto key = concat("ns", next(5), "/name-", next(400));
    if (next(100) < (step < 3000 ? 75u : 10u)) {
      root = set(root.get(), key, numbered(step + 1));
      model[key] = step + 1;
    } else {
      if (!model.empty() && next(2)) {
        auto at = model.lower_bound(key);
        key = at == model.end() ? model.begin()->first : at->first;
      }
      root = erase(root.get(), key);
      model.erase(key);
    }
    ASSERT_EQ(size(root.get()), model.size());
    if (step % 500 == 0) kept.emplace_back(root, model);
  }
  kept.emplace_back(root, model);
  for (auto& [old, expected] : kept) {
    for (auto prefix : {"", "ns0/", "ns3/", "ns3/name-1", "zz", "a"})
      for (auto from : {"", "ns2/name-2", "ns3/name-12", "ns3/name-12\x01", "zzz"}) expect_same(old, expected, prefix, from);
    for (auto& [key, number] : expected) {
      auto found = find(old.get(), key);
      ASSERT_TRUE(found) << key;
      EXPECT_EQ((*found)->revision(), number);
    }
    EXPECT_FALSE(find(old.get(), "ns1/name"));
  }
  while (!model.empty()) {
    root = erase(root.get(), model.begin()->first);
    model.erase(model.begin());
    ASSERT_EQ(size(root.get()), model.size());
  }
  EXPECT_FALSE(root);
}

TEST(PersistentMap, Build) {
  for (int entries : {0, 1, 16, 17, 33, 1000}) {
    std::vector<std::pair<std::string, ObjectRef>> sorted;
    Model model;
    for (int i = 0; i < entries; i++) {
      model[concat("key-", 10000 + i)] = i + 1;
      sorted.emplace_back(concat("key-", 10000 + i), numbered(i + 1));
    }
    auto root = build(sorted);
    expect_same(root, model, "", "");
    root = set(root.get(), "key-10000x", numbered(7));
    model["key-10000x"] = 7;
    expect_same(root, model, "key-1000", "");
  }
}

TEST(PersistentMap, Stops) {
  Root root;
  for (int i = 0; i < 100; i++) root = set(root.get(), concat(100 + i), numbered(i + 1));
  int visited = 0;
  each(root.get(), "", "", [&](std::string_view, const ObjectRef&) { return ++visited < 42; });
  EXPECT_EQ(visited, 42);
}

TEST(PersistentMap, IsSmall) {
  Root root;
  size_t keys = 0;
  for (int i = 0; i < 10000; i++) {
    auto key = concat("default/web-", 100000 + i);
    keys += key.size();
    root = set(root.get(), key, numbered(1));
  }
  EXPECT_LT(bytes(root.get()) - keys, 30u * 10000);
}

}  // namespace sampan::store::persistent_map
