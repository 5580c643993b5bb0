#include "scheduler_metrics.hpp"

#include <algorithm>

namespace berth {
namespace {

constexpr const char* kPrefix = "arvados_dispatchcloud_";

prometheus::Gauge& gauge(Metrics& metrics, const char* name, const char* help) {
  return metrics.gauge(std::string(kPrefix) + name, help);
}

/// The epoch if it does not.
WallTime waiting_since(const MatchedQueue::Row& row) {
  if (!row.entry || row.process || row.container().priority < 1) return {};
  return is_waiting(row.container().state) ? row.container().created_at : WallTime{};
}

}  // namespace

SchedulerMetrics::SchedulerMetrics(Metrics& metrics)
    : allocated_not_started(gauge(metrics, "containers_allocated_not_started",
                                  "Containers allocated to an instance that is not ready yet.")),
      not_allocated_over_quota(gauge(metrics, "containers_not_allocated_over_quota",
                                     "Containers not allocated because of quota or the supervisor limit.")),
      longest_wait(gauge(metrics, "containers_longest_wait_time_seconds",
                         "Age of the oldest container that waits to be started.")),
      last_503_time(gauge(metrics, "last_503_time", "Time of the last 503 from the API, Unix seconds; 0 = never.")),
      max_concurrent_containers(
          gauge(metrics, "max_concurrent_containers", "Dynamic limit of concurrent containers; 0 = no limit.")),
      at_quota(gauge(metrics, "at_quota", "Whether the cloud allows no more instances.")) {}

void WaitingSince::update(const MatchedQueue& queue, const std::vector<std::uint32_t>& changed) {
  since_.resize(queue.rows().size());
  for (const std::uint32_t number : changed) {
    WallTime& since = since_[number];
    if (since != WallTime{}) all_.erase(all_.find(since));
    since = waiting_since(queue.rows()[number]);
    if (since != WallTime{}) all_.insert(since);
  }
}

Duration WaitingSince::longest(WallTime now) const {
  return all_.empty() ? Duration::zero() : std::max(now - *all_.begin(), Duration::zero());
}

}  // namespace berth
