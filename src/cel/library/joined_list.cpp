// Lists one after another. Two long lists are a Pair, which looks into both. A short one that is added to is copied once, into a Grown that further
// additions fill: each makes a View of what was there by then, and a View that is not of the newest step starts anew.
#include "cel/library/joined_list.h"

namespace sampan::cel {

namespace {

constexpr size_t kShort = 64;     // so many items are copied
constexpr uint32_t kDepthMax = 2000;

struct Grown final : Shared {
  mutable std::vector<Value> items;  // an evaluation is one thread, and what is added no older view sees
};

struct View final : List {
  View(Ref<Grown> of, size_t items) : grown(std::move(of)), count(items) {}
  size_t size() const override { return count; }
  Value at(size_t index) const override { return grown->items[index]; }
  Ref<Grown> grown;
  size_t count;
};

struct Pair final : List {
  Pair(Value a, Value b) : first(std::move(a)), second(std::move(b)), first_size(first.as_list().size()), total(first_size + second.as_list().size()) {
    for (const Value* part : {&first, &second})
      if (const auto* pair = dynamic_cast<const Pair*>(&part->as_list())) depth = std::max(depth, pair->depth + 1);
  }
  size_t size() const override { return total; }
  Value at(size_t index) const override {
    const Pair* pair = this;
    while (true) {
      const Value& part = index < pair->first_size ? pair->first : pair->second;
      if (index >= pair->first_size) index -= pair->first_size;
      const auto* inner = dynamic_cast<const Pair*>(&part.as_list());
      if (!inner) return part.as_list().at(index);
      pair = inner;
    }
  }
  Value first, second;
  size_t first_size, total;
  uint32_t depth = 1;
};

// Whether no item holds a list in turn: only those are put into a Grown that others see, or it could come to hold itself (`a + [a]`) and stay for ever.
bool are_plain(const List& items) {
  for (size_t i = 0; i < items.size(); i++)
    if (Value item = items.at(i); item.kind() >= Value::Kind::List && !item.is(Value::Kind::Type)) return false;
  return true;
}

}  // namespace

Maybe<Value> joined(const Value& list, const Value& more) {
  const size_t size = list.as_list().size(), added = more.as_list().size();
  if (size == 0) return more;
  if (added == 0) return list;
  const auto* view = dynamic_cast<const View*>(&list.as_list());
  const bool grows = view && view->count == view->grown->items.size() && added <= kShort && are_plain(more.as_list());
  if (added > kShort || (size > kShort && !grows)) {
    size_t sum;
    Ref<Pair> pair(new Pair(list, more));
    if (pair->depth > kDepthMax || __builtin_add_overflow(size, added, &sum)) return failed("list is joined of too many parts");
    return Value::list(Ref<List>(pair));
  }
  Ref<Grown> grown = grows ? view->grown : Ref<Grown>(new Grown);
  if (!grows)
    for (size_t i = 0; i < size; ++i) grown->items.push_back(list.as_list().at(i));
  for (size_t i = 0; i < added; ++i) grown->items.push_back(more.as_list().at(i));
  return Value::list(Ref<List>(new View(grown, size + added)));
}

}  // namespace sampan::cel
