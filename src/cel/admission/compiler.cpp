// One environment for each set of names, with the variables of the policy in all of them.
#include "cel/admission/compiler.h"

namespace sampan::cel::admission {

namespace {

using Kind = Type::Kind;

// What other expressions know of a variable's type: structs, types and optionals are anything to them.
Type known_of(const Type& type) {
  switch (type.kind()) {
    case Kind::List: return Type::list(known_of(type.parameter(0)));
    case Kind::Map: return Type::map(known_of(type.parameter(0)), known_of(type.parameter(1)));
    case Kind::Error:
    case Kind::Type:
    case Kind::Parameter:
    case Kind::Struct:
    case Kind::Opaque: return Type();
    default: return type;
  }
}

Field field_of(const std::string& name, const Program& program) { return {name, program.checked ? known_of(program.checked->type()) : Type()}; }

}  // namespace

const Environment& Compiler::environment(Names names) {
  const Environment& common = common_ ? *common_ : environment_of(names);
  if (composition_ == Composition::None) return common;
  auto [place, is_new] = composed_.try_emplace(&common, common.extend());
  if (is_new) {
    place->second.declare("variables", Type::structure(kVariables));
    place->second.declare_struct(kVariables, {});
    for (const auto& [name, program] : variables_) place->second.declare_field(kVariables, field_of(name, program));
  }
  return place->second;
}

Program Compiler::compile(std::string text, Names names, std::span<const Type> results) {
  return make_program(std::move(text), environment(names), results);
}

const Program& Compiler::define(std::string name, std::string text, Names names) {
  const auto& [key, program] = *variables_.insert_or_assign(std::move(name), compile(std::move(text), names, {})).first;
  for (auto& [_, environment] : composed_) environment.declare_field(kVariables, field_of(key, program));
  return program;
}

}  // namespace sampan::cel::admission
