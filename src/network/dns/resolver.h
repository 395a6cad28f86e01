// Questions about the cluster's own names, answered from the index (the schema is Kubernetes' DNS specification 1.1.0; odd cases are as in
// CoreDNS's kubernetes plug-in). No socket, no time: a query's bytes in, an answer's bytes out.
#pragma once
#include "network/dns/index.h"
#include "network/dns/message.h"

namespace sampan::network::dns {

struct ZoneOptions {
  std::string domain = "cluster.local";
  uint32_t ttl_s = 30;  // as in the Corefile that kubeadm writes
};

enum class Outcome : uint8_t {
  Answered,
  Forward,  // not ours: ask others
  Chase,    // an alias for a name outside: ask others for the target, and answer with the alias and what they say
  Drop,
};

struct Resolved {
  Outcome outcome = Outcome::Drop;
  size_t size = 0;         // of the answer
  Code code = NoError;
  bool own_zone = false;
  WireName target;         // of Chase
};

class Resolver {
 public:
  Resolver(const Index& index, ZoneOptions options);
  // `size_max`: of the answer. `spin` varies the order of addresses. The caller holds the index's lock, shared.
  Resolved resolve(std::string_view query, const Question& question, char* out, size_t size_max, uint32_t spin) const;
  // An answer that says nothing but the code; for queries that could not be read, too.
  static size_t refuse(std::string_view query, const Question& question, Code code, char* out, size_t size_max);
  const ZoneOptions& options() const { return options_; }
  bool in_zone(std::string_view name) const;

 private:
  struct Asked;
  struct Name;  // a name below the zone, in its parts
  Code answer_zone(Asked& asked, const Name& name) const;
  Code answer_service(Asked& asked, const Name& name) const;
  Code answer_pod(Asked& asked, const Name& name) const;
  bool answer_reverse(Asked& asked) const;
  void put_addresses(Asked& asked, const std::vector<const Address*>& addresses) const;
  void put_services(Asked& asked, const Name& name, const ServiceRecord& record) const;

  const Index& index_;
  const ZoneOptions options_;
  const WireName zone_, service_suffix_;  // "svc" + zone
};

}  // namespace sampan::network::dns
