// Objects as they come from a server: protobuf where it has it, else JSON.
#pragma once
#include <string>
#include <vector>

#include "client/api.h"
#include "net/client.h"

namespace sampan::client {

inline constexpr std::string_view kAccept = "application/vnd.kubernetes.protobuf,application/json";
inline constexpr std::string_view kWatchMedia = "application/vnd.kubernetes.protobuf;stream=watch,application/json;stream=watch,application/json";

Result<ObjectRef> read_object(const net::Answer& answer, const Resource& resource);
struct ObjectList {
  std::vector<ObjectRef> items;
  int64_t revision = 0;
};
Result<ObjectList> read_list(const net::Answer& answer, const Resource& resource);
Result<Value> read_tree(const net::Answer& answer, Arena& arena);
Error refusal(const net::Answer& answer);  // what the server's Status says

// An event of a watch. Frames are cut out of a stream of bytes as they are whole.
struct WatchFrame {
  std::string type;   // "ADDED", "MODIFIED", "DELETED", "BOOKMARK", "ERROR"
  ObjectRef object;   // null for an error
  std::optional<Error> error;
};
class WatchReader {
 public:
  WatchReader(const Resource& resource, std::string_view content_type);
  std::string& buffer() { return buffer_; }       // more bytes are put at its end
  Result<std::optional<WatchFrame>> next();       // nothing: more bytes are needed

 private:
  Result<WatchFrame> frame_of(std::string_view bytes);
  const Resource& resource_;
  const bool protobuf_;
  std::string buffer_;
  size_t at_ = 0;
};

}  // namespace sampan::client
