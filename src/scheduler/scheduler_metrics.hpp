#pragma once

#include "berth/base/metrics.hpp"
#include "berth/base/time.hpp"

#include "matched_queue.hpp"

namespace berth {

/// The gauges of facts §10, scheduler.
struct SchedulerMetrics {
  explicit SchedulerMetrics(Metrics& metrics);

  prometheus::Gauge& allocated_not_started;
  prometheus::Gauge& not_allocated_over_quota;
  prometheus::Gauge& longest_wait;
  prometheus::Gauge& last_503_time;
  prometheus::Gauge& max_concurrent_containers;
  prometheus::Gauge& at_quota;
};

/// Since creation of the oldest container that is Queued or Locked, has a priority and is not in the pool; 0 if none.
Duration longest_wait(const MatchedQueue& queue, WallTime now);

}  // namespace berth
