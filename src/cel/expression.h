// An expression as a tree: what the parser makes (macros are expanded by then), the checker annotates and the evaluator walks.
#pragma once
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "cel/value.h"

namespace sampan::cel {

struct Node;

struct MapEntry {
  const Node* key;
  const Node* value;
  bool optional = false;  // {?key: value}
};

struct FieldEntry {
  std::string field;
  const Node* value;
  bool optional = false;
  int32_t at = 0;
};

// A loop over a list or the keys of a map: what all(), map() and their like become.
struct Loop {
  std::string variable, second_variable;  // second: "" if there is only one
  const Node* range = nullptr;
  std::string accumulator;
  const Node* initial = nullptr;
  const Node* condition = nullptr;  // goes on while it is true
  const Node* step = nullptr;
  const Node* result = nullptr;
};

struct Node {
  enum class Kind : uint8_t { Literal, Identifier, Select, Call, List, Map, Struct, Loop };
  Kind kind;
  uint32_t id = 0;          // 0 ... count - 1: the index of annotations
  int32_t at = 0;           // where in the text, in code points; errors point there
  std::string name;         // identifier, field, function or struct; may be qualified for a struct, may begin with a dot
  Value literal;
  const Node* target = nullptr;        // of a Select, or of a call as a member; null: none
  bool tests_presence = false;         // has(target.name)
  std::vector<const Node*> arguments;  // of a Call; of a List its items
  std::vector<uint32_t> optional_items;  // of a List: which items are [?x]
  std::vector<MapEntry> entries;
  std::vector<FieldEntry> fields;
  Loop loop;
};

// Owns the tree and its text.
class Expression {
 public:
  explicit Expression(std::string text) : text_(std::move(text)) {}
  Expression(Expression&&) = default;
  Expression& operator=(Expression&&) = default;
  Node& add(Node::Kind kind, int32_t at);
  const std::string& text() const { return text_; }
  const Node& root() const { return *root_; }
  void set_root(const Node& root) { root_ = &root; }
  size_t count() const { return nodes_.size(); }

 private:
  std::string text_;
  std::deque<Node> nodes_;
  const Node* root_ = nullptr;
};

// Operators are functions, by these names.
namespace op {
inline constexpr std::string_view kConditional = "_?_:_", kAnd = "_&&_", kOr = "_||_", kNot = "!_", kEquals = "_==_", kDiffers = "_!=_", kLess = "_<_",
                                  kLessOrEqual = "_<=_", kGreater = "_>_", kGreaterOrEqual = "_>=_", kAdd = "_+_", kSubtract = "_-_", kMultiply = "_*_",
                                  kDivide = "_/_", kModulo = "_%_", kNegate = "-_", kIndex = "_[_]", kOptionalIndex = "_[?_]", kOptionalSelect = "_?._",
                                  kIn = "@in", kNotStrictlyFalse = "@not_strictly_false";
}  // namespace op

}  // namespace sampan::cel
