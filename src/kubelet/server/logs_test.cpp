#include "kubelet/server/logs.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "base/check.h"
#include "base/encoding.h"
#include "base/text.h"

namespace sampan::kubelet {
namespace {

class Sink : public net::BodySink {
 public:
  bool write(std::string_view bytes) override {
    std::lock_guard lock(mutex_);
    text_ += bytes;
    return true;
  }
  bool gone() const override { return false; }
  std::string text() {
    std::lock_guard lock(mutex_);
    return text_;
  }
  bool shows(std::string_view text) {
    for (int i = 0; i < 400 && this->text() != text; i++) usleep(5000);
    return this->text() == text;
  }

 private:
  std::mutex mutex_;
  std::string text_;
};

class Log {
 public:
  Log() {
    std::string pattern = testing::TempDir() + "/sampan-log-XXXXXX";
    check(mkdtemp(pattern.data()));
    folder_ = pattern;
    path = folder_ + "/0.log";
  }
  ~Log() {
    unlink(path.c_str());
    unlink((path + ".1").c_str());
    rmdir(folder_.c_str());
  }
  void add(std::string_view text) {
    auto file = fopen(path.c_str(), "a");
    check(file && fwrite(text.data(), 1, text.size(), file) == text.size());
    fclose(file);
  }
  void rotate() { check(rename(path.c_str(), (path + ".1").c_str()) == 0); }
  std::string path;

 private:
  std::string folder_;
};

constexpr std::string_view kText =
    "2026-01-02T03:04:05.5Z stdout F one\n"
    "2026-01-02T03:04:06.123456789Z stderr F two\n"
    "2026-01-02T03:04:07.25+01:00 stdout P thr\n"
    "2026-01-02T03:04:07.3+01:00 stdout F ee\n"
    "no log line\n"
    "2026-01-02T03:04:08Z stdout F:x \n";

int64_t at(std::string_view time) {
  int64_t us = 0;
  check(parse_time(time, us));
  return us;
}

TEST(Logs, WhatIsRead) {
  struct Case {
    const char* name;
    LogOptions options;
    const char* want;
  } cases[] = {
      {"all", {}, "one\ntwo\nthree\n\n"},
      {"timestamps", {.timestamps = true},
       "2026-01-02T03:04:05.500000000Z one\n2026-01-02T03:04:06.123456789Z two\n2026-01-02T03:04:07.250000000+01:00 three\n2026-01-02T03:04:08.000000000Z \n"},
      {"tail", {.tail_lines = 3}, "ee\n\n"},
      {"tail of more", {.tail_lines = 100}, "one\ntwo\nthree\n\n"},
      {"tail of nothing", {.tail_lines = 0}, ""},
      {"limit", {.limit_bytes = 5}, "one\nt"},
      {"limit with timestamps", {.limit_bytes = 32, .timestamps = true}, "2026-01-02T03:04:05.500000000Z o"},
      {"since", {.since_us = at("2026-01-02T03:04:06Z")}, "two\n\n"},
      {"since later", {.since_us = at("2027-01-01T00:00:00Z")}, ""},
  };
  Log log;
  log.add(kText);
  for (auto& c : cases) {
    auto file = LogFile::open(log.path);
    ASSERT_TRUE(file);
    LogBell bell;
    Sink sink;
    EXPECT_TRUE((*file)->copy(c.options, bell, sink)) << c.name;
    EXPECT_EQ(sink.text(), c.want) << c.name;
  }
  EXPECT_FALSE(LogFile::open("/nowhere/0.log"));
}

TEST(Logs, Large) {
  Log log;
  std::string text, want;
  for (int i = 0; i < 20'000; i++) append(text, "2026-01-02T03:04:05Z stdout F line ", i, "\n");
  log.add(text);
  for (int i = 15'000; i < 20'000; i++) append(want, "line ", i, "\n");
  LogBell bell;
  Sink sink;
  EXPECT_TRUE((*LogFile::open(log.path))->copy({.tail_lines = 5000}, bell, sink));
  EXPECT_TRUE(sink.text() == want);
}

TEST(Logs, DockersFormAndAnUnfinishedEnd) {
  Log log;
  log.add("{\"log\":\"a\\n\",\"stream\":\"stdout\",\"time\":\"2026-01-02T03:04:05.5Z\"}\n2026-01-02T03:04:06Z stdout F b");
  LogBell bell;
  Sink sink;
  EXPECT_TRUE((*LogFile::open(log.path))->copy({.timestamps = true}, bell, sink));
  EXPECT_EQ(sink.text(), "2026-01-02T03:04:05.500000000Z a\n2026-01-02T03:04:06.000000000Z b");
}

TEST(Logs, FollowedOverRotationToTheEnd) {
  Log log;
  log.add("2026-01-02T03:04:05Z stdout F one\n2026-01-02T03:04:05Z stdout F two\n");
  LogBell bell;
  Sink sink;
  auto file = std::move(*LogFile::open(log.path));
  std::thread reader([&] { EXPECT_TRUE(file->copy({.tail_lines = 1, .follow = true}, bell, sink)); });
  EXPECT_TRUE(sink.shows("two\n"));
  log.add("2026-01-02T03:04:05Z stdout F thr");
  log.add("ee\n");
  EXPECT_TRUE(sink.shows("two\nthree\n"));
  log.rotate();
  log.add("2026-01-02T03:04:05Z stderr F four\n");
  EXPECT_TRUE(sink.shows("two\nthree\nfour\n"));
  log.add("2026-01-02T03:04:05Z stderr F last\n");
  bell.container_stopped();
  reader.join();
  EXPECT_EQ(sink.text(), "two\nthree\nfour\nlast\n");

  LogBell another;
  std::thread leaver([&] { EXPECT_TRUE((*LogFile::open(log.path))->copy({.follow = true}, another, sink)); });
  EXPECT_TRUE(sink.shows("two\nthree\nfour\nlast\nfour\nlast\n"));
  another.nobody_reads();
  leaver.join();
}

}  // namespace
}  // namespace sampan::kubelet
