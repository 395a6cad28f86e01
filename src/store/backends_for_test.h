// The backends as the table of cases sees them: opened, opened again over the same data, and moved in time.
#pragma once
#include "store/testing.h"

namespace sampan::store {

class Backend {
 public:
  virtual ~Backend() = default;
  virtual std::unique_ptr<Store> open() = 0;
  virtual bool embedded() const = 0;    // in this process: changes are published before a write is answered
  virtual bool persistent() const = 0;  // open() finds what was there
  virtual void pass_seconds(int seconds, Store& store) = 0;
};

std::unique_ptr<Backend> make_memory_backend();
std::unique_ptr<Backend> make_sqlite_backend();
std::unique_ptr<Backend> make_etcd_backend();  // null: there is no etcd to run

}  // namespace sampan::store
