#include "apiserver/streams/backends.h"

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

Error too_many_streams() { return Error(Reason::TooManyRequests, "too many streams are open, please try again later").retry_after(1); }

}  // namespace sampan::apiserver
