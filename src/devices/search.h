// The search of one allocation on one node. See allocator.h.
#pragma once
#include "devices/allocator.h"
#include "devices/constraints.h"

namespace sampan::devices {

// Devices of one class that are wanted: a request, or one of its choices.
struct Wanted {
  std::string_view name;
  AnyView from;
  ObjectRef device_class;
  bool all = false, admin = false;
  size_t count = 0;
  struct Found {
    Pool* pool;
    const Device* device;
  };
  std::vector<Found> all_devices;  // if all are wanted: these
};

struct Request {
  std::string_view name;
  bool is_choice = false;
  size_t chosen = 0;
  std::vector<Wanted> choices;  // just one, unless it is a choice
};

struct Claimed {
  ObjectRef claim;
  std::string key;  // "namespace/name"
  std::vector<Request> requests;
  std::vector<Constraint> constraints;
  std::vector<Given> given;
};

class Search {
 public:
  Search(Allocator& allocator, const Node& node) : allocator_(allocator), market_(allocator.market()), node_(node) {}
  Outcome run(const std::vector<ObjectRef>& claims);

 private:
  enum class Step : uint8_t { Found, NotFound, TooMany, Failed };
  struct Place {
    size_t claim = 0, request = 0, choice = 0, device = 0;
  };
  struct Start {
    size_t pool = 0, device = 0;
  };
  // What is to be undone when a device is given back.
  struct Taken {
    bool counters = false, marked = false, shared = false, shared_before = false, given = false;
    size_t constraints = 0;
  };
  using Counters = std::map<std::pair<std::string_view, std::string_view>, Quantity>;

  // request_reading.cpp
  bool read(const ObjectRef& claim);
  bool read(Claimed& claimed, Request& request, const AnyView& from);
  bool read(const Claimed& claimed, Wanted& wanted, std::string_view name, const AnyView& from);
  bool find_all(const Claimed& claimed, Wanted& wanted);
  bool fail(std::string error);

  Step next(Place place, bool has_chosen, Start start);
  Step choose(Place place, Request& request);
  Step take_all(Place place, bool has_chosen, Wanted& wanted);
  Step take_any(Place place, bool has_chosen, Wanted& wanted, Start start);
  Step take(const Place& place, Pool& pool, const Device& device, bool must, Taken& taken);
  bool take_parts(const Place& place, Pool& pool, const Device& device, bool must, Taken& taken);
  void give_back(const Place& place, Pool& pool, const Device& device, const Taken& taken);
  bool is_selectable(const Claimed& claimed, const Wanted& wanted, const Device& device);
  bool is_in_use(const Device& device) const;
  bool has_room(const Wanted& wanted, const Device& device) const;
  bool reserve_counters(Pool& pool, const Device& device);
  void count(Pool& pool, const Device& device, bool back);
  Counters available_in(const Pool& pool) const;
  void configure(Claimed& claimed, Allocation& allocation) const;

  Allocator& allocator_;
  const Market& market_;
  const Node& node_;
  std::vector<Pool> pools_;
  std::vector<Claimed> claims_;
  std::map<std::pair<const Device*, const Wanted*>, bool> selectable_;
  std::map<std::string_view, std::multiset<size_t>> being_given_;  // by id: to which claims
  std::map<std::string_view, Capacity> being_shared_;              // by id: how much of it
  std::map<const Pool*, Counters> available_, consumed_;
  int64_t deadline_us_ = 0;
  size_t steps_ = 0;
  std::string error_;
  bool timed_out_ = false;
};

}  // namespace sampan::devices
