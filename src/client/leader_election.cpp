#include "client/leader_election.h"

#include <unistd.h>

#include "api/coordination_v1_edit.h"
#include "base/encoding.h"
#include "base/log.h"
#include "base/text.h"

namespace sampan::client {

namespace {

const Resource& leases() { return builtin("coordination.k8s.io", "leases"); }

}  // namespace

std::string leader_identity(Random& random) {
  char host[256] = {};
  ::gethostname(host, sizeof host - 1);
  uint64_t number[2] = {random.next(), random.next()};
  return concat(host, "_", hex({reinterpret_cast<const char*>(number), sizeof number}));
}

LeaderElection::LeaderElection(Api& api, Clock& clock, Random& random, LeaderElectionOptions options)
    : api_(api), clock_(clock), random_(random), options_(std::move(options)) {}

bool LeaderElection::is_ours(const Object& lease) const { return lease["spec"]["holderIdentity"].as_string() == options_.identity; }

Result<bool> LeaderElection::try_once() {
  auto found = api_.get(leases(), options_.name_space, options_.name);
  if (!found && !found.error().is(Reason::NotFound)) return fail(std::move(found).error());
  if (!found) return take(nullptr);
  const Object& lease = **found;
  auto holder = lease["spec"]["holderIdentity"].as_string();
  if (is_ours(lease) || holder.empty()) return take(&lease);
  auto state = concat(holder, " ", lease["spec"]["renewTime"].as_int(), " ", lease["spec"]["leaseTransitions"].as_int());
  if (state != seen_) {
    seen_ = std::move(state);
    seen_at_us_ = clock_.monotonic_us();
  }
  int64_t lasts_us = lease["spec"]["leaseDurationSeconds"].as_int() * 1'000'000;
  if (clock_.monotonic_us() - seen_at_us_ < lasts_us) return false;
  return take(&lease);
}

Result<bool> LeaderElection::take(const Object* current) {
  Arena arena;
  Value tree = current ? schema::thaw(*current, arena).clone(arena) : Value::object(arena);
  api::coordination_v1::LeaseEdit lease(tree);
  lease.ensure_metadata().set_name(options_.name);
  lease.ensure_metadata().set_namespace(options_.name_space);
  auto spec = lease.ensure_spec();
  bool renews = current && is_ours(*current);
  if (!renews) {
    spec.set_holder_identity(options_.identity);
    spec.set_acquire_time(clock_.now_us());
    spec.set_lease_transitions(current ? static_cast<int32_t>((*current)["spec"]["leaseTransitions"].as_int() + 1) : 0);
  }
  spec.set_lease_duration_seconds(static_cast<int32_t>(options_.lease_us / 1'000'000));
  spec.set_renew_time(clock_.now_us());
  auto written = current ? api_.update(leases(), tree) : api_.create(leases(), options_.name_space, tree);
  if (written) return true;
  // Somebody was faster.
  if (written.error().is(Reason::Conflict) || written.error().is(Reason::AlreadyExists)) return false;
  return fail(std::move(written).error());
}

Result<void> LeaderElection::release() {
  auto current = TRY(api_.get(leases(), options_.name_space, options_.name));
  if (!is_ours(*current)) return {};
  Arena arena;
  Value tree = schema::thaw(*current, arena).clone(arena);
  auto spec = api::coordination_v1::LeaseEdit(tree).ensure_spec();
  spec.value.remove("holderIdentity");
  spec.set_lease_duration_seconds(1);
  spec.set_renew_time(clock_.now_us());
  spec.set_acquire_time(clock_.now_us());
  TRY(api_.update(leases(), tree));
  return {};
}

bool LeaderElection::pause(int64_t us) {
  // Not all at the same time.
  us += static_cast<int64_t>(random_.below(static_cast<uint64_t>(us / 5 + 1)));
  std::unique_lock lock(mutex_);
  return !stopped_.wait_for(lock, std::chrono::microseconds(us), [this] { return stopping_; });
}

bool LeaderElection::acquire() {
  LOG_INFO("Attempting to acquire leader lease... lock=\"", options_.name_space, "/", options_.name, "\"");
  do {
    auto leads = try_once();
    if (!leads) LOG_ERROR("Error retrieving lease lock: ", leads.error().message());
    if (leads && *leads) {
      LOG_INFO("Successfully acquired lease lock=\"", options_.name_space, "/", options_.name, "\"");
      return true;
    }
  } while (pause(options_.retry_us));
  return false;
}

bool LeaderElection::keep() {
  int64_t renewed_us = clock_.monotonic_us();
  while (pause(options_.retry_us)) {
    auto leads = try_once();
    if (leads && *leads) {
      renewed_us = clock_.monotonic_us();
      continue;
    }
    LOG_V(1, "the lease could not be renewed: ", leads ? std::string_view("another one holds it") : std::string_view(leads.error().message()));
    if (clock_.monotonic_us() - renewed_us >= options_.renew_us) return false;
  }
  return true;
}

void LeaderElection::stop() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  stopped_.notify_all();
}

}  // namespace sampan::client
