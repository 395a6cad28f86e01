#include "schema/go_names.h"
namespace sampan::schema {
std::string_view go_names() { return ""; }
}
