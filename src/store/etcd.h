// An etcd v3 cluster as the store, for clusters that outgrow one machine. Keys are used as they are given, so the data
// is laid out as the caller says.
//
// Nothing of gRPC is initialised before the first connect_etcd().
#pragma once
#include <memory>

#include "base/environment.h"
#include "store/store.h"

namespace sampan::store {

struct EtcdOptions {
  std::vector<std::string> endpoints;        // "https://host:2379", "http://...", "host:2379", "unix:///path"
  std::string ca_file, cert_file, key_file;  // PEM; a CA means TLS, certificate and key that we identify ourselves
  Clock* clock = &real_clock();
  int64_t connect_timeout_ms = 5000;
  int64_t compaction_interval_ms = 0;  // how often what is older than that is compacted; 0: by somebody else
};

Result<std::unique_ptr<Store>> connect_etcd(EtcdOptions options);

}  // namespace sampan::store
