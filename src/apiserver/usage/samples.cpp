#include "apiserver/usage/samples.h"

#include <charconv>
#include <cmath>

#include "base/text.h"

namespace sampan::apiserver {

namespace {

// name{label="value",...} value [time]
struct Line {
  std::string_view name, container, pod, name_space;
  double value = 0;
  int64_t at_ms = 0;
};

// Cuts {a="b",...} off; what is escaped in values stays so, for names have nothing to escape.
bool cut_labels(std::string_view& text, Line& line) {
  text.remove_prefix(1);
  while (!text.empty() && text.front() != '}') {
    auto equals = text.find("=\"");
    if (equals == std::string_view::npos) return false;
    auto name = text.substr(0, equals);
    text.remove_prefix(equals + 2);
    size_t end = 0;
    while (end < text.size() && text[end] != '"') end += text[end] == '\\' ? 2 : 1;
    if (end >= text.size()) return false;
    auto value = text.substr(0, end);
    text.remove_prefix(end + 1);
    if (name == "container") line.container = value;
    if (name == "pod") line.pod = value;
    if (name == "namespace") line.name_space = value;
    if (text.starts_with(',')) text.remove_prefix(1);
  }
  if (text.empty()) return false;
  text.remove_prefix(1);
  return true;
}

bool read_line(std::string_view text, Line& line) {
  auto end = text.find_first_of("{ ");
  if (end == std::string_view::npos || text.starts_with('#')) return false;
  line.name = text.substr(0, end);
  text.remove_prefix(end);
  if (text.front() == '{' && !cut_labels(text, line)) return false;
  text = trim(text);
  auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), line.value);
  if (error != std::errc() || !std::isfinite(line.value) || line.value < 0) return false;
  text = trim(text.substr(static_cast<size_t>(rest - text.data())));
  return text.empty() || parse_int(text, line.at_ms);
}

// Held at what a number of 64 bits can be.
uint64_t whole(double value) { return value >= 1.8e19 ? UINT64_MAX : static_cast<uint64_t>(value); }

void take_cpu(Sample& sample, const Line& line) { sample.cpu_ns = whole(line.value * 1e9), sample.at_ms = line.at_ms; }

}  // namespace

NodeSamples read_samples(std::string_view text, int64_t now_ms) {
  NodeSamples samples;
  for (auto piece : split(text, '\n')) {
    Line line{.at_ms = now_ms};
    if (!read_line(piece, line)) continue;
    if (line.name == "node_cpu_usage_seconds_total") take_cpu(samples.node, line);
    if (line.name == "node_memory_working_set_bytes") samples.node.memory_bytes = whole(line.value);
    if (!line.name.starts_with("container_") || line.pod.empty() || line.container.empty()) continue;
    auto& container = samples.pods[concat(line.name_space, "/", line.pod)][std::string(line.container)];
    if (line.name == "container_cpu_usage_seconds_total") take_cpu(container, line);
    if (line.name == "container_memory_working_set_bytes") container.memory_bytes = whole(line.value);
    if (line.name == "container_start_time_seconds") container.started_ms = static_cast<int64_t>(std::min(line.value * 1e3, 9e18));
  }
  return samples;
}

}  // namespace sampan::apiserver
