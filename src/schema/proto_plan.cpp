#include "schema/proto_plan.h"

#include "base/check.h"

namespace sampan::schema {

namespace {

struct Cached {
  const Type* type;
  ProtoPlan plan;
};

ProtoPlan& group_at(ProtoPlan& plan, uint32_t number) {
  for (ProtoPlan::Entry& entry : plan.entries)
    if (entry.number == number) {
      check(entry.group);
      return *entry.group;
    }
  plan.entries.push_back({number, 0, std::make_unique<ProtoPlan>()});
  return *plan.entries.back().group;
}

void build(ProtoPlan& plan, const Type& type) {
  for (uint32_t i = 0; i < type.fields.size(); i++) {
    const Field& field = type.fields[i];
    if (field.proto == 0) continue;
    ProtoPlan* into = &plan;
    if (field.proto_outer & 0xff) into = &group_at(*into, field.proto_outer & 0xff);
    if (field.proto_outer >> 8) into = &group_at(*into, field.proto_outer >> 8);
    into->entries.push_back({field.proto, i, nullptr});
  }
  plan.finish();
}

}  // namespace

void ProtoPlan::finish() {
  std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) { return a.number < b.number; });
  by_number_.assign(entries.empty() ? 0 : entries.back().number + 1, 0);
  for (size_t i = 0; i < entries.size(); i++) {
    by_number_[entries[i].number] = static_cast<uint16_t>(i + 1);
    if (entries[i].group) entries[i].group->finish();
  }
}

const ProtoPlan& proto_plan(const Type& type) {
  // Struct types have dense numbers; types outside the tables (tests) may share one, and then go the slow way.
  static std::atomic<const Cached*> cache[4096];
  auto& slot = cache[type.id % std::size(cache)];
  const Cached* cached = slot.load(std::memory_order_acquire);
  if (cached && cached->type == &type) [[likely]] return cached->plan;
  static std::mutex mutex;
  static std::map<const Type*, std::unique_ptr<const Cached>> plans;
  std::lock_guard lock(mutex);
  auto& made = plans[&type];
  if (!made) {
    auto fresh = std::make_unique<Cached>(Cached{&type, {}});
    build(fresh->plan, type);
    made = std::move(fresh);
  }
  slot.store(made.get(), std::memory_order_release);
  return made->plan;
}

}  // namespace sampan::schema
