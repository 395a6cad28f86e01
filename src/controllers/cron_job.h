// Decisions of the cron job controller: when the next job is due.
#pragma once
#include <optional>
#include <string>

#include "api/batch_v1.h"
#include "base/cron.h"

namespace sampan::controllers {

using CronJob = api::batch_v1::CronJob;

// A schedule with its zone; without a zone it is UTC, whatever the machine's own is.
struct Timetable {
  CronSchedule schedule;
  const TimeZone* zone = nullptr;
  static bool of(CronJob job, Timetable& out, std::string& complaint);
  int64_t next(int64_t after) const { return schedule.next(after, *zone); }
};

struct Due {
  int64_t time = 0;  // the last time that was due since the last job, or since the cron job was made; 0: none
  bool many_missed = false;
  std::string error;
};
Due due_time(CronJob job, const Timetable& timetable, int64_t now);
// How long until the next look.
int64_t until_next_us(CronJob job, const Timetable& timetable, int64_t now_us);

std::string cron_job_name(std::string_view cron_job, int64_t time);

}  // namespace sampan::controllers
