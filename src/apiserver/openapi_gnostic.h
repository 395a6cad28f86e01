// OpenAPI version 2 in protobuf (the gnostic project's messages), which is what kubectl and Helm ask for. Each function appends a
// part of the Document; parts of one field are merged by whoever reads them, so that they can be sent one by one.
#pragma once
#include <string>
#include <string_view>

#include "schema/value.h"

namespace sampan::apiserver {

void gnostic_head(std::string& out, std::string_view title, std::string_view version);
void gnostic_path(std::string& out, std::string_view path, schema::Value item);
void gnostic_definition(std::string& out, std::string_view name, schema::Value schema);
void gnostic_parameter(std::string& out, std::string_view name, schema::Value parameter);
void gnostic_tail(std::string& out);  // security

}  // namespace sampan::apiserver
