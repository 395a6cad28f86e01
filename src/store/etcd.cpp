// The store in an etcd cluster: writes are transactions that compare and fetch what stood there; see etcd.h.
#include "store/etcd.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/text.h"
#include "store/errors.h"
#include "store/etcd.pb.h"
#include "store/etcd_compactor.h"
#include "store/etcd_lease.h"
#include "store/etcd_watch.h"

namespace sampan::store {

namespace {

namespace pb = etcdserverpb;

// A key that no one has: only the revision of the answer is wanted.
const std::string kNoKey(1, '\0');

Entry entry_of(const pb::KeyValue& kv) {
  return {kv.key(), kv.value(), kv.create_revision(), kv.mod_revision()};
}

// etcd answered a progress request before it had sent what came before it until 3.4.25 and 3.5.8 (etcd issue 15220).
bool progress_is_reliable(std::string_view version) {
  auto parts = split(version, '.');
  int major = 0, minor = 0, patch = 0;
  if (parts.size() < 3 || !parse_int(parts[0], major) || !parse_int(parts[1], minor)) return false;
  parse_int(parts[2].substr(0, parts[2].find('-')), patch);
  if (major != 3) return major > 3;
  if (minor == 4) return patch >= 25;
  if (minor == 5) return patch >= 8;
  return minor > 5;
}

class EtcdStore : public Store {
 public:
  EtcdStore(std::unique_ptr<EtcdRpc> rpc, Clock& clock, std::string version, int64_t compaction_interval_ms)
      : rpc_(std::move(rpc)), leases_(*rpc_, clock), version_(std::move(version)) {
    compactor_.start(compaction_interval_ms);
  }

  Result<Written> write(Write write) override {
    pb::TxnRequest request;
    auto lease = write.value && write.ttl_seconds > 0 ? TRY(leases_.lease_for(write.ttl_seconds)) : 0;
    fill(request, write, lease);
    pb::TxnResponse response;
    TRY(rpc_->txn(request, response));
    return written_of(response, !write.value);
  }

  Result<Range> range(const RangeOptions& options) override {
    pb::RangeRequest request;
    request.set_key(options.start);
    request.set_range_end(options.end);
    request.set_limit(static_cast<int64_t>(options.limit));
    request.set_revision(options.revision);
    request.set_keys_only(options.keys_only);
    request.set_count_only(options.count_only);
    pb::RangeResponse response;
    TRY(rpc_->range(request, response));
    Range range;
    range.revision = options.revision ? options.revision : response.header().revision();
    range.count = response.count();
    range.entries.reserve(static_cast<size_t>(response.kvs_size()));
    for (auto& kv : response.kvs()) range.entries.push_back(entry_of(kv));
    return range;
  }

  Result<std::unique_ptr<Watch>> watch(std::string start, std::string end, Revision from,
                                       std::shared_ptr<WatchSink> sink) override {
    return watches_.add({std::move(start), std::move(end)}, from, std::move(sink));
  }

  Result<Revision> current_revision() override {
    auto range = TRY(this->range({.start = kNoKey, .count_only = true}));
    return range.revision;
  }

  // etcd does not tell, so the border between what it answers and what it refuses is searched for.
  Result<Revision> oldest_revision() override {
    Revision compacted = 0, readable = TRY(current_revision());
    while (compacted + 1 < readable) {
      auto middle = compacted + (readable - compacted) / 2;
      auto found = range({.start = kNoKey, .revision = middle, .count_only = true});
      if (found)
        readable = middle;
      else if (found.error().is(Reason::Expired))
        compacted = middle;
      else
        return fail(std::move(found).error());
    }
    return readable;
  }

  Revision oldest_known() override { return compactor_.compacted(); }

  Result<void> compact(Revision revision) override {
    pb::CompactionRequest request;
    request.set_revision(revision);
    return rpc_->compact(request);
  }

  Result<void> request_progress() override {
    if (!progress_is_reliable(version_))
      return fail(Error(Reason::MethodNotAllowed,
                        concat("etcd ", version_, " cannot report the progress of watches reliably")));
    watches_.request_progress();
    return {};
  }

  Result<int64_t> size_bytes() override {
    pb::StatusResponse response;
    TRY(rpc_->status(response));
    return response.db_size();
  }

  Result<void> backup(const std::string& path) override {
    auto part = path + ".part";
    int file = ::open(part.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (file < 0) return fail(Error(Reason::InternalError, concat("backup ", path, ": ", strerror(errno))));
    auto result = rpc_->snapshot([file](std::string_view bytes) {
      while (!bytes.empty()) {
        auto wrote = ::write(file, bytes.data(), bytes.size());
        if (wrote <= 0) return false;
        bytes.remove_prefix(static_cast<size_t>(wrote));
      }
      return true;
    });
    bool synced = ::fsync(file) == 0;
    ::close(file);
    if (result && (!synced || ::rename(part.c_str(), path.c_str()) != 0))
      result = fail(Error(Reason::InternalError, concat("backup ", path, ": ", strerror(errno))));
    if (!result) ::unlink(part.c_str());
    return result;
  }

 private:
  static void fill(pb::TxnRequest& request, Write& write, int64_t lease) {
    if (write.expected) {
      auto& compare = *request.add_compare();
      compare.set_target(pb::Compare::MOD);
      compare.set_key(write.key);
      compare.set_mod_revision(*write.expected);
      request.add_failure()->mutable_request_range()->set_key(write.key);
    }
    auto& success = *request.add_success();
    if (write.value) {
      auto& put = *success.mutable_request_put();
      put.set_key(std::move(write.key));
      put.set_value(std::move(*write.value));
      put.set_lease(lease);
      put.set_prev_kv(true);
    } else {
      success.mutable_request_delete_range()->set_key(std::move(write.key));
      success.mutable_request_delete_range()->set_prev_kv(true);
    }
  }

  static Written written_of(const pb::TxnResponse& response, bool deletion) {
    Written written;
    written.revision = response.header().revision();
    written.applied = response.succeeded();
    if (response.responses_size() == 0) return written;
    auto& answer = response.responses(0);
    if (!response.succeeded()) {
      if (answer.response_range().kvs_size() > 0) written.previous = entry_of(answer.response_range().kvs(0));
    } else if (deletion) {
      auto& deleted = answer.response_delete_range();
      written.applied = deleted.deleted() > 0;
      if (deleted.prev_kvs_size() > 0) written.previous = entry_of(deleted.prev_kvs(0));
    } else if (answer.response_put().has_prev_kv()) {
      written.previous = entry_of(answer.response_put().prev_kv());
    }
    return written;
  }

  std::unique_ptr<EtcdRpc> rpc_;
  EtcdLeases leases_;
  EtcdWatches watches_{*rpc_};
  const std::string version_;
  EtcdCompactor compactor_{*this};  // ends before what it uses
};

}  // namespace

Result<std::unique_ptr<Store>> connect_etcd(EtcdOptions options) {
  auto rpc = TRY(EtcdRpc::connect(options));
  pb::StatusResponse status;
  TRY(rpc->status(status));
  return std::make_unique<EtcdStore>(std::move(rpc), *options.clock, status.version(), options.compaction_interval_ms);
}

}  // namespace sampan::store
