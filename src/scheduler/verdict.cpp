#include "scheduler/verdict.h"

#include "base/text.h"

namespace sampan::scheduler {

std::string_view name_of(Code code) {
  switch (code) {
    case Code::Success: return "Success";
    case Code::Error: return "Error";
    case Code::Unschedulable: return "Unschedulable";
    case Code::UnschedulableAndUnresolvable: return "UnschedulableAndUnresolvable";
    case Code::Wait: return "Wait";
    case Code::Skip: return "Skip";
  }
  return "";
}

std::string Status::message() const { return join(reasons, ", "); }

uint32_t Reasons::add(uint32_t list, std::string_view text) {
  auto known = ids_.find(text);
  if (known == ids_.end()) {
    texts_.emplace_back(text);
    known = ids_.emplace(texts_.back(), static_cast<uint32_t>(texts_.size() - 1)).first;
  }
  uint64_t key = static_cast<uint64_t>(list) << 32 | known->second;
  auto [at, fresh] = lists_.emplace(key, static_cast<uint32_t>(links_.size()));
  if (fresh) links_.push_back({list, known->second});
  return at->second;
}

std::vector<std::string_view> Reasons::texts(uint32_t list) const {
  std::vector<std::string_view> out;
  for (; list; list = links_[list].before) out.push_back(texts_[links_[list].text]);
  std::reverse(out.begin(), out.end());
  return out;
}

void Reasons::trim() {
  if (links_.size() < kMax) return;
  ids_.clear();
  texts_.clear();
  lists_.clear();
  links_.resize(1);
}

}  // namespace sampan::scheduler
