// DenyServiceExternalIPs: services get no external address that they did not have (CVE-2020-8554). Off unless asked for.
#include "apiserver/admission/plugin.h"

namespace sampan::apiserver {

using schema::AnyView;
using schema::Object;

namespace {

class DenyServiceExternalIPs final : public AdmissionPlugin {
 public:
  std::string_view name() const override { return "DenyServiceExternalIPs"; }

  Result<void> validate(const Attributes& attributes, const Object* service, const Object* old) override {
    bool writes = attributes.operation == Operation::Create || attributes.operation == Operation::Update;
    if (!writes || !is_about(attributes, "", "services")) return {};
    AnyView now = (*service)["spec"]["externalIPs"], before;
    if (old) before = (*old)["spec"]["externalIPs"];
    for (uint32_t i = 0; i < now.size(); i++)
      if (!contains(before, now.item(i).as_string()))
        return fail(refusal(attributes, *service, "Use of external IPs is denied by admission control"));
    return {};
  }

 private:
  static bool contains(const AnyView& addresses, std::string_view address) {
    if (!addresses.present()) return false;
    for (uint32_t i = 0; i < addresses.size(); i++)
      if (addresses.item(i).as_string() == address) return true;
    return false;
  }
};

}  // namespace

std::unique_ptr<AdmissionPlugin> deny_service_external_ips() { return std::make_unique<DenyServiceExternalIPs>(); }

}  // namespace sampan::apiserver
