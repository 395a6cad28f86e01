#include "registry/core/service_allocation_store.h"

#include "base/encoding.h"
#include "registry/columns.h"
#include "schema/apply/apply.h"
#include "schema/protobuf.h"

namespace sampan::registry::core {

Result<void> StoredAddresses::create(Value ip_address, Arena& arena) {
  schema::FieldManager manager;
  manager.name = "kube-apiserver";
  manager.api_version = addresses_.resource().stored_as;
  manager.now_seconds = clock_.now_us() / 1'000'000;
  TRY(schema::update_managed_fields(ip_address, nullptr, *addresses_.resource().type, manager));
  TRY(addresses_.create({}, ip_address, arena, {}));
  return {};
}

Result<void> StoredAddresses::remove(std::string_view name) { return addresses_.erase({}, name); }

bool StoredAddresses::exists(std::string_view name) { return addresses_.get({}, name).has_value(); }

namespace {
std::vector<ObjectRef> all_of(ObjectStore& objects) {
  std::vector<ObjectRef> out;
  objects.cache().snapshot().each({}, {}, [&](std::string_view, const ObjectRef& object) {
    out.push_back(object);
    return true;
  });
  return out;
}
}  // namespace

std::vector<ObjectRef> StoredAddresses::list() { return all_of(addresses_); }

// ---- ports ----

namespace {

constexpr std::string_view kPortsKey = "/registry/ranges/servicenodeports";

Result<ObjectRef> stored_allocation(std::string_view bytes) {
  auto envelope = TRY(schema::open_envelope(bytes));
  return schema::decode_protobuf(envelope.raw, *schema::builtin_type("io.k8s.api.core.v1.RangeAllocation"));
}

Result<std::string> allocation_bytes(const PortBitmap& ports) {
  std::string data;
  append_base64(data, ports.bytes());
  auto range = ports.range_text();
  Arena arena;
  Value value = Value::object(arena);
  value.set("range", std::string_view(range));
  value.set("data", std::string_view(data));
  auto object = TRY(schema::freeze(value, *schema::builtin_type("io.k8s.api.core.v1.RangeAllocation")));
  std::string out;
  schema::encode_envelope(out, *object, "v1", "RangeAllocation");
  return out;
}

}  // namespace

Result<void> StoredPorts::update(const std::function<Result<void>(PortBitmap& ports)>& change) {
  constexpr int kTries = 100;
  std::lock_guard lock(mutex_);
  for (int i = 0; i < kTries; i++) {
    store::RangeOptions options;
    options.start = kPortsKey;
    auto found = TRY(store_.range(options));
    PortBitmap ports(first_, count_);
    store::Revision revision = 0;
    if (!found.entries.empty()) {
      auto stored = TRY(stored_allocation(found.entries[0].value));
      revision = found.entries[0].modified;
      // After a change of the range the bits mean other ports; repair() sets the right ones.
      if ((*stored)["range"].as_string() == ports.range_text()) ports.set_bytes((*stored)["data"].as_string());
    }
    auto before = ports.bytes();
    TRY(change(ports));
    if (revision != 0 && ports.bytes() == before) return {};
    store::Write write;
    write.key = kPortsKey;
    write.value = TRY(allocation_bytes(ports));
    write.expected = revision;
    if (TRY(store_.write(std::move(write))).applied) return {};
  }
  return fail(conflict("", "serviceipallocations", "", "the provided resource version does not match"));
}

// ---- ranges ----

ReadyCidrs ready_cidrs_of(ObjectStore& service_cidrs) {
  return [&service_cidrs] {
    std::vector<Cidr> out;
    for (const auto& object : all_of(service_cidrs)) {
      if (is_being_deleted(*object)) continue;
      bool ready = false;
      auto conditions = (*object)["status"]["conditions"];
      for (uint32_t i = 0; i < conditions.size(); i++)
        ready |= conditions.item(i)["type"].as_string() == "Ready" && conditions.item(i)["status"].as_string() == "True";
      auto cidrs = (*object)["spec"]["cidrs"];
      for (uint32_t i = 0; ready && i < cidrs.size(); i++)
        if (auto cidr = parse_cidr(cidrs.item(i).as_string())) out.push_back(*cidr);
    }
    return out;
  };
}

}  // namespace sampan::registry::core
