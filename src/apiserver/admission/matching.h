// Which requests a webhook or a policy is about: rules over resources, and selectors over namespaces and objects.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "apiserver/admission/seen.h"
#include "schema/label_selector.h"

namespace sampan::apiserver {

struct ResourceRule {
  enum class Scope : uint8_t { Any, Cluster, Namespaced };
  std::vector<std::string> operations, groups, versions, resources;
  std::vector<std::string> names;  // none: any
  Scope scope = Scope::Any;

  bool matches(const Attributes& attributes, const Target& target) const;
};
std::vector<ResourceRule> resource_rules(const schema::AnyView& list);

class Matching {
 public:
  // `holder` has the selectors and the matchPolicy. A webhook without rules is asked for nothing, a policy for everything.
  enum class WithoutRules : uint8_t { Nothing, Everything };
  Matching(const schema::AnyView& holder, const schema::AnyView& rules, const schema::AnyView& excluded, WithoutRules without);
  // As what the request is meant, if it is.
  Result<std::optional<Target>> match(const Attributes& attributes, Seen& seen, Catalog& catalog) const;

 private:
  std::optional<Target> match_rules(const std::vector<ResourceRule>& rules, const Attributes& attributes, const Catalog& catalog) const;
  Result<bool> match_namespace(const Attributes& attributes, Seen& seen, Catalog& catalog) const;
  Result<bool> match_object(Seen& seen) const;

  std::vector<ResourceRule> rules_, excluded_;
  Result<schema::LabelSelector> namespaces_, objects_;
  bool equivalents_ = true, everything_ = false;
};

// Configurations of admission are none of its own business, lest they lock everybody out: webhooks are not asked about any of them, policies not about
// policies. Nor are policies about reviews, which nothing would work without.
bool is_beyond_webhooks(const Attributes& attributes);
bool is_beyond_policies(const Attributes& attributes);

}  // namespace sampan::apiserver
