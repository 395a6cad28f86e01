// The writer's statements over the tables. Each needs a transaction around it, except find().
#pragma once
#include "store/sqlite_state.h"

namespace sampan::store {

// What stands at a key.
struct Standing {
  Revision revision = 0;  // of the last row, a deletion too; 0: none
  Revision created = 0;   // 0: there is no such key now
  std::string value;
  bool exists() const { return created > 0; }
};

class SqliteTables {
 public:
  static Result<std::unique_ptr<SqliteTables>> prepare(Connection& connection);
  Result<Standing> find(std::string_view key);
  Result<void> append(const Row& row);
  Result<void> set_current(const Row& row);
  Result<void> set_meta(std::string_view name, int64_t value);
  // Keys whose time came: rows with after < expiry <= until that are still current. At most `limit`.
  struct Due {
    std::string key;
    Revision revision;
  };
  Result<std::vector<Due>> due(int64_t after_ms, int64_t until_ms, int limit);
  Result<int64_t> next_expiry(int64_t after_ms);  // 0: none
  // Removes what the changes of [from, below) superseded, at most `limit` changes of it; returns the revision reached.
  Result<Revision> sweep(Revision from, Revision below, int limit);

 private:
  Result<void> prepare_all(Connection& connection);
  Statement find_, append_, set_current_, set_meta_, due_, next_expiry_, sweep_, remove_row_, remove_current_;
};

}  // namespace sampan::store
