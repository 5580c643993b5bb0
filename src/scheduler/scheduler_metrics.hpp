#pragma once

#include <cstdint>
#include <set>
#include <vector>

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

/// The containers that are Queued or Locked, have a priority and are not in the pool, by age.
class WaitingSince {
 public:
  /// These containers came, changed or went.
  void update(const MatchedQueue& queue, const std::vector<std::uint32_t>& changed);
  /// Since creation of the oldest; 0 if none.
  Duration longest(WallTime now) const;

 private:
  std::vector<WallTime> since_;  // by container; the epoch: does not wait
  std::multiset<WallTime> all_;
};

}  // namespace berth
