// What an expression may name, and the list of all libraries.
#include "cel/environment.h"

#include "cel/libraries.h"
#include "cel/library/authorizer.h"

namespace sampan::cel {

const Environment& Environment::kubernetes() {
  static const Environment environment = [] {
    Environment made(nullptr);
    // In upstream's order: the overloads of a name are tried in it.
    add_standard(made);
    add_urls(made);
    add_regex(made);
    add_kubernetes_lists(made);
    add_authorizer(made);
    add_optionals(made);
    add_quantities(made);
    add_strings(made);
    add_sets(made);
    add_addresses(made);
    add_formats(made);
    add_two_variable_loops(made);
    add_semantic_versions(made);
    add_lists(made);
    return made;
  }();
  return environment;
}

void Environment::declare(FunctionDeclaration function) {
  auto [place, is_new] = functions_.try_emplace(function.name);
  if (is_new) {
    const FunctionDeclaration* known = below_ ? below_->function(function.name) : nullptr;
    place->second = known ? *known : FunctionDeclaration{.name = function.name, .overloads = {}};
  }
  for (Overload& overload : function.overloads) place->second.overloads.push_back(std::move(overload));
}

void Environment::declare(std::string_view variable, Type type) { variables_.insert_or_assign(std::string(variable), std::move(type)); }

void Environment::declare_struct(std::string_view name, std::vector<Field> fields) {
  structs_[std::string(name)].clear();
  for (Field& field : fields) declare_field(name, std::move(field));
}

void Environment::declare_field(std::string_view structure, Field field) {
  std::string name = field.name;
  structs_[std::string(structure)].insert_or_assign(std::move(name), std::move(field));
}

std::optional<Type> Environment::variable(std::string_view name) const {
  for (const Environment* level = this; level; level = level->below_)
    if (auto found = level->variables_.find(name); found != level->variables_.end()) return found->second;
  return {};
}

const FunctionDeclaration* Environment::function(std::string_view name) const {
  for (const Environment* level = this; level; level = level->below_)
    if (auto found = level->functions_.find(name); found != level->functions_.end()) return &found->second;
  return nullptr;
}

void Environment::declare_short_names() {
  declare("duration", Type::type_of(Type::Kind::Duration));
  declare("timestamp", Type::type_of(Type::Kind::Timestamp));
}

bool Environment::is_open(std::string_view structure) const {
  if (open_root_.empty() || !structure.starts_with(open_root_)) return false;
  return structure.size() == open_root_.size() || structure[open_root_.size()] == '.';
}

const Field* Environment::field(std::string_view structure, std::string_view name) const {
  static const Field anything;
  for (const Environment* level = this; level; level = level->below_) {
    if (level->is_open(structure)) return &anything;
    auto found = level->structs_.find(structure);
    if (found == level->structs_.end()) continue;
    auto field = found->second.find(name);
    return field == found->second.end() ? nullptr : &field->second;
  }
  return nullptr;
}

bool Environment::has_struct(std::string_view name) const {
  for (const Environment* level = this; level; level = level->below_)
    if (level->is_open(name) || level->structs_.contains(name)) return true;
  return false;
}

}  // namespace sampan::cel
