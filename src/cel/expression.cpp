// The nodes of an expression: added in the order in which they are made, so that the number of a node is its place.
#include "cel/expression.h"

namespace sampan::cel {

Node& Expression::add(Node::Kind kind, int32_t at) {
  Node& node = nodes_.emplace_back();
  node.kind = kind;
  node.id = static_cast<uint32_t>(nodes_.size() - 1);
  node.at = at;
  return node;
}

}  // namespace sampan::cel
