#include "store/sqlite_state.h"

namespace sampan::store {

Change change_of(const Row& row) {
  Change change;
  change.deleted = row.deleted;
  change.key = row.key;
  change.value = row.value;
  change.previous_value = row.previous_value;
  change.created = row.created;
  change.revision = row.revision;
  change.previous_revision = row.replaced_something() ? row.previous : 0;
  change.attachment = row.attachment;
  return change;
}

SharedState::Pending SharedState::pending(const KeyRange& range, Revision from, Revision to) const {
  Pending found;
  std::lock_guard lock(mutex_);
  found.current = current();
  for (auto& row : pending_)
    if (row->revision >= from && row->revision <= to && range.contains(row->key)) found.rows.push_back(row);
  return found;
}

void SharedState::add_pending(std::span<const RowRef> rows, Revision current) {
  std::lock_guard lock(mutex_);
  pending_.insert(pending_.end(), rows.begin(), rows.end());
  raise(current_, current);
}

void SharedState::committed(Revision current) {
  std::vector<RowRef> dropped;  // freed outside the lock
  std::lock_guard lock(mutex_);
  dropped.swap(pending_);
  raise(current_, current);
}

bool SharedState::in_gap_to_watch(Revision from) const {
  for (auto& gap : gaps_)
    if (from >= gap.first && from <= gap.last) return true;
  return false;
}

bool SharedState::in_gap_to_read(Revision at) const {
  for (auto& gap : gaps_)
    if (at >= gap.first - 1 && at < gap.last) return true;
  return false;
}

}  // namespace sampan::store
