#include "base/metrics.h"

#include <gtest/gtest.h>

#include "base/text.h"

namespace sampan {
namespace {

constexpr std::string_view kLabels[] = {"verb", "code"};

TEST(Metrics, CountersAndTheirLabelsAreWrittenInOrder) {
  MetricFamily family({.name = "requests_total", .help = "Requests.", .labels = kLabels});
  std::string nothing;
  family.write(nothing);
  EXPECT_EQ(nothing, "");
  family.with({"LIST", "200"}).add();
  family.with({"GET", "404"}).add(2);
  family.with({"LIST", "200"}).add();
  family.with({"a\"b\\c\nd", ""}).add();
  std::string out;
  family.write(out);
  EXPECT_EQ(out,
            "# HELP requests_total Requests.\n# TYPE requests_total counter\n"
            "requests_total{code=\"\",verb=\"a\\\"b\\\\c\\nd\"} 1\n"
            "requests_total{code=\"200\",verb=\"LIST\"} 2\n"
            "requests_total{code=\"404\",verb=\"GET\"} 2\n");
}

TEST(Metrics, HistogramsAreCumulative) {
  constexpr double bounds[] = {0.1, 1, 2.5};
  MetricFamily family({.name = "seconds", .help = "Time.", .kind = MetricKind::Histogram, .labels = {}, .buckets = bounds});
  for (double value : {0.1, 0.5, 2.0, 9.0}) family.with({}).observe(value);
  std::string out;
  family.write(out);
  EXPECT_EQ(out,
            "# HELP seconds Time.\n# TYPE seconds histogram\n"
            "seconds_bucket{le=\"0.1\"} 1\nseconds_bucket{le=\"1\"} 2\nseconds_bucket{le=\"2.5\"} 3\nseconds_bucket{le=\"+Inf\"} 4\n"
            "seconds_sum 11.6\nseconds_count 4\n");
}

TEST(Metrics, LabelsAreBounded) {
  MetricFamily family({.name = "n", .help = "N.", .labels = kLabels}, 10);
  for (int i = 0; i < 100; i++) family.with({concat(i), ""}).add();
  std::string out;
  family.write(out);
  EXPECT_EQ(split(out, '\n').size(), 2u + 11u + 1u);
  EXPECT_NE(out.find("n{code=\"other\",verb=\"other\"} 90\n"), std::string::npos);
  // What has its place keeps it.
  family.with({"0", ""}).add();
  EXPECT_EQ(family.with({"0", ""}).value(), 2);
}

TEST(Metrics, ManyThreadsCountTogether) {
  MetricFamily family({.name = "n", .help = "N.", .labels = kLabels}, 64);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; t++)
    threads.emplace_back([&] {
      for (int i = 0; i < 3200; i++) family.with({concat(i % 32), "x"}).add();
    });
  for (auto& thread : threads) thread.join();
  for (int i = 0; i < 32; i++) EXPECT_EQ(family.with({concat(i), "x"}).value(), 400) << i;
}

TEST(Metrics, OfTheProcess) {
  std::string out;
  write_process_metrics(out);
  for (std::string_view name : {"process_cpu_seconds_total ", "process_resident_memory_bytes ", "process_open_fds ", "process_start_time_seconds 1"})
    EXPECT_NE(out.find(concat("\n", name)), std::string::npos) << name;
  EXPECT_EQ(metric_number(0.5), "0.5");
  EXPECT_EQ(metric_number(1e6), "1000000");
}

}  // namespace
}  // namespace sampan
