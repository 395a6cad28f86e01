// Numbers about a running process, in Prometheus' text form. Counting takes no lock: a family of metrics is a table of series that only
// grows, up to a limit; what comes beyond it is counted together, so that no client can fill the memory with labels.
#pragma once
#include <atomic>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sampan {

enum class MetricKind : uint8_t { Counter, Gauge, Histogram };

struct MetricDescription {
  std::string_view name, help;
  MetricKind kind = MetricKind::Counter;
  std::span<const std::string_view> labels;
  std::span<const double> buckets = {};  // of a histogram: upper bounds, ascending
};

// One line of a family; a histogram's several.
class Series {
 public:
  Series(const MetricDescription& description, std::vector<std::string> labels);
  void add(int64_t n = 1) { value_.fetch_add(n, std::memory_order_relaxed); }
  void set(int64_t n) { value_.store(n, std::memory_order_relaxed); }
  int64_t value() const { return value_.load(std::memory_order_relaxed); }
  void observe(double value);  // histograms

 private:
  friend class MetricFamily;
  const MetricDescription& description_;
  const std::vector<std::string> labels_;
  std::atomic<int64_t> value_{0};       // of a histogram: how many observations
  std::atomic<int64_t> sum_millionths_{0};
  std::unique_ptr<std::atomic<uint64_t>[]> buckets_;  // not cumulative
};

class MetricFamily {
 public:
  explicit MetricFamily(const MetricDescription& description, size_t series_max = 1024);
  ~MetricFamily();
  MetricFamily(const MetricFamily&) = delete;
  MetricFamily& operator=(const MetricFamily&) = delete;

  // As many values as there are labels. The series lives as long as the family.
  Series& with(std::initializer_list<std::string_view> values);
  void write(std::string& out) const;

 private:
  void write_series(std::string& out, const Series& series) const;
  void write_line(std::string& out, const Series& series, std::string_view suffix, std::string_view le, std::string_view value) const;

  const MetricDescription description_;
  const size_t series_max_;
  std::vector<size_t> order_;  // of the labels, by name, as they are written
  std::vector<std::atomic<Series*>> slots_;  // open addressing, a power of two, at most half full
  std::atomic<size_t> used_{0};
  Series beyond_;  // what finds no place: all labels are "other"
};

// "# HELP ..." and "# TYPE ..." for lines that are made otherwise.
void write_metric_head(std::string& out, std::string_view name, std::string_view help, MetricKind kind);
void write_metric(std::string& out, std::string_view name, std::initializer_list<std::pair<std::string_view, std::string_view>> labels,
                  double value);
std::string metric_number(double value);

// process_cpu_seconds_total, process_resident_memory_bytes and the like: of this process, now.
void write_process_metrics(std::string& out);

}  // namespace sampan
