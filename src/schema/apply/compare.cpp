// What differs between two trees of a type. See typed.h.
#include "schema/apply/shape.h"
#include "schema/apply/typed.h"

namespace sampan::schema {

namespace {

struct Difference {
  uint8_t marks = 0;
  const FieldSet* children = nullptr;
};

struct Pair {
  std::string_view name;
  Value before, after;
  Use use;
};

struct Item {
  PathElement element;
  Value value;
};

class Comparer {
 public:
  Comparer(Reading reading, Arena& arena) : reading_(reading), arena_(arena) {}
  // An absent value on one side: all of it was added or removed.
  Result<Difference> compare_values(Value before, Value after, Use use);

 private:
  Result<bool> walk(Shape shape, Value before, Value after, Use use, Difference& found);
  Result<bool> maps(Value before, Value after, Use use, Difference& found);
  Result<bool> lists(Value before, Value after, Use use, Difference& found);
  Result<void> item_group(std::span<const Item> before, std::span<const Item> after, Use use, FieldSetBuilder& builder);
  Result<std::vector<Item>> elements(Value list, const Type& type);
  void pairs(Value before, Value after, Use use, std::vector<Pair>& out);
  void leaf(Value before, Value after, Use use, Difference& found);
  bool same(Value before, Value after, Use use);

  Reading reading_;
  Arena& arena_;
};

Result<Difference> Comparer::compare_values(Value before, Value after, Use use) {
  Difference found;
  bool leaf = false;
  Shape left = shape_of(use.type, before), right = shape_of(use.type, after);
  if (before.is_absent() || after.is_absent() || left == right) {
    leaf = TRY(walk(before.is_absent() ? right : left, before, after, use, found));
  } else {  // content without a schema that changed its shape counts as both
    leaf = TRY(walk(left, before, after, use, found));
    leaf |= TRY(walk(right, before, after, use, found));
  }
  if (!leaf && before.is_absent()) found.marks |= FieldNode::Added;
  if (!leaf && after.is_absent()) found.marks |= FieldNode::Removed;
  return found;
}

// True: it was a leaf, and nothing is left to be said about it.
Result<bool> Comparer::walk(Shape shape, Value before, Value after, Use use, Difference& found) {
  if (shape == Shape::Map) return maps(before, after, use, found);
  if (shape == Shape::List) return lists(before, after, use, found);
  leaf(before, after, use, found);
  return true;
}

void Comparer::leaf(Value before, Value after, Use use, Difference& found) {
  if (before.is_absent())
    found.marks |= FieldNode::Added;
  else if (after.is_absent())
    found.marks |= FieldNode::Removed;
  else if (!same(before, after, use))
    found.marks |= FieldNode::Modified;
}

// The members of both sides that there are, each once.
void Comparer::pairs(Value before, Value after, Use use, std::vector<Pair>& out) {
  if (use.type && use.type->kind == Kind::Struct) {
    std::span<const Field> fields = use.type->fields;
    auto slots = arena_.allocate_array<std::pair<Value, Value>>(fields.size());
    std::uninitialized_fill_n(slots, fields.size(), std::pair<Value, Value>());
    for (const Member& member : before.members())
      if (const Field* field = use.type->find(member.name)) slots[field - fields.data()].first = member.value;
    for (const Member& member : after.members())
      if (const Field* field = use.type->find(member.name)) slots[field - fields.data()].second = member.value;
    out.reserve(before.size() + after.size() + 4);
    for (size_t i = 0; i < fields.size(); i++) {
      auto [left, right] = slots[i];
      if (reading_ == Reading::AsObject) {
        left = before.is_object() ? effective(left, fields[i], arena_) : Value();
        right = after.is_object() ? effective(right, fields[i], arena_) : Value();
      }
      if (left.is_absent() && right.is_absent()) continue;
      out.push_back({fields[i].name, left, right, Use::of(fields[i])});
    }
    return;
  }
  for (const Member& member : before.members())
    out.push_back({member.name, member.value, after[member.name], use.member(member.name)});
  for (const Member& member : after.members())
    if (!before.has(member.name)) out.push_back({member.name, Value(), member.value, use.member(member.name)});
}

Result<bool> Comparer::maps(Value before, Value after, Use use, Difference& found) {
  if (use.atomic_map()) {
    leaf(before, after, use, found);
    return true;
  }
  std::vector<Pair> members;
  pairs(before, after, use, members);
  if (members.empty()) {  // tells {} from null
    leaf(before, after, use, found);
    return true;
  }
  FieldSetBuilder builder;
  builder.reserve(members.size());
  if (found.children)
    for (const FieldNode& node : found.children->nodes) builder.add(node.element, node.marks, node.children);
  for (const Pair& pair : members) {
    Difference inner = TRY(compare_values(pair.before, pair.after, pair.use));
    builder.add(PathElement::field(pair.name), inner.marks, inner.children);
  }
  found.children = builder.finish(arena_);
  return false;
}

Result<std::vector<Item>> Comparer::elements(Value list, const Type& type) {
  std::vector<Item> items;
  items.reserve(list.size());
  for (Value item : list.items()) items.push_back({TRY(item_element(item, type, reading_, arena_)), item});
  auto order = [](const Item& a, const Item& b) { return compare(a.element, b.element) < 0; };
  std::stable_sort(items.begin(), items.end(), order);
  return items;
}

Result<bool> Comparer::lists(Value before, Value after, Use use, Difference& found) {
  if (use.atomic_list() || (before.empty() && after.empty())) {
    leaf(before, after, use, found);
    return true;
  }
  std::vector<Item> left = TRY(elements(before, *use.type)), right = TRY(elements(after, *use.type));
  auto run = [](const std::vector<Item>& items, size_t from) {
    size_t end = from + 1;
    while (end < items.size() && compare(items[from].element, items[end].element) == 0) end++;
    return std::span<const Item>(items).subspan(from, end - from);
  };
  FieldSetBuilder builder;
  for (size_t i = 0, j = 0; i < left.size() || j < right.size();) {
    int order = i == left.size() ? 1 : j == right.size() ? -1 : compare(left[i].element, right[j].element);
    std::span<const Item> l, r;
    if (order <= 0) l = run(left, i);
    if (order >= 0) r = run(right, j);
    TRY(item_group(l, r, use, builder));
    i += l.size();
    j += r.size();
  }
  found.children = builder.finish(arena_);
  return false;
}

// The items of one key on both sides. Duplicates are one opaque thing.
Result<void> Comparer::item_group(std::span<const Item> before, std::span<const Item> after, Use use,
                                  FieldSetBuilder& builder) {
  const PathElement& element = before.empty() ? after[0].element : before[0].element;
  Difference found;
  if (before.size() <= 1 && after.size() <= 1) {
    found = TRY(compare_values(before.empty() ? Value() : before[0].value, after.empty() ? Value() : after[0].value,
                               use.item()));
  } else if (before.size() >= 2 && after.size() >= 2) {
    bool equal = before.size() == after.size();
    for (size_t i = 0; equal && i < before.size(); i++) equal = same(before[i].value, after[i].value, use.item());
    if (!equal) found.marks = FieldNode::Modified;
  } else if (before.size() >= 2) {
    if (!after.empty()) found = TRY(compare_values(Value(), after[0].value, use.item()));
    found.marks |= FieldNode::Removed;
  } else {
    if (!before.empty()) found = TRY(compare_values(before[0].value, Value(), use.item()));
    found.marks |= FieldNode::Added;
  }
  builder.add(element, found.marks, found.children);
  return {};
}

bool Comparer::same(Value before, Value after, Use use) {
  if (reading_ == Reading::AsText || !use.type) return before.equals(after);
  if (use.type->kind == Kind::List && before.is_list() && after.is_list()) {
    if (before.size() != after.size()) return false;
    for (uint32_t i = 0; i < before.size(); i++)
      if (!same(before.at(i), after.at(i), use.item())) return false;
    return true;
  }
  if ((use.type->kind != Kind::Struct && use.type->kind != Kind::Map) || !before.is_object() || !after.is_object())
    return before.equals(after);
  std::vector<Pair> members;
  pairs(before, after, use, members);
  for (const Pair& pair : members) {
    if (pair.before.is_absent() || pair.after.is_absent()) return false;
    if (!same(pair.before, pair.after, pair.use)) return false;
  }
  return true;
}

}  // namespace

Result<const FieldSet*> compare_trees(Value before, Value after, const Type& type, Reading reading, Arena& arena) {
  return TRY(Comparer(reading, arena).compare_values(before, after, Use(&type))).children;
}

}  // namespace sampan::schema
