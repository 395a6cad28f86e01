// Selectors of devices: expressions of CEL over one variable, `device`. The API server checks them when they are written, the scheduler evaluates them.
#pragma once
#include <expected>
#include <string>
#include <string_view>

#include "cel/check.h"
#include "schema/object.h"

namespace sampan::devices {

inline constexpr size_t kSelectorBytesMax = 10 * 1024;

struct Mistake {
  std::string detail;     // "compilation failed: ERROR: <input>:1:1: ..."
  bool internal = false;  // its constants fail: upstream calls that an internal error
};

std::expected<cel::Checked, Mistake> compile_selector(std::string_view expression);

// Whether it could cost more than a selector may.
bool is_too_costly(const cel::Checked& selector);

// Of a device (an item of a slice's list) that a driver offers. The error is in upstream's words.
std::expected<bool, std::string> matches(const cel::Checked& selector, std::string_view driver, const schema::AnyView& device);

}  // namespace sampan::devices
