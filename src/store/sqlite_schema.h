// The tables of a store file: made, checked and read when it is opened.
#pragma once
#include "store/sqlite_connection.h"
#include "store/store.h"

namespace sampan::store {

// Revisions [first, last] may have been handed out before a crash and lost by it: nobody may go on from there.
struct Gap {
  Revision first = 0, last = 0;
};

struct FileState {
  Revision current = 1;   // the last revision handed out, as far as anyone can know
  Revision reserved = 1;  // none above this was handed out
  Revision oldest = 1;    // history below it is gone
  Revision swept = 1;     // ... and removed from the file up to here
  std::vector<Gap> gaps;
};

// Settings that every connection needs.
Result<void> tune(Connection& connection, int cache_kilobytes);
// Makes the tables of a new file, checks those of an old one, and closes the gap that a crash left.
Result<FileState> open_schema(Connection& connection, int64_t max_bytes);

}  // namespace sampan::store
