// The embedded store: one SQLite file (and its -wal and -shm beside it).
//
//   log      one row a change, by revision: appended, never updated; compaction deletes what is superseded
//   current  key -> its last revision, so that reads and expectations find the row of the log
//   meta     a few numbers (the reserved and the compacted revision), gap: revisions that a crash may have lost
//
// One thread writes: it takes all waiting writes, puts them into one transaction, syncs, publishes them to the watches
// and then answers. Reads use connections of their own and never wait for it.
//
// Relaxed writes are visible at once but stay in memory until the next full commit, or flush_ms. Revisions are reserved
// on disk ahead of their use, so that after a crash no revision is handed out twice; watches and reads that start at a
// revision which the crash may have lost are answered Expired.
#pragma once
#include <memory>

#include "base/environment.h"
#include "store/store.h"

namespace sampan::store {

struct SqliteOptions {
  std::string path;
  Clock* clock = &real_clock();
  int64_t history_seconds = 300;      // older changes are compacted away; 0: only by compact()
  int64_t relaxed_flush_ms = 60'000;  // relaxed writes go to disk (not synced) at the latest after this
  int64_t max_bytes = 0;              // the file grows no further than this; 0: as the disk allows
  int wal_pages = 2000;               // so many pages gather in the WAL before they are moved into the database
};

Result<std::unique_ptr<Store>> open_sqlite_store(SqliteOptions options);

}  // namespace sampan::store
