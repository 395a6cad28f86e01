// Where in an object something is: "spec.containers[0].ports[1].name". A path is a chain on the caller's stack, made into text only
// when there is something to complain about.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

namespace sampan::registry {

class Path {
 public:
  explicit Path(std::string_view name) : name_(name) {}
  Path() = default;  // the object itself; its children print without a leading dot

  // A child borrows its parent: `path.child("a").child("b")` is for use within one expression; a named child needs a named parent.
  Path child(std::string_view name) const { return Path(this, name, Step::Name, 0); }
  Path index(size_t i) const { return Path(this, {}, Step::Index, i); }
  Path key(std::string_view key) const { return Path(this, key, Step::Key, 0); }  // prints as [key]

  std::string text() const;

 private:
  enum class Step : uint8_t { Name, Index, Key };
  Path(const Path* parent, std::string_view name, Step step, size_t index)
      : parent_(parent), name_(name), index_(index), step_(step) {}
  const Path* parent_ = nullptr;
  std::string_view name_;
  size_t index_ = 0;
  Step step_ = Step::Name;
};

}  // namespace sampan::registry
