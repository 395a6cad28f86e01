// The list of all controllers (controllers.cpp).
#pragma once
#include <span>

#include "controllers/controller.h"

namespace sampan::controllers {

std::span<const Entry> all_controllers();

}  // namespace sampan::controllers
