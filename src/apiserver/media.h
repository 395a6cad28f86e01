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
  OtherPartial,  // the List for one object, or the reverse: refused where there is an object, of which go_type tells
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
  bool streams = false;       // where a client may watch as well
  bool is_nothing() const { return !table && !partial && !partial_list && !discovery; }
};

// What every verb of a kind offers before it is known whether the answer will be an object or a list.
constexpr Offer any_shape(bool streams) { return {.table = true, .partial = true, .partial_list = true, .streams = streams}; }

// What upstream's router refuses before the server has seen the request: it knows types alone.
Result<void> check_routable(const net::Request& request, bool streams);

// NotAcceptable if nothing that the client accepts is on offer.
Result<Accept> negotiate(const net::Request& request, const Query& query, const Offer& offer);

// For errors, which have one shape: indented JSON where a client accepts nothing else than another one.
Accept accept_for_error(const net::Request& request, const Query& query);

// Events cannot be had in the form that was chosen.
Error no_such_stream();

std::string_view media_type(Format format);

// The media type of a header value, without parameters, in lower case.
std::string media_type_of(std::string_view header);

}  // namespace sampan::apiserver
