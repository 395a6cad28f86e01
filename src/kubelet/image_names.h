// Names of images, and which credentials fit them.
#pragma once
#include "kubelet/runtime.h"
#include "schema/value.h"

namespace sampan::kubelet {

// With its tag or digest: ":latest" is added where there is none. couldn't parse image name "X": invalid reference format
Result<std::string> full_image_name(std::string_view name);

// The credentials of dockerconfigjson and dockercfg secrets, by registry.
class Keyring {
 public:
  // The content of a secret's .dockerconfigjson or, if `is_old`, its .dockercfg. What cannot be read is left out.
  void add(std::string_view json, bool is_old);
  // All that fit the image, the most specific first.
  std::vector<RegistryCredentials> find(std::string_view image) const;

 private:
  void add_entry(std::string_view registry, const schema::Value& entry);
  struct Entry {
    std::string host, path;  // host may have * for a part
    RegistryCredentials credentials;
  };
  std::vector<Entry> entries_;
};

}  // namespace sampan::kubelet
