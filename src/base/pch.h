// The precompiled header: standard headers only, and none of the heavy ones (see tools/tidy). Every file of the product
// gets it, so these need no include of their own; a header that others include still names what it uses.
#pragma once
#include <algorithm>
#include <atomic>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <expected>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>
