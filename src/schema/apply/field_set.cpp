// See field_set.h.
#include "schema/apply/field_set.h"

#include "base/text.h"
#include "schema/apply/path_element.h"

namespace sampan::schema {

namespace {

const FieldSet* make_set(const std::vector<FieldNode>& nodes, Arena& arena) {
  if (nodes.empty()) return nullptr;
  FieldNode* copy = arena.allocate_array<FieldNode>(nodes.size());
  std::uninitialized_copy(nodes.begin(), nodes.end(), copy);
  auto set = arena.allocate_array<FieldSet>(1);
  return new (set) FieldSet{{copy, nodes.size()}};
}

// Walks two sets side by side; `both` gets a null where one side has no such node.
template <class Visit>
void zip(const FieldSet* a, const FieldSet* b, Visit visit) {
  std::span<const FieldNode> left = a ? a->nodes : std::span<const FieldNode>();
  std::span<const FieldNode> right = b ? b->nodes : std::span<const FieldNode>();
  size_t i = 0, j = 0;
  while (i < left.size() || j < right.size()) {
    int order = i == left.size() ? 1 : j == right.size() ? -1 : compare(left[i].element, right[j].element);
    visit(order <= 0 ? &left[i] : nullptr, order >= 0 ? &right[j] : nullptr);
    i += order <= 0;
    j += order >= 0;
  }
}

uint8_t mark_if(bool member) {
  return static_cast<uint8_t>(member ? FieldNode::Member : 0);
}

void keep(std::vector<FieldNode>& nodes, const FieldNode& like, bool member, const FieldSet* children) {
  if (member || children) nodes.push_back({like.element, mark_if(member), children});
}

}  // namespace

const FieldNode* FieldSet::find(const PathElement& element) const {
  auto at = std::lower_bound(nodes.begin(), nodes.end(), element,
                             [](const FieldNode& node, const PathElement& e) { return compare(node.element, e) < 0; });
  return at != nodes.end() && compare(at->element, element) == 0 ? &*at : nullptr;
}

void FieldSetBuilder::add(const PathElement& element, uint8_t marks, const FieldSet* children) {
  if (marks || children) nodes_.push_back({element, marks, children});
}

const FieldSet* FieldSetBuilder::finish(Arena& arena) {
  auto before = [](const FieldNode& a, const FieldNode& b) { return compare(a.element, b.element) < 0; };
  if (!std::is_sorted(nodes_.begin(), nodes_.end(), before)) std::stable_sort(nodes_.begin(), nodes_.end(), before);
  size_t kept = 0;
  for (size_t i = 0; i < nodes_.size(); i++) {
    if (kept && compare(nodes_[kept - 1].element, nodes_[i].element) == 0) {
      FieldNode& node = nodes_[kept - 1];
      node.marks |= nodes_[i].marks;
      if (nodes_[i].children) {
        FieldSetBuilder merged;
        if (node.children)
          for (const FieldNode& child : node.children->nodes) merged.add(child.element, child.marks, child.children);
        for (const FieldNode& child : nodes_[i].children->nodes) merged.add(child.element, child.marks, child.children);
        node.children = merged.finish(arena);
      }
    } else {
      nodes_[kept++] = nodes_[i];
    }
  }
  nodes_.resize(kept);
  return make_set(nodes_, arena);
}

const FieldSet* select(const FieldSet* set, uint8_t marks, Arena& arena) {
  if (!set) return nullptr;
  std::vector<FieldNode> nodes;
  for (const FieldNode& node : set->nodes) keep(nodes, node, node.marks & marks, select(node.children, marks, arena));
  return make_set(nodes, arena);
}

bool has_marks(const FieldSet* set, uint8_t marks) {
  if (!set) return false;
  for (const FieldNode& node : set->nodes)
    if ((node.marks & marks) || has_marks(node.children, marks)) return true;
  return false;
}

const FieldSet* unite(const FieldSet* a, const FieldSet* b, uint8_t marks, Arena& arena) {
  if (!b) return a;
  if (!a) return marks == FieldNode::Member ? b : select(b, marks, arena);
  std::vector<FieldNode> nodes;
  zip(a, b, [&](const FieldNode* left, const FieldNode* right) {
    if (!right) return nodes.push_back(*left);
    bool member = (left && left->marks) || (right->marks & marks);
    keep(nodes, *right, member, unite(left ? left->children : nullptr, right->children, marks, arena));
  });
  return make_set(nodes, arena);
}

const FieldSet* intersect(const FieldSet* a, const FieldSet* b, uint8_t marks, Arena& arena) {
  if (!a || !b) return nullptr;
  std::vector<FieldNode> nodes;
  zip(a, b, [&](const FieldNode* left, const FieldNode* right) {
    if (left && right)
      keep(nodes, *left, left->marks && (right->marks & marks),
           intersect(left->children, right->children, marks, arena));
  });
  return make_set(nodes, arena);
}

const FieldSet* subtract(const FieldSet* a, const FieldSet* b, uint8_t marks, Arena& arena) {
  if (!a || !b) return a;
  std::vector<FieldNode> nodes;
  zip(a, b, [&](const FieldNode* left, const FieldNode* right) {
    if (!left) return;
    if (!right) return nodes.push_back(*left);
    keep(nodes, *left, left->marks && !(right->marks & marks), subtract(left->children, right->children, marks, arena));
  });
  return make_set(nodes, arena);
}

const FieldSet* subtract_below(const FieldSet* a, const FieldSet* b, Arena& arena) {
  if (!a || !b) return a;
  std::vector<FieldNode> nodes;
  zip(a, b, [&](const FieldNode* left, const FieldNode* right) {
    if (!left || (right && right->marks)) return;
    if (!right) return nodes.push_back(*left);
    const FieldSet* children = subtract_below(left->children, right->children, arena);
    if (left->marks || children) nodes.push_back({left->element, left->marks, children});
  });
  return make_set(nodes, arena);
}

bool equal(const FieldSet* a, const FieldSet* b) {
  if (a == b) return true;
  if (!a || !b || a->nodes.size() != b->nodes.size()) return false;
  for (size_t i = 0; i < a->nodes.size(); i++) {
    const FieldNode &left = a->nodes[i], &right = b->nodes[i];
    if (left.marks != right.marks || compare(left.element, right.element) != 0) return false;
    if (!equal(left.children, right.children)) return false;
  }
  return true;
}

const FieldSet* with_named_fields(const FieldSet* set, const Type* type, Arena& arena) {
  if (!set) return nullptr;
  std::vector<FieldNode> nodes;
  for (const FieldNode& node : set->nodes) {
    const Type* inner = nullptr;
    bool named = false;
    if (type && node.element.kind == PathElement::Kind::Field) {
      const Field* field = type->kind == Kind::Struct ? type->find(node.element.name) : nullptr;
      named = field != nullptr;
      inner = field ? field->type : type->kind == Kind::Map ? type->element : nullptr;
    } else if (type && node.element.kind == PathElement::Kind::Key && type->kind == Kind::List) {
      inner = type->element;
    }
    uint8_t marks = node.children && named ? uint8_t{FieldNode::Member} : node.marks;
    nodes.push_back({node.element, marks, with_named_fields(node.children, inner, arena)});
  }
  return make_set(nodes, arena);
}

const FieldSet* path_set(std::span<const std::string_view> path, Arena& arena) {
  if (path.empty()) return nullptr;
  const FieldSet* children = path_set(path.subspan(1), arena);
  return make_set({{PathElement::field(path[0]), children ? uint8_t{0} : uint8_t{FieldNode::Member}, children}}, arena);
}

namespace {

bool read_children(Value fields, Arena& arena, const FieldSet*& set, bool& member) {
  set = nullptr;
  if (fields.is_null()) {
    member = true;
    return true;
  }
  if (!fields.is_object()) return false;
  FieldSetBuilder builder;
  for (const Member& entry : fields.members()) {
    if (entry.name == ".") {
      member = true;
      continue;
    }
    PathElement element;
    ElementRead read = read_element(entry.name, arena, element);
    if (read == ElementRead::Bad) return false;
    if (read == ElementRead::Unknown) continue;
    bool child_member = false;
    const FieldSet* children;
    if (!read_children(entry.value, arena, children, child_member)) return false;
    builder.add(element, mark_if(child_member), children);
  }
  set = builder.finish(arena);
  if (!set) member = true;
  return true;
}

}  // namespace

bool read_field_set(Value fields, Arena& arena, const FieldSet*& set) {
  bool member = false;
  return read_children(fields, arena, set, member);
}

Value write_field_set(const FieldSet* set, Arena& arena) {
  Value object = Value::object(arena, set ? static_cast<uint32_t>(set->nodes.size()) : 0);
  if (!set) return object;
  std::string text;
  for (const FieldNode& node : set->nodes) {
    Value inner = Value::object(arena, 0);
    if (node.children) {
      inner = write_field_set(node.children, arena);
      if (node.marks) {
        Value with_self = Value::object(arena, inner.size() + 1);
        with_self.set(".", Value::object(arena, 0));
        for (const Member& member : inner.members()) with_self.set(member.name, member.value);
        inner = with_self;
      }
    }
    text.clear();
    append_element(text, node.element);
    object.set_copy(text, inner);
  }
  return object;
}

}  // namespace sampan::schema
