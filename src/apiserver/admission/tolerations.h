// Tolerations as sets: which of them say nothing that another does not say as well.
#pragma once
#include "schema/value.h"

namespace sampan::apiserver {

// Does `wide` tolerate all that `narrow` tolerates?
bool covers(schema::Value wide, schema::Value narrow);

// Those of both lists that no other one covers, in order; of equal ones the first.
schema::Value merged_tolerations(schema::Value first, schema::Value second, Arena& arena);

}  // namespace sampan::apiserver
