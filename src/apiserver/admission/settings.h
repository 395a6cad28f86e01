// The settings of admission plug-ins, as the file of --admission-control-config-file gives them.
#pragma once
#include <string>
#include <vector>

#include "apiserver/admission.h"
#include "base/status.h"
#include "schema/value.h"

namespace sampan::apiserver {

// Of --admission-control-config-file, whose relative paths begin at its folder.
Result<AdmissionSettings> read_admission_settings(const std::string& path);

std::vector<std::string> texts_of(schema::Value list);

}  // namespace sampan::apiserver
