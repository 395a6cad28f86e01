#include "schema/json_plan.h"

#include "schema/json.h"

namespace sampan::schema {

std::unique_ptr<const JsonPlan> make_json_plan(const Type& type) {
  auto plan = std::make_unique<JsonPlan>();
  plan->always.assign((type.fields.size() + 31) / 32, 0);
  plan->entries.reserve(type.fields.size());
  for (uint32_t i = 0; i < type.fields.size(); i++) {
    const Field& field = type.fields[i];
    if (field.is(Field::Always)) plan->always[i / 32] |= uint32_t{1} << (i % 32);
    if (field.name == "metadata") plan->metadata = i;
    if (field.name == "resourceVersion") plan->resource_version = i;
    JsonPlan::Entry entry{};
    entry.field = &field;
    entry.type_meta = field.proto == 0 && (field.name == "apiVersion" || field.name == "kind");
    std::string head = ",";
    write_json_string(head, field.name);
    head += ':';
    if (head.size() <= sizeof entry.head) {
      std::memcpy(entry.head, head.data(), head.size());
      entry.head_size = static_cast<uint8_t>(head.size());
    }
    plan->entries.push_back(entry);
  }
  return plan;
}

const JsonPlan* kept_json_plan(const Type& type) {
  struct Kept {
    const Type* type;
    std::unique_ptr<const JsonPlan> plan;
  };
  static std::atomic<const Kept*> cache[4096];
  if (type.id == 0) return nullptr;  // not of the tables: it may not live as long as the process
  auto& slot = cache[type.id % std::size(cache)];
  const Kept* kept = slot.load(std::memory_order_acquire);
  if (!kept) {
    auto fresh = std::make_unique<const Kept>(Kept{&type, make_json_plan(type)});
    if (slot.compare_exchange_strong(kept, fresh.get(), std::memory_order_acq_rel)) kept = fresh.release();
  }
  return kept->type == &type ? kept->plan.get() : nullptr;
}

}  // namespace sampan::schema
