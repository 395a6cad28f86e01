// Expressions of admission made ready: those of one policy, or of webhooks. Who judges what is written compiles them to tell what is wrong with them; who
// admits keeps the programs and runs them (run.h).
#pragma once
#include "cel/admission/environment.h"
#include "cel/program.h"

namespace sampan::cel::admission {

class Compiler {
 public:
  enum class Composition : bool { None, Variables };  // with Variables there is a variable `variables`
  explicit Compiler(Composition composition) : composition_(composition) {}
  // With `variables` in an environment of the caller's, which lives as long; names do not matter then.
  explicit Compiler(const Environment& common) : composition_(Composition::Variables), common_(&common) {}

  Program compile(std::string text, Names names, std::span<const Type> results);
  // A variable of the policy: those that come later may use it. One that is no program can still be named; of a name that comes twice the last one counts.
  const Program& define(std::string name, std::string text, Names names);
  const Environment& environment(Names names);  // with the variables of the policy
  const std::map<std::string, Program, std::less<>>& variables() const { return variables_; }

 private:
  Composition composition_;
  const Environment* common_ = nullptr;
  std::map<std::string, Program, std::less<>> variables_;
  std::map<const Environment*, Environment> composed_;  // by what they are made of; each knows all variables
};

}  // namespace sampan::cel::admission
