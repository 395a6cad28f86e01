#include "apiserver/streams/backends.h"

#include <arpa/inet.h>

#include "base/text.h"

namespace sampan::apiserver {

using schema::AnyView;

Result<std::unique_ptr<Backends>> Backends::create(BackendConfig config) {
  std::unique_ptr<Backends> made(new Backends(std::move(config)));
  const auto& from = made->config_;
  net::ClientOptions options;
  options.tls = {.ca_file = from.kubelet_ca_file, .certificate_file = from.kubelet_certificate_file, .key_file = from.kubelet_key_file,
                 .skip_verify = from.kubelet_ca_file.empty()};
  made->kubelets_ = TRY(net::Client::create(options));
  options.tls.skip_verify = true;
  made->unverified_kubelets_ = TRY(net::Client::create(options));
  net::ClientOptions others;
  others.tls.skip_verify = true;
  made->others_ = TRY(net::Client::create(others));
  return made;
}

Backends::~Backends() { begin_shutdown(); }

Result<net::Endpoint> Backends::kubelet_of(const schema::Object& node) const {
  AnyView addresses = node["status"]["addresses"];
  std::string host, known;
  for (const auto& type : config_.kubelet_address_types) {
    for (uint32_t i = 0; i < addresses.size() && host.empty(); i++)
      if (addresses.item(i)["type"].as_string() == type) host = addresses.item(i)["address"].as_string();
    // A node without such an address has its name on a label all the same.
    if (host.empty() && type == "Hostname") host = node["metadata"]["labels"]["kubernetes.io/hostname"].as_string();
    if (!host.empty()) break;
  }
  for (uint32_t i = 0; i < addresses.size(); i++)
    append(known, i > 0 ? " " : "", '{', addresses.item(i)["type"].as_string(), ' ', addresses.item(i)["address"].as_string(), '}');
  if (host.empty()) return fail(Error(500, Reason::Unknown, concat("no preferred addresses found; known addresses: [", known, "]")));
  auto port = node["status"]["daemonEndpoints"]["kubeletEndpoint"]["Port"].as_int();
  return net::Endpoint{.host = host, .port = port > 0 ? static_cast<uint16_t>(port) : config_.kubelet_port};
}

std::shared_ptr<net::Cancellation> Backends::cancellation() {
  auto made = std::make_shared<net::Cancellation>();
  std::lock_guard lock(mutex_);
  std::erase_if(running_, [](const auto& weak) { return weak.expired(); });
  running_.push_back(made);
  if (stopping_) made->cancel();
  return made;
}

void Backends::begin_shutdown() {
  std::lock_guard lock(mutex_);
  stopping_ = true;
  for (auto& weak : running_)
    if (auto running = weak.lock()) running->cancel();
}

bool may_be_dialled(std::string_view address) {
  std::string text(address);
  uint8_t bytes[16] = {};
  constexpr uint8_t kMapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  const uint8_t* v4 = nullptr;
  if (inet_pton(AF_INET, text.c_str(), bytes) == 1)
    v4 = bytes;
  else if (inet_pton(AF_INET6, text.c_str(), bytes) != 1)
    return false;
  else if (memcmp(bytes, kMapped, sizeof kMapped) == 0)
    v4 = bytes + sizeof kMapped;
  if (v4) {
    bool link = v4[0] == 169 && v4[1] == 254, group = v4[0] >= 224 && v4[0] <= 239, all = memcmp(v4, "\xff\xff\xff\xff", 4) == 0;
    bool none = memcmp(v4, "\0\0\0\0", 4) == 0;
    return v4[0] != 127 && !link && !group && !all && !none;
  }
  constexpr uint8_t kZero[15] = {};
  bool own = memcmp(bytes, kZero, sizeof kZero) == 0 && bytes[15] <= 1;  // :: and ::1
  bool link = bytes[0] == 0xfe && (bytes[1] & 0xc0) == 0x80, group = bytes[0] == 0xff;
  return !own && !link && !group;
}

Error too_many_streams() { return Error(Reason::TooManyRequests, "too many streams are open, please try again later").retry_after(1); }

}  // namespace sampan::apiserver
