#include "registry/field_path.h"

#include "base/text.h"

namespace sampan::registry {

std::string Path::text() const {
  std::string out = parent_ ? parent_->text() : std::string();
  switch (step_) {
    case Step::Name:
      if (!out.empty() && !name_.empty()) out += '.';
      out += name_;
      break;
    case Step::Index: append(out, "[", index_, "]"); break;
    case Step::Key: append(out, "[", name_, "]"); break;
  }
  return out;
}

}  // namespace sampan::registry
