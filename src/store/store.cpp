// What all backends share: the arithmetic of prefixes and the errors of revisions that cannot be read.
#include "store/store.h"

#include "base/text.h"
#include "store/errors.h"

namespace sampan::store {

std::string end_of_prefix(std::string_view prefix) {
  std::string end(prefix);
  while (!end.empty() && static_cast<uint8_t>(end.back()) == 0xff) end.pop_back();
  if (end.empty()) return std::string(1, '\0');  // etcd's way to say: to the last key
  end.back() = static_cast<char>(static_cast<uint8_t>(end.back()) + 1);
  return end;
}

Error revision_compacted(Revision revision, Revision oldest) {
  return Error(Reason::Expired, concat("The resourceVersion for the provided request is too old: ", revision,
                                       ", the oldest one kept is ", oldest));
}

Error revision_in_future(Revision revision, Revision current) {
  return Error(Reason::Timeout, concat("Too large resource version: ", revision, ", current: ", current))
      .cause("ResourceVersionTooLarge", "Too large resource version", "")
      .retry_after(1);
}

}  // namespace sampan::store
