// Logs and pods, and the small things that all endpoints need.
#include "base/encoding.h"
#include "base/environment.h"
#include "base/held.h"
#include "base/log.h"
#include "base/text.h"
#include "kubelet/server/handlers.h"
#include "kubelet/server/logs.h"
#include "schema/json.h"

namespace sampan::kubelet {

namespace {

std::string decode(std::string_view text, bool plus_is_space) {
  auto digit = [](char c) { return c >= '0' && c <= '9' ? c - '0' : (c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (c | 0x20) - 'a' + 10 : -1; };
  std::string out;
  for (size_t i = 0; i < text.size(); i++) {
    if (text[i] == '%' && i + 2 < text.size() && digit(text[i + 1]) >= 0 && digit(text[i + 2]) >= 0) {
      out += static_cast<char>(digit(text[i + 1]) * 16 + digit(text[i + 2]));
      i += 2;
    } else {
      out += plus_is_space && text[i] == '+' ? ' ' : text[i];
    }
  }
  return out;
}

// What is asked of a log. False: it cannot be understood; `invalid` says whether it was well-formed at all.
bool read_options(const NodeQuery& query, LogOptions& options, bool& invalid) {
  invalid = false;
  auto number = [&](std::string_view name, std::optional<int64_t>& out) {
    auto text = query.get(name);
    if (!text || text->empty()) return true;
    int64_t parsed = 0;
    if (!parse_int(*text, parsed)) return false;
    out = parsed;
    return true;
  };
  std::optional<int64_t> since_seconds;
  auto tail = query.get("tail");  // the old name
  if (!number(tail ? "tail" : "tailLines", options.tail_lines) && tail != "all") return false;
  if (!number("limitBytes", options.limit_bytes) || !number("sinceSeconds", since_seconds)) return false;
  auto since_time = query.get("sinceTime");
  if (since_time && !since_time->empty() && !parse_time(*since_time, options.since_us)) return false;
  invalid = (options.tail_lines && *options.tail_lines < 0) || (options.limit_bytes && *options.limit_bytes < 1) ||
            (since_seconds && (*since_seconds < 1 || options.since_us != 0));
  if (since_seconds) options.since_us = real_clock().now_us() - microseconds_of(*since_seconds);
  options.follow = query.is_true("follow");
  options.timestamps = query.is_true("timestamps");
  return !invalid;
}

bool has_container(const schema::Object& pod, std::string_view name) {
  for (std::string_view list : {"initContainers", "containers", "ephemeralContainers"}) {
    auto containers = pod["spec"][list];
    for (uint32_t i = 0; i < containers.size(); i++)
      if (containers.item(i)["name"].as_string() == name) return true;
  }
  return false;
}

}  // namespace

NodeQuery::NodeQuery(std::string_view raw) {
  for (auto part : split(raw, '&')) {
    if (part.empty()) continue;
    auto equals = std::min(part.find('='), part.size());
    entries_.emplace_back(decode(part.substr(0, equals), true), decode(part.substr(std::min(equals + 1, part.size())), true));
  }
}

std::optional<std::string> NodeQuery::get(std::string_view name) const {
  for (auto& [key, value] : entries_)
    if (key == name) return value;
  return std::nullopt;
}

std::vector<std::string> NodeQuery::all(std::string_view name) const {
  std::vector<std::string> values;
  for (auto& [key, value] : entries_)
    if (key == name) values.push_back(value);
  return values;
}

bool NodeQuery::is_true(std::string_view name) const {
  auto value = get(name);
  return value && to_lower(*value) != "false" && *value != "0";
}

std::string decode_path(std::string_view text) { return decode(text, false); }

net::Response text_answer(int status, std::string text) {
  return {.status = status, .headers = {{"content-type", "text/plain; charset=utf-8"}, {"x-content-type-options", "nosniff"}}, .body = std::move(text)};
}

net::Response json_answer(std::string text) { return {.headers = {{"content-type", "application/json"}}, .body = std::move(text)}; }

net::Response answer_logs(NodeCall& call) {
  if (call.segments.size() != 4) return text_answer(404, "404: Page Not Found");
  LogOptions options;
  bool invalid = false;
  if (!read_options(call.query, options, invalid))
    return invalid ? text_answer(422, R"({"message": "Invalid request."})") : text_answer(400, R"({"message": "Unable to decode query."})");
  auto &name_space = call.segments[1], &pod_name = call.segments[2], &container = call.segments[3];
  auto& pods = call.parts.pods;
  auto pod = pods.find(name_space, pod_name, "");
  if (!pod) return text_answer(404, concat("pod ", quoted(pod_name), " does not exist"));
  if (!has_container(*pod->pod, container)) return text_answer(404, concat("container ", quoted(container), " not found in pod ", quoted(pod_name)));
  auto info = pods.log_of(name_space, pod_name, container, call.query.is_true("previous"));
  if (!info) return text_answer(400, info.error().message());
  auto file = LogFile::open(info->log_path);
  if (!file) return text_answer(400, file.error().message());
  auto seats = call.threads.take(1);
  if (!seats) return text_answer(429, "too many logs are read");

  auto bell = std::make_shared<LogBell>();
  uint64_t number = 0;
  if (options.follow) {
    number = pods.when_stopped(info->id, [bell] { bell->container_stopped(); });
    // It may have stopped before anybody listened.
    auto now = call.parts.runtime.container_status(info->id);
    bool gone = !now && now.error().is(Reason::NotFound);
    if (gone || (now && now->state != ContainerState::Running)) bell->container_stopped();
  }
  auto produce = [&pods, options, bell, number, file = std::shared_ptr<LogFile>(std::move(*file))](net::BodySink& sink) {
    auto copied = file->copy(options, *bell, sink);
    if (options.follow) pods.forget(number);
    if (!copied) LOG_WARNING("a log is cut short: ", copied.error().message());
    return copied.has_value();
  };
  net::Response answer{.headers = {{"content-type", "text/plain"}}};
  answer.source = net::threaded_source(seats, std::move(produce), [bell] { bell->nobody_reads(); });
  return answer;
}

net::Response answer_pods(NodeCall& call, bool only_running) {
  std::string list = R"({"kind":"PodList","apiVersion":"v1","metadata":{},"items":[)";
  bool first = true;
  for (auto& pod : call.parts.pods.list()) {
    if (only_running && (*pod)["status"]["phase"].as_string() != "Running") continue;
    if (!std::exchange(first, false)) list += ',';
    schema::write_json(list, *pod, "", "");
  }
  list += "]}";
  return json_answer(std::move(list));
}

}  // namespace sampan::kubelet
