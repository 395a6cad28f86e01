// OpenAPI documents, made piece by piece while they are sent: no document is ever whole in memory.
#pragma once
#include <string>
#include <vector>

#include "apiserver/openapi_paths.h"

namespace sampan::apiserver {

// Reads the catalog, which must outlive it.
class OpenApiDocument {
 public:
  enum class Encoding : uint8_t { Json, Gnostic };  // Gnostic: version 2 in protobuf

  static OpenApiDocument everything(const Catalog& catalog, Encoding encoding);              // version 2
  static OpenApiDocument of_version(const Catalog& catalog, const GroupVersion& served);     // version 3
  static OpenApiDocument of_root(const Catalog& catalog, PathPlan plan);                     // version 3, of one path

  // Appends the next piece; false if there was none left.
  bool next(std::string& out);

 private:
  OpenApiDocument(const Catalog& catalog, OpenApi dialect, Encoding encoding, const GroupVersion* only, std::vector<PathPlan> plans);
  void json_piece(std::string& out);
  void gnostic_piece(std::string& out);
  void json_between(std::string& out);

  enum class Stage : uint8_t { Head, Paths, Types, Parameters, Tail, Done };
  void advance();

  const Catalog& catalog_;
  const OpenApi dialect_;
  const Encoding encoding_;
  const GroupVersion* only_;
  std::vector<PathPlan> plans_;
  std::vector<const schema::Type*> types_;
  Stage stage_ = Stage::Head;
  size_t at_ = 0;
};

}  // namespace sampan::apiserver
