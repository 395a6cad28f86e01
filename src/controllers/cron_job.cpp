#include "controllers/cron_job.h"

#include "base/text.h"

namespace sampan::controllers {

bool Timetable::of(CronJob job, Timetable& out, std::string& complaint) {
  auto text = job.spec().schedule();
  auto known = [](std::string_view name) { return TimeZone::find(name) != nullptr; };
  if (!CronSchedule::parse(text, known, out.schedule, complaint)) return false;
  auto zone = CronSchedule::zone_of(text);
  out.zone = TimeZone::find(zone.empty() ? job.spec().time_zone().value_or("") : zone);
  if (!out.zone) out.zone = TimeZone::find("");
  return true;
}

namespace {

struct Recent {
  int64_t since = 0, time = 0, missed = 0;
  bool failed = false;
};

Recent most_recent(CronJob job, const Timetable& timetable, int64_t now, bool within_deadline) {
  Recent recent;
  recent.since = job.status().last_schedule_time().value_or(job.metadata().creation_timestamp());
  if (auto deadline = job.spec().starting_deadline_seconds(); deadline && within_deadline) recent.since = std::max(recent.since, now - *deadline);
  int64_t first = timetable.next(recent.since), second = first ? timetable.next(first) : 0;
  if (first == 0 || now < first) return recent;
  if (second == 0 || now < second) {
    recent.time = first;
    return recent;
  }
  if (second - first < 1) {
    recent.failed = true;
    return recent;
  }
  // Schedules are not even: the guess may be too late by one, so the search begins one earlier.
  recent.missed = (now - first) / (second - first) + 1;
  for (int64_t at = timetable.next(first + (recent.missed - 2) * (second - first)); at != 0 && at <= now; at = timetable.next(at)) recent.time = at;
  return recent;
}

}  // namespace

Due due_time(CronJob job, const Timetable& timetable, int64_t now) {
  Recent recent = most_recent(job, timetable, now, true);
  Due due;
  if (recent.failed) due.error = "time difference between two schedules is less than 1 second";
  if (recent.time == 0 || recent.time > now) return due;
  due.time = recent.time;
  due.many_missed = recent.missed > 100;
  return due;
}

int64_t until_next_us(CronJob job, const Timetable& timetable, int64_t now_us) {
  constexpr int64_t kAfterUs = 100'000;  // so that the time has come for sure
  int64_t now = now_us / 1'000'000;
  Recent recent = most_recent(job, timetable, now, false);
  int64_t from = recent.time != 0 ? recent.time : recent.failed || recent.missed > 0 ? now : recent.since;
  int64_t next = timetable.next(from);
  return next == 0 ? -1 : std::max<int64_t>(next * 1'000'000 + kAfterUs - now_us, 0);
}

std::string cron_job_name(std::string_view cron_job, int64_t time) { return concat(cron_job, "-", time / 60); }

}  // namespace sampan::controllers
