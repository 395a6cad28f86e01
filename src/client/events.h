// Events about objects, as `kubectl describe` shows them: told without waiting, folded together when they repeat, dropped when one object
// talks too much.
#pragma once
#include <memory>
#include <string>
#include <string_view>

#include "base/environment.h"
#include "client/api.h"

namespace sampan::client {

inline constexpr std::string_view kNormal = "Normal", kWarning = "Warning";

// What an event is about. Made from an object, or by hand for a part of one (`field_path` "spec.containers{web}").
struct Reference {
  std::string api_version, kind, name_space, name, uid, resource_version, field_path;
  static Reference of(const Resource& resource, const Object& object, std::string_view field_path = {});
};

class Events {
 public:
  // `component` is the source ("deployment-controller", "kubelet"), `host` its node or "".
  Events(Api& api, Clock& clock, Executor& executor, std::string component, std::string host = {});
  ~Events();
  // type is kNormal or kWarning. Never blocks and never fails: what cannot be written after some tries is dropped.
  void tell(const Reference& about, std::string_view type, std::string_view reason, std::string message);
  // In the form of events.k8s.io, which says what was done (`action`) and with what else (`related`, may be null).
  void tell(const Reference& about, const Reference* related, std::string_view type, std::string_view reason, std::string_view action,
            std::string note);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace sampan::client
