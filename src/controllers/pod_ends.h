// How controllers make an end of pods: with the reason in the pod's status, so that whoever owns it knows that it did not fail by itself.
#pragma once
#include <string_view>

#include "client/api.h"

namespace sampan::controllers {

struct PodEnd {
  std::string_view reason, message;  // of the condition DisruptionTarget; reason "": none
  bool by_force = false;             // it has failed, and goes at once: nobody is there to end it
};
Result<void> end_pod(client::Api& api, const schema::Object& pod, const PodEnd& end, int64_t now_seconds);

}  // namespace sampan::controllers
