#include "pass_metrics.hpp"

#include <prometheus/counter.h>
#include <prometheus/summary.h>

#include "berth/base/seconds.hpp"

namespace berth {

PassMetrics::PassMetrics(Metrics& metrics)
    : passes_(metrics.counter("berth_scheduler_passes_total", "Passes that planned.")),
      changes_(metrics.counter("berth_scheduler_changes_total", "Changes of queue and pool that passes answered to.")),
      time_to_plan_(metrics.summary("berth_scheduler_change_to_plan_seconds",
                                    "Time from the first change that a pass answers to until it begins.")),
      time_to_start_(metrics.summary("berth_scheduler_plan_to_start_seconds",
                                     "Time from the beginning of a pass until its starts are on their way.")),
      pass_time_(metrics.summary("berth_scheduler_pass_seconds", "Duration of passes.")) {}

void PassMetrics::began(SteadyTime now, std::optional<SteadyTime> news, SeenVersions sees) {
  passes_.Increment();
  changes_.Increment(static_cast<double>(sees.queue - seen_.queue + sees.pool - seen_.pool));
  seen_ = sees;
  if (news) time_to_plan_.Observe(seconds(now - *news));
}

void PassMetrics::started(SteadyTime began, SteadyTime now) {
  time_to_start_.Observe(seconds(now - began));
}

void PassMetrics::ended(Duration took) {
  pass_time_.Observe(seconds(took));
}

}  // namespace berth
