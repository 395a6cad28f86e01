// FlowSchemas and PriorityLevelConfigurations as they are worked with: read once, matched against every request.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "apiserver/identity.h"
#include "schema/object.h"

namespace sampan::apiserver::fairness {

struct LevelConfiguration {
  std::string name, uid;
  bool exempt = false;
  int shares = 0, lendable_percent = 0;
  std::optional<int> borrowing_limit_percent;  // none: as much as there is
  int queues = 0, hand_size = 0, queue_length = 0;  // no queues: what finds no seat is rejected
};

// A list of words, or "*".
struct Words {
  bool all = false;
  std::vector<std::string> words;
  bool has(std::string_view word) const { return all || std::find(words.begin(), words.end(), word) != words.end(); }
};

struct FlowSubject {
  enum class Kind : uint8_t { User, Group, AccountsOf, Anybody, Nobody };
  Kind kind = Kind::Nobody;
  std::string name;  // of service accounts the user names, or what those of a namespace begin with
  bool matches(const User& user) const;
};

struct FlowResourceRule {
  Words verbs, groups, resources, namespaces;
  bool cluster_scope = false;
  bool matches(const RequestInfo& info) const;
};

struct FlowPathRule {
  Words verbs, paths;
  bool matches(const RequestInfo& info) const;
};

struct FlowRule {
  std::vector<FlowSubject> subjects;
  std::vector<FlowResourceRule> resources;
  std::vector<FlowPathRule> paths;
  bool matches(const User& user, const RequestInfo& info) const;
};

enum class Distinguisher : uint8_t { None, ByUser, ByNamespace };

struct SchemaConfiguration {
  std::string name, uid, level;
  int precedence = 1000;
  Distinguisher distinguisher = Distinguisher::None;
  std::vector<FlowRule> rules;
  bool matches(const User& user, const RequestInfo& info) const;
  std::string_view distinguish(const User& user, const RequestInfo& info) const;
};

// From objects of the API; a level whose object makes no sense is none.
std::optional<LevelConfiguration> level_configuration(const schema::Object& object);
SchemaConfiguration schema_configuration(const schema::Object& object);
// The mandatory ones, as they are before any object is there.
std::vector<LevelConfiguration> mandatory_levels();
std::vector<SchemaConfiguration> mandatory_schemas();

}  // namespace sampan::apiserver::fairness
