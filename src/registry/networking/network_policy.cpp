// NetworkPolicy: which traffic pods take and send.
#include "base/text.h"
#include "registry/addresses.h"
#include "registry/at.h"
#include "registry/columns.h"

namespace sampan::registry {

namespace network_policy {

using schema::AnyView;

constexpr std::pair<const char*, const char*> kDirections[] = {{"ingress", "from"}, {"egress", "to"}};

void defaults(Value object, std::string_view) {
  Value spec = object.ensure_object("spec");
  for (auto [direction, peers] : kDirections)
    for (Value rule : spec[direction].items())
      for (Value port : rule["ports"].items())
        if (port.is_object() && port["protocol"].is_missing()) port.set("protocol", "TCP");
  if (spec["policyTypes"].size() > 0) return;
  Value types = Value::list(object.arena());
  types.push("Ingress");
  if (spec["egress"].size() > 0) types.push("Egress");
  spec.set("policyTypes", types);
}

void validate_port(const At& port) {
  if (At protocol = port["protocol"]; protocol.present()) protocol.one_of({"TCP", "UDP", "SCTP"});
  At number = port["port"], end = port["endPort"];
  if (!number.present()) {
    if (end.present()) end.invalid("may not be specified when `port` is not specified");
    return;
  }
  auto value = number.value().as_int_or_string();
  Complaints complaints;
  if (value.is_string) {
    if (end.present()) end.invalid("may not be specified when `port` is non-numeric");
    check_port_name(value.text, complaints);
    report(number.errors(), number.path(), value.text, complaints);
    return;
  }
  check_port_number(value.number, complaints);
  for (const auto& complaint : complaints) number.invalid(Shown(value.number), complaint);
  if (!end.present()) return;
  if (end.number() < value.number) end.invalid(Shown(value.number), "must be greater than or equal to `port`");
  complaints.clear();
  check_port_number(end.number(), complaints);
  for (const auto& complaint : complaints) end.invalid(complaint);
}

struct Tolerated {
  SelectorOptions selectors;
  std::vector<std::string_view> cidrs;  // that were there before
};

void require_cidr(const At& at, const Tolerated& tolerated) {
  if (std::find(tolerated.cidrs.begin(), tolerated.cidrs.end(), at.text()) == tolerated.cidrs.end())
    require_legacy_cidr(at.errors(), at.path(), at.text());
}

void validate_block(const At& block, const Tolerated& tolerated) {
  At cidr = block["cidr"], except = block["except"];
  if (cidr.empty()) return cidr.required();
  require_cidr(cidr, tolerated);
  auto whole = parse_cidr(cidr.text());
  if (!whole) return;
  for (uint32_t i = 0; i < except.size(); i++) {
    At part = except.item(i);
    require_cidr(part, tolerated);
    auto parsed = parse_cidr(part.text());
    if (parsed && (!whole->contains(parsed->network()) || whole->prefix_of_128() >= parsed->prefix_of_128()))
      part.invalid("must be a strict subset of `cidr`");
  }
}

void validate_peer(const At& peer, const Tolerated& tolerated) {
  int kinds = 0;
  for (auto field : {"podSelector", "namespaceSelector"}) {
    At selector = peer[field];
    if (!selector.present()) continue;
    kinds++;
    validate_label_selector(peer.errors(), selector.path(), selector.value(), tolerated.selectors);
  }
  bool has_block = peer["ipBlock"].present();
  if (has_block) validate_block(peer["ipBlock"], tolerated);
  if (kinds == 0 && !has_block)
    peer.required("must specify a peer");
  else if (kinds > 0 && has_block)
    peer.forbidden("may not specify both ipBlock and another peer");
}

void validate_spec(const At& spec, const Tolerated& tolerated) {
  At selector = spec["podSelector"];
  validate_label_selector(spec.errors(), selector.path(), selector.value(), tolerated.selectors);
  for (auto [direction, peers_name] : kDirections) {
    At rules = spec[direction];
    for (uint32_t i = 0; i < rules.size(); i++) {
      At rule = rules.item(i);
      At ports = rule["ports"], peers = rule[peers_name];
      for (uint32_t j = 0; j < ports.size(); j++) validate_port(ports.item(j));
      for (uint32_t j = 0; j < peers.size(); j++) validate_peer(peers.item(j), tolerated);
    }
  }
  At types = spec["policyTypes"];
  if (types.size() > 2) return types.invalid("may not specify more than two policyTypes");
  for (uint32_t i = 0; i < types.size(); i++) types.item(i).one_of({"Ingress", "Egress"});
}

void validate(const Object& object, FieldErrors& errors) {
  Path path("spec");
  validate_spec(At(object["spec"], path, errors), {});
}

// Each block of addresses that the policy has.
template <class Visit>
void each_block(const Object& object, Visit visit) {
  Path spec("spec");
  for (auto [direction, peers_name] : kDirections) {
    auto rules = object["spec"][direction];
    auto rules_path = spec.child(direction);
    for (uint32_t i = 0; i < rules.size(); i++) {
      auto peers = rules.item(i)[peers_name];
      auto rule_path = rules_path.index(i);
      auto peers_path = rule_path.child(peers_name);
      for (uint32_t j = 0; j < peers.size(); j++)
        if (auto block = peers.item(j)["ipBlock"]; block.present()) {
          auto peer_path = peers_path.index(j);
          visit(block, peer_path.child("ipBlock"));
        }
    }
  }
}

void validate_update(const Object& object, const Object& old, FieldErrors& errors) {
  Path path("spec");
  Tolerated tolerated;
  FieldErrors before;
  validate_label_selector(before, path.child("podSelector"), old["spec"]["podSelector"]);
  tolerated.selectors.allow_invalid_values = !before.empty();
  each_block(old, [&](const AnyView& block, const Path&) {
    tolerated.cidrs.push_back(block["cidr"].as_string());
    for (uint32_t i = 0; i < block["except"].size(); i++) tolerated.cidrs.push_back(block["except"].item(i).as_string());
  });
  validate_spec(At(object["spec"], path, errors), tolerated);
}

void warnings(const Object& object, const Object*, Warnings& out) {
  each_block(object, [&](const AnyView& block, const Path& path) {
    warn_of_cidr(path.child("cidr"), block["cidr"].as_string(), out);
    auto except_path = path.child("except");
    for (uint32_t i = 0; i < block["except"].size(); i++) warn_of_cidr(except_path.index(i), block["except"].item(i).as_string(), out);
  });
}

constexpr Column kColumns[] = {
    kNameColumn,
    {"Pod-Selector", "string", "",
     "podSelector selects the pods to which this NetworkPolicy object applies. The array of rules is applied to any pods selected by this "
     "field. An empty selector matches all pods in the policy's namespace. Multiple network policies can select the same set of pods. In "
     "this case, the ingress rules for each are combined additively. This field is optional. If it is not specified, it defaults to an "
     "empty selector."},
    kAgeColumn,
};

void row(const Object& object, Row& row) {
  name_cell(object, row);
  row.text(format_label_selector(object["spec"]["podSelector"]));
  age_cell(object, row);
}

}  // namespace network_policy

extern const Rules kNetworkPolicyRules{
    .group = "networking.k8s.io",
    .kind = "NetworkPolicy",
    .defaults = network_policy::defaults,
    .validate = network_policy::validate,
    .validate_update = network_policy::validate_update,
    .warnings = network_policy::warnings,
    .columns = network_policy::kColumns,
    .row = network_policy::row,
    .empty_list_counts = true,
};

}  // namespace sampan::registry
