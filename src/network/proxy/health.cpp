// Health pages in upstream's words.
#include "network/proxy/health.h"

#include "base/encoding.h"
#include "base/log.h"
#include "base/text.h"

namespace sampan::network::proxy {
namespace {

const std::pair<std::string, std::string> kNoSniff = {"X-Content-Type-Options", "nosniff"};

// Go's time in JSON: RFC 3339 with as many digits as there are, in UTC.
std::string time_json(int64_t us) {
  std::string out;
  append_micro_time(out, us);
  return concat("\"", out, "\"");
}

}  // namespace

void Health::queued(bool v6) {
  std::lock_guard lock(mutex_);
  if (!families_[v6].queued_us) families_[v6].queued_us = clock_.now_us();
}

void Health::updated(bool v6) {
  std::lock_guard lock(mutex_);
  families_[v6] = {.updated_us = clock_.now_us()};
}

bool Health::healthy() const {
  std::lock_guard lock(mutex_);
  int64_t now = clock_.now_us();
  return !late(families_[0], now) && !late(families_[1], now);
}

std::string Health::json(bool ok, bool with_eligibility, bool eligible) const {
  std::lock_guard lock(mutex_);
  int64_t now = clock_.now_us(), last = ok ? now : std::max(families_[0].updated_us, families_[1].updated_us);
  bool healthy = !late(families_[0], now) && !late(families_[1], now);
  std::string out = concat("{\"lastUpdated\":", time_json(last), ",\"currentTime\":", time_json(now));
  if (with_eligibility) append(out, ",\"nodeEligible\":", eligible ? "true" : "false");
  append(out, ",\"healthy\":", healthy ? "true" : "false");
  const char* names[] = {"IPv4", "IPv6"};
  bool first = true;
  for (int i = 0; i < 2; ++i) {
    if (!families_[i].updated_us) continue;
    append(out, first ? ",\"status\":{" : ",", "\"", names[i], "\":{\"lastUpdated\":", time_json(families_[i].updated_us), ",\"healthy\":",
           late(families_[i], now) ? "false" : "true", "}");
    first = false;
  }
  return out + (first ? "}" : "}}");
}

Page Health::page(std::string_view path) {
  bool healthz = path == "/healthz";
  if (!healthz && path != "/livez") return no_such_page();
  bool eligible = node_eligible_, ok = healthy() && (!healthz || eligible);
  (healthz ? metrics_.healthz : metrics_.livez).with({ok ? "200" : "503"}).add();
  return {.status = ok ? 200 : 503, .type = "application/json", .body = json(ok, healthz, eligible), .headers = {kNoSniff}};
}

ServiceHealth::~ServiceHealth() {
  for (auto& [name, one] : services_) close(one);
}

void ServiceHealth::set_addresses(std::vector<Address> addresses) {
  if (addresses == addresses_) return;
  addresses_ = std::move(addresses);
  for (auto& [name, one] : services_) {
    close(one);
    open(name, one);
  }
}

void ServiceHealth::set(const std::string& service, uint16_t port, int local_endpoints) {
  auto found = services_.find(service);
  if (found == services_.end() && port == 0) return;
  One& one = services_[service];
  if (one.port != port) {
    close(one);
    one.port = port;
    if (port == 0) return void(services_.erase(service));
    open(service, one);
  }
  *one.endpoints = local_endpoints;
}

void ServiceHealth::open(const std::string& service, One& one) {
  std::string name_space = service.substr(0, service.find('/')), name = service.substr(service.find('/') + 1);
  auto handler = [this, name_space, name, endpoints = one.endpoints](std::string_view) {
    int count = *endpoints;
    bool healthy = health_.healthy();
    std::string body = concat("{\n\t\"service\": {\n\t\t\"namespace\": ", quoted(name_space), ",\n\t\t\"name\": ", quoted(name),
                              "\n\t},\n\t\"localEndpoints\": ", count, ",\n\t\"serviceProxyHealthy\": ", healthy ? "true" : "false", "\n}");
    return Page{.status = count && healthy ? 200 : 503,
                .type = "application/json",
                .body = std::move(body),
                .headers = {kNoSniff, {"X-Load-Balancing-Endpoint-Weight", concat(count)}}};
  };
  for (const Address& address : addresses_) {
    auto port = server_.listen(address, one.port, handler);
    if (port) one.open.push_back(*port);
    else LOG_ERROR("health check of service ", service, ": ", port.error().message());
  }
}

void ServiceHealth::close(One& one) {
  for (StatusServer::Port port : one.open) server_.close(port);
  one.open.clear();
}

}  // namespace sampan::network::proxy
