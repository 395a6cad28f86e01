#include "base/metrics.h"

#include <dirent.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <numeric>

#include "base/check.h"
#include "base/text.h"

namespace sampan {

namespace {

uint64_t hash_of(std::initializer_list<std::string_view> values) {
  uint64_t hash = 14695981039346656037u;
  for (auto value : values) {
    for (unsigned char c : value) hash = (hash ^ c) * 1099511628211u;
    hash = (hash ^ 0xff) * 1099511628211u;
  }
  return hash ^ (hash >> 29);
}

bool equal(const std::vector<std::string>& labels, std::initializer_list<std::string_view> values) {
  return std::equal(labels.begin(), labels.end(), values.begin(), values.end());
}

void append_label_value(std::string& out, std::string_view value) {
  for (char c : value) {
    if (c == '\\' || c == '"') out += '\\';
    if (c == '\n')
      out += "\\n";
    else
      out += c;
  }
}

size_t slots_for(size_t series) {
  size_t slots = 16;
  while (slots < 2 * series) slots *= 2;
  return slots;
}

std::string_view word_of(MetricKind kind) {
  switch (kind) {
    case MetricKind::Counter: return "counter";
    case MetricKind::Gauge: return "gauge";
    case MetricKind::Histogram: return "histogram";
  }
  return "";
}

}  // namespace

Series::Series(const MetricDescription& description, std::vector<std::string> labels) : description_(description), labels_(std::move(labels)) {
  if (description.kind == MetricKind::Histogram) buckets_ = std::make_unique<std::atomic<uint64_t>[]>(description.buckets.size());
}

void Series::observe(double value) {
  auto bounds = description_.buckets;
  auto at = static_cast<size_t>(std::lower_bound(bounds.begin(), bounds.end(), value) - bounds.begin());
  if (at < bounds.size()) buckets_[at].fetch_add(1, std::memory_order_relaxed);
  value_.fetch_add(1, std::memory_order_relaxed);
  sum_millionths_.fetch_add(static_cast<int64_t>(value * 1e6), std::memory_order_relaxed);
}

MetricFamily::MetricFamily(const MetricDescription& description, size_t series_max)
    : description_(description),
      series_max_(series_max),
      order_(description.labels.size()),
      slots_(slots_for(series_max)),
      beyond_(description_, std::vector<std::string>(description.labels.size(), "other")) {
  std::iota(order_.begin(), order_.end(), 0);
  std::sort(order_.begin(), order_.end(), [this](size_t a, size_t b) { return description_.labels[a] < description_.labels[b]; });
}

MetricFamily::~MetricFamily() {
  for (auto& slot : slots_) delete slot.load(std::memory_order_relaxed);
}

Series& MetricFamily::with(std::initializer_list<std::string_view> values) {
  check(values.size() == description_.labels.size());
  const size_t mask = slots_.size() - 1;
  std::unique_ptr<Series> mine;
  for (size_t at = hash_of(values) & mask;; at = (at + 1) & mask) {
    Series* found = slots_[at].load(std::memory_order_acquire);
    if (!found) {
      if (!mine) {
        // Taken before it is used, so that racing threads cannot fill the table.
        if (used_.fetch_add(1, std::memory_order_relaxed) >= series_max_) {
          used_.fetch_sub(1, std::memory_order_relaxed);
          return beyond_;
        }
        mine = std::make_unique<Series>(description_, std::vector<std::string>(values.begin(), values.end()));
      }
      if (slots_[at].compare_exchange_strong(found, mine.get(), std::memory_order_acq_rel)) return *mine.release();
    }
    if (!equal(found->labels_, values)) continue;
    if (mine) used_.fetch_sub(1, std::memory_order_relaxed);
    return *found;
  }
}

void MetricFamily::write_line(std::string& out, const Series& series, std::string_view suffix, std::string_view le, std::string_view value) const {
  append(out, description_.name, suffix);
  char open = '{';
  auto label = [&](std::string_view name, std::string_view text) {
    out += open;
    open = ',';
    append(out, name, "=\"");
    append_label_value(out, text);
    out += '"';
  };
  for (size_t i : order_) label(description_.labels[i], series.labels_[i]);
  if (!le.empty()) label("le", le);
  append(out, open == ',' ? "} " : " ", value, "\n");
}

void MetricFamily::write_series(std::string& out, const Series& series) const {
  if (description_.kind != MetricKind::Histogram) return write_line(out, series, "", "", concat(series.value()));
  uint64_t total = 0;
  for (size_t i = 0; i < description_.buckets.size(); i++) {
    total += series.buckets_[i].load(std::memory_order_relaxed);
    write_line(out, series, "_bucket", metric_number(description_.buckets[i]), concat(total));
  }
  // Observations that come while this is written must not make a bucket larger than the whole.
  uint64_t count = std::max<uint64_t>(total, static_cast<uint64_t>(series.value()));
  write_line(out, series, "_bucket", "+Inf", concat(count));
  write_line(out, series, "_sum", "", metric_number(static_cast<double>(series.sum_millionths_.load(std::memory_order_relaxed)) / 1e6));
  write_line(out, series, "_count", "", concat(count));
}

void MetricFamily::write(std::string& out) const {
  std::vector<const Series*> all;
  for (const auto& slot : slots_)
    if (const Series* series = slot.load(std::memory_order_acquire)) all.push_back(series);
  if (beyond_.value()) all.push_back(&beyond_);
  if (all.empty()) return;
  std::sort(all.begin(), all.end(), [this](const Series* a, const Series* b) {
    for (size_t i : order_)
      if (a->labels_[i] != b->labels_[i]) return a->labels_[i] < b->labels_[i];
    return false;
  });
  write_metric_head(out, description_.name, description_.help, description_.kind);
  for (const Series* series : all) write_series(out, *series);
}

void write_metric_head(std::string& out, std::string_view name, std::string_view help, MetricKind kind) {
  append(out, "# HELP ", name, " ", help, "\n# TYPE ", name, " ", word_of(kind), "\n");
}

void write_metric(std::string& out, std::string_view name, std::initializer_list<std::pair<std::string_view, std::string_view>> labels,
                  double value) {
  out += name;
  char open = '{';
  for (const auto& [label, text] : labels) {
    append(out, open, label, "=\"");
    append_label_value(out, text);
    out += '"';
    open = ',';
  }
  append(out, open == ',' ? "} " : " ", metric_number(value), "\n");
}

std::string metric_number(double value) {
  if (std::abs(value) < 1e15 && value == std::floor(value)) return concat(static_cast<int64_t>(value));
  char text[32];
  auto end = std::to_chars(text, text + sizeof text, value).ptr;
  return {text, end};
}

namespace {

// The numbered field of /proc/self/stat, counted from 1 as proc(5) does; beyond the command's name.
std::vector<double> stat_fields() {
  char buffer[1024];
  size_t size = 0;
  if (FILE* file = std::fopen("/proc/self/stat", "re")) {
    size = std::fread(buffer, 1, sizeof buffer, file);
    std::fclose(file);
  }
  std::string_view text(buffer, size);
  auto behind = text.rfind(')');
  std::vector<double> fields(2, 0.0);
  if (behind == std::string_view::npos || behind + 2 > text.size()) return fields;
  for (auto part : split(text.substr(behind + 2), ' ')) fields.push_back(std::strtod(std::string(part).c_str(), nullptr));
  return fields;
}

double boot_time_s() {
  double result = 0;
  char line[256];
  FILE* file = std::fopen("/proc/stat", "re");
  if (!file) return 0;
  while (std::fgets(line, sizeof line, file))
    if (std::string_view(line).starts_with("btime ")) result = std::strtod(line + 6, nullptr);
  std::fclose(file);
  return result;
}

int open_descriptors() {
  int count = 0;
  DIR* directory = ::opendir("/proc/self/fd");
  if (!directory) return 0;
  while (const dirent* entry = ::readdir(directory))
    if (entry->d_name[0] != '.') count++;
  ::closedir(directory);
  return count - 1;  // the directory itself
}

}  // namespace

void write_process_metrics(std::string& out) {
  // Of proc(5): 14 and 15 are the times in user and system mode, 22 the start after boot, 23 and 24 the sizes.
  constexpr size_t kUser = 13, kSystem = 14, kStart = 21, kVirtual = 22, kResident = 23;
  auto fields = stat_fields();
  if (fields.size() <= kResident) return;
  auto ticks = static_cast<double>(::sysconf(_SC_CLK_TCK));
  rlimit descriptors{};
  ::getrlimit(RLIMIT_NOFILE, &descriptors);
  auto metric = [&](std::string_view name, std::string_view help, MetricKind kind, double value) {
    write_metric_head(out, name, help, kind);
    write_metric(out, name, {}, value);
  };
  metric("process_cpu_seconds_total", "Seconds of CPU time used, in user and system mode.", MetricKind::Counter, (fields[kUser] + fields[kSystem]) / ticks);
  metric("process_max_fds", "How many file descriptors may be open.", MetricKind::Gauge, static_cast<double>(descriptors.rlim_cur));
  metric("process_open_fds", "How many file descriptors are open.", MetricKind::Gauge, open_descriptors());
  metric("process_resident_memory_bytes", "Memory in use.", MetricKind::Gauge, fields[kResident] * static_cast<double>(::sysconf(_SC_PAGESIZE)));
  metric("process_start_time_seconds", "When the process started, in seconds since 1970.", MetricKind::Gauge, boot_time_s() + fields[kStart] / ticks);
  metric("process_virtual_memory_bytes", "Address space in use.", MetricKind::Gauge, fields[kVirtual]);
}

}  // namespace sampan
