// Devices that several claims share: how much of one a request takes, and whether that much is left.
#pragma once
#include <map>
#include <string>

#include "schema/object.h"
#include "schema/quantity.h"

namespace sampan::devices {

using schema::Quantity;
using Capacity = std::map<std::string, Quantity, std::less<>>;

void add(Capacity& to, const Capacity& more);
void subtract(Capacity& from, const Capacity& less);
bool is_nothing(const Capacity& capacity);

// What a request takes of a device: of each capacity what is asked for, raised to what its policy allows; where nothing is asked for, the policy's
// default, else all there is. `asked` is the request's capacity.requests.
Capacity taken_by(const schema::AnyView& asked, const schema::AnyView& device);

// Whether the policies allow that, and it is left beside what others have taken. Never if something is asked for that the device does not have.
bool has_room(const schema::AnyView& asked, const schema::AnyView& device, const Capacity* taken, const Capacity* being_taken);

}  // namespace sampan::devices
