// How a webhook is reached, as configurations of webhooks and custom resource definitions say it.
#pragma once
#include "registry/at.h"
#include "registry/rules.h"

namespace sampan::registry {

void default_webhook_service(Value service);  // the port
// Exactly one of `url` and `service`, and that one good.
void validate_webhook_client(const At& config);

}  // namespace sampan::registry
