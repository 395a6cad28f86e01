// Hashes and comparison of pod templates. The names of replica sets and revisions are made of them, so they are upstream's to the letter: in a cluster that
// is taken over the old names go on.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "schema/object.h"

namespace sampan::controllers {

// The value of the labels pod-template-hash and (of daemon sets) controller-revision-hash.
std::string pod_template_hash(const schema::AnyView& pod_template, std::optional<int32_t> collisions);
// FNV-1a of some bytes, and more bytes behind them.
uint32_t fnv_hash(std::string_view bytes, uint32_t hash = 2166136261u);
// A hash as part of a name: letters and digits that form no words.
std::string safe_name(uint32_t hash);
// What is hashed: the template as Go's spew prints it.
std::string go_dump(const schema::AnyView& pod_template);

// The same for who runs it: nothing and an empty list are one, and so are 1000m and 1. The label pod-template-hash is not looked at.
bool same_template(const schema::AnyView& a, const schema::AnyView& b);

}  // namespace sampan::controllers
