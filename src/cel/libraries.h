// The libraries of functions, one a file under library/. environment.cpp lists them.
#pragma once

namespace sampan::cel {

class Environment;

void add_standard(Environment& environment);  // operators, size, conversions, times: what the language itself has
// cel-go's extensions as Kubernetes 1.36 has them.
void add_optionals(Environment& environment);
void add_strings(Environment& environment);
void add_sets(Environment& environment);
void add_lists(Environment& environment);
void add_two_variable_loops(Environment& environment);
// Kubernetes' own.
void add_kubernetes_lists(Environment& environment);
void add_regex(Environment& environment);
void add_urls(Environment& environment);
void add_quantities(Environment& environment);
void add_addresses(Environment& environment);
void add_formats(Environment& environment);
void add_semantic_versions(Environment& environment);

}  // namespace sampan::cel
