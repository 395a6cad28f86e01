// What plug-ins look up, from the informers.
#pragma once
#include <array>

#include "client/informer.h"
#include "scheduler/plugin.h"

namespace sampan::scheduler {

class InformerLister final : public Lister {
 public:
  // Opens the informers of all kinds; a kind that is not served has no objects.
  static Result<std::unique_ptr<InformerLister>> open(client::Informers& informers);
  client::Informer& of(Kind kind) const { return *informers_[static_cast<size_t>(kind)]; }
  ObjectRef find(Kind kind, std::string_view name_space, std::string_view name) const override { return of(kind).find(name_space, name); }
  void each(Kind kind, std::string_view name_space, const std::function<void(const ObjectRef&)>& visit) const override;

 private:
  std::array<client::Informer*, kKinds> informers_{};
};

}  // namespace sampan::scheduler
