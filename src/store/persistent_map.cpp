#include "store/persistent_map.h"

#include <new>

#include "base/check.h"

namespace sampan::store::persistent_map {

using schema::Object;

namespace {

// A copied leaf touches the counts of all its objects, so nodes are rather small.
constexpr size_t kItemsMax = 16;
constexpr size_t kItemsMin = 5;  // below that a node is joined with a neighbour if both fit into one

struct Item {
  std::string_view key;
  const Shared* value = nullptr;  // an Object in a leaf, a Node above
};

// Behind the head: the slots, the end offset of each key, the keys' bytes. The key of a child is a bound: all keys under it are not
// smaller, except under the first child, whose bound is not looked at.
class Node final : public Shared {
 public:
  static Ref<Node> make(bool leaf, std::span<const Item> items) {
    size_t text = 0, total = leaf ? items.size() : 0;
    for (auto& item : items) {
      text += item.key.size();
      if (!leaf) total += static_cast<const Node*>(item.value)->total_;
    }
    void* memory = ::operator new(sizeof(Node) + items.size() * (sizeof(void*) + 4) + text);
    Node* node = new (memory) Node;
    node->leaf_ = leaf;
    node->size_ = static_cast<uint16_t>(items.size());
    node->total_ = static_cast<uint32_t>(total);
    char* at = node->text();
    uint32_t end = 0;
    for (size_t i = 0; i < items.size(); i++) {
      if (leaf)
        new (node->slot(i)) ObjectRef(static_cast<const Object*>(items[i].value));
      else
        new (node->slot(i)) Ref<Node>(static_cast<const Node*>(items[i].value));
      std::memcpy(at + end, items[i].key.data(), items[i].key.size());
      end += static_cast<uint32_t>(items[i].key.size());
      node->ends()[i] = end;
    }
    return Ref<Node>(node);
  }

  bool leaf() const { return leaf_; }
  size_t size() const { return size_; }
  size_t total() const { return total_; }
  size_t bytes() const { return sizeof(Node) + size_ * (sizeof(void*) + 4) + (size_ ? ends()[size_ - 1] : 0); }
  std::string_view key(size_t i) const {
    uint32_t start = i ? ends()[i - 1] : 0;
    return {text() + start, ends()[i] - start};
  }
  const ObjectRef& object(size_t i) const { return *static_cast<const ObjectRef*>(slot(i)); }
  const Node& child(size_t i) const { return **static_cast<const Ref<Node>*>(slot(i)); }
  Item item(size_t i) const {
    if (leaf_) return {key(i), object(i).get()};
    return {key(i), &child(i)};
  }

  size_t lower_bound(std::string_view wanted) const {
    size_t low = 0, high = size_;
    while (low < high) {
      size_t middle = (low + high) / 2;
      if (key(middle) < wanted)
        low = middle + 1;
      else
        high = middle;
    }
    return low;
  }
  // The child that has the key, if there is one: the last whose bound is not above it.
  size_t child_of(std::string_view wanted) const {
    size_t low = 1, high = size_;
    while (low < high) {
      size_t middle = (low + high) / 2;
      if (key(middle) <= wanted)
        low = middle + 1;
      else
        high = middle;
    }
    return low - 1;
  }

 private:
  Node() = default;
  ~Node() override = default;
  // Recursion is as deep as the tree is high.
  void dispose() const override {
    for (size_t i = 0; i < size_; i++) {
      if (leaf_)
        object(i).~ObjectRef();
      else
        static_cast<const Ref<Node>*>(slot(i))->~Ref<Node>();
    }
    this->~Node();
    ::operator delete(const_cast<Node*>(this));
  }

  void* slot(size_t i) { return reinterpret_cast<char*>(this + 1) + i * sizeof(void*); }
  const void* slot(size_t i) const { return reinterpret_cast<const char*>(this + 1) + i * sizeof(void*); }
  uint32_t* ends() { return static_cast<uint32_t*>(slot(size_)); }
  const uint32_t* ends() const { return static_cast<const uint32_t*>(slot(size_)); }
  char* text() { return reinterpret_cast<char*>(ends() + size_); }
  const char* text() const { return reinterpret_cast<const char*>(ends() + size_); }

  uint32_t total_ = 0;  // objects below
  uint16_t size_ = 0;
  bool leaf_ = true;
};
static_assert(sizeof(ObjectRef) == sizeof(void*) && sizeof(Ref<Node>) == sizeof(void*));

const Node* node_of(const Shared* root) { return static_cast<const Node*>(root); }

// The items of a node that is about to be: one more than fits, until it is split.
struct Items {
  Item items[2 * kItemsMax];
  size_t size = 0;

  explicit Items(const Node& node) {
    for (; size < node.size(); size++) items[size] = node.item(size);
  }
  void insert(size_t at, Item item) {
    for (size_t i = size++; i > at; i--) items[i] = items[i - 1];
    items[at] = item;
  }
  void remove(size_t at) {
    for (size_t i = at + 1; i < size; i++) items[i - 1] = items[i];
    size--;
  }
  Ref<Node> make(bool leaf) const { return Node::make(leaf, {items, size}); }
};

struct Halves {
  Ref<Node> first, second;  // second is null where nothing had to be split
};

Halves split(bool leaf, const Items& items) {
  if (items.size <= kItemsMax) return {items.make(leaf), nullptr};
  size_t half = items.size / 2;
  return {Node::make(leaf, {items.items, half}), Node::make(leaf, {items.items + half, items.size - half})};
}

Halves set_in(const Node& node, std::string_view key, const Object* object) {
  Items items(node);
  if (node.leaf()) {
    size_t at = node.lower_bound(key);
    if (at < node.size() && node.key(at) == key)
      items.items[at].value = object;
    else
      items.insert(at, {key, object});
    return split(true, items);
  }
  size_t at = node.child_of(key);
  Halves child = set_in(node.child(at), key, object);
  items.items[at].value = child.first.get();
  if (child.second) items.insert(at + 1, {child.second->key(0), child.second.get()});
  return split(false, items);
}

// Joins the child at `at`, which has become small, with a neighbour.
void join(Items& items, size_t at, std::vector<Ref<Node>>& made) {
  size_t left = at ? at - 1 : 0;
  if (left + 1 >= items.size) return;
  auto& a = *static_cast<const Node*>(items.items[left].value);
  auto& b = *static_cast<const Node*>(items.items[left + 1].value);
  if (a.size() + b.size() > kItemsMax) return;
  Items joined(a);
  for (size_t i = 0; i < b.size(); i++) joined.items[joined.size++] = b.item(i);
  if (!b.leaf()) joined.items[a.size()].key = items.items[left + 1].key;  // a first child's own bound may be too high
  made.push_back(joined.make(a.leaf()));
  items.items[left].value = made.back().get();
  items.remove(left + 1);
}

// Null: nothing is left. The key must be there.
Ref<Node> erase_in(const Node& node, std::string_view key) {
  Items items(node);
  if (node.leaf()) {
    items.remove(node.lower_bound(key));
    return items.size ? items.make(true) : nullptr;
  }
  size_t at = node.child_of(key);
  std::vector<Ref<Node>> made;
  made.push_back(erase_in(node.child(at), key));
  if (!made[0]) {
    items.remove(at);
  } else {
    items.items[at].value = made[0].get();
    if (made[0]->size() < kItemsMin) join(items, at, made);
  }
  return items.size ? items.make(false) : nullptr;
}

bool walk(const Node& node, std::string_view prefix, std::string_view from, const Visit& visit) {
  if (node.leaf()) {
    for (size_t i = node.lower_bound(from); i < node.size(); i++) {
      auto key = node.key(i);
      if (!key.starts_with(prefix) || !visit(key, node.object(i))) return false;
    }
    return true;
  }
  for (size_t i = node.child_of(from); i < node.size(); i++)
    if (!walk(node.child(i), prefix, from, visit)) return false;
  return true;
}

// Nodes over a row of items, as few as there can be, evenly filled.
std::vector<Ref<Node>> row(bool leaf, std::span<const Item> items) {
  std::vector<Ref<Node>> nodes;
  size_t count = (items.size() + kItemsMax - 1) / kItemsMax;
  for (size_t i = 0; i < count; i++) {
    size_t start = items.size() * i / count, end = items.size() * (i + 1) / count;
    nodes.push_back(Node::make(leaf, items.subspan(start, end - start)));
  }
  return nodes;
}

}  // namespace

size_t size(const Shared* root) { return root ? node_of(root)->total() : 0; }

const ObjectRef* find(const Shared* root, std::string_view key) {
  if (!root) return nullptr;
  auto node = node_of(root);
  while (!node->leaf()) node = &node->child(node->child_of(key));
  size_t at = node->lower_bound(key);
  return at < node->size() && node->key(at) == key ? &node->object(at) : nullptr;
}

Root set(const Shared* root, std::string_view key, ObjectRef object) {
  check(object);
  Item only{key, object.get()};
  if (!root) return Node::make(true, {&only, 1});
  Halves halves = set_in(*node_of(root), key, object.get());
  if (!halves.second) return halves.first;
  Item items[2] = {{halves.first->key(0), halves.first.get()}, {halves.second->key(0), halves.second.get()}};
  return Node::make(false, items);
}

Root erase(const Shared* root, std::string_view key) {
  if (!find(root, key)) return Root(root);
  Ref<Node> node = erase_in(*node_of(root), key);
  while (node && !node->leaf() && node->size() == 1) node = Ref<Node>(&node->child(0));
  return node;
}

size_t rank(const Shared* root, std::string_view key) {
  size_t smaller = 0;
  if (!root) return 0;
  auto node = node_of(root);
  while (!node->leaf()) {
    size_t at = node->child_of(key);
    for (size_t i = 0; i < at; i++) smaller += node->child(i).total();
    node = &node->child(at);
  }
  return smaller + node->lower_bound(key);
}

void each(const Shared* root, std::string_view prefix, std::string_view from, const Visit& visit) {
  if (root) walk(*node_of(root), prefix, std::max(prefix, from), visit);
}

size_t count(const Shared* root, std::string_view prefix, std::string_view from) {
  std::string end(prefix);
  while (!end.empty() && end.back() == '\xff') end.pop_back();
  size_t before_end = size(root);
  if (!end.empty()) {
    end.back()++;
    before_end = rank(root, end);
  }
  size_t before = rank(root, std::max(prefix, from));
  return before_end > before ? before_end - before : 0;
}

Root build(std::span<const std::pair<std::string, ObjectRef>> entries) {
  if (entries.empty()) return nullptr;
  std::vector<Item> items;
  for (auto& [key, object] : entries) items.push_back({key, object.get()});
  auto nodes = row(true, items);
  while (nodes.size() > 1) {
    items.clear();
    for (auto& node : nodes) items.push_back({node->key(0), node.get()});
    nodes = row(false, items);
  }
  return nodes[0];
}

size_t bytes(const Shared* root) {
  if (!root) return 0;
  auto& node = *node_of(root);
  size_t sum = node.bytes();
  for (size_t i = 0; !node.leaf() && i < node.size(); i++) sum += bytes(&node.child(i));
  return sum;
}

}  // namespace sampan::store::persistent_map
