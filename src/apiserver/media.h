// Content negotiation: in which form a client wants its answer, and in which one it sent its request.
#pragma once
#include <string>
#include <string_view>

#include "base/status.h"
#include "net/http.h"
#include "apiserver/query.h"

namespace sampan::apiserver {

enum class Format : uint8_t { Json, Yaml, Protobuf };
enum class Shape : uint8_t {
  Object,
  Table,
  Partial,       // PartialObjectMetadata, or its List for lists
  OtherPartial,  // the List for one object, or the reverse; never what negotiate gives
  Discovery,     // APIGroupDiscoveryList
};

struct Accept {
  Format format = Format::Json;
  Shape shape = Shape::Object;
  std::string_view shape_version = "v1";  // of meta.k8s.io: v1 or v1beta1
  bool pretty = false;
};

struct Offer {
  bool table = false;
  bool partial = false;       // as=PartialObjectMetadata
  bool partial_list = false;  // as=PartialObjectMetadataList
  std::string_view go_type;   // "*core.PodList": what upstream calls the object where a client asks for the other partial form
  bool discovery = false;     // as=APIGroupDiscoveryList
};

// NotAcceptable if nothing that the client accepts is on offer.
Result<Accept> negotiate(const net::Request& request, const Query& query, const Offer& offer);
Accept default_accept(const net::Request& request, const Query& query);  // for errors: never fails

std::string_view media_type(Format format);

// The media type of a header value, without parameters, in lower case.
std::string media_type_of(std::string_view header);

}  // namespace sampan::apiserver
